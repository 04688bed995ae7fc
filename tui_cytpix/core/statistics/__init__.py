"""Statistics: agreement with the truth and of two methods, intervals and tests, which images to look at."""
