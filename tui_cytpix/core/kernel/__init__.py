"""What most of the processor's time goes into, once more in C: `build` compiles it, `library` calls it."""
