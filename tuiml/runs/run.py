"""One run in hand: the trainer, and what records it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any

from tuiml.backends.choice import Choice, build
from tuiml.backends.engine import Engine
from tuiml.data.arrays import Data
from tuiml.nn.network import Network
from tuiml.runs import checkpoints, machine, pretrained
from tuiml.runs.checkpoints import Checkpoint
from tuiml.runs.errors import CheckpointError, RunError
from tuiml.runs.folder import Line, RunFolder
from tuiml.runs.saving import Saver
from tuiml.spec.preset import Preset
from tuiml.text import plain_text
from tuiml.training import Control, End, Epoch, Event, Notice, Position, Start, Trainer
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

    def go_on(self, folder: RunFolder, new_rate: bool, changed: bool, before: Line) -> None:
        """Take up the run in ``folder`` where its newest sound checkpoint left it, or from its start.

        Args:
            new_rate: the preset's learning rate replaces the checkpoint's.
            changed: the preset is not the one in the folder.
            before: the start of the session before this one.
        """
        training = self.preset.training
        found = checkpoints.newest(folder.path, self.network, training.optimizer, self.batches)
        position, step, best = Position(rate=training.rate), 0, None
        sound: list[int] = []
        if found:
            position, step = found.position, found.step
            if position.epoch > training.epochs:
                text = f"the {training.epochs} epochs of '{folder.name}' are done; lengthen it with"
                raise RunError(f"{text} --set training.epochs={training.epochs + 10}")
            sound, best = self._take_up(folder, found)
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
            raise cannot_write(folder, error) from None
        self._record_into(folder, position, sound, best)
        self.start = replace(self.start, note=other_conditions(before, self.start))

    def _take_up(self, folder: RunFolder, found: Checkpoint) -> tuple[list[int], Any]:
        """Load a checkpoint; the steps of the sound ones, and the state to end with, if not the last."""
        best = found.position.best_epoch * self.batches
        other = self._checkpoint(folder, best) if best not in (0, found.step) else None
        kept = None
        if self.preset.training.early_stopping.restores() and (other or best == found.step):
            self.engine.load((other or found).tensors, best)
            kept = self.engine.snapshot()
        self.engine.load(found.tensors, found.step)
        return [found.step, *([best] if other else [])], kept

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
            versions=machine.versions(self.engine.name),
            watched=self.trainer.position.watched,
            data=self.data.fingerprint,
        )

    def events(self) -> Generator[Event]:
        """Train, record, save; however it ends, the folder is let go."""
        ended = False
        try:
            yield self._record(self.start)
            for about, text in self.data.notices:
                yield self._record(Notice(about, text, self.engine.step_number))
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


def other_conditions(before: Line, start: Start) -> str:
    """What is not as it was in a run's last session, in a line: the bits may then differ. Else empty."""
    versions = before.get("versions")
    old = {"backend": before.get("backend"), "threads": before.get("threads")}
    if isinstance(versions, dict) and versions:
        old |= {"numba": machine.NOT_USED, **versions}
    new = {"backend": start.backend, "threads": start.threads, **start.versions}
    changed = [
        f"{name} {plain_text(str(old[name]))[:60]} before, now {value}"
        for name, value in new.items()
        if old.get(name) not in (None, value)
    ]
    if _differ(before.get("data"), start.data):
        changed.append("its data is not what it was")
    return "goes on under other conditions, so not to the same bits: " + "; ".join(changed) if changed else ""


def _differ(before: object, now: str) -> bool:
    """Whether data is known to be another: fingerprints that are there and differ."""
    return isinstance(before, str) and before not in ("", now) and now != ""


def cannot_write(folder: RunFolder, error: OSError) -> RunError:
    return RunError(f"cannot write in {folder.path}: {error.strerror or error}", code=1)
