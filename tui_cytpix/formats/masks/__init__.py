"""Masks in files: label images, and the instrument's own."""
