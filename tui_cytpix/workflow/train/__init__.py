"""Step 4, second half: the training job seen from outside, and what training needs next."""
