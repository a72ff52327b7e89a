"""What bytes (uint8) are scaled by: pixels by 255, other bytes by what they reach."""

from __future__ import annotations

PIXELS = 128
"""A byte from which on they are taken for pixels of 0 to 255."""
FEW = 49
"""Features below which a row of bytes is no image laid flat (7×7)."""


def top_of(shape: tuple[int, ...], largest: int) -> tuple[float | None, tuple[str, ...]]:
    """The value that ``normalize = "unit"`` maps to 1, and what is to be said of it.

    ``None``: each column has a range of its own.

    Args:
        shape: of one example.
        largest: byte in the file; one of :data:`PIXELS` or more stands for all such.
    """
    if len(shape) == 1 and shape[0] < FEW:
        text = f'{shape[0]} columns of bytes: "unit" scales each by its own range (normalize)'
        return None, (text if shape[0] > 1 else text.replace("columns", "column"),)
    if largest >= PIXELS or largest == 0:
        return 255.0, ()
    text = f'the bytes reach only {largest}: "unit" divides by {largest}, not by 255 (normalize)'
    return float(largest), (text,)
