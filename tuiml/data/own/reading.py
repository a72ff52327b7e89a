"""What the user's files hold, and their examples: the format's own module reads them.

:class:`DataFiles` is handed to :func:`tuiml.spec.check`. A command reads a file at once. The app has another
process read it, and checks a document with :class:`DataFilesInBackground`, which never waits.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuiml.data.errors import DataError
from tuiml.data.kinds import Progress
from tuiml.data.own import idx_files, image_folders, location
from tuiml.data.own.entries import Arrays, Idx, Images, Own, Table, format_named
from tuiml.data.own.facts import Facts, Unknown, Wrong
from tuiml.registry import options_of

if TYPE_CHECKING:
    from tuiml.data.arrays import Part, PoolAndTest

MOST_KNOWN = 64
"""Files whose facts are remembered."""
QUICK = 50_000
"""Bytes of a table that are read within some 20 ms, a few times slower where its numbers are unusual."""


class DataFiles:
    """Finds what the user's files hold, and remembers it as long as they stay the same.

    Args:
        ask: reads a file; another process may do so.
    """

    def __init__(self, ask: Callable[[Own], Facts | Wrong] | None = None) -> None:
        self._ask = ask or find
        self._known: OrderedDict[Hashable, Facts | Wrong] = OrderedDict()
        self._lock = threading.Lock()

    def locate(self, path: str) -> tuple[str, str]:
        """The absolute path of a file or a folder, and its format.

        Raises:
            Wrong: there is none.
        """
        found = location.resolve(path)
        return str(found), format_of(found)

    def facts(
        self, dataset: Own, ask: Callable[[Own], Facts | Wrong] | None = None
    ) -> tuple[Facts, Hashable]:
        """The facts of a file, read now unless they are known; and the version of the file.

        Args:
            ask: reads it, in place of the usual way.

        Raises:
            Wrong: the file cannot be used so.
        """
        version = version_of(dataset)
        found = self.known(version)
        if found is None or isinstance(found, Unknown):
            found = (ask or self._ask)(dataset)
            with self._lock:
                self._known[version] = found
                while len(self._known) > MOST_KNOWN:
                    self._known.popitem(last=False)
        if isinstance(found, Wrong):
            raise type(found)(found.field, str(found), found.more)
        return found, version

    def known(self, version: Hashable) -> Facts | Wrong | None:
        """What is known of a file without reading it."""
        with self._lock:
            found = self._known.get(version)
            if found is not None:
                self._known.move_to_end(version)
            return found


class DataFilesInBackground:
    """As :class:`DataFiles`, for a thread that must not wait: a long file that is not known yet is a
    problem ("reading my.csv …"), and one of :meth:`awaited`."""

    def __init__(self, files: DataFiles) -> None:
        self.waiting = files
        """The same files, for a thread that can wait."""
        self._awaited: OrderedDict[Hashable, Own] = OrderedDict()

    def locate(self, path: str) -> tuple[str, str]:
        return self.waiting.locate(path)

    def facts(self, dataset: Own) -> tuple[Facts, Hashable]:
        version = version_of(dataset)
        found = self.waiting.known(version)
        if isinstance(found, Unknown):
            raise Unknown(found.field, str(found))
        if found is None and not is_quick(dataset):
            self._awaited[version] = dataset
            raise Wrong("path", f"reading {dataset.title} …")
        return self.waiting.facts(dataset, find)  # the usual way answers through this thread's event loop

    def awaited(self) -> list[Own]:
        """The files that a check could not wait for, each returned once: for :meth:`read`."""
        found = list(self._awaited.values())
        self._awaited.clear()
        return found

    def read(self, dataset: Own) -> None:
        """Read a file, however long it takes; a check afterwards knows what is wrong with it."""
        with suppress(Wrong):
            self.waiting.facts(dataset)


def format_of(path: Path) -> str:
    """The format of what lies at a path: by the name's ending, else by how the file begins."""
    if path.is_dir():
        return Idx.name if idx_files.files_in(path) else Images.name
    named = format_named(path.name)
    if named:
        return named
    first = location.first_bytes(path, 4)
    if first[:2] == b"PK" or first == b"\x93NUM":
        return Arrays.name
    return Idx.name if first[:2] in (b"\x1f\x8b", b"\0\0") else Table.name


def version_of(dataset: Own) -> Hashable:
    """What the facts depend on: the file as it is now, and the options except the sizes of the parts.

    Raises:
        Wrong: the file is gone.
    """
    names = [o.name for o in options_of(type(dataset)) if o.name not in ("train", "validation", "normalize")]
    return dataset.name, _signature(dataset), tuple(getattr(dataset, name) for name in names)


def _signature(dataset: Own) -> tuple[Any, ...]:
    path = Path(dataset.path)
    if isinstance(dataset, Idx):
        return idx_files.signature(path)
    return image_folders.signature(path) if isinstance(dataset, Images) else location.signature(path)


def is_quick(dataset: Own) -> bool:
    """Whether reading the facts takes no longer than a screen may stand still, nor much memory."""
    return isinstance(dataset, Table) and int(_signature(dataset)[0]) <= QUICK


def find(dataset: Own, progress: Progress | None = None) -> Facts | Wrong:
    """Read what a file holds in this process; what is wrong with it is returned, too.

    Args:
        progress: told how far a large table is read.
    """
    try:
        return _find(dataset, progress)
    except Wrong as wrong:
        return wrong
    except DataError as error:
        return Wrong("path", str(error))
    except OSError as error:
        return Wrong("path", f"{dataset.title} cannot be read: {error.strerror or error}")
    except MemoryError:
        return Unknown("path", f"there is not enough free memory for {dataset.title}")


def _find(dataset: Own, progress: Progress | None) -> Facts:
    if isinstance(dataset, Table):
        from tuiml.data.own import table

        return table.find(dataset, progress)
    if isinstance(dataset, Arrays):
        from tuiml.data.own import npz

        return npz.find(dataset)
    assert isinstance(dataset, Idx | Images)
    from tuiml.data.own import images

    return idx_files.find(dataset) if isinstance(dataset, Idx) else images.find(dataset)


def examples(dataset: Own, progress: Progress | None = None) -> Part | PoolAndTest:
    """The examples of a file: all of them in one part, or both parts where the file has a test part.

    Raises:
        DataError: it is damaged, or was changed since its facts were found.
    """
    if dataset.facts.how is None:  # another process found the facts
        files = DataFiles()
        dataset = dataset.with_facts(*files.facts(dataset))
    if isinstance(dataset, Table):
        from tuiml.data.own import table_reader

        found: Part | PoolAndTest = table_reader.read(dataset, progress)
    elif isinstance(dataset, Arrays):
        from tuiml.data.own import npz

        found = npz.read(dataset, progress)
    else:
        assert isinstance(dataset, Idx | Images)
        from tuiml.data.own import images

        found = idx_files.read(dataset) if isinstance(dataset, Idx) else images.read(dataset, progress)
    try:
        changed = version_of(dataset) != dataset.version
    except Wrong:
        changed = True
    if changed:
        raise DataError(f"{dataset.title} was changed while it was read: start again")
    return found
