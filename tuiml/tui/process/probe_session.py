"""Statistics of the initial values of the preset being edited, requested soon after an edit."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from textual.timer import Timer
from textual.widget import Widget

from tuiml.nn.network import Network
from tuiml.spec import network_of
from tuiml.spec.preset import Preset
from tuiml.training.data_sample import DataSample
from tuiml.training.probe import Probe
from tuiml.training.verdicts import Verdict
from tuiml.tui.model.document import Document
from tuiml.tui.process.probe_client import Probed

SOON = 0.25
"""Seconds without an edit after which a probe is requested."""


class PreFlight:
    """The newest probe of one document."""

    def __init__(self, host: Widget, client: Callable[[], Any]) -> None:
        self._host = host
        self._make = client
        self._client: Any = None
        self._timer: Timer | None = None
        self._asked: tuple[int, Preset] | None = None
        self._wanted: Preset | None = None
        self.found: Probe | None = None
        self.problem = ""
        """Why there is no probe; one line."""
        self.verdicts: tuple[Verdict, ...] = ()
        self.network: Network | None = None
        self._preset: Preset | None = None  # that was found
        self._sample: tuple[Preset, DataSample] | None = None

    @property
    def fresh(self) -> bool:
        """True if the probe is of the document as it is now."""
        return self.found is not None and self._wanted is not None and alike(self._wanted, self._preset)

    @property
    def wanted(self) -> bool:
        """True if the document has no problems, so that there is something to probe."""
        return self._wanted is not None

    @property
    def sample(self) -> DataSample | None:
        """Of the data, once it was read; while the document has problems, of the data that it had before."""
        known = self._sample
        return known[1] if known and (self._wanted is None or same_data(self._wanted, known[0])) else None

    def follow(self, document: Document) -> None:
        """Request a probe of the document soon, unless it is known already."""
        preset = document.preset
        self._wanted = preset
        self._stop()
        if preset is None or self.fresh or (self._asked and alike(self._asked[1], preset)):
            return
        self._timer = self._host.set_timer(SOON, self.ask)

    def ask(self) -> None:
        """Request it now."""
        self._stop()
        if self._wanted is None:
            return
        if self._client is None:
            self._client = self._make()
        preset = self._wanted
        self._asked = (self._client.ask(preset.document(), sample=self.sample is None), preset)

    def take(self, message: Probed) -> bool:
        """Store an answer; True if it is the one that was requested last."""
        if self._asked is None or message.number != self._asked[0]:
            return False
        preset = self._asked[1]
        self._asked = None if message.found is None else self._asked
        self.problem, self.found, self._preset = message.problem, message.found, preset
        self.network = network_of(preset) if message.found else None
        if message.sample:
            self._sample = preset, message.sample
        self.verdicts = ()
        if message.found and self.network:
            self.verdicts = tuple(message.found.verdicts(preset, self.network))
        return True

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = None

    def close(self) -> None:
        """End the process."""
        self._stop()
        if self._client is not None:
            self._client.close()
            self._client = None


def alike(a: Preset, b: Preset | None) -> bool:
    """True if two presets have the same initial values and the same first batch."""
    parts = attrgetter("layers", "data", "training.seed", "training.loss", "pretraining")
    return b is not None and bool(parts(a) == parts(b))


def same_data(a: Preset, b: Preset) -> bool:
    """True if two presets draw the same examples."""
    return a.data == b.data and a.training.seed == b.training.seed
