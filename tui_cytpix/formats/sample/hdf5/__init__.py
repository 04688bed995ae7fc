"""Samples in HDF5 files, read by a process of their own."""
