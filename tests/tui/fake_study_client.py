"""A client of the process that runs a study, without a process: what it is asked is noted."""

from __future__ import annotations

from typing import Any

from tuiml.tui.process.child import Post
from tuiml.tui.process.study_client import StudyProcessEnded, StudyReport


class FakeStudyClient:
    """Is active from its start until a test ends it."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self.active = False
        self.paused = False
        self.asked: list[Any] = []

    def start(self, word: str, *, resume: bool = False, order: Any = None) -> bool:
        if self.active:
            return False
        self.asked.append(("start", word))
        self.asked += [order] if order else []
        self.active, self.paused = True, False
        return True

    def pause(self) -> None:
        self.asked.append("pause")
        self.paused = True

    def resume(self) -> None:
        self.asked.append("resume")
        self.paused = False

    def stop(self) -> None:
        self.asked.append("stop")

    def order(self, do: str, trial: str, count: int = 1) -> None:
        self.asked.append((do, trial, count))

    def report(self, **line: Any) -> None:
        """Let the process report a line."""
        self._post(StudyReport([line]))

    def end(self, reason: str = "") -> None:
        """Let the process end."""
        self.active = False
        self._post(StudyProcessEnded(reason))

    def close(self, timeout: float = 0.0) -> None:
        self.asked.append("close")
        self.active = False
