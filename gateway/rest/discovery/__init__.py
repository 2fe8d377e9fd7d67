"""What the gateway says of itself: capabilities, SMART configuration, health, OpenAPI."""
