"""Step 1: the goal, judgements of a model's answers, and what they decide; triage, where nobody has judged."""
