"""The parts of `gateway demo`: its payloads, its readers, one value explained, its tables."""
