"""Amnis ImageStream `.cif`."""
