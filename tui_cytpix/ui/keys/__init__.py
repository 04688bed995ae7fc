"""From a key to what it may do: order, repeats, what was seen before it, and how the app ends."""
