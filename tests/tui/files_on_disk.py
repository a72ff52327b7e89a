"""Presets and runs written to the folders of ``TUIML_HOME``, for tests of what reads them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from tuiml.runs.folder import runs_folder
from tuiml.spec import dumps
from tuiml.spec.library import find, save
from tuiml.training.events import End, Epoch, Event, Start

HOSTILE = "[/b] [@click=app.quit]x[bold \x1b[31m\u202eeno"
"""A name that breaks markup, sends an escape sequence and turns the direction of reading."""


def preset(name: str = "mine", **values: Any) -> Path:
    """A preset of one's own, like a bundled one but for ``values``."""
    return save(find("mnist-relu-3").document() | {"name": name} | values)


def run(
    name: str = "first",
    *,
    of: str = "digits-quickstart",
    epochs: int = 3,
    reason: str | None = "completed",
    day: int = 1,
    accuracy: float = 0.9,
) -> Path:
    """The folder of a run; ``reason`` ``None``: it was cut off."""
    path = runs_folder() / name
    path.mkdir(parents=True)
    document = find(of).document()
    (path / "preset.toml").write_text(dumps(document))
    start = Start(name, str(path), "numpy", "cpu", 2, 6570, 1350, 150, 297, 32, epochs, 43 * epochs, 0)
    lines: list[Event] = [start]
    for n in range(1, epochs + 1):
        loss = 2 / n + (1 if n == epochs else 0)  # the last epoch is not the best
        lines.append(Epoch(n, 43 * n, loss, 0.5, loss + 0.1, 0.4 + 0.1 * n, 0.01, float(n), 1000.0))
    if reason:
        lines.append(_end(reason, name, path, epochs, accuracy))
    kept = [line.to_json() for line in lines]
    kept[0]["time"] = f"2024-05-{day:02}T10:00:00+00:00"
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in kept))
    return path


def _end(reason: Any, name: str, path: Path, epochs: int, accuracy: float) -> End:
    nan = math.nan
    diverged = reason == "diverged"
    return End(
        reason,
        name,
        str(path),
        epochs,
        43 * epochs,
        max(1, epochs - 1),
        nan if diverged else 0.25,
        nan if diverged else accuracy,
        float(epochs),
        1000.0,
        "the loss is not a number" if diverged else "",
    )
