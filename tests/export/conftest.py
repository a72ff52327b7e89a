"""MLX computes on the CPU here: a GPU rounds products of matrices more coarsely than the tests allow."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def on_the_cpu() -> Iterator[None]:
    if importlib.util.find_spec("mlx") is None:
        yield
        return
    import mlx.core as mx

    before = mx.default_device()
    mx.set_default_device(mx.cpu)
    yield
    mx.set_default_device(before)
