"""Watched runs for tests: the folder that a loop of the user's own writes, made by events."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tuiml.runs.folder import METRICS, runs_folder
from tuiml.runs.watched import MODEL, Module, WatchedModel, write_model
from tuiml.training.events import End, Epoch, Event, Progress, Scalars, Snapshot, Start
from tuiml.training.layer_statistics import Histogram, LayerStatistics

NAN = math.nan

MLP = (
    Module(name="body", type="Sequential", kind="container"),
    Module(
        name="body.0",
        type="Linear",
        kind="weighted",
        output_shape=(32,),
        parameters=2080,
        trainable=2080,
        dtype="float32",
    ),
    Module(name="body.1", type="ReLU", kind="activation", output_shape=(32,), activation="relu"),
    Module(
        name="body.2", type="Linear", kind="weighted", output_shape=(32,), parameters=1056, trainable=1056
    ),
    Module(name="body.3", type="ReLU", kind="activation", output_shape=(32,), activation="relu"),
    Module(name="head", type="Linear", kind="weighted", output_shape=(10,), parameters=330, trainable=330),
)
"""Two hidden layers of 32 units with relu, and an output of ten classes."""


def watched(
    modules: Sequence[Module] = MLP, *, optimizer: str = "SGD", rate: float = 0.1, **more: Any
) -> WatchedModel:
    """A model of PyTorch."""
    values = {"framework": "pytorch", "framework_version": "2.9", "type": "Net"}
    settings: dict[str, float | str] = {"lr": rate}
    return WatchedModel(
        **values | more, optimizer=optimizer, optimizer_settings=settings, modules=tuple(modules)
    )


def histogram(low: float = -1.0, high: float = 1.0, bins: int = 20) -> Histogram:
    """A histogram with a peak in its middle."""
    return Histogram(low, high, tuple(1 + min(i, bins - 1 - i) for i in range(bins)), 0, 0)


def healthy(module: Module, *, drawn: bool = True, **other: Any) -> LayerStatistics:
    """Statistics of a module that is well; of a container none."""
    values: dict[str, Any] = {}
    if module.kind != "container":
        values = {"mean": 0.1, "std": 0.8, "zeros": 0.4 if module.activation else 0.0}
        values |= {"activations": histogram()} if drawn else {}
    if module.activation:
        values |= {"dead": 0.0, "input_mean": 0.0, "input_std": 1.0}
    if module.kind == "weighted":
        values |= {"weight_mean": 0.0, "weight_std": 0.1, "weight_norm": 3.0}
        values |= {"gradient_norm": 0.5, "update_ratio": -3.0}
        values |= {"weights": histogram(), "gradients": histogram(-0.1, 0.1)} if drawn else {}
    return LayerStatistics(**values | other)


def start(path: Path, model: WatchedModel, **other: Any) -> Start:
    """The start of a watched run."""
    values: dict[str, Any] = {
        "run": path.name,
        "path": str(path),
        "backend": model.framework,
        "device": "cpu",
        "threads": 2,
        "parameters": sum(module.parameters for module in model.modules),
    }
    zeros = ("train_examples", "validation_examples", "test_examples", "batch_size", "epochs", "steps")
    return Start(**values | dict.fromkeys((*zeros, "seed"), 0) | {"versions": {"torch": "2.9"}} | other)


def batch(step: int, loss: float, accuracy: float = NAN, *, epoch: int = 1, rate: float = 0.1) -> Progress:
    """Some steps of a watched run."""
    return Progress(epoch, step, loss, accuracy, rate, NAN, step * 0.01, NAN)


def training(
    path: Path,
    model: WatchedModel,
    *,
    steps: int = 200,
    every: int = 10,
    losses: Iterable[float] | None = None,
    accuracy: bool = False,
    epochs: bool = False,
    scalars: Sequence[str] = (),
    layers: Sequence[LayerStatistics] | None = None,
    end: str = "completed",
) -> list[Event]:
    """The events of a whole watched run.

    Args:
        every: steps between two reports.
        losses: one a report; by default they fall from 2.3.
        epochs: one each 100 steps.
        layers: of every snapshot; by default all are well.
        end: its reason; empty: it has none.
    """
    found: list[Event] = [start(path, model)]
    shown = [healthy(module) for module in model.modules] if layers is None else layers
    falling = (2.3 * math.exp(-at / 8) + 0.05 for at in range(steps // every))
    for at, loss in enumerate(falling if losses is None else losses, 1):
        step = at * every
        right = min(0.97, 0.1 + 0.04 * at) if accuracy else NAN
        epoch = 1 + (step - 1) // 100 if epochs else 1
        found.append(batch(step, loss, right, epoch=epoch))
        if scalars:
            values = {name: math.sin(at / 3 + place) for place, name in enumerate(scalars)}
            found.append(Scalars(epoch, step, values))
        found.append(Snapshot(epoch, step, tuple(shown)))
        if epochs and step % 100 == 0:
            found.append(Epoch(epoch, step, loss, right, loss * 1.1, right, 0.1, step * 0.01, NAN))
    if end:
        last = steps if losses is None else step
        values = {
            "epochs": last // 100 if epochs else 0,
            "step": last,
            "best_epoch": 0,
            "seconds": last / 100,
        }
        nothing = dict.fromkeys(("test_loss", "test_accuracy", "examples_per_second"), NAN)
        found.append(End(end, path.name, str(path), **values, **nothing))  # type: ignore[arg-type]  # a word
    return found


def line(event: Event) -> str:
    """An event as its line of the metrics."""
    return json.dumps(event.to_json()) + "\n"


def write(
    name: str = "my-net", model: WatchedModel | None = None, parent: Path | None = None, **of: Any
) -> Path:
    """Write the folder of a watched run; ``of``: as of :func:`training`."""
    path, model = (parent or runs_folder()) / name, model or watched()
    path.mkdir(parents=True)
    write_model(path, model)
    (path / METRICS).write_text("".join(map(line, training(path, model, **of))))
    return path


def append(path: Path, *events: Event) -> None:
    """Write more events to a run's metrics, as the loop would."""
    with (path / METRICS).open("a") as file:
        file.writelines(map(line, events))


def large(count: int = 2000, depth: int = 4) -> tuple[Module, ...]:
    """So many modules: blocks of blocks, with four layers in each of the inmost ones."""
    found: list[Module] = []
    block, known = 0, set[str]()
    while len(found) < count:
        names = [f"stage{block // 25}", f"block{block // 5}", f"part{block}"][: depth - 1]
        for at in range(len(names)):
            name = ".".join(names[: at + 1])
            if name not in known:
                found.append(Module(name=name, type="Block", kind="container"))
            known.add(name)
        name = ".".join(names)
        for at in range(2):
            sizes: dict[str, Any] = {"output_shape": (64,), "parameters": 4160, "trainable": 4160}
            found.append(Module(name=f"{name}.{2 * at}", type="Linear", kind="weighted", **sizes))
            found.append(
                Module(name=f"{name}.{2 * at + 1}", type="ReLU", kind="activation", activation="relu")
            )
        block += 1
    return tuple(found[:count])


def damage(path: Path, how: str) -> None:
    """Ruin a watched run's ``model.json``: ``missing``, ``torn``, ``large`` or ``wrong``."""
    file = path / MODEL
    if how == "missing":
        file.unlink()
    elif how == "torn":
        file.write_text(file.read_text()[:-40])
    elif how == "large":
        file.write_text(" " * 16_000_001)
    else:
        file.write_text('{"version": 1, "framework": 3, "modules": "none"}')


HOSTILE = tuple(
    Module(name=name, type=kind, kind="weighted", parameters=4, trainable=4)
    for name, kind in (
        ("\x1b[31mred\x07", "Lin\rear"),
        ("a" * 1000, "B" * 1000),
        ("", ""),
        ("..", "."),
        ("‮left", "网络"),
        ("[bold]x[/bold]", "{}"),
        ("a.b.c.d", "\n\n"),
    )
)
"""Modules whose names a terminal would act on, or that are no names."""
