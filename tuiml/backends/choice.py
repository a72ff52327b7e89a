"""Which backend trains here, and why."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuiml.installation import hint

if TYPE_CHECKING:  # a command's help names the backends without importing numpy
    from tuiml.backends.engine import Engine
    from tuiml.data.arrays import Data
    from tuiml.nn.network import Network
    from tuiml.nn.optimizers import Optimizer
    from tuiml.nn.penalties import Penalties

NAMES = ("auto", "numpy", "mlx")


class BackendError(Exception):
    """The backend asked for is not here: why, and what to do, in one line."""


@dataclass(frozen=True)
class Choice:
    """A backend that can be used here."""

    name: str
    device: str
    why: str


def choose(name: str = "auto") -> Choice:
    """The backend that ``name`` means on this machine: ``auto`` is MLX where it has a GPU, else NumPy.

    Raises:
        BackendError: it is not a backend, or not here.
    """
    if name not in NAMES:
        raise BackendError(f"{name!r} is not a backend; choose from {', '.join(NAMES)}")
    if name == "numpy":
        return Choice("numpy", "cpu", "as asked")
    trouble = _missing()
    if name == "mlx":
        if trouble:
            raise BackendError(
                f"the mlx backend cannot be used ({trouble}): {hint('mlx-cpu')}, or for an NVIDIA GPU "
                f"{hint('mlx-cuda')}; or use --backend numpy"
            )
        return Choice("mlx", _gpu() or "cpu", "as asked")
    if trouble:
        return Choice("numpy", "cpu", trouble)
    gpu = _gpu()
    if gpu:
        return Choice("mlx", gpu, "MLX has a GPU here")
    return Choice("numpy", "cpu", "MLX has no GPU here, and on a CPU NumPy is many times as fast")


def build(
    choice: Choice,
    network: Network,
    optimizer: Optimizer,
    data: Data,
    seed: int,
    penalties: Penalties,
    threads: int,
) -> Engine:
    """The backend's engine. To be used in the thread that calls this, and in no other."""
    if choice.name == "mlx":
        from tuiml.backends.mlx.engine import MlxEngine

        return MlxEngine(network, optimizer, data, seed, penalties)
    from tuiml.backends.numpy_backend import NumpyEngine

    return NumpyEngine(network, optimizer, data, seed, penalties, threads)


def _missing() -> str:
    """Why MLX cannot be used, or nothing."""
    if importlib.util.find_spec("mlx") is None:
        return "MLX is not installed"
    try:
        from tuiml.backends.mlx import device  # noqa: F401 - only to see whether it loads
    except (ImportError, OSError, RuntimeError) as error:
        return (
            f"MLX does not load: {str(error).splitlines()[0][:120] if str(error) else type(error).__name__}"
        )
    return ""


def memory(choice: Choice) -> int | None:
    """Bytes that the backend can take on its device; ``None`` where that is the machine's own memory."""
    if choice.name != "mlx":
        return None
    from tuiml.backends.mlx import device

    return device.memory()


def _gpu() -> str:
    from tuiml.backends.mlx import device

    return device.gpu()
