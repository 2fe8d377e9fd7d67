"""What a principal may write: what it asks for, within its transaction, and as a participant."""
