"""How good a trained network is: figures with their intervals, for classes and for numbers.

The statistics are pure functions of arrays. :mod:`.answers` gets the arrays from a run, :mod:`.report` puts
the figures together.
"""
