"""Shards side by side without Python's interpreter lock: processes forked from the one that trains.

Each of a shard's calls gives that lock back and takes it again, and threads wait for each other at nearly
every one of them. A fork has a lock of its own. It works on the same weights, gradients and optimizer arrays,
which lie in memory that forks share (:func:`zeros`). Of everything else it has a copy, so between two steps
nothing may change but what :func:`zeros` made.

Only processes of tuiml's own are forked (:func:`allow`), not a program that imports it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import math
import mmap
import os
import signal
import sys
import time
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tuiml.backends import blas
from tuiml.backends.denormals import flushed

if TYPE_CHECKING:
    from multiprocessing.synchronize import Semaphore

Array = np.ndarray[Any, Any]
Task = Callable[[int], None]
SWITCH = "TUIML_FORKS"
SPIN = 1e-4
"""Seconds to look again and again whether the others are done, before sleeping: to be woken takes about half
as long. More gains nothing, and takes a core from whoever draws the screen."""
PATIENCE = 0.5
"""Seconds after which one who waits looks whether the other process still lives."""
LONGEST_ERROR = 500
_allowed = False


def allow() -> None:
    """This process is tuiml's own and may be forked, where that is safe and not switched off."""
    global _allowed
    _allowed = sys.platform == "linux" and os.environ.get(SWITCH, "") != "0"


def allowed() -> bool:
    """Whether :class:`Forks` can be made in this process."""
    return _allowed


def zeros(shape: tuple[int, ...] | int, dtype: Any = np.float32) -> Array:
    """A new array of zeros; in memory that this process and its forks share, where it may be forked."""
    size = math.prod(shape) if isinstance(shape, tuple) else shape
    if not _allowed or not size:
        return np.zeros(shape, dtype)
    memory = mmap.mmap(-1, size * np.dtype(dtype).itemsize)
    return np.frombuffer(memory, dtype, size).reshape(shape)


def numbers(count: int) -> memoryview[float]:
    """So many zeros, shared likewise; one by one they are read and written faster than those of an array."""
    return cast("memoryview[float]", zeros(count, np.float64).data)


class _Line:
    """What a fork and the process it comes from tell each other."""

    def __init__(self) -> None:
        import multiprocessing  # takes milliseconds

        context = multiprocessing.get_context("fork")
        self.go, self.done = context.Semaphore(0), context.Semaphore(0)
        self.task = zeros((), np.int64)
        self.error = zeros(LONGEST_ERROR, np.uint8)
        self.pid = 0

    def wait(self) -> None:
        """Until the fork is ready for work, the first time and after each task.

        Raises:
            ChildProcessError: it is gone.
        """
        _wait(self.done, lambda: _check(self.pid))


class Forks:
    """A process each for the shards from 1 on; shard 0 is done by the caller.

    Args:
        count: shards.
        tasks: what can be asked for, each called with the number of a shard.

    Raises:
        OSError, ImportError: the system grants no further process, has no semaphores, or a fork cannot begin.
    """

    def __init__(self, count: int, tasks: Sequence[Task]) -> None:
        self._tasks = tasks
        self._lines: list[_Line] = []
        self.close = weakref.finalize(self, _end, self._lines)
        try:
            for shard in range(1, count):
                line = _Line()
                self._lines.append(line)
                line.pid = _fork(line, shard, tasks)
                line.wait()
        except OSError:
            self.close()
            raise

    @property
    def pids(self) -> list[int]:
        """The forks' process numbers."""
        return [line.pid for line in self._lines]

    def run(self, *tasks: int) -> None:
        """Do some of the tasks, given by their places, each for all shards; one after the other.

        Raises:
            ChildProcessError: a fork failed, or is gone.
        """
        for task in tasks:
            for line in self._lines:
                line.task[...] = task
                line.go.release()
            try:
                self._tasks[task](0)
            finally:
                for line in self._lines:
                    line.wait()
            for shard, line in enumerate(self._lines, 1):
                text = bytes(line.error).rstrip(b"\0").decode(errors="replace")
                if text:
                    raise ChildProcessError(f"the process of shard {shard} failed: {text}")


def _fork(line: _Line, shard: int, tasks: Sequence[Task]) -> int:
    """Start a process that serves one shard; its number."""
    parent = os.getpid()
    with warnings.catch_warnings():
        # Other threads hold no lock that the fork needs: it only calls NumPy, and never returns from here.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        return pid
    try:
        _leave_the_parent_alone(parent)
        _serve(line, shard, tasks, parent)
    finally:
        os._exit(1)


def _leave_the_parent_alone(parent: int) -> None:
    """In a fork: no signal of the terminal, none of the parent's files; and it ends when the parent does."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    signal.set_wakeup_fd(-1)
    set_death_signal = 1
    ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            os.close(int(name))
    gc.disable()  # nothing to collect; looking would copy what is shared with the parent


def _serve(line: _Line, shard: int, tasks: Sequence[Task], parent: int) -> None:
    def check() -> None:
        if os.getppid() != parent:
            os._exit(0)

    with blas.one_thread(), np.errstate(all="ignore"), flushed():
        while True:
            line.done.release()
            _wait(line.go, check)
            try:
                tasks[int(line.task)](shard)
            except BaseException as error:
                text = f"{type(error).__name__}: {error}".encode()[:LONGEST_ERROR]
                line.error[: len(text)] = np.frombuffer(text, np.uint8)


def _wait(semaphore: Semaphore, check: Callable[[], None]) -> None:
    """Take a semaphore; ``check`` is called now and then if it takes long."""
    acquire = semaphore.acquire
    until = time.perf_counter() + SPIN
    while not acquire(False):
        if time.perf_counter() > until:
            while not acquire(True, PATIENCE):
                check()
            return


def _check(pid: int) -> None:
    """See that a fork lives.

    Raises:
        ChildProcessError: it does not.
    """
    try:
        ended, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        ended, status = pid, 0
    if ended:
        how = f"was ended by signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "has ended"
        raise ChildProcessError(f"a process that trains a part of each batch {how}")


def _end(lines: Sequence[_Line]) -> None:
    for line in lines:
        if line.pid:
            with contextlib.suppress(OSError):
                os.kill(line.pid, signal.SIGKILL)
                os.waitpid(line.pid, 0)
            line.pid = 0
