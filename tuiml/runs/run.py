"""A run that trains and records itself in its folder."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from tuiml.runs import environment, memory_estimate
from tuiml.runs.checkpoint_policy import Saver
from tuiml.runs.errors import RunError
from tuiml.runs.folder import Line, RunFolder
from tuiml.runs.preparation import PreparedRun
from tuiml.runs.pretrained_layers import PretrainedLayers
from tuiml.runs.run_recorder import Recorder
from tuiml.spec.preset import Preset, Training
from tuiml.spec.problems import SpecError
from tuiml.text import plain_text
from tuiml.training.events import End, Epoch, Event, Notice, Start, State
from tuiml.training.interventions import Change
from tuiml.training.pretraining import Pretrainer
from tuiml.training.run_control import RunControl
from tuiml.training.run_state import RunState
from tuiml.training.schedule_state import Position
from tuiml.training.trainer import Trainer


@dataclass(frozen=True)
class StartingPoint:
    """Where a session of a run starts; by default at the very beginning."""

    identity: str = field(default_factory=lambda: secrets.token_hex(8))
    """Named by the run's first file and all its checkpoints."""
    position: Position | None = None
    best: Any = None
    """The engine's snapshot at the best epoch, if it may be needed."""
    sound: Collection[int] = ()
    """Steps of checkpoints that were found sound."""
    spared: Collection[int] = ()
    """Steps of checkpoints that must not be removed."""
    change: Change | None = None
    """What this session changes before its first step."""
    pretrainer: Pretrainer | None = None
    """Pretrains layers first, if there are any left."""
    note: str = ""
    last: Line = field(default_factory=dict)
    """The ``start`` line of the session before."""


class Run:
    """One session of a run.

    Args:
        live: True if a screen shows the run.
        save_every: seconds between two checkpoints; ``None``: :mod:`tuiml.runs.checkpoint_policy` decides.
        script: changes to make at their steps, to replay a run.
        until: the step to stop at.
        until_epoch: the epoch after which to stop.
    """

    def __init__(
        self,
        prepared: PreparedRun,
        folder: RunFolder,
        control: RunControl,
        point: StartingPoint,
        *,
        live: bool = False,
        save_every: float | None = None,
        script: Sequence[Change] = (),
        until: int | None = None,
        until_epoch: int | None = None,
    ) -> None:
        self._prepared, self.folder, self._control = prepared, folder, control
        self._pretrainer = point.pretrainer
        allow = partial(_refuse_if_short, prepared)
        state = _state(prepared, point, rewindable=control.rewindable)
        ends = {"until": until, "until_epoch": until_epoch}
        self.trainer = Trainer(state, control, live=live, script=script, **ends, allow=allow)
        self._changed = self.trainer.state.change(point.change) if point.change else None
        self._preset_unsaved = False
        """True if the folder's preset is still the one of the session before."""
        before = point.position.interventions if point.position else 0
        start = _start(prepared, folder, self.trainer, before)
        notes = filter(None, (point.note, other_conditions(point.last, start)))
        self.start = replace(start, note="; ".join(notes))
        details = {
            "preset": prepared.preset.document(),
            "run": folder.name,
            "identity": point.identity,
            "backend": start.backend,
            "threads": start.threads,
            "versions": start.versions,
        }
        self.saver = Saver(folder, self.trainer, details, point.sound, spared=point.spared, every=save_every)
        self._recorder = Recorder(folder, lambda: self.saver.newest)
        self._layers = PretrainedLayers(folder, self.trainer, details)

    def events(self) -> Generator[Event]:
        """Train, record, save; however it ends, the folder is released.

        Raises:
            RunError: the system refuses something that training needs.
        """
        ended = False
        try:
            yield from self._report(self.start)
            for about, text in self._prepared.data.notices:
                yield from self._report(Notice(about, text, self._prepared.engine.step_number))
            if self._changed is not None:
                self._preset_unsaved = True
                yield from self._report(self._changed, self.saver.due)
            if self._pretrainer is not None:
                yield from self._pretrain(self._pretrainer)
            for event in self.trainer.events():
                if isinstance(event, End):
                    ended = True
                    yield from self._end(event)
                else:
                    yield from self._report(event, self.saver.due)
            if self._control.answers_after_end:
                yield from self._answer_after_end()
        except OSError as error:  # not from writing, which the recorder handles
            raise RunError(f"training cannot go on: {error.strerror or error}", code=1) from None
        finally:
            try:
                if not ended:
                    self._recorder.save(self._save_unfinished)  # an error, or the generator was closed
            finally:
                self._prepared.engine.close()
                self.folder.close()

    def _report(self, event: Event, due: Callable[[Event], bool] = lambda _: False) -> Generator[Event]:
        """Record an event, save if that is due, yield the event, and report trouble with saving."""
        self._recorder.record(event)
        paused = isinstance(event, State) and event.state == "paused"
        best = isinstance(event, Epoch) and self.saver.is_best(event)
        if self._recorder.ready(due(event), now=paused, soon=best):
            self._recorder.save(self._save)
        yield event
        yield from self._recorder.changes(self._prepared.engine.step_number)

    def _end(self, event: End) -> Generator[Event]:
        """Save and report the end; nothing comes after it."""
        self._recorder.save(self._save)
        message = "; ".join(filter(None, (event.message, self._recorder.at_end(event.step))))
        event = replace(event, run=self.folder.name, path=str(self.folder.path), message=message)
        self._recorder.record(event)
        yield from self._recorder.changes(event.step)
        if not self._recorder.why:
            self.folder.close()  # it is complete: who hears of the end may resume or rename the run
        yield event

    def _answer_after_end(self) -> Generator[Event]:
        """Answer inspection requests; afterwards save again what could not be saved."""
        yield from self.trainer.inspection.answer_after_end()
        if self._recorder.why:
            self._recorder.save(self._save)

    def _save_unfinished(self) -> None:
        """Save in the middle of an epoch, with the totals of all its batches so far."""
        self.trainer.state.collect()
        self._save()

    def _save(self) -> None:
        if self._pretrainer is None:
            self.saver.save()
            self._layers.remove()
        else:
            self._layers.save(self._pretrainer)
        if self._preset_unsaved:  # last: the checkpoint knows, should this be cut off
            self.folder.write_preset(self._prepared.preset)
            self._preset_unsaved = False

    def _pretrain(self, pretrainer: Pretrainer) -> Generator[Event]:
        """Pretrain, as far as it gets, and give the engine the pretrained parameters."""
        for event in pretrainer.events(self.trainer.attend):
            yield from self._report(event, lambda _: self._layers.lacks(pretrainer))
        self.trainer.start_from(pretrainer.tensors(), pretrainer.message)
        if pretrainer.complete:
            self._pretrainer = None  # from here on the run is resumed from its checkpoints
            self.saver.keep_initial()
            self._recorder.save(self._save)


def new_run(
    prepared: PreparedRun,
    control: RunControl,
    name: str | None,
    *,
    parent: Path | None = None,
    note: str = "",
    **options: Any,
) -> Run:
    """A new run, with a folder that holds its preset and its initial values.

    Args:
        parent: where its folder is made; default: the runs folder.
        options: of :class:`Run`.

    Raises:
        RunError: the name is taken, or nothing can be written.
    """
    folder = RunFolder.create(prepared.preset, name, parent)
    try:
        pretrainer = None
        if prepared.preset.pretraining is not None:
            pretrainer = Pretrainer(prepared.preset, prepared.network, prepared.data, control)
        point = StartingPoint(pretrainer=pretrainer, note=note)
        run = Run(prepared, folder, control, point, **options)
        if pretrainer is None:
            run.saver.keep_initial()
            run.saver.write_initial()
    except OSError as error:
        folder.discard()
        raise cannot_write(folder, error) from None
    except BaseException:
        folder.discard()
        raise
    return run


def _state(prepared: PreparedRun, point: StartingPoint, *, rewindable: bool) -> RunState:
    """The state of a run where it starts, with room for restore points if it can be rewound."""
    preset, network = prepared.preset, prepared.network
    room = memory_estimate.for_restore_points(preset, network) if rewindable else 0
    position, best = point.position, point.best
    return RunState(preset, network, prepared.data, prepared.engine, position=position, best=best, room=room)


def _start(prepared: PreparedRun, folder: RunFolder, trainer: Trainer, last_intervention: int) -> Start:
    """The first event of a session."""
    data, state = prepared.data, trainer.state
    return Start(
        run=folder.name,
        path=str(folder.path),
        backend=prepared.engine.name,
        device=prepared.backend.device,
        threads=prepared.shards,
        parameters=prepared.network.size,
        train_examples=len(data.train),
        validation_examples=len(data.validation),
        test_examples=len(data.test),
        batch_size=state.training.batch_size,
        epochs=state.training.epochs,
        steps=state.steps,
        seed=prepared.preset.training.seed,
        versions=environment.versions(prepared.engine.name),
        watched=state.position.metric,
        step=prepared.engine.step_number,
        last_intervention=last_intervention,
        data=data.fingerprint,
    )


def _refuse_if_short(prepared: PreparedRun, training: Training) -> None:
    """Refuse settings for which this machine lacks the memory.

    Raises:
        ValueError: with the memory that is missing.
    """
    try:
        preset: Preset = prepared.preset.model_copy(update={"training": training})
        memory_estimate.refuse_if_short(preset, prepared.network, chosen=prepared.backend)
    except SpecError as error:
        raise ValueError(error.problems[0].message) from None


def other_conditions(before: Line, start: Start) -> str:
    """What differs from the conditions of a run's last session, in one line: the bits may differ too."""
    changed = differing(before, start)
    return "goes on under other conditions, so not to the same bits: " + "; ".join(changed) if changed else ""


def differing(before: Line, start: Start) -> list[str]:
    """What the bits depend on and differs from a session."""
    versions = before.get("versions")
    old = {"backend": before.get("backend"), "threads": before.get("threads")}
    if isinstance(versions, dict) and versions:
        old |= {"numba": environment.NOT_USED, **versions}
    new = {"backend": start.backend, "threads": start.threads, **start.versions}
    data = before.get("data")
    other_data = isinstance(data, str) and data not in ("", start.data) and start.data != ""
    return [
        f"{name} {plain_text(str(old[name]))[:60]} before, now {value}"
        for name, value in new.items()
        if old.get(name) not in (None, value)
    ] + (["its data, or how it is read and scaled, is not what it was"] if other_data else [])


def cannot_write(folder: RunFolder, error: OSError) -> RunError:
    """The error of a run whose folder cannot be written."""
    return RunError(f"cannot write in {folder.path}: {error.strerror or error}", code=1)
