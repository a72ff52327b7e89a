"""A run from a preset to its last checkpoint: what ``tuiml train`` and the app's worker both drive."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tuiml.backends.choice import BackendError, Choice, build
from tuiml.backends.choice import choose as choose_backend
from tuiml.backends.engine import Engine
from tuiml.data.arrays import Data
from tuiml.nn.network import Network
from tuiml.registry import short
from tuiml.runs import checkpoints, library, machine, memory, pretrained, threads
from tuiml.runs.checkpoints import Checkpoint
from tuiml.runs.errors import CheckpointError, RunError
from tuiml.runs.folder import PRESET, Line, RunFolder, last_start, refuse_taken
from tuiml.runs.loading import load
from tuiml.runs.saving import Saver
from tuiml.spec import check, network_of
from tuiml.spec.edit import assign, split
from tuiml.spec.library import read
from tuiml.spec.preset import Preset
from tuiml.spec.problems import SpecError
from tuiml.text import plain_text
from tuiml.training import Control, End, Epoch, Event, Position, Start, Trainer
from tuiml.training.pretraining import Pretrainer

CHANGEABLE = (["training", "epochs"], ["training", "learning_rate"], ["training", "early_stopping"])
"""What may change when a run goes on: anything else would be another run."""


def run(
    preset: Preset,
    *,
    name: str | None = None,
    backend: str = "auto",
    control: Control | None = None,
    watched: bool = False,
    shares: int | None = None,
) -> Generator[Event]:
    """Train a preset into a run folder of its own, telling what happens; the last event is :class:`End`.

    Nothing is written before the data is loaded and the first step can be taken. However the generator ends,
    the state is saved.

    Args:
        name: the run's; else one made of the preset's name and the time.
        control: to pause and stop it, from another thread.
        watched: whether somebody looks on: more of the events about batches and of the pictures.
        shares: threads that a batch is split for; else as :mod:`tuiml.runs.threads` settled.

    Raises:
        SpecError: this machine, or its GPU, lacks the memory for it.
        DataError: the data is missing or damaged.
        RunError: the name is taken, the backend is not here, or nothing can be written.
        Cancelled: it was stopped before it began.
    """
    chosen = choose(backend)
    network = network_of(preset)
    memory.refuse_if_short(preset, network, chosen=chosen)
    if name is not None:
        refuse_taken(name)
    control = control or Control()
    data = yield from load(preset, control)
    session = _Session(preset, network, data, chosen, control, watched, shares or threads.count())
    folder = RunFolder.create(preset, name)
    try:
        session.begin(folder)
    except OSError as error:
        folder.discard()
        raise _cannot_write(folder, error) from None
    except BaseException:
        folder.discard()
        raise
    yield from session.events()


def resume(
    word: str | Path,
    settings: Sequence[str] = (),
    *,
    backend: str = "auto",
    control: Control | None = None,
    watched: bool = False,
) -> Generator[Event]:
    """Go on with a run from its newest sound checkpoint, with the same bits as if it had never stopped.

    Args:
        word: the run's name or its folder.
        settings: ``PATH=VALUE`` of the number of epochs, the learning rate or early stopping.

    Raises:
        SpecError: a setting is wrong, or this machine lacks the memory for the network.
        DataError: the data is missing or damaged.
        RunError: there is no such run, another process is at it, or all its epochs are done.
        Cancelled: it was stopped before it went on.
    """
    chosen = choose(backend)
    folder = RunFolder.reopen(library.find(str(word)))
    try:
        preset = _changed(folder.path, settings)
        network = network_of(preset)
        memory.refuse_if_short(preset, network, chosen=chosen)
        control = control or Control()
        data = yield from load(preset, control)
        before = last_start(folder.path)
        session = _Session(preset, network, data, chosen, control, watched, _shares_of(before))
        new_rate = any(split(s.partition("=")[0].strip()) == CHANGEABLE[1] for s in settings)
        session.go_on(folder, new_rate, bool(settings))
        session.compare(before)
        yield from session.events()
    finally:
        folder.close()


def choose(backend: str) -> Choice:
    """The backend that a name means here.

    Raises:
        RunError: there is no such backend here.
    """
    try:
        return choose_backend(backend)
    except BackendError as error:
        raise RunError(str(error)) from None


def _changed(path: Path, settings: Sequence[str]) -> Preset:
    """The run's preset with what was asked for."""
    document = read(path / PRESET)
    for setting in settings:
        if split(setting.partition("=")[0].strip())[:2] not in CHANGEABLE:
            *some, last = [".".join(part) for part in CHANGEABLE]
            allowed = f"{', '.join(some)} and {last}"
            text = f"--set {short(setting)}: a run that goes on can change only {allowed}; train anew"
            raise RunError(text)
        document = assign(document, setting)
    preset, problems = check(document)
    if preset is None:
        raise SpecError(problems)
    return preset


def _shares_of(start: Line) -> int:
    """The threads of a run's last start, with which it goes on: the same bits."""
    found = start.get("threads")
    return found if isinstance(found, int) and 1 <= found <= threads.LIMIT else threads.count()


def _cannot_write(folder: RunFolder, error: OSError) -> RunError:
    return RunError(f"cannot write in {folder.path}: {error.strerror or error}", code=1)


# -- training ---------------------------------------------------------------------------------------------


@dataclass
class _Session:
    """One run in hand: the trainer and what records it."""

    preset: Preset
    network: Network
    data: Data
    chosen: Choice
    control: Control
    watched: bool
    shares: int
    start: Start = field(init=False)

    def __post_init__(self) -> None:
        training = self.preset.training
        self.pretrainer: Pretrainer | None = None
        """Where layers are still to be pretrained; until they are, there is nothing to go on from."""
        self.batches = -(-len(self.data.train) // training.batch_size)
        try:
            self.engine: Engine = build(
                self.chosen,
                self.network,
                training.optimizer,
                self.data,
                training.seed,
                training.penalties,
                self.shares,
            )
        except MemoryError:
            raise RunError("there is not enough free memory for the network", code=1) from None

    def begin(self, folder: RunFolder) -> None:
        """Write what a run starts with."""
        self._record_into(folder, None, [])
        if self.preset.pretraining is None:
            self.saver.initial()
        else:
            self.pretrainer = Pretrainer(self.preset, self.network, self.data, self.control)

    def go_on(self, folder: RunFolder, new_rate: bool, changed: bool) -> None:
        """Take up the run in ``folder`` where its newest sound checkpoint left it, or from its start."""
        training = self.preset.training
        found = checkpoints.newest(folder.path, self.network, training.optimizer, self.batches)
        position, step, sound, kept = Position(rate=training.rate), 0, [], None
        if found:
            position, step, sound = found.position, found.step, [found.step]
            if position.epoch > training.epochs:
                text = f"the {training.epochs} epochs of '{folder.name}' are done; lengthen it with"
                raise RunError(f"{text} --set training.epochs={training.epochs + 10}")
            best = position.best_epoch * self.batches
            other = self._checkpoint(folder, best) if best not in (0, step) else None
            if other:
                sound.append(best)
            if training.early_stopping.restores() and (other or best == step):
                at_best = other or found
                self.engine.load(at_best.tensors, best)
                kept = self.engine.snapshot()
            self.engine.load(found.tensors, step)
            if new_rate:
                position = replace(position, rate=training.rate)
        elif self.preset.pretraining is not None:
            self.pretrainer = pretrained.take_up(
                folder.path, self.preset, self.network, self.data, self.control
            )
        try:
            folder.rewind(step, self.pretrainer.layers_done if self.pretrainer else math.inf)
            if changed:
                folder.write_preset(self.preset)
        except OSError as error:
            raise _cannot_write(folder, error) from None
        self._record_into(folder, position, sound, kept)

    def compare(self, before: Line) -> None:
        """Say in the start event what is not as it was in the last session: the bits may then differ."""
        now = self.start.to_json()
        versions = before.get("versions")
        old = {"backend": before.get("backend"), "threads": before.get("threads")}
        old |= versions if isinstance(versions, dict) else {}
        new = {"backend": now["backend"], "threads": now["threads"], **self.start.versions}
        changed = [
            f"{name} {plain_text(str(old[name]))[:60]} before, now {value}"
            for name, value in new.items()
            if old.get(name) not in (None, value)
        ]
        if changed:
            text = "goes on under other conditions, so not to the same bits: "
            self.start = replace(self.start, note=text + "; ".join(changed))

    def _checkpoint(self, folder: RunFolder, step: int) -> Checkpoint | None:
        """The checkpoint of a step, if it is there and sound."""
        path = checkpoints.path_of(folder.path, step)
        try:
            return checkpoints.load(path, self.network, self.preset.training.optimizer)
        except CheckpointError:
            return None

    def _record_into(
        self, folder: RunFolder, position: Position | None, sound: list[int], best: Any = None
    ) -> None:
        self.folder = folder
        self.trainer = Trainer(
            self.preset,
            self.network,
            self.data,
            self.engine,
            self.control,
            watched=self.watched,
            position=position,
            best=best,
        )
        self.start = self._start()
        details = {
            "preset": self.preset.document(),
            "run": folder.name,
            "backend": self.start.backend,
            "threads": self.start.threads,
            "versions": self.start.versions,
        }
        self.saver = Saver(folder, self.trainer, self.batches, details, sound)
        self.kept = pretrained.Kept(folder, self.trainer, details)

    def _start(self) -> Start:
        return Start(
            run=self.folder.name,
            path=str(self.folder.path),
            backend=self.engine.name,
            device=self.chosen.device,
            threads=self.shares,
            parameters=self.network.size,
            train_examples=len(self.data.train),
            validation_examples=len(self.data.validation),
            test_examples=len(self.data.test),
            batch_size=self.preset.training.batch_size,
            epochs=self.preset.training.epochs,
            steps=self.trainer.steps,
            seed=self.preset.training.seed,
            versions=machine.versions(),
            watched=self.trainer.position.watched,
        )

    def events(self) -> Generator[Event]:
        """Train, record, save; however it ends, the folder is let go."""
        ended = False
        try:
            yield self._record(self.start)
            if self.pretrainer is not None:
                yield from self._pretrain(self.pretrainer)
            for event in self.trainer.events():
                if isinstance(event, End):
                    ended = True
                    event = replace(event, run=self.folder.name, path=str(self.folder.path))
                    self._save(fell_back=event.reason == "diverged")
                line = self._record(event)
                if isinstance(event, Epoch):
                    self.saver.epoch(event.epoch)
                yield line
        except OSError as error:
            ended = True  # the disk is full: nothing more can be saved
            raise _cannot_write(self.folder, error) from None
        finally:
            try:
                if not ended:
                    self._rescue()
            finally:
                self.engine.close()
                self.folder.close()

    def _record(self, event: Event) -> Event:
        self.folder.record(event.to_json())
        return event

    def _rescue(self) -> None:
        """Save what there is when the run ends without an end: an error, or nobody listens any more."""
        with contextlib.suppress(OSError):  # what ended the run is told already
            self._save()

    def _save(self, *, fell_back: bool = False) -> None:
        if self.pretrainer is None:
            self.saver.save(fell_back=fell_back)
        else:
            self.kept.keep(self.pretrainer)

    def _pretrain(self, pretrainer: Pretrainer) -> Generator[Event]:
        """Pretrain, or as far as it goes; then the engine has what was learned."""
        for event in pretrainer.events(self.trainer.attend):
            line = self._record(event)
            self.kept.keep(pretrainer)
            yield line
        self.trainer.start_from(pretrainer.tensors())
        if pretrainer.message:
            self.trainer.refuse(pretrainer.message)
        if pretrainer.complete:
            self.pretrainer = None  # from here on the run goes on from its checkpoints
            self.saver.initial()
            self.saver.save()
            self.kept.forget()
