"""The slow and total way, which defines what a mapping means: findings, positions, traces."""
