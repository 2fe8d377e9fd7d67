"""Where a resource stands for consent: whose it is, its content, its clinical time."""
