"""FCS files: read, written, and their events matched with images."""
