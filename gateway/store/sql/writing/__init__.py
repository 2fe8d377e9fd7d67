"""Writing: from a change to a new version, its body and its rows, and deletion for good."""
