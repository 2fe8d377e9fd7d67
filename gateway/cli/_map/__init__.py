"""The parts of `gateway map`: which mapping is meant, and what its larger commands do."""
