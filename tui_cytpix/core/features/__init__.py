"""Image-derived parameters: the table of them, their measurement, and by which formulas others may measure them."""
