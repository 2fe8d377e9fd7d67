"""What a principal may see: which types, which resources, which of their elements."""
