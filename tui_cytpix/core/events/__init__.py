"""Values of events: scales, gates, and what is said of a population."""
