"""From a mapping file to its checked plan: every fault at once, each with line and column."""
