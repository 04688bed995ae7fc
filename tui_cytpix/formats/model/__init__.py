"""Model files, and by what signs miscounts of the models that ship with the program are foretold."""
