"""What a write comes to: its conditions, whether it may be written, its step, its answer."""
