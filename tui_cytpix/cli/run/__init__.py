"""`run VERB DIR`: a run by steps, without the app."""
