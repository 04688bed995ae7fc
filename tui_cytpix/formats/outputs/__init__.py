"""What `process` writes of a sample beside its FCS: a module for each format, all of them in the registry's table."""
