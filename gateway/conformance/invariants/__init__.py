"""Invariants: FHIRPath compiled once, or plain Python of the same meaning, and which of them an object needs."""
