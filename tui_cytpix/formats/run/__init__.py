"""A run on disk: settings, logs, images, predictions, jobs and leases."""
