"""The models that ship with the program, and how they are made."""
