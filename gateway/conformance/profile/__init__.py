"""What profiles say beyond their base types: slices, patterns, bounds, required bindings."""
