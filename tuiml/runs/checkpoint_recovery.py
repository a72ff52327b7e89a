"""Finds the checkpoint that a run resumes from, and restores lost or damaged files of its folder."""

from __future__ import annotations

import contextlib
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuiml.data.datasets import datasets
from tuiml.data.own.reading import DataFiles
from tuiml.nn.optimizers import SGD
from tuiml.runs import checkpoint_file, checkpoints, memory_estimate
from tuiml.runs.checkpoints import Checkpoint
from tuiml.runs.errors import CheckpointError, ForeignError, RunError, UnreadableError
from tuiml.runs.folder import INITIAL, PRESET
from tuiml.runs.last_session import last_session
from tuiml.runs.preparation import PreparedRun
from tuiml.runs.watched import refuse_watched
from tuiml.spec import check, toml
from tuiml.spec.library import read
from tuiml.spec.preset import Preset
from tuiml.spec.problems import SpecError
from tuiml.text import plain_text
from tuiml.training.interventions import RESUMABLE
from tuiml.training.schedule_state import Position


@dataclass(frozen=True)
class Survey:
    """The checkpoints found in the folder of a run."""

    newest: Checkpoint | None = None
    """The newest sound checkpoint of this run."""
    refused: dict[int, CheckpointError] = field(default_factory=dict)
    """The steps of newer ones, with the error of each."""
    identity: str = field(default_factory=lambda: secrets.token_hex(8))
    """The run's identity, which its first file and all its checkpoints name; a new one if they name none."""

    @property
    def note(self) -> str:
        """Which checkpoints cannot be used and why, in one line; empty if there are none."""
        if not self.refused:
            return ""
        names = ", ".join(checkpoints.path_of(Path(), step).name for step in self.refused)
        why = str(next(iter(self.refused.values()))).rpartition(": ")[2]
        goes_on = f"goes on from step {self.newest.step}" if self.newest else "begins anew"
        return f"{goes_on}, for {names} cannot be used ({why})"

    @property
    def spared(self) -> frozenset[int]:
        """The steps of those that must not be removed: they belong to another run, or may be sound."""
        kinds = (ForeignError, UnreadableError)
        return frozenset(step for step, error in self.refused.items() if isinstance(error, kinds))


def survey(folder: Path, prepared: PreparedRun) -> Survey:
    """Find the newest sound checkpoint of the prepared run in a folder.

    Raises:
        RunError: there are sound ones, but none of this preset, which was edited in the folder.
    """
    preset, network, batches = prepared.preset, prepared.network, prepared.batches
    known = _identity_in(_details(folder / INITIAL))
    refused: dict[int, CheckpointError] = {}
    stranger: Checkpoint | None = None
    for step in checkpoints.newest_first(folder):
        try:
            found = checkpoints.load_of(folder, step, network, preset.training.optimizer, batches)
            _refuse_other(found.path, found.details, preset)
        except CheckpointError as error:
            refused[step] = _why(error, folder, step, preset)
            continue
        own = _identity_in(found.details)
        if not known or not own or own == known:
            return _found(found, refused, own or known)
        stranger = stranger or found
        refused[step] = ForeignError(f"{plain_text(str(found.path))}: it is of another run")
    if stranger:  # none fits the run's first file: it is that one which is of another run
        older = {step: error for step, error in refused.items() if step > stranger.step}
        return Survey(stranger, older, _identity_in(stranger.details))
    for other in refused.values():
        if isinstance(other, ForeignError):
            raise RunError(f"{other}; put back the {PRESET} it belongs to, or train this one as a new run")
    return _found(None, refused, known)


def _found(newest: Checkpoint | None, refused: dict[int, CheckpointError], identity: str) -> Survey:
    return Survey(newest, refused, identity) if identity else Survey(newest, refused)


def _why(error: CheckpointError, folder: Path, step: int, preset: Preset) -> CheckpointError:
    """The real error of a checkpoint that does not fit: one of another preset is not damaged."""
    if isinstance(error, UnreadableError | ForeignError):
        return error
    path = checkpoints.path_of(folder, step)
    details = _details(path)
    if details is not None:
        try:
            _refuse_other(path, details, preset)
        except ForeignError as other:
            return other
    return error


def _refuse_other(path: Path, details: Any, preset: Preset) -> None:
    """Raise ForeignError for a sound checkpoint that was trained with another preset."""
    other = _preset_in(details, path.parent)
    if other is None:
        raise ForeignError(f"{plain_text(str(path))}: it has no preset that can be used")
    parts = ("data", "layers", "pretraining")
    differ = [name for name in parts if getattr(other, name) != getattr(preset, name)]
    one, two = (chosen.training.model_dump(exclude=set(RESUMABLE)) for chosen in (other, preset))
    differ += [f"training.{name}" for name in one if one[name] != two[name]]
    if differ:
        text = f"it was trained with another preset than {PRESET} ({', '.join(differ)} differ)"
        raise ForeignError(f"{plain_text(str(path))}: {text}")


def _details(path: Path) -> Any:
    """The JSON text of a sound checkpoint file; ``None`` if it is damaged."""
    try:
        return json.loads(checkpoint_file.read_text(path, memory_estimate.machine()))
    except (CheckpointError, ValueError, RecursionError):
        return None


def _preset_in(details: Any, folder: Path) -> Preset | None:
    document = details.get("preset") if isinstance(details, dict) else None
    if not isinstance(document, dict):
        return None
    try:
        return check(_as_before(toml.migrate(document), folder), DataFiles())[0]
    except (ValueError, ArithmeticError, RecursionError):  # it may hold what no TOML file can
        return None


def _identity_in(details: Any) -> str:
    found = details.get("identity") if isinstance(details, dict) else None
    return found if isinstance(found, str) and len(found) <= 64 else ""


def preset_document(folder: Path) -> tuple[dict[str, Any], str]:
    """The tables of a run's preset, and the checkpoint they are from if its own file cannot be used.

    Raises:
        SpecError: the file has problems, and no sound checkpoint has the preset.
        RunError: it is a loop of the user's own, which has none.
    """
    refuse_watched(folder)
    try:
        document = _as_before(read(folder / PRESET), folder)
        preset, problems = check(document, DataFiles())
        if preset is not None:
            return document, ""
        error = SpecError(problems)
    except SpecError as found:
        error = found
    for step in checkpoints.newest_first(folder):
        path = checkpoints.path_of(folder, step)
        preset = _preset_in(_details(path), folder)
        if preset is not None:
            return preset.document(), path.name
    raise error


def _as_before(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A run's document whose file is read for the target it had: 0.2 took other numbers for classes."""
    data = document.get("data")
    if not isinstance(data, dict) or "path" not in data or "predict" in data:
        return document
    try:
        found = datasets.read(data, DataFiles()).target
    except ValueError:  # pydantic's errors are ValueErrors; the check names them
        return document
    before = last_session(folder).target
    return document if before in ("", found) else {**document, "data": {**data, "predict": before}}


def mend_initial(folder: Path, prepared: PreparedRun, found: Survey) -> str:
    """Write a run's initial values anew if their file is lost, damaged or another run's.

    Args:
        prepared: with the engine as it was built: it has the same initial values, except for pretraining.

    Returns:
        What was done, in one line; empty if nothing was needed or possible.
    """
    path, preset = folder / INITIAL, prepared.preset
    expected = checkpoints.shapes(prepared.network, SGD())  # SGD: it adds no arrays of its own
    try:
        _, text = checkpoint_file.read(path, lambda _: expected, len(expected))
        own = _identity_in(json.loads(text))
        if not own or own == found.identity:
            return ""
    except (CheckpointError, ValueError, RecursionError) as error:
        if isinstance(error, UnreadableError) and path.exists():
            return ""
    if preset.pretraining is not None:
        return f"{INITIAL} is lost" if found.newest else ""
    details = found.newest.details if found.newest else {"preset": preset.document()}
    start = Position(rate=preset.training.rate)
    with contextlib.suppress(OSError):  # it is for display only: no run resumes from it
        checkpoints.write(path, prepared.engine.tensors(), 0, start, {**details, "identity": found.identity})
        return f"{INITIAL} was lost or damaged and is written anew"
    return ""
