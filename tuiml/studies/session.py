"""Starts a study, or goes on with it: its folder, what is settled at first, its pool."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path

from tuiml.backends.choice import BackendError, choose
from tuiml.data.own.reading import DataFiles
from tuiml.runs.errors import RunError
from tuiml.spec import SpecError, toml
from tuiml.studies import folder as begun
from tuiml.studies import library, methods
from tuiml.studies.control import StudyControl
from tuiml.studies.events import StudyEvent
from tuiml.studies.folder import StudyFolder
from tuiml.studies.pool import LocalPool, Pool, trials_at_once
from tuiml.studies.run import StudyRun
from tuiml.studies.study import Study
from tuiml.text import plain_text


def find_study(word: str, *, resume: bool = False, full: bool = False) -> tuple[Study, str]:
    """The study that a command means, and the name of its folder; the folder itself may be given.

    Args:
        resume: it was begun, and is meant as it was started.
        full: without its ``[small]``; its folder is another one.

    Raises:
        SpecError: there is none, or it has problems.
        RunError: it was not begun, or only its folder is left.
    """
    if resume or (Path(word) / begun.STUDY).is_file():
        path = begun.find(word + "-full" * full)
        return library.StudyFile(path.name, path / begun.STUDY, False).study(DataFiles()), path.name
    try:
        file = library.find(word)
    except SpecError:
        names = [path.name for path in begun.begun()]
        if word not in names:
            raise
        text = f"there is no file of the study '{plain_text(word)}'"
        raise RunError(f"{text}; with --resume it goes on as it was started") from None
    return file.study(DataFiles(), full=full), file.name + ("-full" if full else "")


def run_study(
    study: Study,
    name: str,
    control: StudyControl,
    *,
    jobs: int | None = None,
    dask: str | None = None,
) -> Generator[StudyEvent]:
    """Train what a study's folder lacks; the last event is :class:`~tuiml.studies.events.StudyEnd`.

    However the generator ends, the trials are saved and the folder is released.

    Args:
        study: a checked one.
        name: of its folder, which is made if there is none.
        jobs: trials at once; default: one a core, or one for each thread of Dask's workers.
        dask: the address of a Dask scheduler, on whose workers they are trained.

    Raises:
        SpecError: a preset is missing.
        RunError: another process runs the study, the backend or the scheduler is not there, or nothing can be
            written.
    """
    study = library.self_contained(study)
    folder = StudyFolder.hold(name)
    try:
        search = methods.start(study)
        with _one_line(folder):
            pool = _pool(folder, jobs, dask)
            folder.write_study(toml.dumps(study.document()))
        events = StudyRun(study, folder, search, pool, control).events()
        with contextlib.closing(events), _one_line(folder):
            yield from events
    finally:
        folder.close()


def _pool(folder: StudyFolder, jobs: int | None, dask: str | None) -> Pool:
    """The pool, with threads and backend of the trials settled: the bits depend on them."""
    state = folder.state
    if dask is not None:
        from tuiml.studies.dask_pool import DaskPool

        pool = DaskPool(dask, jobs)
        folder.settle(1, "numpy")  # a worker takes as many trials as it has threads
        return pool
    try:
        choice = choose(state.backend or "auto")
    except BackendError as error:
        raise RunError(f"the study was begun with another backend: {error}") from None
    size, count = trials_at_once(jobs, choice.device, state.threads or None)
    folder.settle(count, choice.name)
    return LocalPool(size, count)


@contextlib.contextmanager
def _one_line(folder: StudyFolder) -> Generator[None]:
    """What the system refuses, as an error of one line."""
    try:
        yield
    except OSError as error:
        text = f"cannot write in {folder.path}: {error.strerror or error}; what is finished is kept"
        raise RunError(text, code=1) from None
