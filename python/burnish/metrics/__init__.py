"""Metrics that Burnish brings along."""
