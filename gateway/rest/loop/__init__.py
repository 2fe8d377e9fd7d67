"""What the event loop does itself because it takes microseconds, and how it waits for threads."""
