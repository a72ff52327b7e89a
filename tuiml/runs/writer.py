"""The lock of a run's folder, and a file that names the process which holds it.

Only the lock says if a process writes to the folder: the system drops it however the process ends. The file,
which :func:`sign` writes, may be left over from a process that was killed, or missing if the disk was full.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from pathlib import Path

from tuiml.files import open_to_append, read_regular
from tuiml.runs.errors import RunError
from tuiml.text import plain_text

WRITER = ".writer"

# -- the lock ---------------------------------------------------------------------------------------------


def hold(path: Path, kind: str = "run") -> int:
    """Take the lock of a run's folder; returns a descriptor that holds it until it is closed.

    Args:
        kind: what the folder is of, for the message.

    Raises:
        OSError: it is no folder, or a link to one.
        RunError: another process holds it.
    """
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    for _ in range(40):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.025)  # is_held() takes it for microseconds
        except OSError:
            return handle  # a file system without locks
        else:
            return handle
    os.close(handle)
    raise RunError(
        f"the {kind} '{plain_text(path.name)}' is going on in another process; stop it there first"
    )


def release(handle: int) -> None:
    """Give the lock back, even if a process that was forked meanwhile has the descriptor too."""
    with contextlib.suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_UN)
    os.close(handle)


def is_held(path: Path) -> bool:
    """True if a process writes to the run's folder now."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # a file system without locks
    finally:
        os.close(handle)
    return False


# -- the file --------------------------------------------------------------------------------------------


def sign(path: Path) -> None:
    """Write in a run's folder that this process writes to it."""
    unsign(path)  # it may be a link out of the folder
    with contextlib.suppress(OSError), os.fdopen(open_to_append(path / WRITER), "a") as file:
        file.truncate(0)  # where it could not be removed
        json.dump({"pid": os.getpid(), "host": socket.gethostname()}, file)


def unsign(path: Path) -> None:
    """Remove that file."""
    with contextlib.suppress(OSError):
        (path / WRITER).unlink()


def writer_of(path: Path) -> str | None:
    """The process that writes to a run's folder, such as ``process 1234``; ``None`` if there is none."""
    if not is_held(path):
        return None
    other = "another process"
    try:
        found = json.loads(read_regular(path / WRITER, 1000))
        pid, host = found["pid"], found["host"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return other
    if isinstance(pid, bool) or not isinstance(pid, int) or not 0 < pid < 2**31 or not isinstance(host, str):
        return other
    if host != socket.gethostname():
        return plain_text(f"process {pid} on {host[:60]}")
    return f"process {pid}" if _lives(pid) else other


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # another user's
    return True
