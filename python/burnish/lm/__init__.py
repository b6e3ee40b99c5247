"""Talking to models: one straight line from a request to a response."""
