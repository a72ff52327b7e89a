"""Plans as machine code, by numba: the one package that imports it. :mod:`tuiml.backends.fast` is its switch."""
