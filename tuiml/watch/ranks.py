"""Which of several processes that train one model together this is, by what their launcher says."""

from __future__ import annotations

import os

VARIABLES = ("RANK", "LOCAL_RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "MLX_RANK")
"""Environment variables of launchers; the first that is there counts."""


def launched_rank() -> int:
    """The rank in the environment; 0: there is none."""
    for name in VARIABLES:
        value = os.environ.get(name, "")
        if value.isascii() and value.isdigit():
            return int(value)
    return 0
