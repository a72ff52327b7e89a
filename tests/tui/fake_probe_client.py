"""A prober without a process: what it is asked is noted, and it answers when a test lets it."""

from __future__ import annotations

from typing import Any

from tuiml.data.own.reading import DataFiles
from tuiml.runs.preset_prober import Prober
from tuiml.spec import check
from tuiml.tui.process.child import Post
from tuiml.tui.process.probe_client import Probed


class FakeProbeClient:
    """Answers the newest preset, in the test's own process."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._prober = Prober()
        self.asked: list[dict[str, Any]] = []
        self.closed = False

    def ask(self, document: dict[str, Any], sample: bool = False) -> int:
        self.asked.append(document)
        return len(self.asked)

    def answer(self, number: int | None = None, problem: str = "") -> None:
        """Tell what is found of the preset asked for as ``number``; the newest if none is given."""
        number = len(self.asked) if number is None else number
        if problem:
            self._post(Probed(number, None, problem))
            return
        preset, problems = check(self.asked[number - 1], DataFiles())
        assert preset is not None, problems
        found = self._prober.probe(preset)[1]
        self._post(Probed(number, found, sample=self._prober.sample(preset)))

    def close(self, timeout: float = 0.0) -> None:
        self.closed = True
