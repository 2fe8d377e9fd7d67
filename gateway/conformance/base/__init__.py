"""What R4 itself says of types: structure, cardinality, choices, and what is surely good."""
