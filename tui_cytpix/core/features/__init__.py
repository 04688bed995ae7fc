"""Image-derived parameters: the table of them, and their measurement."""
