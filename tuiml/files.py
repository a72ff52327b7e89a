"""Files and folders: written whole or not at all, looked for where they belong.

Environment: ``TUIML_HOME`` (runs, presets, settings), ``TUIML_DATA`` (folders searched for data first).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

CANNOT_SYNC = frozenset(
    {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EPERM}
)
"""What a file system says that cannot make a folder's entries durable: there is nothing to wait for."""


def write_whole(
    path: Path, payload: bytes | str | Sequence[bytes | memoryview], *, parents: bool = True
) -> bool:
    """Write ``payload``, or its pieces, to ``path``: a reader, or a crash, sees the old file or the new one.

    The mode of an ordinary file that is replaced is kept. The bytes go to a new file, which is then renamed
    to ``path``: a link there is itself replaced, and what a symbolic link leads to, or the other names of a
    hard link, are as they were.

    Args:
        parents: make folders that are missing above it.

    Returns:
        Whether the new file will be there after a power cut, as far as the file system can say.

    Raises:
        OSError: nothing was written; a file that was there is as it was.
    """
    whole = payload.encode() if isinstance(payload, str) else payload
    parts = [whole] if isinstance(whole, bytes) else whole
    if parents:
        path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as (handle, _):
        for part in parts:
            write_all(handle, part)
    try:
        sync_folder(path.parent)
    except OSError as error:  # the new file is there all the same
        return error.errno in CANNOT_SYNC
    return True


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[tuple[int, Path]]:
    """A new file (descriptor and path) that replaces ``path`` at the end, or is removed on an error."""
    # mkstemp opens with O_EXCL and O_NOFOLLOW: a link that somebody put there is never written through.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".part")
    try:
        try:
            yield handle, Path(name)
            os.fchmod(handle, _mode(path))  # mkstemp gives 0600: a shared folder's readers would be shut out
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def write_all(handle: int, data: bytes | memoryview) -> None:
    """Write every byte to a descriptor; a disk that fills up takes some of them first.

    Raises:
        OSError: some bytes may have been written.
    """
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable: after a rename the new name survives a power cut."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _mode(path: Path) -> int:
    """The mode for a new file at ``path``: that of the ordinary file there, else as the umask says."""
    with contextlib.suppress(OSError):
        found = os.lstat(path)
        if stat.S_ISREG(found.st_mode):
            return found.st_mode & 0o777 | stat.S_IRUSR  # what we write we can read
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


class UnsafeFile(OSError):
    """A file is not written to, because that would change another file, or because it is no ordinary file."""


def refuse_unsafe(path: Path) -> None:
    """Raise :class:`UnsafeFile` unless ``path`` is an ordinary file with this one name, or nothing at all."""
    with contextlib.suppress(FileNotFoundError):
        _refuse(path, os.lstat(path))


def open_to_append(path: Path) -> int:
    """Open a file to read it and append to it, made anew where there is none; a descriptor.

    This is how a file in a run's folder is opened for writing: the folder may come from a stranger, and a
    link in it may lead to any file of the user's.

    Raises:
        UnsafeFile: it is a link, has a second name (a hard link), or is no ordinary file.
        OSError: it cannot be opened.
    """
    refuse_unsafe(path)  # before it is opened: opening a device may do something
    flags = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        handle = os.open(path, flags)
    except FileNotFoundError:
        handle = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        _refuse(path, os.fstat(handle))  # what was opened, should another file be there by now
    except BaseException:
        os.close(handle)
        raise
    return handle


def _refuse(path: Path, found: os.stat_result) -> None:
    if stat.S_ISREG(found.st_mode) and found.st_nlink <= 1:
        return
    if stat.S_ISLNK(found.st_mode) or stat.S_ISREG(found.st_mode):
        kind = "symbolic" if stat.S_ISLNK(found.st_mode) else "hard"
        why = f"it is a {kind} link, so another file would be changed; put a copy of that file in its place"
    else:
        kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
        kind = kinds.get(stat.S_IFMT(found.st_mode), "a device")
        why = f"it is {kind}, not an ordinary file; remove it"
    raise UnsafeFile(errno.EINVAL, why, str(path))


def path_of_folder(handle: int, path: Path) -> Path:
    """Where an open folder is now: ``path``, or where it was moved to since.

    Raises:
        FileNotFoundError: it was deleted, or the system does not tell where it is.
    """
    own = os.fstat(handle)
    for find in (str, partial(_present_path, handle)):
        with contextlib.suppress(OSError, ValueError):
            found = find(path)
            if os.path.samestat(own, os.lstat(found)):
                return Path(found)
    raise FileNotFoundError(errno.ENOENT, "the folder was deleted or moved away", str(path))


def _present_path(handle: int, path: Path) -> str:
    """What the system says of where an open folder is that was at ``path``."""
    if sys.platform == "darwin":
        return os.fsdecode(fcntl.fcntl(handle, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
    return os.readlink(f"/proc/self/fd/{handle}")


def open_regular(path: Path) -> int:
    """Open an ordinary file to read it; a descriptor. A pipe would be waited for, and a device never ends.

    Raises:
        OSError: it cannot be opened, or is no ordinary file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is not an ordinary file", str(path))
    return handle


def read_regular(path: Path, most: int) -> bytes:
    """At most the first ``most`` bytes of an ordinary file.

    Raises:
        OSError: as :func:`open_regular`.
    """
    with os.fdopen(open_regular(path), "rb") as file:
        return file.read(most)


def asset(*parts: str) -> Path:
    """A file or folder of ``assets/``: inside the installed package, or beside it in a checkout.

    Raises:
        FileNotFoundError: it is in neither.
    """
    package = Path(__file__).resolve().parent
    for root in (package / "assets", package.parent / "assets"):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise FileNotFoundError(f"the installation lacks assets/{'/'.join(parts)}; install it again")


class NoHome(OSError):
    """There is no folder for runs, presets and settings."""


NO_HOME = "you have no home folder here: set TUIML_HOME to a folder for runs, presets and settings"


def home() -> Path:
    """The folder of runs, presets and settings: ``TUIML_HOME``, else the platform's.

    Raises:
        NoHome: there is none.
    """
    given = os.environ.get("TUIML_HOME")
    if given:
        named = os.path.expanduser(given)
        if named.startswith("~"):
            raise NoHome(errno.ENOENT, f"TUIML_HOME is {given}, but there is no such user; give a whole path")
        return Path(named)
    from platformdirs import user_data_path

    try:
        path = user_data_path("tuiml", appauthor=False)
    except RuntimeError:
        raise NoHome(errno.ENOENT, NO_HOME) from None
    if not path.is_absolute():  # as older versions of platformdirs answer
        raise NoHome(errno.ENOENT, NO_HOME)
    return path


def data_folders() -> Iterator[Path]:
    """The folders searched for data sets, first to last: those of ``TUIML_DATA``, then the cache."""
    for part in os.environ.get("TUIML_DATA", "").split(os.pathsep):
        if part:
            yield Path(os.path.expanduser(part))
    yield cache() / "data"


def cache() -> Path:
    """The folder of downloaded data sets."""
    if os.environ.get("TUIML_HOME"):
        return home() / "cache"
    from platformdirs import user_cache_path

    return user_cache_path("tuiml", appauthor=False)
