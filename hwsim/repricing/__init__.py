"""Re-price: what a counted program costs under other numbers, thousands of points at once."""
