"""Step 4, first half: decisions of the annotation editor, its tools, and which image comes next."""
