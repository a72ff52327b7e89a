"""Who writes to a run's folder, for others to tell: a file beside the lock, believed only while it can be.

The lock alone says whether anybody does: the system drops it however a process ends. The file, which
:class:`tuiml.runs.folder.RunFolder` writes, may be left over from a process that was killed, or missing
where a disk was full.
"""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

from tuiml.runs.folder import WRITER, is_held
from tuiml.text import plain_text


def writer_of(path: Path) -> str | None:
    """Who writes to a run's folder, in words: ``process 1234``; ``None`` for nobody."""
    if not is_held(path):
        return None
    other = "another process"
    try:
        handle = os.open(path / WRITER, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would make us wait
        try:
            found = json.loads(os.read(handle, 1000))
        finally:
            os.close(handle)
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
