"""The five steps as use-cases: no terminal, no torch."""
