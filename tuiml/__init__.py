"""tuiml: a terminal lab for neural networks."""

__version__ = "0.2.0"
