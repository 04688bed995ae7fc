"""Plain values and their rules."""
