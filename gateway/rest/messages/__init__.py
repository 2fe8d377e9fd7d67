"""What requests say and answers are made of: headers, bodies, Bundles, preferences, problems."""
