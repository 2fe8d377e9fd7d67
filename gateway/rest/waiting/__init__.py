"""Requests that are answered later: kept, asked about, forgotten."""
