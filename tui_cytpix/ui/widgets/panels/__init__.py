"""Docked panels over a screen: help, questions, lists to choose from."""
