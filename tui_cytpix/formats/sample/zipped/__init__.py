"""Samples in a zip: Attune CytPix `.acs`, and exports of images."""
