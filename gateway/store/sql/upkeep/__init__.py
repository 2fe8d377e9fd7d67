"""What is done to a whole database: backing up, restoring, checking."""
