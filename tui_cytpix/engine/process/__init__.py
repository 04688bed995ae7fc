"""Whole samples: from events to counts, masks and measures."""
