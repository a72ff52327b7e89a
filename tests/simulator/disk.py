"""A disk that can lose what was not made durable, and processes that can die at any file operation.

The files are real ones below a folder, preferably in memory; the functions of :mod:`os` through which tuiml
changes files are wrapped, so nothing that it does to them is missed. For each file the disk knows what it
held when it was last synced and what was written since; for names, an order of changes of which a power cut
keeps a beginning, at least up to the last sync of a folder, as a journal does.
"""

from __future__ import annotations

import errno
import fcntl
import os
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuiml.files import path_of_folder

BY_PATH = ("open", "mkdir", "replace", "rename", "unlink", "rmdir")
BY_HANDLE = ("write", "ftruncate", "fsync", "fchmod", "close")
CHANGING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_os: dict[str, Any] = {name: getattr(os, name) for name in (*BY_PATH, *BY_HANDLE)}


class Killed(BaseException):
    """The process that did this is dead: nothing that it still tries has an effect."""


@dataclass
class Process:
    """A simulated process, and when it dies."""

    name: str = ""
    """Empty: the world outside, for which the disk never fails."""
    dead: bool = False
    fuse: int = -1
    """File operations until it dies; −1: it does not."""
    torn: float = 0.0
    """The part of a write at which it dies that still arrives."""


@dataclass
class _File:
    durable: bytes | None = None
    """Its bytes when it was last synced; ``None``: never."""
    since: list[tuple[str, int, bytes]] = field(default_factory=list)
    """What was done to it since: ``write`` at an offset, or ``cut`` to a size."""


@dataclass
class Trouble:
    """What the disk will refuse: ``kind`` operations, or all that change files, from the ``after``-th on."""

    kind: str
    after: int
    number: int
    error: int


class Disk:
    """The disk of a simulated machine below ``root``; used while it is entered."""

    def __init__(self, root: Path) -> None:
        self.root, self.acting = str(root), Process()
        self.operations = self.faults = 0
        self._owners: dict[int, Process] = {}
        """Whose each descriptor is."""
        self._files: dict[int, _File] = {}
        self._names: list[tuple[str, str, _File | str | None]] = []
        """Changes of names: ``link`` to a file or a folder (``None``), ``move`` to a path, ``drop``."""
        self._tree: dict[str, _File | None] = {}
        """The durable names; ``None``: a folder."""
        self._trouble: list[Trouble] = []

    # -- the functions of os -------------------------------------------------------------------------------

    def __enter__(self) -> Disk:
        for name in BY_PATH:
            setattr(os, name, self._by_path(name))
        for name in BY_HANDLE:
            setattr(os, name, self._by_handle(name))
        return self

    def __exit__(self, *_: object) -> None:
        for name, function in _os.items():
            setattr(os, name, function)

    def _by_path(self, name: str) -> Callable[..., Any]:
        def call(path: Any, *args: Any, **kwargs: Any) -> Any:
            text = str(path) if not isinstance(path, int) else ""
            if kwargs.get("dir_fd") is not None and name in ("unlink", "rmdir"):  # shutil.rmtree
                text = str(path_of_folder(kwargs["dir_fd"], Path()) / text)
            elif kwargs.get("dir_fd") is not None:
                text = ""
            if not text.startswith(self.root):
                return _os[name](path, *args, **kwargs)
            if name == "open":
                return self._open(text, *args, **kwargs)
            self._before(name)
            found = _os[name](path, *args, **kwargs)
            self._renamed(name, text, str(args[0]) if args and name in ("replace", "rename") else "")
            return found

        return call

    def _renamed(self, name: str, path: str, target: str) -> None:
        kinds = {"mkdir": "link", "unlink": "drop", "rmdir": "drop", "replace": "move", "rename": "move"}
        self._names.append((kinds[name], path, target or None))

    def _open(self, path: str, flags: int, *args: Any, **kwargs: Any) -> int:
        if self.acting.dead:
            raise Killed
        new = bool(flags & os.O_CREAT) and not os.path.lexists(path)
        if new:
            self._before("open")
        handle: int = _os["open"](path, flags, *args, **kwargs)
        self._owners[handle] = self.acting  # what had this number was closed, perhaps not by os.close
        if new:
            file = self._files[os.fstat(handle).st_ino] = _File()
            self._names.append(("link", path, file))
        return handle

    def _by_handle(self, name: str) -> Callable[..., Any]:
        def call(handle: int, *args: Any) -> Any:
            if name == "close" and self.acting.dead:
                return None
            if self._owners.get(handle) is not self.acting:
                return _os[name](handle, *args)
            if name == "close":
                del self._owners[handle]
                return _os["close"](handle)
            if name == "write":
                return self._write(handle, args[0])
            self._before(name, os.fstat(handle).st_ino)
            found = _os[name](handle, *args)
            self._noted(name, handle, *args)
            return found

        return call

    def _noted(self, name: str, handle: int, *args: Any) -> None:
        inode = os.fstat(handle).st_ino
        file = self._files.get(inode)
        if name == "ftruncate" and file:
            file.since.append(("cut", args[0], b""))
        elif name == "fsync" and file is None:
            self._commit()  # a folder
        elif name == "fsync" and file:
            file.durable, file.since = _content(file, len(file.since)), []

    def _write(self, handle: int, data: Any) -> int:
        view = memoryview(data).cast("B") if len(memoryview(data)) else memoryview(b"")
        file = self._files.setdefault(os.fstat(handle).st_ino, _File(durable=b""))
        try:
            self._before("write")
        except BaseException as error:
            part = int(len(view) * self.acting.torn)
            if part and (isinstance(error, Killed) or getattr(error, "errno", 0) == errno.ENOSPC):
                self._put(file, handle, view[:part])
            raise
        return self._put(file, handle, view)

    @staticmethod
    def _put(file: _File, handle: int, view: memoryview) -> int:
        end = os.lseek(handle, 0, os.SEEK_CUR)
        if fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_APPEND:
            end = os.fstat(handle).st_size
        done: int = _os["write"](handle, view)
        file.since.append(("write", end, bytes(view[:done])))
        return done

    # -- trouble -------------------------------------------------------------------------------------------

    def refuse(self, kind: str, after: int, number: int, error: int) -> None:
        """Refuse ``number`` operations of a kind (``any``: all) from the ``after``-th on."""
        self._trouble.append(Trouble(kind, after, number, error))

    def heal(self) -> None:
        """Refuse nothing any more."""
        self._trouble.clear()

    @property
    def failing(self) -> bool:
        """Whether something will be refused."""
        return bool(self._trouble)

    def _before(self, kind: str, inode: int = 0) -> None:
        process = self.acting
        if process.dead:
            raise Killed
        if not process.name:
            return  # the world itself
        self.operations += 1
        if process.fuse == 0:
            process.dead = True
            raise Killed
        process.fuse -= process.fuse > 0
        for trouble in list(self._trouble):
            if trouble.kind not in ("any", kind):
                continue
            if trouble.after > 0:
                trouble.after -= 1
                continue
            trouble.number -= 1
            if trouble.number <= 0:
                self._trouble.remove(trouble)
            self.faults += 1
            raise OSError(trouble.error, os.strerror(trouble.error))

    def rot(self, path: Path, rng: random.Random) -> None:
        """Change a byte of a file."""
        data = bytearray(path.read_bytes())
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        self._files[os.stat(path).st_ino].durable = bytes(data)

    # -- ends ----------------------------------------------------------------------------------------------

    def handles(self) -> list[int]:
        """The descriptors that are open, of all processes."""
        return list(self._owners)

    def release(self, process: Process) -> None:
        """The system closes what a process that has ended had open."""
        process.dead = True
        for handle in [handle for handle, owner in self._owners.items() if owner is process]:
            del self._owners[handle]
            with suppress(OSError):
                _os["close"](handle)

    def _commit(self, number: int | None = None) -> None:
        """Make the first ``number`` of the pending changes of names durable; default: all."""
        pending = self._names[:number]
        del self._names[: len(pending)]
        for kind, path, other in pending:
            if kind == "drop":
                self._forget(path)
            elif not isinstance(other, str):
                self._tree[path] = other
            else:
                self._forget(other)
                for name in [name for name in self._tree if name == path or name.startswith(path + "/")]:
                    self._tree[other + name[len(path) :]] = self._tree.pop(name)

    def _forget(self, path: str) -> None:
        """A name is gone, with all below it."""
        for name in [name for name in self._tree if name == path or name.startswith(path + "/")]:
            del self._tree[name]

    def power_cut(self, rng: random.Random) -> None:
        """Leave what a power cut would: a beginning of the changes of names; of each file what is durable,
        and of what was written since a part, the last piece torn, or zeros in its place."""
        self._commit(rng.randint(0, len(self._names)))
        self._names.clear()
        left = {name: file for name, file in self._tree.items() if self._reachable(name)}
        contents = {name: _survivor(file, rng) for name, file in left.items() if file}
        for entry in Path(self.root).iterdir():
            shutil.rmtree(entry) if entry.is_dir() else _os["unlink"](entry)
        self._names.clear()
        self._files.clear()
        self._tree = dict.fromkeys(left)
        for name in sorted(left):
            if name not in contents:
                _os["mkdir"](name)
                continue
            Path(name).write_bytes(contents[name])
            self._tree[name] = self._files[os.stat(name).st_ino] = _File(durable=contents[name])

    def _reachable(self, name: str) -> bool:
        above = os.path.dirname(name)
        return above == self.root or (above in self._tree and self._reachable(above))


def _survivor(file: _File, rng: random.Random) -> bytes:
    """What a power cut leaves of a file."""
    kept = rng.randint(0, len(file.since))
    found = _content(file, kept)
    if kept < len(file.since) and rng.random() < 0.5:
        kind, at, data = file.since[kept]
        if kind == "write":
            part = data[: rng.randint(0, len(data))]
            found = _put_at(found, at, part if rng.random() < 0.7 else bytes(len(part)))
    return found


def _content(file: _File, number: int) -> bytes:
    """What a file holds after the first ``number`` things done to it since it was synced."""
    found = file.durable or b""
    for kind, at, data in file.since[:number]:
        found = _put_at(found, at, data) if kind == "write" else found[:at].ljust(at, b"\0")
    return found


def _put_at(content: bytes, at: int, data: bytes) -> bytes:
    return content[:at].ljust(at, b"\0") + data + content[at + len(data) :]
