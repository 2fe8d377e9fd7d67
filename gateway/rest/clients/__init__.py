"""Who asks, and how they come to be let in: registrations, tokens, launches, tickets, budgets."""
