"""JAX: on the CPU its arrays are NumPy's without a copy, elsewhere they are reduced on their device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from tuiml.watch.reductions import Library


def library() -> tuple[Library, Callable[[list[Any]], list[Any]]]:
    """The library that reduces arrays, and what fetches small ones."""
    if jax.default_backend() == "cpu":
        return np, lambda arrays: [np.asarray(one) for one in arrays]
    import jax.numpy as jnp

    return jnp, jax.device_get


def array(value: Any) -> Any:
    """An array as that library takes it."""
    return np.asarray(value) if jax.default_backend() == "cpu" else value


def copies(samples: list[Any]) -> list[Any]:
    """Arrays of their own: the loop may donate the memory that they are in to its next step."""
    if jax.default_backend() == "cpu":
        return [np.array(one) for one in samples]
    import jax.numpy as jnp

    return [jnp.array(one, copy=True) for one in samples]
