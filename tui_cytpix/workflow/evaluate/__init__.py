"""Step 5: the new model held against its base on images that no step has seen, and processing whole samples."""
