"""Step 3: what samples hold, which of their images to train on, and how far the selection reaches."""
