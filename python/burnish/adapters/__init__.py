"""Signatures to messages, replies to values."""
