"""The formats. What writes one is a module of :mod:`tuiml.export.writers`, imported when it is used."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from tuiml.export.charts import CHARTS
from tuiml.runs.errors import RunError

if TYPE_CHECKING:
    from tuiml.export.exported_run import Source

Files = dict[str, bytes]
"""What is written: by the end of a file's path, which the beginning of the name comes before."""


@dataclass(frozen=True)
class Setting:
    """What a format lets one choose: one of some words, the first one unless told otherwise."""

    name: str
    help: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Order:
    """What is asked of a format."""

    stem: str
    """The name of what is written, without its ending."""
    choice: str = ""
    """The word chosen of the format's :class:`Setting`."""


@dataclass(frozen=True)
class Format:
    """A format.

    Args:
        name: as typed; the module of that name in :mod:`tuiml.export.writers` has a function ``make``.
        help: one line.
        suffix: the ending of the file that one opens; empty: it is a folder.
        aliases: other names.
        setting: what can be chosen.
        tail: what its default name has behind the run's.
        weights: it needs the weights of a checkpoint, and so the data that the run was trained on.
        beside: the endings of the other files.
    """

    name: str
    help: str
    suffix: str
    aliases: tuple[str, ...] = ()
    setting: Setting | None = None
    tail: str = ""
    weights: bool = False
    beside: tuple[str, ...] = ()

    def make(self, source: Source, order: Order) -> Files:
        """The files of a run.

        Raises:
            RunError: the format cannot express it, or the run lacks what it needs.
        """
        writer = importlib.import_module(f"tuiml.export.writers.{self.name}")
        return cast(Callable[..., Files], writer.make)(source, order)

    @property
    def endings(self) -> list[str]:
        """Of all files, the one that one opens first; a slash: they are in a folder."""
        return [self.suffix or "/", *self.beside]

    def stem(self, run: str, choice: str) -> str:
        """The default name without its ending; that of code can be imported."""
        stem = run + self.tail + (f"-{choice}" if choice else "")
        if self.suffix != ".py":
            return stem
        word = "".join(c if c.isalnum() else "_" for c in stem)
        return f"run_{word}" if word[:1].isdigit() else word


def _program(name: str, title: str, *aliases: str) -> Format:
    help = f"{title} program with network, optimizer and preprocessing, and its weights"
    weights = (".safetensors",)
    return Format(name, help, ".py", aliases, tail=f"_{name}", weights=True, beside=weights)


FORMATS = (
    _program("torch", "a PyTorch", "pytorch"),
    _program("keras", "a Keras 3"),
    _program("mlx", "an MLX"),
    Format(
        "safetensors",
        "the weights alone, under the names that a framework expects",
        ".safetensors",
        setting=Setting("for", "the framework whose names and layout they have", ("torch", "keras", "mlx")),
        weights=True,
    ),
    Format(
        "onnx",
        "an ONNX model from raw inputs to probabilities or numbers (needs the extra onnx)",
        ".onnx",
        weights=True,
    ),
    Format("tensorboard", "scalars and histograms for TensorBoard, a folder", "", tail="-tensorboard"),
    Format(
        "csv",
        "the figures of epochs, steps or layers as a table",
        ".csv",
        setting=Setting("table", "the rows", ("epochs", "steps", "layers")),
    ),
    Format("html", "a report in one file: settings, curves, layers, confusion matrix, verdicts", ".html"),
    Format(
        "svg",
        "a chart as a picture, for papers and pages",
        ".svg",
        setting=Setting("chart", "what is drawn", tuple(CHARTS)),
    ),
)
"""In the order in which they are listed."""


def find(word: str) -> Format:
    """The format of a name.

    Raises:
        RunError: there is none; the nearest name is suggested.
    """
    from tuiml.registry import closest, short

    by_word = {name: one for one in FORMATS for name in (one.name, *one.aliases)}
    if word in by_word:
        return by_word[word]
    near = closest(word, by_word)
    hint = f"did you mean '{near}'?" if near else f"there are {', '.join(one.name for one in FORMATS)}"
    raise RunError(f"there is no format {short(word)}; {hint}")
