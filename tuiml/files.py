"""Files and folders: written whole or not at all, looked for where they belong.

Environment: ``TUIML_HOME`` (runs, presets, settings), ``TUIML_DATA`` (folders searched for data first).
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

CANNOT_SYNC = frozenset(
    {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EPERM}
)
"""What a file system says that cannot make a folder's entries durable: there is nothing to wait for."""


def write_whole(path: Path, payload: bytes | str | Sequence[bytes | memoryview]) -> bool:
    """Write ``payload``, or its pieces, to ``path``: a reader, or a crash, sees the old file or the new one.

    Returns:
        Whether the new file will be there after a power cut, as far as the file system can say.

    Raises:
        OSError: nothing was written; a file that was there is as it was.
    """
    whole = payload.encode() if isinstance(payload, str) else payload
    parts = [whole] if isinstance(whole, bytes) else whole
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".part")
    try:
        try:
            for part in parts:
                write_all(handle, part)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.chmod(name, 0o666 & ~_umask())  # mkstemp gives 0600: a shared folder's readers would be shut out
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    try:
        sync_folder(path.parent)
    except OSError as error:  # the new file is there all the same
        return error.errno in CANNOT_SYNC
    return True


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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_regular(path: Path, most: int) -> bytes:
    """At most the first ``most`` bytes of an ordinary file: a pipe would be waited for, a device never ends.

    Raises:
        OSError: it cannot be read, or is no ordinary file.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "is not an ordinary file", str(path))
        parts = []
        while most > 0 and (part := os.read(handle, most)):
            parts.append(part)
            most -= len(part)
        return b"".join(parts)
    finally:
        os.close(handle)


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
    raise FileNotFoundError(f"the installation lacks assets/{'/'.join(parts)}: install tuiml again")


def home() -> Path:
    """The folder of runs, presets and settings: ``TUIML_HOME``, else the platform's."""
    given = os.environ.get("TUIML_HOME")
    if given:
        return Path(given).expanduser()
    from platformdirs import user_data_path

    return user_data_path("tuiml", appauthor=False)


def data_folders() -> Iterator[Path]:
    """The folders searched for data sets, first to last: those of ``TUIML_DATA``, then the cache."""
    for part in os.environ.get("TUIML_DATA", "").split(os.pathsep):
        if part:
            yield Path(part).expanduser()
    yield cache() / "data"


def cache() -> Path:
    """The folder of downloaded data sets."""
    if os.environ.get("TUIML_HOME"):
        return home() / "cache"
    from platformdirs import user_cache_path

    return user_cache_path("tuiml", appauthor=False)
