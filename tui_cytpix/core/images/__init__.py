"""Images: background, normalisation, scale, and pictures of them."""
