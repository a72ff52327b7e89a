"""Data sets: declared without numpy, read or generated when a run needs them.

:mod:`tuiml.data.datasets` is the registry; an entry's ``load`` gives the arrays of
:mod:`tuiml.data.arrays`; :mod:`tuiml.data.catalog` says where the files of each lie.
"""

from tuiml.data.errors import DataError

__all__ = ["DataError"]
