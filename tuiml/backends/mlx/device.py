"""What MLX computes on here."""

from __future__ import annotations

import mlx.core as mx


def gpu() -> str:
    """The name of the GPU that MLX would use; empty where it has none."""
    if not mx.is_available(mx.gpu):
        return ""
    return str(mx.device_info(mx.gpu).get("device_name", "GPU"))


def ready() -> None:
    """See to it that this thread can compute: one whose streams were cleared has none any more."""
    try:
        mx.eval(mx.zeros(()))
    except RuntimeError:
        mx.set_default_stream(mx.new_stream(mx.default_device()))


def memory() -> int | None:
    """Bytes that the GPU can use: what is free on one with memory of its own, else what the system recommends
    of the memory it shares with the processor. ``None`` where MLX has no GPU or does not report it."""
    if not mx.is_available(mx.gpu):
        return None
    found = mx.device_info(mx.gpu)
    names = ("free_memory", "max_recommended_working_set_size", "total_memory", "memory_size")
    return next((int(found[name]) for name in names if name in found), None)
