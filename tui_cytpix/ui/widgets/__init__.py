"""Widgets, by kind."""
