"""The folder of a study: the study as it was started, what was settled at its start, the runs of its trials.

The process that runs it holds a lock, which the system drops however the process ends.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tuiml.backends.choice import NAMES
from tuiml.files import read_regular, write_whole
from tuiml.registry import closest, short
from tuiml.runs import threads, trash
from tuiml.runs.errors import RunError
from tuiml.runs.folder import studies_folder
from tuiml.runs.folder_names import fitting
from tuiml.runs.library import moved
from tuiml.runs.trash import Deleted
from tuiml.runs.writer import hold, is_held
from tuiml.spec.library import spellings
from tuiml.text import plain_text

STUDY = "study.toml"
STATE = "state.json"
MOST_STATE = 4 * 1024 * 1024


@dataclass(frozen=True)
class StudyState:
    """What holds for all trials of a study, and what its user has decided about some of them."""

    threads: int = 0
    """Training threads of a trial: the bits depend on it. 0: not settled."""
    backend: str = ""
    stopped: tuple[str, ...] = ()
    """Trials that the user stopped: they are not gone on with unasked."""
    more: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Seeds that were added to a configuration, by its name."""
    failed: dict[str, str] = field(default_factory=dict)
    """Why trials failed the last time."""

    @property
    def settled(self) -> bool:
        """True once the study was started."""
        return self.threads > 0


class StudyFolder:
    """The folder of a study that this process runs. Made by :meth:`hold`."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self.state = read_state(path)
        self._lock = lock
        for left in path.glob(".*.part"):  # of a process that was killed
            with contextlib.suppress(OSError):  # a folder: of a trial that Dask returned
                left.unlink()

    @classmethod
    def hold(cls, name: str) -> StudyFolder:
        """The folder of a study of that name, made if there is none.

        Raises:
            RunError: another process runs the study, or the folder cannot be written.
        """
        path = studies_folder() / fitting(name)
        try:
            path.mkdir(parents=True, exist_ok=True)
            return cls(path, hold(path, "study"))
        except OSError as error:
            text = (
                f"cannot write in {path.parent}: {error.strerror or error}; TUIML_HOME names another folder"
            )
            raise RunError(plain_text(text), code=1) from None

    @property
    def name(self) -> str:
        return self.path.name

    def write_study(self, text: str) -> None:
        """Write the study as it is started, unless it is there already.

        Raises:
            OSError: it cannot be written.
        """
        with contextlib.suppress(OSError):
            if read_regular(self.path / STUDY, len(text.encode()) + 1) == text.encode():
                return
        write_whole(self.path / STUDY, text, parents=False)

    def settle(self, count: int, backend: str) -> None:
        """Settle the threads and the backend of all trials, at the first start.

        Raises:
            OSError: it cannot be written.
        """
        if not self.state.settled:
            self.change(threads=count, backend=backend)

    def change(self, **values: Any) -> None:
        """Change the state, and write it.

        Raises:
            OSError: it cannot be written; the state is as it was.
        """
        state = replace(self.state, **values)
        if state != self.state:
            write_whole(self.path / STATE, json.dumps(asdict(state), indent=1) + "\n", parents=False)
            self.state = state

    def close(self) -> None:
        """Release the folder."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def read_state(path: Path) -> StudyState:
    """The state in a study's folder; what cannot be used is as in a study that was not started."""
    try:
        found = json.loads(read_regular(path / STATE, MOST_STATE))
    except (OSError, ValueError, RecursionError):
        return StudyState()
    if not isinstance(found, dict):
        return StudyState()
    count, backend = found.get("threads"), found.get("backend")
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= threads.LIMIT:
        return StudyState()
    if backend not in NAMES or backend == "auto":
        return StudyState()
    return StudyState(count, backend, _texts(found.get("stopped")), _seeds(found), _messages(found))


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _seeds(found: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    more = found.get("more")
    if not isinstance(more, dict):
        return {}
    return {
        name: tuple(seed for seed in seeds if type(seed) is int and 0 <= seed < 2**32)
        for name, seeds in more.items()
        if isinstance(seeds, list)
    }


def _messages(found: dict[str, Any]) -> dict[str, str]:
    failed = found.get("failed")
    if not isinstance(failed, dict):
        return {}
    return {name: plain_text(text)[:500] for name, text in failed.items() if isinstance(text, str)}


# -- all studies that were begun --------------------------------------------------------------------------


def begun() -> list[Path]:
    """The folders of all studies that were begun, the newest first."""
    folder = studies_folder()
    try:
        paths = [folder / name for name in os.listdir(folder) if not name.startswith(".")]
    except OSError:
        return []
    return sorted(
        (path for path in paths if (path / STUDY).is_file()), key=lambda path: (-when(path), path.name)
    )


def when(path: Path) -> float:
    """When a study was last started or changed, in seconds since 1970."""
    with contextlib.suppress(OSError, ValueError):  # of a folder with neither file
        return max((path / name).stat().st_mtime for name in (STUDY, STATE) if (path / name).exists())
    return 0.0


def find(word: str) -> Path:
    """The folder of a study that was begun, by its name or its path.

    Raises:
        RunError: there is none; the nearest name is suggested.
    """
    own = [studies_folder() / name for name in spellings(word)] if Path(word).name == word else []
    for path in (*own, Path(os.path.expanduser(word))):
        if (path / STUDY).is_file():
            return path
    near = closest(word, [path.name for path in begun()])
    hint = f"did you mean '{plain_text(near)}'?" if near else "tuiml studies lists them"
    raise RunError(f"no study {short(word, 200)} was begun; {hint}")


def rename(path: Path, name: str) -> Path:
    """Rename a study that was begun; returns its new folder.

    Raises:
        RunError: the name is taken, a process runs the study, or it is not in the folder of studies.
    """
    _refuse(path)
    return moved(path, name, "study")


def delete(path: Path, *files: Path) -> Deleted:
    """Move a study with its trials to the trash, and files that go with it. Of a link the link is moved.

    Raises:
        RunError: a process runs the study or a trial, it is not in the folder of studies, or cannot be
            moved; nothing is changed then.
    """
    _refuse(path)
    return trash.put((path, *files))


def _refuse(path: Path) -> None:
    if path.parent.resolve() != studies_folder().resolve() or path.name in ("", ".", ".."):
        raise RunError(f"{plain_text(str(path))} is not in {plain_text(str(studies_folder()))}")
    if path.is_symlink():
        return
    with contextlib.suppress(OSError):
        if is_held(path) or any(is_held(trial) for trial in path.iterdir() if trial.is_dir()):
            raise RunError(f"the study '{plain_text(path.name)}' is going on; stop it first")
