"""Before the first step: what a probe says of the preset being edited, asked for a moment after an edit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.timer import Timer
from textual.widget import Widget

from tuiml.nn.network import Network
from tuiml.spec import network_of
from tuiml.spec.preset import Preset
from tuiml.training.probe import Probe
from tuiml.training.verdicts import Verdict
from tuiml.tui.model.document import Document
from tuiml.tui.process.probe_client import Probed

SOON = 0.25
"""Seconds without an edit after which there is a look."""


class PreFlight:
    """Keeps what is known of the initial values of one document."""

    def __init__(self, host: Widget, client: Callable[[], Any]) -> None:
        self._host = host
        self._make = client
        self._client: Any = None
        self._timer: Timer | None = None
        self._asked: tuple[int, Preset] | None = None
        self._wanted: Preset | None = None
        self.found: Probe | None = None
        self.problem = ""
        """Why there is nothing to see, in a line."""
        self.verdicts: tuple[Verdict, ...] = ()
        self.network: Network | None = None
        self._preset: Preset | None = None  # that was found

    @property
    def fresh(self) -> bool:
        """Whether what was found is of the document as it is now."""
        return self.found is not None and self._wanted is not None and alike(self._wanted, self._preset)

    @property
    def wanted(self) -> bool:
        """Whether there is a preset to look at: nothing is wrong with the document."""
        return self._wanted is not None

    def follow(self, document: Document) -> None:
        """The document is on the screen as it is now: look at it soon, unless that is known already."""
        preset = document.preset
        self._wanted = preset
        self._stop()
        if preset is None or self.fresh or (self._asked and alike(self._asked[1], preset)):
            return
        self._timer = self._host.set_timer(SOON, self.ask)

    def ask(self) -> None:
        """Look now."""
        self._stop()
        if self._wanted is None:
            return
        if self._client is None:
            self._client = self._make()
        preset = self._wanted
        self._asked = (self._client.ask(preset.document()), preset)

    def take(self, message: Probed) -> bool:
        """Take an answer in; whether it is the one that is waited for."""
        if self._asked is None or message.number != self._asked[0]:
            return False
        preset = self._asked[1]
        self._asked = None if message.found is None else self._asked
        self.problem, self.found, self._preset = message.problem, message.found, preset
        self.network = network_of(preset) if message.found else None
        self.verdicts = ()
        if message.found and self.network:
            self.verdicts = tuple(message.found.verdicts(preset, self.network))
        return True

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = None

    def close(self) -> None:
        """Ask nothing more."""
        self._stop()
        if self._client is not None:
            self._client.close()
            self._client = None


def alike(a: Preset, b: Preset | None) -> bool:
    """Whether two presets have the same initial values and see the same batch."""
    return b is not None and (a.layers, a.data, a.training.seed, a.training.loss, a.pretraining) == (
        b.layers,
        b.data,
        b.training.seed,
        b.training.loss,
        b.pretraining,
    )
