"""Parts that screens are put together from: reviews, processing, training, labels, handing out."""
