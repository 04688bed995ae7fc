"""tui-cytpix: train and judge the models that annotate images from imaging flow cytometers."""

__version__ = "0.1.0"
