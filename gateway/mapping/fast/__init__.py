"""The usual way: a plan as Python functions, where nothing is to report."""
