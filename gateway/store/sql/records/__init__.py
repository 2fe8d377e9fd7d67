"""What is kept beside resources: payloads, audit, keys, tokens, registrations, exports."""
