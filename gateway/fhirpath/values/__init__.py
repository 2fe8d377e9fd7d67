"""Values, and what operators do with them."""
