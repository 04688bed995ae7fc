"""The headless verbs. Each calls one use-case of `workflow` and prints what it says."""
