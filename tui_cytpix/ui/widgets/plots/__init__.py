"""Curves, coverage and events as plots in cells."""
