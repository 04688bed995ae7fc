"""Step 2: the library of models, and what several of them say of the same images."""
