"""Asking a cluster's scheduler, Slurm, by its own programs: to take work, and what of it waits or runs."""
