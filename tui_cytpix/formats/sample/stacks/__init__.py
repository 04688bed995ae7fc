"""Samples in stacks: TIFF files of many pages, BD CellView folders (a page a channel), and NumPy arrays."""
