"""The Python API: train a preset, open a run. docs/python.md explains it; nothing else of tuiml is stable.

Errors, each with a message of one line for each problem: :class:`~tuiml.spec.SpecError` (a preset),
:class:`~tuiml.data.errors.DataError` (data, or inputs), :class:`~tuiml.runs.errors.RunError` (a run).
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import warnings
from collections.abc import Generator, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tuiml.backends import blas
from tuiml.data.errors import DataError
from tuiml.data.own import new_rows
from tuiml.data.own.reading import DataFiles
from tuiml.runs import library, metric_columns, predictor, session, threads
from tuiml.runs.errors import Cancelled, RunError
from tuiml.runs.folder import refuse_taken
from tuiml.runs.predictor import Answers
from tuiml.runs.run_lines import surviving
from tuiml.spec import Preset, Problem, SpecError, check
from tuiml.spec import library as presets
from tuiml.spec.edit import put
from tuiml.training.event_reading import read_event
from tuiml.training.events import End, Epoch, Event, Notice, Progress, Snapshot, Start
from tuiml.training.layer_statistics import LayerStatistics
from tuiml.training.run_control import RunControl

__all__ = [
    "Answers", "DataError", "End", "Epoch", "Event", "LayerStatistics", "Notice", "Preset", "Progress", "Run",
    "RunError", "SpecError", "Start", "open_run", "train",
]  # fmt: skip

AnyPreset: TypeAlias = str | os.PathLike[str] | Mapping[str, Any] | Preset


def train(
    preset: AnyPreset,
    *,
    set: Mapping[str, Any] | None = None,
    name: str | None = None,
    backend: Literal["auto", "numpy", "mlx"] = "auto",
    threads: int | None = None,
    batches: bool = False,
) -> Generator[Event]:
    """Train a preset into a new run folder, as ``tuiml train`` does; yields what happens.

    The events are :class:`Start`, an :class:`Epoch` each, and :class:`End`; also :class:`Notice`, and others
    that can be passed over. The run trains between two events: closing the generator, an error in the loop
    around it, or ctrl+c saves the run and ends it, so that ``tuiml resume`` can go on.

    Args:
        preset: a name that ``tuiml presets`` lists, the path of a TOML file, its tables, or a Preset.
        set: changes to it by dotted paths: ``{"training.epochs": 5, "layers[*].initializer": "he_normal"}``.
        name: of the run; default: the preset's name and the time.
        backend: what computes; auto: the best one that is here.
        threads: that a batch is split for; default: as ``tuiml train`` takes. The bits depend on it.
        batches: also yield a :class:`Progress` up to ten times a second, and statistics of the layers.

    Raises:
        SpecError: the preset is wrong (at once), or this machine lacks the memory for it.
        DataError: its data is missing or damaged.
        RunError: the name is taken (at once), the backend is not here, or nothing can be written.
        ValueError: the number of threads is none.
    """
    chosen = _checked(preset, set or {})
    if name is not None:
        refuse_taken(name)
    return _events(chosen, name, backend, _shards(threads), batches)


def _checked(preset: AnyPreset, changes: Mapping[str, Any]) -> Preset:
    """The preset that is meant, with the changes.

    Raises:
        SpecError: with every problem.
    """
    document: dict[str, Any]
    if isinstance(preset, Preset):
        document = preset.document()
    elif isinstance(preset, Mapping):
        document = dict(preset)
    elif isinstance(preset, os.PathLike):
        path = Path(preset)
        document = presets.document_of(presets.PresetFile(path.stem, path, False))
    else:
        document = presets.document_of(presets.find(preset))
    problems: list[Problem] = []
    for path_of_value, value in changes.items():
        try:
            document = put(document, path_of_value, value.item() if isinstance(value, np.generic) else value)
        except SpecError as error:
            problems += [Problem("set", problem.message) for problem in error.problems]
    found, wrong = check(document, DataFiles())
    if found is None or problems:
        raise SpecError([*problems, *wrong])
    return found


def _shards(wanted: int | None) -> int:
    if wanted is None:
        return threads.usual() if blas.controllable() else threads.count()
    if not 1 <= wanted <= threads.LIMIT:
        raise ValueError(f"threads = {wanted} is not from 1 to {threads.LIMIT}")
    return wanted


def _events(preset: Preset, name: str | None, backend: str, shards: int, batches: bool) -> Generator[Event]:
    control = RunControl(rewindable=False)
    options: dict[str, Any] = {"backend": backend, "shards": shards, "live": batches}
    with contextlib.closing(session.run(preset, name=name, control=control, **options)) as events:
        try:
            while (event := _next(events, control)) is not None:
                yield event
        except BaseException:  # it was closed, or ctrl+c came between two steps
            control.stop()
            _finish(events)
            raise


def _next(events: Generator[Event], control: RunControl) -> Event | None:
    """The next event; after ctrl+c the run is ended and saved, and the exception comes then."""
    with _stopping(control) as pressed, blas.one_thread():
        try:
            event = next(events, None)
        except Cancelled:
            event = None
    if pressed:  # not within the block: ctrl+c is noted there up to its very end
        _finish(events)
        raise KeyboardInterrupt
    return event


def _finish(events: Generator[Event]) -> None:
    """Let a run that was stopped report its end and be saved."""
    with contextlib.suppress(Cancelled), blas.one_thread():
        for _ in events:
            pass


@contextlib.contextmanager
def _stopping(control: RunControl) -> Iterator[list[int]]:
    """Within the block the first ctrl+c stops the run after its batch and is noted in the list: an exception
    in the middle of a step would leave half of it. A second one is an exception.
    """
    pressed: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.default_int_handler)
        pressed.append(number)
        # From a thread: the signal may have interrupted the trainer inside this very lock.
        threading.Thread(target=control.stop, daemon=True).start()

    main = threading.current_thread() is threading.main_thread()
    usual = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if usual:
        signal.signal(signal.SIGINT, stop)
    try:
        yield pressed
    finally:
        if usual:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def open_run(
    run: str | os.PathLike[str],
    *,
    checkpoint: Literal["newest", "best"] = "newest",
    backend: Literal["auto", "numpy", "mlx"] = "auto",
) -> Run:
    """A run that was trained, or is being trained, here or elsewhere.

    Args:
        run: a name that ``tuiml runs`` lists, a unique beginning of one, or a folder.
        checkpoint: whose weights it has: the newest, or that of the best epoch.
        backend: what computes its predictions.

    Raises:
        RunError: there is no such run.
    """
    return Run(library.find(os.fspath(run)), checkpoint, backend)


class Run:
    """A run, by its folder; made by :func:`open_run`. What it holds is read when it is asked for."""

    def __init__(self, path: Path, checkpoint: Literal["newest", "best"], backend: str) -> None:
        self.path = path
        """Its folder."""
        self._which: Literal["newest", "best"] = checkpoint
        self._backend = backend

    @property
    def name(self) -> str:
        return self.path.name

    def __repr__(self) -> str:
        return f"<tuiml run {self.name!r}>"

    @property
    def metrics(self) -> dict[str, NDArray[Any]]:
        """A value each epoch: ``epoch`` and ``step`` (int64), ``train_loss``, ``val_accuracy``, … (float64).

        NaN where there is none, as accuracies in a regression. Read anew each time: the run may go on.

        Raises:
            RunError: they cannot be read.
        """
        with self._reading():
            return metric_columns.of_epochs(self.path)

    @property
    def steps(self) -> dict[str, NDArray[Any]]:
        """The same for the steps that were reported, and the numbers of a watched loop by their names.

        Raises:
            RunError: they cannot be read.
        """
        with self._reading():
            return metric_columns.of_steps(self.path)

    @property
    def end(self) -> End | None:
        """How it ended, with the results on the test part; ``None`` while it goes on, or if it was cut off.

        Raises:
            RunError: its metrics cannot be read.
        """
        with self._reading():
            found = self._last(Start, End)
        return found if isinstance(found, End) else None

    @property
    def layers(self) -> tuple[LayerStatistics, ...]:
        """The newest statistics of its layers: histograms, gradient norms, saturated units.

        Raises:
            RunError: its metrics cannot be read.
        """
        with self._reading():
            found = self._last(Snapshot)
        return found.layers if isinstance(found, Snapshot) else ()

    def _last(self, *kinds: type[Event]) -> Event | None:
        line = None
        for line in surviving(self.path, *kinds):  # noqa: B007 - the last one is meant
            pass
        with contextlib.suppress(ValueError, RecursionError):
            return read_event(line) if line else None
        return None

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RunError(f"{self.path}: {error.strerror or error}", code=1) from None

    @cached_property
    def preset(self) -> Preset:
        """The preset as it was trained.

        Raises:
            SpecError: it cannot be used here.
            RunError: it is a loop of your own, which has none.
        """
        return session.preset_of(self.path)

    @property
    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Its parameters and buffers: ``layers.<i>.weight`` is out × in, or filters × channels × height ×
        width; ``layers.<i>.bias`` has one for each unit.

        Raises:
            SpecError, DataError, RunError: as :meth:`predict`.
        """
        return self._predictor.prepared.engine.tensors()

    def predict(self, x: Any) -> Answers:
        """What its network predicts.

        Args:
            x: inputs in the units of the data, not scaled. An array of n examples of the data's shape, or
                flat ones, or a single example (pixels may be from 0 to 1: they are scaled, with a warning);
                of a table rows by their column names: a dict, a list of dicts, a dict of lists, a data frame.

        Returns:
            ``values`` (n, columns): the probability of each class, or the numbers in the units of the data;
            ``columns``: their names; ``predicted()``: the most probable classes.

        Raises:
            SpecError: its preset cannot be used here.
            DataError: ``x`` does not fit what it was trained on, or its data is missing.
            RunError: it has no sound checkpoint.
        """
        given = new_rows.examples(x, self._predictor.dataset)
        examples = self._predictor.in_its_units(given)
        for text in examples.notes:
            warnings.warn(text, stacklevel=2)
        with blas.one_thread():
            return self._predictor.answer(examples)

    @cached_property
    def _predictor(self) -> predictor.Predictor:
        control = RunControl(rewindable=False)
        options: dict[str, Any] = {"which": self._which, "backend": self._backend, "control": control}
        events = predictor.open_run(self.path, **options)
        while True:
            try:
                next(events)
            except StopIteration as done:
                found: predictor.Predictor = done.value
                return found
