"""From texts to vectors, and to the nearest of them."""
