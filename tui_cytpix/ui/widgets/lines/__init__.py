"""Lines of words: header, footer, hints, progress, read-outs."""
