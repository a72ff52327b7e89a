"""What can be undone: the states of a document before its edits."""

from __future__ import annotations

from typing import Generic, TypeVar

State = TypeVar("State")
MOST_STEPS = 500
"""Most edits that can be undone."""


class History(Generic[State]):
    """Earlier states, and those that were undone."""

    def __init__(self) -> None:
        self._undo: list[State] = []
        self._redo: list[State] = []

    @property
    def can_undo(self) -> bool:
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        return bool(self._redo)

    def remember(self, state: State) -> None:
        """Begin a step at a state."""
        self._undo.append(state)
        del self._undo[:-MOST_STEPS]
        self._redo.clear()

    def join(self, before: State, after: State) -> bool:
        """Go on with the last step, if there is one; False if it is over, since it is back where it began."""
        self._redo.clear()
        if self._undo and after == self._undo[-1]:
            self._undo.pop()
            return False
        if not self._undo:
            self.remember(before)
        return True

    def undo(self, state: State) -> State | None:
        """The state before the last step, which ``state`` is after; ``None`` if there is none."""
        return _step(state, self._undo, self._redo)

    def redo(self, state: State) -> State | None:
        """The state after the step that was undone last; ``None`` if there is none."""
        return _step(state, self._redo, self._undo)


def _step(state: State, source: list[State], other: list[State]) -> State | None:
    if not source:
        return None
    other.append(state)
    return source.pop()
