"""The network, the model files that hold it, and how its maps are read as particles."""
