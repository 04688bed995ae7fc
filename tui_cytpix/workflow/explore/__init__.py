"""Events of a sample: tables of their parameters, gates, plots, populations, and images drawn from them."""
