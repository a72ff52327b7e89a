"""Checkpoints: everything a run needs to go on with the same bits, in one safetensors file.

The file holds the parameters, the buffers and the optimizer's arrays under the names of the run folder, and
in its metadata ``tuiml``, a JSON object (preset, step, position, versions), and ``sha256``, the hash of the
whole file with 64 zeros in the hash's place: safetensors itself loads a flipped bit silently.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from tuiml.backends.engine import Engine, Totals
from tuiml.files import write_whole
from tuiml.nn.network import Network
from tuiml.nn.optimizers import Optimizer, optimizers
from tuiml.runs.errors import CheckpointError
from tuiml.text import plain_text
from tuiml.training.changes import OPTIMIZER, read_changes
from tuiml.training.course import UNKNOWN, Position

Array = np.ndarray[Any, Any]
Tensors = Mapping[str, Array]
BLANK = "0" * 64
MOST_HEADER = 8 * 1024 * 1024
_FILE = re.compile(r"checkpoint-(\d{1,15})\.safetensors")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint read back and found sound."""

    path: Path
    tensors: dict[str, Array]
    step: int
    position: Position
    details: dict[str, Any]
    """The metadata's JSON object, as it is."""


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
    where = vars(position) | {
        "totals": [position.totals.loss, position.totals.correct, position.totals.examples],
        "best_loss": _finite(position.best_loss),
        "gained_loss": _finite(position.gained_loss),
        "changes": [vars(change) for change in position.changes],
    }
    text = json.dumps({**details, "step": step, "position": where}, allow_nan=False)
    data = safetensors.numpy.save(dict(tensors), metadata={"sha256": BLANK, "tuiml": text})
    return data.replace(_mark(BLANK), _mark(hashlib.sha256(data).hexdigest()), 1)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _mark(digest: str) -> bytes:
    # No preset's note can hold this: inside a JSON string its quotes are escaped.
    return f'"sha256":"{digest}"'.encode()


def write(path: Path, tensors: Tensors, step: int, position: Position, details: Mapping[str, Any]) -> None:
    """Write a checkpoint whole.

    Raises:
        OSError: nothing was written.
    """
    write_whole(path, encode(tensors, step, position, details))


def path_of(folder: Path, step: int) -> Path:
    """Where the checkpoint of a step lies."""
    return folder / f"checkpoint-{step}.safetensors"


def steps_in(folder: Path) -> list[int]:
    """The steps of the folder's checkpoints, the newest first, sound or not."""
    matches = (_FILE.fullmatch(path.name) for path in folder.iterdir())
    return sorted((int(match.group(1)) for match in matches if match), reverse=True)


# -- reading ----------------------------------------------------------------------------------------------


def load(path: Path, network: Network, optimizer: Optimizer) -> Checkpoint:
    """Read a checkpoint; what is returned is undamaged, finite and fits the network.

    Args:
        optimizer: the one that the run began with; the checkpoint says which one was changed to.

    Raises:
        CheckpointError: anything else.
    """
    most = max(len(entry().state_names()) for entry in optimizers)
    data = _bytes(path, 4 * (network.size * (1 + max(most, len(optimizer.state_names()))) + network.kept))
    metadata = _metadata(path, data)
    digest = metadata.get("sha256", "")
    blank = data.replace(_mark(digest), _mark(BLANK), 1)
    if len(digest) != 64 or hashlib.sha256(blank).hexdigest() != digest:
        raise _damaged(path, "its SHA-256 does not fit its content")
    try:
        tensors: dict[str, Array] = safetensors.numpy.load(data)
    except (SafetensorError, ValueError, KeyError, TypeError):
        raise _damaged(path, "its arrays cannot be read") from None
    try:
        details = json.loads(metadata["tuiml"])
        step, position = details["step"], _position(details["position"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _damaged(path, "it does not say where the run stood") from None
    if not isinstance(step, int) or isinstance(step, bool) or step < 0:
        raise _damaged(path, "its step is not a number")
    _check(path, tensors, shapes(network, optimizer_at(position, optimizer)))
    return Checkpoint(path, tensors, step, position, details)


def put_into(engine: Engine, found: Checkpoint, first: Optimizer) -> None:
    """Have an engine go on from a checkpoint of a run that began with the optimizer ``first``."""
    engine.change(optimizer_at(found.position, first))
    engine.load(found.tensors, found.step)
    engine.born = found.position.born


def _bytes(path: Path, payload: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(payload + MOST_HEADER + 1)
    except OSError as error:
        raise CheckpointError(f"{plain_text(str(path))}: {error.strerror or error}") from None
    if len(data) > payload + MOST_HEADER:
        raise _damaged(path, "it is larger than the network it belongs to")
    return data


def _metadata(path: Path, data: bytes) -> dict[str, str]:
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > len(data) - 8:
        raise _damaged(path, "it is cut off")
    try:
        found = json.loads(data[8 : 8 + size])["__metadata__"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _damaged(path, "its header cannot be read") from None
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise _damaged(path, "its header cannot be read")
    return found


def _check(path: Path, tensors: Tensors, expected: Mapping[str, tuple[int, ...]]) -> None:
    if set(tensors) != set(expected):
        raise _damaged(path, "its arrays are those of another network or optimizer")
    for name, shape in expected.items():
        values = tensors[name]
        if values.dtype != np.float32 or values.shape != shape:
            raise _damaged(path, f"{name} is {values.dtype} {values.shape}, not float32 {shape}")
        if not np.isfinite(values).all():
            raise _damaged(path, f"{name} has values that are not finite")


def _position(value: dict[str, Any]) -> Position:
    loss, correct, examples = value["totals"]
    best, best_epoch = value["best_loss"], int(value["best_epoch"])
    gained = value.get("gained_loss", best)  # not in the files of 0.1
    found = Position(
        epoch=int(value["epoch"]),
        batch=int(value["batch"]),
        rate=float(value["rate"]),
        totals=Totals(float(loss), int(correct), int(examples)),
        seconds=float(value["seconds"]),
        examples=int(value["examples"]),
        best_epoch=best_epoch,
        best_loss=math.inf if best is None else float(best),
        watched=str(value.get("watched", "")),
        gained_epoch=int(value.get("gained_epoch", best_epoch)),
        gained_loss=math.inf if gained is None else float(gained),
        # None of these is in the files of 0.1.
        step=int(value.get("step", UNKNOWN)),
        done=int(value.get("done", UNKNOWN)),
        since=int(value.get("since", 0)),
        best_step=int(value.get("best_step", UNKNOWN)),
        born=int(value.get("born", 0)),
        changes=read_changes(value.get("changes", [])),
        interventions=int(value.get("interventions", 0)),
    )
    numbers = (found.rate, found.totals.loss, found.seconds)
    counts = (found.epoch - 1, found.batch, correct, examples, found.examples, best_epoch, found.gained_epoch)
    if not all(map(math.isfinite, numbers)) or found.rate <= 0 or min(counts) < 0:
        raise ValueError
    later = (found.since, found.born, found.interventions, found.done, found.best_step)
    if min(later) < (UNKNOWN if found.step == UNKNOWN else 0):
        raise ValueError
    return found


def _damaged(path: Path, why: str) -> CheckpointError:
    return CheckpointError(f"{plain_text(str(path))} is no checkpoint of this run: {why}")


def newest(folder: Path, network: Network, optimizer: Optimizer, batches: int) -> Checkpoint | None:
    """The newest sound checkpoint of a run with ``batches`` an epoch; ``None`` where there is none.

    The newest is the one written last: a run that went back has checkpoints of lower steps than before.
    """
    for step in sorted(steps_in(folder), key=lambda step: _order(path_of(folder, step), step), reverse=True):
        try:
            found = load(path_of(folder, step), network, optimizer)
        except CheckpointError:
            continue
        where = found.position
        told = (where.epoch - 1) * batches + where.batch if where.step == UNKNOWN else where.step
        if found.step == told == step:
            return found
    return None


def _order(path: Path, step: int) -> tuple[int, int]:
    """What grows from one checkpoint of a run to the next; as its header says, which nothing vouches for."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
            header = file.read(min(int.from_bytes(start, "little"), MOST_HEADER))
        details = json.loads(_metadata(path, start + header)["tuiml"])
        return int(details["position"].get("interventions", 0)), step
    except (OSError, CheckpointError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return 0, step
