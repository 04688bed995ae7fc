"""A run's decisions, with figures, as one HTML page."""
