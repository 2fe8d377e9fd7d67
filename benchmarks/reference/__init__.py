"""Hand-written references: what a good engineer would write for one job alone. They import nothing of the product."""
