"""Frames with exact truth: shapes, how they lie, their light, the instrument that sees them."""
