"""Reports for people: the terminal now, other forms beside it."""
