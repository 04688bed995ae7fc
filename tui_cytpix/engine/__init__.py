"""A process of its own, the only place that imports torch."""
