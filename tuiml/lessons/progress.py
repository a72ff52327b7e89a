"""How far a lesson is."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from tuiml.lessons.facts import Facts
from tuiml.lessons.lesson import Lesson, Step


class Progress:
    """Follows the steps of a lesson.

    A step that was not so when it began and then is is done, and the next one begins. What was so from the
    beginning waits for :meth:`skip`, for its text would never be read.
    """

    def __init__(self, lesson: Lesson, at: int = 0) -> None:
        self.lesson = lesson
        self.at = min(max(0, at), len(lesson.steps))
        """How many steps are done or skipped."""
        self.before: Literal["", "done", "skipped"] = ""
        """What became of the step before; empty: not known, for the lesson was left in between."""
        self.holds = False
        """True if what the step asks for is so already."""
        self.values: tuple[float, ...] = ()
        """The numbers that the step's conditions look at now."""
        self._opened: frozenset[str] = frozenset()
        self._begun = False

    @property
    def step(self) -> Step | None:
        """The step that is to be done; ``None`` after the last one."""
        return self.lesson.steps[self.at] if self.at < len(self.lesson.steps) else None

    def see(self, facts: Facts) -> bool:
        """Look at the app; True if a step was done by what happened."""
        step = self.step
        if step is None:
            return False
        self._opened |= facts.opened
        facts = replace(facts, opened=self._opened)
        holds = all(condition.holds(facts) for condition in step.done)
        self.values = tuple(condition.now(facts) for condition in step.done)
        if not self._begun:
            self._begun, self.holds = True, holds
            return False
        if self.holds or not holds:
            return False
        self._go_on("done")
        self.see(replace(facts, opened=frozenset()))
        return True

    def skip(self) -> None:
        """Go to the next step, done or not."""
        self._go_on("done" if self.holds else "skipped")

    def _go_on(self, before: Literal["done", "skipped"]) -> None:
        self.before = before
        self.at = min(self.at + 1, len(self.lesson.steps))
        self._opened, self._begun, self.holds, self.values = frozenset(), False, False, ()
