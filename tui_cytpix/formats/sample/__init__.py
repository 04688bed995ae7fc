"""Samples: which reader opens which path, and the readers; a sample is put together from its parts."""
