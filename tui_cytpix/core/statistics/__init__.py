"""Statistics: agreement with the truth, intervals and tests, which images to look at."""
