"""The recipes: each a short file made of stages."""
