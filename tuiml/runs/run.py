"""One run in hand: the trainer, and what records it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tuiml.backends.choice import Choice, build
from tuiml.backends.engine import Engine
from tuiml.data.arrays import Data
from tuiml.nn.network import Network
from tuiml.runs import checkpoints, machine, memory, pretrained
from tuiml.runs.checkpoints import Checkpoint
from tuiml.runs.errors import CheckpointError, RunError
from tuiml.runs.folder import Line, RunFolder
from tuiml.runs.saving import Saver
from tuiml.spec.preset import Preset, Training
from tuiml.spec.problems import SpecError
from tuiml.text import plain_text
from tuiml.training import Control, End, Epoch, Event, Intervention, Position, Start, Trainer
from tuiml.training.changes import SETTINGS, Change, between, in_force
from tuiml.training.course import Course
from tuiml.training.pretraining import Pretrainer


@dataclass
class Run:
    """One run in hand: the trainer and what records it."""

    preset: Preset
    network: Network
    data: Data
    chosen: Choice
    control: Control
    watched: bool
    shares: int
    script: Sequence[Change] = ()
    """Changes to be made at their steps: the run is done again."""
    until: int | None = None
    """The step to stop at then."""
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

    def go_on(self, folder: RunFolder, kept: Preset, asked: Collection[str], before: Line) -> None:
        """Take up the run in ``folder`` where its newest sound checkpoint left it, or from its start.

        Args:
            kept: the preset in the folder; the run's own may have other settings.
            asked: the names of these.
            before: the start of the session before this one.
        """
        training = self.preset.training
        found = checkpoints.newest(folder.path, self.network, training.optimizer, self.batches)
        position, best, change = Position(rate=training.rate), None, None
        sound: list[int] = []
        if found:
            position = Course(training, len(self.data.train), False).complete(found.position)
            training, change = self._settle(kept.training, position, asked)
            if position.epoch > training.epochs:
                text = f"the {training.epochs} epochs of '{folder.name}' are done; lengthen it with"
                raise RunError(f"{text} --set training.epochs={training.epochs + 10}")
            sound, best = self._take_up(folder, found, position)
        elif self.preset.pretraining is not None:
            self.pretrainer = pretrained.take_up(
                folder.path, self.preset, self.network, self.data, self.control
            )
        try:
            pretrained_now = self.pretrainer.layers_done if self.pretrainer else math.inf
            folder.rewind(found.step if found else 0, pretrained_now, position.interventions)
            self._record_into(folder, position, sound, best, change)
            self.start = replace(self.start, note=other_conditions(before, self.start))
            if change is None and self.preset != kept:
                folder.write_preset(self.preset)
        except OSError as error:
            raise cannot_write(folder, error) from None

    def _settle(
        self, kept: Training, position: Position, asked: Collection[str]
    ) -> tuple[Training, Change | None]:
        """Have the settings that go on from a checkpoint; what changes with them, to be recorded.

        A session that was cut off may have changed the checkpoint's, and not yet the preset's in the folder.
        """
        before = in_force(kept, [change for change in position.changes if change.what == SETTINGS])
        new = {name: getattr(self.preset.training, name) for name in asked}
        after = before.model_copy(update=new)
        self.preset = self.preset.model_copy(update={"training": after})
        return after, between(position.step, before, after, asked)

    def _take_up(self, folder: RunFolder, found: Checkpoint, where: Position) -> tuple[list[int], Any]:
        """Load a checkpoint; the steps of the sound ones, and the state to end with, if not the last."""
        best = where.best_step
        other = self._checkpoint(folder, best) if best not in (0, found.step) else None
        kept = None
        if self.preset.training.early_stopping.restores() and (other or best == found.step):
            checkpoints.put_into(self.engine, other or found, self.preset.training.optimizer)
            kept = self.engine.snapshot()
        checkpoints.put_into(self.engine, found, self.preset.training.optimizer)
        return [found.step, *([best] if other else [])], kept

    def _checkpoint(self, folder: RunFolder, step: int) -> Checkpoint | None:
        """The checkpoint of a step, if it is there and sound."""
        path = checkpoints.path_of(folder.path, step)
        try:
            return checkpoints.load(path, self.network, self.preset.training.optimizer)
        except CheckpointError:
            return None

    def _record_into(
        self,
        folder: RunFolder,
        position: Position | None,
        sound: list[int],
        best: Any = None,
        change: Change | None = None,
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
            script=self.script,
            until=self.until,
            room=memory.for_moments(self.preset, self.network),
            allow=self._allow,
        )
        self.changed = self.trainer.change(change) if change else None
        """What this session changes before its first step."""
        self.start = self._start()
        details = {
            "preset": self.preset.document(),
            "run": folder.name,
            "backend": self.start.backend,
            "threads": self.start.threads,
            "versions": self.start.versions,
        }
        self.saver = Saver(folder, self.trainer, details, sound)
        self.kept = pretrained.Kept(folder, self.trainer, details)

    def _allow(self, training: Training) -> None:
        """Refuse settings that this machine has not the memory for.

        Raises:
            ValueError: with the memory that is missing.
        """
        try:
            preset = self.preset.model_copy(update={"training": training})
            memory.refuse_if_short(preset, self.network, chosen=self.chosen)
        except SpecError as error:
            raise ValueError(error.problems[0].message) from None

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
            batch_size=self.trainer.training.batch_size,
            epochs=self.trainer.training.epochs,
            steps=self.trainer.steps,
            seed=self.preset.training.seed,
            versions=machine.versions(self.engine.name),
            watched=self.trainer.position.watched,
        )

    def events(self) -> Generator[Event]:
        """Train, record, save; however it ends, the folder is let go."""
        ended = False
        try:
            yield self._record(self.start)
            if self.changed is not None:
                line = self._record(self.changed)
                self._changed(self.changed)
                self.folder.write_preset(self.preset)  # last: the checkpoint knows, should this be cut off
                yield line
            if self.pretrainer is not None:
                yield from self._pretrain(self.pretrainer)
            for event in self.trainer.events():
                if isinstance(event, End):
                    ended = True
                    event = replace(event, run=self.folder.name, path=str(self.folder.path))
                    self._save()
                line = self._record(event)
                if isinstance(event, Epoch):
                    self.saver.epoch(event.epoch)
                if isinstance(event, Intervention):
                    self._changed(event)
                yield line
            if self.control.lingers:
                self.folder.close()  # it is all there: others may go on with it
                yield from self.trainer.answers.linger()
        except OSError as error:
            ended = True  # the disk is full: nothing more can be saved
            raise cannot_write(self.folder, error) from None
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

    def _changed(self, event: Intervention) -> None:
        """Make durable that something was changed by hand: its line first, which a checkpoint counts on."""
        self.folder.sync()
        self.saver.changed(event.what)

    def _save(self) -> None:
        if self.pretrainer is None:
            self.saver.save()
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


def other_conditions(before: Line, start: Start) -> str:
    """What is not as it was in a run's last session, in a line: the bits may then differ. Else empty."""
    changed = differing(before, start)
    return "goes on under other conditions, so not to the same bits: " + "; ".join(changed) if changed else ""


def differing(before: Line, start: Start) -> list[str]:
    """What on which the bits depend is not as it was in a session."""
    versions = before.get("versions")
    old = {"backend": before.get("backend"), "threads": before.get("threads")}
    if isinstance(versions, dict) and versions:
        old |= {"numba": machine.NOT_USED, **versions}
    new = {"backend": start.backend, "threads": start.threads, **start.versions}
    return [
        f"{name} {plain_text(str(old[name]))[:60]} before, now {value}"
        for name, value in new.items()
        if old.get(name) not in (None, value)
    ]


def cannot_write(folder: RunFolder, error: OSError) -> RunError:
    return RunError(f"cannot write in {folder.path}: {error.strerror or error}", code=1)
