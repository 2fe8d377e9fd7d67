"""What is done with mappings: their examples and tests, specifications, coverage, drift, differences."""
