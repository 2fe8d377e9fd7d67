"""Who delivers payloads, and how: pushes, webhooks, receipts."""
