"""A model's answers: images in, segmentations out."""
