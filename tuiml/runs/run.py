"""One run in hand: the trainer, and what records it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tuiml.backends.choice import Choice, build
from tuiml.backends.engine import Engine
from tuiml.data.arrays import Data
from tuiml.nn.network import Network
from tuiml.runs import checkpoint_recovery, checkpoints, environment, memory_estimate, pretrained_layers
from tuiml.runs.checkpoint_policy import Saver
from tuiml.runs.checkpoint_recovery import Found
from tuiml.runs.checkpoints import Checkpoint
from tuiml.runs.errors import CheckpointError, RunError
from tuiml.runs.folder import PRESET, Line, RunFolder
from tuiml.runs.run_recorder import Recorder
from tuiml.spec.preset import Preset, Training
from tuiml.spec.problems import SpecError
from tuiml.text import plain_text
from tuiml.training.events import End, Epoch, Event, Notice, Start, State
from tuiml.training.interventions import SETTINGS, Change, between, in_force
from tuiml.training.pretraining import Pretrainer
from tuiml.training.run_control import RunControl
from tuiml.training.schedule_state import Position, ScheduleState
from tuiml.training.trainer import Trainer


@dataclass
class Run:
    """One run in hand: the trainer and what records it."""

    preset: Preset
    network: Network
    data: Data
    chosen: Choice
    control: RunControl
    watched: bool
    shares: int
    save_every: float | None = None
    """Seconds between two checkpoints; ``None``: as :mod:`tuiml.runs.checkpoint_policy` says."""
    script: Sequence[Change] = ()
    """Changes to be made at their steps: the run is done again."""
    until: int | None = None
    """The step to stop at then."""
    start: Start = field(init=False)

    def __post_init__(self) -> None:
        training = self.preset.training
        self._preset_owed = False
        """Whether the folder's preset is still that of the session before."""
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
        self._record_into(folder, None, Found())
        if self.preset.pretraining is None:
            self.saver.begin()
            self.saver.initial()
        else:
            self.pretrainer = Pretrainer(self.preset, self.network, self.data, self.control)

    def go_on(
        self,
        folder: RunFolder,
        kept: Preset,
        asked: Collection[str],
        before: Line,
        *,
        ended: bool = True,
        lost: str = "",
    ) -> None:
        """Take up the run in ``folder`` where its newest sound checkpoint left it, or from its start.

        Args:
            kept: the preset in the folder; the run's own may have other settings.
            asked: the names of these.
            before: the start of the session before this one.
            ended: that session told its end; else it was cut off, be it after its last step.
            lost: the checkpoint that ``kept`` is from, where its own file is to be written anew.
        """
        training = self.preset.training
        survey = checkpoint_recovery.survey(folder.path, self.preset, self.network, self.batches)
        found = survey.newest
        position, best, change = Position(rate=training.rate), None, None
        sound: list[int] = []
        mended = checkpoint_recovery.mend_initial(folder.path, self.preset, self.network, self.engine, survey)
        if found:
            position = ScheduleState(training, len(self.data.train), False).complete(found.position)
            training, change = self._settle(kept.training, position, asked)
            if position.epoch > training.epochs and ended:
                text = f"the {training.epochs} epochs of '{folder.name}' are done; lengthen it with"
                raise RunError(f"{text} --set training.epochs={training.epochs + 10}")
            sound, best = self._take_up(folder, found, position)
        elif self.preset.pretraining is not None:
            self.pretrainer = pretrained_layers.take_up(
                folder.path, self.preset, self.network, self.data, self.control
            )
        try:
            layers = self.pretrainer.layers_done if self.pretrainer else math.inf
            step, size = (found.step, found.metrics) if found else (0, None)
            folder.rewind(step, position.epoch, layers, known=size, interventions=position.interventions)
            self._record_into(folder, position, survey, sound, best, change)
            if change is None and (lost or self.preset != kept):
                folder.write_preset(self.preset)
        except OSError as error:
            raise cannot_write(folder, error) from None
        anew = f"{PRESET} was lost or damaged and is written anew from {lost}" if lost else ""
        notes = (anew, survey.note, mended, other_conditions(before, self.start))
        self.start = replace(self.start, note="; ".join(filter(None, notes)))

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
        survey: Found,
        sound: Sequence[int] = (),
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
            room=memory_estimate.for_moments(self.preset, self.network),
            allow=self._allow,
        )
        self.changed = self.trainer.change(change) if change else None
        """What this session changes before its first step."""
        self.start = self._start()
        details = {
            "preset": self.preset.document(),
            "run": folder.name,
            "identity": survey.identity,
            "backend": self.start.backend,
            "threads": self.start.threads,
            "versions": self.start.versions,
        }
        self.saver = Saver(folder, self.trainer, details, sound, spared=survey.spared, every=self.save_every)
        self.recorder = Recorder(folder, lambda: self.saver.newest)
        self.kept = pretrained_layers.Kept(folder, self.trainer, details)

    def _allow(self, training: Training) -> None:
        """Refuse settings that this machine has not the memory for.

        Raises:
            ValueError: with the memory that is missing.
        """
        try:
            preset = self.preset.model_copy(update={"training": training})
            memory_estimate.refuse_if_short(preset, self.network, chosen=self.chosen)
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
            versions=environment.versions(self.engine.name),
            watched=self.trainer.position.watched,
            step=self.engine.step_number,
            data=self.data.fingerprint,
        )

    def events(self) -> Generator[Event]:
        """Train, record, save; however it ends, the folder is let go.

        Raises:
            RunError: the system refuses something that training cannot do without.
        """
        ended = False
        try:
            yield from self._told(self.start)
            for about, text in self.data.notices:
                yield from self._told(Notice(about, text, self.engine.step_number))
            if idle := self.preset.training.optimizer.notice():
                yield from self._told(Notice("optimizer", idle, self.engine.step_number))
            if self.changed is not None:
                self._preset_owed = True
                yield from self._told(self.changed, self.saver.due)
            if self.pretrainer is not None:
                yield from self._pretrain(self.pretrainer)
            for event in self.trainer.events():
                if isinstance(event, End):
                    ended = True
                    yield from self._end(event)
                else:
                    yield from self._told(event, self.saver.due)
            if self.control.lingers:
                yield from self._linger()
        except OSError as error:  # what is written is the recorder's to care for: it is something else
            raise RunError(f"training cannot go on: {error.strerror or error}", code=1) from None
        finally:
            try:
                if not ended:
                    self.recorder.save(self._save)  # an error, or nobody listens any more
            finally:
                self.engine.close()
                self.folder.close()

    def _told(self, event: Event, due: Callable[[Event], bool] = lambda _: False) -> Generator[Event]:
        """Record an event, save what is due, tell it, and say what is the matter with saving."""
        self.recorder.record(event)
        paused = isinstance(event, State) and event.state == "paused"
        best = isinstance(event, Epoch) and self.saver.is_best(event)
        if self.recorder.ready(due(event), now=paused, soon=best):
            self.recorder.save(self._save)
        yield event
        yield from self.recorder.changes(self.engine.step_number)

    def _end(self, event: End) -> Generator[Event]:
        """Save, and tell the end; nothing comes after it."""
        self.recorder.save(self._save)
        message = "; ".join(filter(None, (event.message, self.recorder.at_end(event.step))))
        event = replace(event, run=self.folder.name, path=str(self.folder.path), message=message)
        self.recorder.record(event)
        yield from self.recorder.changes(event.step)
        yield event

    def _linger(self) -> Generator[Event]:
        """Answer what is asked; what could not be saved is tried again when nobody is there any more."""
        if not self.recorder.why:
            self.folder.close()  # it is all there: others may go on with it
        yield from self.trainer.answers.linger()
        if self.recorder.why:
            self.recorder.save(self._save)

    def _save(self) -> None:
        if self.pretrainer is None:
            self.saver.save()
            self.kept.forget()
        else:
            self.kept.keep(self.pretrainer)
        if self._preset_owed:  # last: the checkpoint knows, should this be cut off
            self.folder.write_preset(self.preset)
            self._preset_owed = False

    def _pretrain(self, pretrainer: Pretrainer) -> Generator[Event]:
        """Pretrain, or as far as it goes; then the engine has what was learned."""
        for event in pretrainer.events(self.trainer.attend):
            yield from self._told(event, lambda _: self.kept.lacks(pretrainer))
        self.trainer.start_from(pretrainer.tensors())
        if pretrainer.message:
            self.trainer.refuse(pretrainer.message)
        if pretrainer.complete:
            self.pretrainer = None  # from here on the run goes on from its checkpoints
            self.saver.begin()
            self.recorder.save(self._save)


def other_conditions(before: Line, start: Start) -> str:
    """What is not as it was in a run's last session, in a line: the bits may then differ. Else empty."""
    changed = differing(before, start)
    return "goes on under other conditions, so not to the same bits: " + "; ".join(changed) if changed else ""


def differing(before: Line, start: Start) -> list[str]:
    """What on which the bits depend is not as it was in a session."""
    versions = before.get("versions")
    old = {"backend": before.get("backend"), "threads": before.get("threads")}
    if isinstance(versions, dict) and versions:
        old |= {"numba": environment.NOT_USED, **versions}
    new = {"backend": start.backend, "threads": start.threads, **start.versions}
    return [
        f"{name} {plain_text(str(old[name]))[:60]} before, now {value}"
        for name, value in new.items()
        if old.get(name) not in (None, value)
    ] + (["its data is not what it was"] if _differ(before.get("data"), start.data) else [])


def _differ(before: object, now: str) -> bool:
    """Whether data is known to be another: fingerprints that are there and differ."""
    return isinstance(before, str) and before not in ("", now) and now != ""


def cannot_write(folder: RunFolder, error: OSError) -> RunError:
    return RunError(f"cannot write in {folder.path}: {error.strerror or error}", code=1)
