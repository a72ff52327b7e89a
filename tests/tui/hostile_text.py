"""Text from files and other processes that means harm to a terminal, or to what reads markup."""

from __future__ import annotations

import random
import unicodedata
from typing import Any

from textual.app import App

from tuiml.training.events import (
    End,
    Epoch,
    Event,
    Loading,
    Notice,
    Pretraining,
    PretrainingProgress,
    Progress,
    Snapshot,
    Start,
    State,
)
from tuiml.training.inspections.confusion import Confusion
from tuiml.training.inspections.drawing import DrawingPrediction
from tuiml.training.inspections.highest_loss import Example, HighestLoss
from tuiml.training.inspections.row import InputColumn, InputColumns, RowPrediction
from tuiml.training.layer_statistics import Histogram, LayerStatistics

STRINGS = [
    "[@click=app.quit]x[/]",
    "[bold",
    "[/]",
    "[red]\\[/red]",
    "\x1b]0;pwned\x07",
    "\x1b[31mred\x1b[2J",
    "\x9b31m\x85\x90\x9d",
    "\u202eevil\u202c\u2066x\u2069\u200f\u061c",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\ufe0f\u200b\ufeff",
    "two\nlines\r\ttab\x0b\x0c\u2028\u2029",
    "a" + "\u0301" * 200,
    "字" * 300,
    "x" * 10_000,
    "\x00\x07\x08\x7f",
    "\ue000\U000e0041\ud800",
    "",
    " ",
    "$\\{}%s%n`rm -rf`",
]
ALL = "".join(text for text in STRINGS if len(text) < 300)


def shown(app: App[Any]) -> list[str]:
    """The lines on the screen, with all that lies over them."""
    width, height = app.size
    strips = app.screen._compositor.render_strips()
    return [strip.text for strip in strips][:height] if width else []


def assert_harmless(app: App[Any], where: str) -> None:
    """Nothing on the screen is acted on by a terminal, and no markup became a link."""
    for y, strip in enumerate(app.screen._compositor.render_strips()):
        for segment in strip:
            bad = [c for c in segment.text if unicodedata.category(c)[0] == "C" or c in "\u2028\u2029"]
            assert not bad or segment.control, f"{where}, line {y}: {bad!r} in {segment.text!r}"
            meta = segment.style.meta if segment.style else {}
            assert "@click" not in meta, f"{where}, line {y}: a link in {segment.text!r}"


def events(text: str, rng: random.Random, step: int = 10) -> list[Event]:
    """One event of each kind, with ``text`` wherever there is any."""
    nan = float("nan")
    few = tuple(rng.randrange(100) for _ in range(5))
    bars = Histogram(-1.0, 1.0, few, 0, 3)
    layer = LayerStatistics(0.5, 0.2, 0.0, 0.1, nan, 0.0, 0.3, 0.1, bars, bars, bars)
    column = InputColumn(text, text, False, text, text, True, text, 1.0, (text,), (3,), True)
    example = Example(3, 1, 0, 0.7, 2.5, bytes(64), ())
    return [
        Loading(text, 10, rng.choice([0, 100])),
        Start(text, text, text, text, 2, 100, 100, 10, 10, 10, 3, 30, 0, {text: text}, text, "val_loss"),
        Pretraining(0, 0, 2, 1, 3, 0.5, 1.0),
        PretrainingProgress(0, 1, 2, 2, 3, 0.5, 1.0, rng.random()),
        Progress(1, step, rng.choice([1.0, nan, 1e38, 1e-30]), 0.5, 0.1, 1000.0, 1.0, nan),
        Notice("saving", text, step),
        Notice("saving", "", step),
        Notice(text, text, step),
        Snapshot(1, step, (layer,) * rng.randrange(6)),
        Epoch(1, step, rng.choice([1.0, nan, 0.0]), 0.5, nan, nan, 0.1, 1.0, 1000.0),
        State("paused", step, 0.1),
        Confusion(step, "validation", 10, 10, ((3, 2), (1, 4))),
        HighestLoss(step, "validation", 10, 10, 0, 8, 8, (example,) * rng.randrange(4)),
        DrawingPrediction(step, rng.randrange(3), (0.2, 0.8)),
        InputColumns(step, (column,), (text,), "validation", 5, 0, (text,), (1.0,)),
        RowPrediction(step, 1, (0.2, 0.8)),
        State("running", step, 0.05),
    ]


def end(text: str, reason: Any = "diverged") -> End:
    return End(reason, text, text, 1, 10, 1, 1.0, 0.5, 1.0, 1000.0, text)


def document(text: str) -> dict[str, Any]:
    """A preset with ``text`` in every place that takes one, and as a key besides."""
    layer = {"type": "dense", "activation": text, "initializer": text, "units": text}
    return {
        "version": 1,
        "name": text,
        "note": text,
        text: text,
        "data": {"name": "digits", "validation": text, text: 1},
        "layers": [
            {"type": text},
            layer,
            {"type": "dense", "units": 5, text: text, "activation": {"name": "elu", text: 1}},
            text,
            {"type": "dense", "activation": "softmax"},
        ],
        "training": {"optimizer": {"name": text, "momentum": text}, "loss": text, "schedule": text},
    }
