"""Parts that screens are put together from: reviews, pairs, processing, training, labels, handing out."""
