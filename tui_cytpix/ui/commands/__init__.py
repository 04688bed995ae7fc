"""Every command: its key, what it says of itself, and the bindings that come of it."""
