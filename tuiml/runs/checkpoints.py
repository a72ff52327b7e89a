"""Checkpoints: everything that a run needs to resume with the same bits, in one safetensors file.

The file (see :mod:`tuiml.runs.checkpoint_file`) holds the parameters, the buffers and the optimizer's arrays
by name, and a JSON object (preset, step, position, versions). The order of the data and all random numbers
are functions of the preset's seed and the step.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tuiml.backends.engine import Engine, Totals
from tuiml.files import write_whole
from tuiml.nn.network import Network
from tuiml.nn.optimizers import Optimizer, optimizers
from tuiml.runs import checkpoint_file
from tuiml.runs.errors import CheckpointError
from tuiml.runs.folder import steps_in
from tuiml.training.interventions import OPTIMIZER, read_changes
from tuiml.training.schedule_state import UNKNOWN, Position

Array = np.ndarray[Any, Any]
Tensors = Mapping[str, Array]
MOST = 10**15
"""The most steps, epochs or examples in a file."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read and found sound."""

    path: Path
    tensors: dict[str, Array]
    step: int
    position: Position
    details: dict[str, Any]
    """The JSON object of the file."""
    metrics: int | None = None
    """Bytes of ``metrics.jsonl`` at that time; ``None`` if not recorded."""


def shapes(network: Network, optimizer: Optimizer) -> dict[str, tuple[int, ...]]:
    """The arrays of a network's checkpoint by name, with their shapes."""
    prefixes = ["", *(f"optimizer.{name}." for name in optimizer.state_names())]
    found = {
        f"{prefix}layers.{node.index}.{p.name}": p.shape
        for prefix in prefixes
        for node in network.nodes
        for p in node.parameters
    }
    return found | {f"layers.{n.index}.{p.name}": p.shape for n in network.nodes for p in n.buffers}


def optimizer_at(position: Position, first: Optimizer) -> Optimizer:
    """The optimizer of a position in a run that began with ``first``."""
    chosen = [change.value for change in position.changes if change.what == OPTIMIZER]
    return optimizers.read(chosen[-1]) if chosen else first


# -- writing ----------------------------------------------------------------------------------------------


def encode(tensors: Tensors, step: int, position: Position, details: Mapping[str, Any]) -> bytes:
    """The bytes of a checkpoint file."""
    return b"".join(checkpoint_file.pieces(tensors, _text(step, position, details)))


def _text(step: int, position: Position, details: Mapping[str, Any]) -> str:
    totals = position.totals
    missed = [] if totals.missed is None else [_finite(totals.missed)]
    where = vars(position) | {
        "totals": [totals.loss, totals.correct, totals.examples, *missed],
        "best_loss": _finite(position.best_loss),
        "improved_loss": _finite(position.improved_loss),
        "plateau_loss": _finite(position.plateau_loss),
        "changes": [vars(change) for change in position.changes],
    }
    return json.dumps({**details, "step": step, "position": where}, allow_nan=False)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def write(path: Path, tensors: Tensors, step: int, position: Position, details: Mapping[str, Any]) -> bool:
    """Write a checkpoint, completely or not at all; returns whether it is sure to survive a power cut.

    Raises:
        OSError: nothing was written.
    """
    return write_whole(path, checkpoint_file.pieces(tensors, _text(step, position, details)), parents=False)


def path_of(folder: Path, step: int) -> Path:
    """The path of the checkpoint of a step."""
    return folder / f"checkpoint-{step}.safetensors"


# -- reading ----------------------------------------------------------------------------------------------


def load(path: Path, network: Network, optimizer: Optimizer) -> Checkpoint:
    """Read a checkpoint, and check that it is undamaged, finite and fits the network.

    Args:
        optimizer: the one that the run began with; the checkpoint has the present one.

    Raises:
        UnreadableError: the system does not let us read it; it may be sound.
        CheckpointError: anything else.
    """
    said: list[tuple[dict[str, Any], int, Position, int | None]] = []

    def declared(text: str) -> dict[str, tuple[int, ...]]:
        said.append(_read(path, text))
        return shapes(network, optimizer_at(said[0][2], optimizer))

    most = max(len(entry().state_names()) for entry in optimizers)
    parameters = sum(len(node.parameters) * (1 + most) + len(node.buffers) for node in network.nodes)
    tensors, _ = checkpoint_file.read(path, declared, parameters)
    details, step, position, metrics = said[0]
    return Checkpoint(path, tensors, step, position, details, metrics)


def _read(path: Path, text: str) -> tuple[dict[str, Any], int, Position, int | None]:
    """A checkpoint's JSON object, and from it the step, the position and the size of the metrics."""
    try:
        details = json.loads(text)
        step, position = _count(details["step"]), _position(details["position"])
        metrics = None if details.get("metrics") is None else _count(details["metrics"])
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError):
        raise checkpoint_file.damaged(path, "it does not say where the run stood") from None
    return details, step, position, metrics


def put_into(engine: Engine, found: Checkpoint, first: Optimizer) -> None:
    """Load a checkpoint of a run that began with the optimizer ``first`` into an engine."""
    engine.change(optimizer_at(found.position, first))
    engine.load(found.tensors, found.step)
    engine.optimizer_start = found.position.optimizer_start


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MOST:
        raise ValueError
    return value


def _known(value: Any) -> int:
    """A count that the files of tuiml 0.1 lack."""
    return UNKNOWN if value is None or value == UNKNOWN else _count(value)


RENAMED = {
    "watched": "metric",
    "since": "resized_at",
    "born": "optimizer_start",
    "gained_epoch": "improved_epoch",
    "gained_loss": "improved_loss",
}
"""Names of fields in the files of tuiml 0.2, and their names today."""


def _position(value: dict[str, Any]) -> Position:
    value = {RENAMED.get(name, name): field for name, field in value.items()}
    loss, correct, examples, *rest = value["totals"]
    missed = math.nan if rest == [None] else float(rest[0]) if rest else None  # None: of classes
    best, best_epoch = value["best_loss"], _count(value["best_epoch"])
    improved = value.get("improved_loss", best)  # not in the files of 0.1
    plateau = value.get("plateau_loss")  # not in those of 0.2
    found = Position(
        epoch=_count(value["epoch"]),
        batch=_count(value["batch"]),
        rate=float(value["rate"]),
        totals=Totals(float(loss), _count(correct), _count(examples), missed),
        seconds=float(value["seconds"]),
        examples=_count(value["examples"]),
        best_epoch=best_epoch,
        best_loss=math.inf if best is None else float(best),
        metric=str(value.get("metric", ""))[:40],
        improved_epoch=_count(value.get("improved_epoch", best_epoch)),
        improved_loss=math.inf if improved is None else float(improved),
        plateau_loss=math.inf if plateau is None else float(plateau),
        plateau_epochs=_count(value.get("plateau_epochs", 0)),
        # None of these is in the files of 0.1.
        step=_known(value.get("step")),
        done=_known(value.get("done")),
        resized_at=_count(value.get("resized_at", 0)),
        best_step=_known(value.get("best_step")),
        optimizer_start=_count(value.get("optimizer_start", 0)),
        changes=read_changes(value.get("changes", [])),
        interventions=_count(value.get("interventions", 0)),
    )
    numbers = (found.rate, found.totals.loss, found.seconds)
    if not all(map(math.isfinite, numbers)) or found.rate <= 0 or found.seconds < 0 or found.epoch < 1:
        raise ValueError
    if any(
        map(math.isnan, (found.best_loss, found.improved_loss, found.plateau_loss))
    ):  # no later epoch would be better
        raise ValueError
    if found.step != UNKNOWN and UNKNOWN in (found.done, found.best_step):
        raise ValueError
    return found


def load_of(folder: Path, step: int, network: Network, optimizer: Optimizer, batches: int) -> Checkpoint:
    """Read the checkpoint of a step of a run with ``batches`` an epoch.

    Raises:
        UnreadableError, CheckpointError: as :func:`load`.
    """
    found = load(path_of(folder, step), network, optimizer)
    where = found.position
    old = where.step == UNKNOWN
    said = (where.epoch - 1) * batches + where.batch if old else where.step
    past = max(where.optimizer_start, where.best_step, *(change.step for change in where.changes), UNKNOWN)
    if not found.step == said == step or past > step or (old and where.batch > batches):
        raise checkpoint_file.damaged(found.path, "it does not say where the run stood")
    return found


def newest(folder: Path, network: Network, optimizer: Optimizer, batches: int) -> Checkpoint | None:
    """The newest sound checkpoint of a run with ``batches`` an epoch; ``None`` where there is none."""
    for step in newest_first(folder):
        with contextlib.suppress(CheckpointError):
            return load_of(folder, step, network, optimizer, batches)
    return None


def newest_first(folder: Path) -> list[int]:
    """The steps of the folder's checkpoints, the one written last first.

    After a run went back, newer ones may have lower steps. Files that cannot be read come first.
    """
    return sorted(
        steps_in(folder), key=lambda step: (_interventions(path_of(folder, step)), step), reverse=True
    )


def _interventions(path: Path) -> int:
    """The number of interventions until then, without checking the file."""
    try:
        return _count(json.loads(checkpoint_file.glance(path))["position"].get("interventions", 0))
    except (CheckpointError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return MOST
