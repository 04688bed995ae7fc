"""Images enlarged, alone or side by side."""
