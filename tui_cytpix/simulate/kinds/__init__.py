"""Sample types: what is in a tube, how it lies together, how it is seen."""
