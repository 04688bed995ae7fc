"""Model files, and what triage knows of the models that ship with the program."""
