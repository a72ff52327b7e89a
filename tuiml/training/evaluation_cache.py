"""The examples that what was learned is judged by: what the network tells of them, and their losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tuiml.backends.engine import Array, Engine
from tuiml.data.arrays import Data, Part


def held_out(data: Data) -> tuple[str, Part]:
    """The part that is judged by, and which it is: validation, else test, else training."""
    parts = (("validation", data.validation), ("test", data.test), ("training", data.train))
    return next(((name, part) for name, part in parts if len(part)), parts[-1])


class Judged:
    """Some of the examples of a part, judged.

    Args:
        read: what is made of the network's outputs (outputs × examples).
    """

    def __init__(self, engine: Engine, name: str, part: Part, read: Callable[[Array], Array]) -> None:
        self._engine, self._read = engine, read
        self.name, self.part = name, part
        self._newest: tuple[tuple[int, int], Array, Array] | None = None

    def first(self, most: int) -> tuple[Part, Array, Array]:
        """The first ``most`` examples, what was read of their outputs, and their losses."""
        part = self.part if len(self.part) <= most else self.part[:most]
        key = (self._engine.step_number, len(part))
        if self._newest is None or self._newest[0] != key:
            outputs, losses = self._engine.judge(part)
            self._newest = key, self._read(outputs), losses
        return part, *self._newest[1:]

    def of(self, part: Part) -> dict[str, Any]:
        """What an answer says of the examples it is about."""
        step = self._engine.step_number
        return {"step": step, "part": self.name, "examples": len(part), "of": len(self.part)}
