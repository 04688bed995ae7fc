"""Learning: scenes from annotations, views of them, the loss, and the loop over epochs."""
