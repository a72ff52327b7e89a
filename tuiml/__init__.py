"""tuiml: a terminal lab for neural networks."""

__version__ = "0.1.0"
