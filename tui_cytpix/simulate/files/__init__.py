"""Simulated samples on disk, as instruments lay them out."""
