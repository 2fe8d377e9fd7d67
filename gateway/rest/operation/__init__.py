"""What operations share: how they are declared, where they are asked for, what they take."""
