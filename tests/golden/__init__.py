"""Golden files: what goes in lies beside what must come out."""
