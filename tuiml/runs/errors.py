"""Errors of runs, each with a message of one line."""

from __future__ import annotations


class RunError(Exception):
    """A run cannot start, resume or change.

    Args:
        message: what, where and what to do, in one line.
        code: the exit code of the command: 2 for wrong usage, 1 for anything else.
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
