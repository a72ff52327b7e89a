"""What goes wrong with a run, said in one line."""

from __future__ import annotations


class RunError(Exception):
    """A run cannot start, go on or be changed.

    Args:
        message: one line: what, where and what to do.
        code: the exit code of a command that ends so: 2 wrong usage, 1 anything else.
    """

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


class CheckpointError(RunError):
    """A checkpoint is damaged or belongs to another network."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=1)


class UnreadableError(CheckpointError):
    """The system does not let us read a checkpoint; it may be sound."""


class ForeignError(CheckpointError):
    """A checkpoint is sound, but of another run or another preset."""


class Cancelled(RunError):
    """Stopped before the first step; nothing was written."""
