"""Objects of a mask and the particles in them."""
