"""Which of a folder's checkpoints a run goes on from, and what a lost or damaged file of it does to that."""

from __future__ import annotations

import contextlib
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuiml.backends.engine import Engine
from tuiml.data.own.reading import DataFiles
from tuiml.nn.network import Network
from tuiml.nn.optimizers import SGD
from tuiml.runs import checkpoint_file, checkpoints, memory_estimate
from tuiml.runs.checkpoints import Checkpoint
from tuiml.runs.errors import CheckpointError, ForeignError, RunError, UnreadableError
from tuiml.runs.folder import INITIAL, PRESET
from tuiml.spec import check, toml
from tuiml.spec.library import read
from tuiml.spec.preset import Preset
from tuiml.spec.problems import SpecError
from tuiml.text import plain_text
from tuiml.training.schedule_state import Position

MAY_CHANGE = {"epochs", "learning_rate", "early_stopping"}
"""Of training: a run that goes on may have others than the checkpoint it goes on from."""


@dataclass(frozen=True)
class Found:
    """What a run goes on from."""

    newest: Checkpoint | None = None
    """The newest sound checkpoint of this run."""
    refused: dict[int, CheckpointError] = field(default_factory=dict)
    """The steps of newer ones, with what is wrong with them."""
    identity: str = field(default_factory=lambda: secrets.token_hex(8))
    """The run's, which its first file and all its checkpoints name; a new one where they name none."""

    @property
    def note(self) -> str:
        """What was passed over, in a line; empty: nothing."""
        if not self.refused:
            return ""
        names = ", ".join(checkpoints.path_of(Path(), step).name for step in self.refused)
        why = str(next(iter(self.refused.values()))).rpartition(": ")[2]
        goes_on = f"goes on from step {self.newest.step}" if self.newest else "begins anew"
        return f"{goes_on}, for {names} cannot be used ({why})"

    @property
    def spared(self) -> frozenset[int]:
        """The steps of those that are not to be removed: they are not ours, or may be sound."""
        kinds = (ForeignError, UnreadableError)
        return frozenset(step for step, error in self.refused.items() if isinstance(error, kinds))


def survey(folder: Path, preset: Preset, network: Network, batches: int) -> Found:
    """Look for the newest sound checkpoint of the run with this preset.

    Raises:
        RunError: there are sound ones, but none of this preset: it was changed by hand.
    """
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
        return Found(stranger, older, _identity_in(stranger.details))
    for other in refused.values():
        if isinstance(other, ForeignError):
            raise RunError(f"{other}; put back the {PRESET} it belongs to, or train this one as a new run")
    return _found(None, refused, known)


def _found(newest: Checkpoint | None, refused: dict[int, CheckpointError], identity: str) -> Found:
    return Found(newest, refused, identity) if identity else Found(newest, refused)


def _why(error: CheckpointError, folder: Path, step: int, preset: Preset) -> CheckpointError:
    """What is really wrong with a checkpoint that does not fit: one of another preset is not damaged."""
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
    """Refuse a sound checkpoint that was trained with another preset than the run's."""
    other = _preset_in(details)
    if other is None:
        raise ForeignError(f"{plain_text(str(path))}: it has no preset that can be used")
    parts = ("data", "layers", "pretraining")
    differ = [name for name in parts if getattr(other, name) != getattr(preset, name)]
    one, two = (chosen.training.model_dump(exclude=MAY_CHANGE) for chosen in (other, preset))
    differ += [f"training.{name}" for name in one if one[name] != two[name]]
    if differ:
        text = f"it was trained with another preset than {PRESET} ({', '.join(differ)} differ)"
        raise ForeignError(f"{plain_text(str(path))}: {text}")


def _details(path: Path) -> Any:
    """What a sound sealed file of any arrays says; ``None`` where it is damaged."""
    try:
        return json.loads(checkpoint_file.read_text(path, memory_estimate.machine()))
    except (CheckpointError, ValueError, RecursionError):
        return None


def _preset_in(details: Any) -> Preset | None:
    document = details.get("preset") if isinstance(details, dict) else None
    if not isinstance(document, dict):
        return None
    try:
        return check(toml.migrate(document), DataFiles())[0]
    except (ValueError, ArithmeticError, RecursionError):  # it may hold what no TOML file can
        return None


def _identity_in(details: Any) -> str:
    found = details.get("identity") if isinstance(details, dict) else None
    return found if isinstance(found, str) and len(found) <= 64 else ""


def preset_document(folder: Path) -> tuple[dict[str, Any], str]:
    """The tables of a run's preset; and, where its file cannot be used, which checkpoint they are from.

    Raises:
        SpecError: what is wrong with the file; and no sound checkpoint has the preset.
    """
    try:
        document = read(folder / PRESET)
        preset, problems = check(document, DataFiles())
        if preset is not None:
            return document, ""
        error = SpecError(problems)
    except SpecError as found:
        error = found
    for step in checkpoints.newest_first(folder):
        path = checkpoints.path_of(folder, step)
        preset = _preset_in(_details(path))
        if preset is not None:
            return preset.document(), path.name
    raise error


def mend_initial(folder: Path, preset: Preset, network: Network, engine: Engine, found: Found) -> str:
    """Write the values that a run started from anew, where their file is lost, damaged or another run's.

    Args:
        engine: as it was built: the same values again, but for pretraining.

    Returns:
        That it was done, in a line; empty: it was not needed, or cannot be.
    """
    path = folder / INITIAL
    expected = checkpoints.shapes(network, SGD())  # SGD: it adds no arrays of its own
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
    with contextlib.suppress(OSError):  # it is to be looked at, and nothing goes on from it
        checkpoints.write(path, engine.tensors(), 0, start, {**details, "identity": found.identity})
        return f"{INITIAL} was lost or damaged and is written anew"
    return ""
