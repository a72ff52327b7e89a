"""The line of a snapshot, kept so short that it is read: of very many modules without some histograms."""

from __future__ import annotations

import json
from typing import Any

from tuiml.runs.metrics import MOST_LINE
from tuiml.training.events import Snapshot

FEW = 1000
"""Modules of which a line is never too long."""
FIRST_TO_GO = ("biases", "activations", "gradients", "weights")


class SnapshotLine:
    """Makes the lines of one run: a histogram that was once left out stays so."""

    def __init__(self) -> None:
        self.left_out: list[str] = []

    @property
    def said(self) -> str:
        """What is left out, in a sentence; empty: nothing."""
        if not self.left_out:
            return ""
        *some, last = self.left_out
        kinds = f"{', '.join(some)} and {last}" if some else last
        return (
            f"so many modules: histograms of {kinds} are not recorded; their means, norms and fractions are"
        )

    def __call__(self, snapshot: Snapshot) -> dict[str, Any]:
        """The line of a snapshot; what a module does not have is not in it."""
        line = snapshot.to_json()
        line["layers"] = [self._short(layer) for layer in line["layers"]]
        if len(line["layers"]) > FEW:
            while len(json.dumps(line)) >= MOST_LINE and len(self.left_out) < len(FIRST_TO_GO):
                self.left_out.append(FIRST_TO_GO[len(self.left_out)])
                line["layers"] = [self._short(layer) for layer in line["layers"]]
        return line

    def _short(self, layer: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in layer.items() if v is not None and k not in self.left_out}
