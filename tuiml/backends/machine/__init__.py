"""Plans as machine code, by numba, which nothing else imports. The switch is :mod:`tuiml.backends.fast`."""
