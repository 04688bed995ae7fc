"""Step 3: what samples hold, how their instrument measured it, which images to train on, and how far they reach."""
