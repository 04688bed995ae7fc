"""FCS files: read (`read`, of the parts `read_*`), written (`write`, `write_*`), their events matched with images."""
