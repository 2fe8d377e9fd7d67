"""What Consents come to in tables: grants, kinds of content, and where each resource stands."""
