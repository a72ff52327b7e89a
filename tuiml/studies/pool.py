"""Where trials are trained: worker processes on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

from tuiml.runs import threads
from tuiml.studies.worker import DONE, FAILED, GRACE, lines_of
from tuiml.text import plain_text

Line = dict[str, Any]

TRIES = 2
"""How often a trial is given to another process when the one that trained it ended, before it has failed."""


@dataclass(frozen=True)
class Job:
    """A trial to train, or to go on with."""

    parent: Path
    """The folder of the study."""
    trial: str
    """The name of its run folder there."""
    document: Mapping[str, Any]
    backend: str
    threads: int
    until_epoch: int | None = None
    """The epoch after which it is stopped; ``None``: trained to its end."""
    find_rate: bool = False
    """Nothing is trained: a learning rate is found for it, and reported as ``rate_found``."""

    def order(self) -> Line:
        """The order for a worker process."""
        rest = {name: getattr(self, name) for name in ("trial", "backend", "threads", "until_epoch")}
        do = "find_rate" if self.find_rate else "train"
        return {"do": do, "parent": str(self.parent), "document": dict(self.document), **rest}


class Pool(Protocol):
    """Trains several trials at once."""

    @property
    def size(self) -> int:
        """How many at once."""

    def start(self, job: Job) -> None:
        """Train a trial; to be called while fewer than :attr:`size` are trained."""

    def order(self, trial: str, do: str) -> None:
        """``stop``, ``pause`` or ``resume`` a trial."""

    def lines(self, timeout: float) -> list[tuple[str, Line]]:
        """What was reported since the last call: a trial's name and an event of its run, as JSON.

        The last one of a trial is ``done``, or ``failed`` with a message.

        Args:
            timeout: seconds to wait for the first one.

        Raises:
            PoolError: nothing can be trained any more.
        """

    def close(self) -> None:
        """Stop what is trained, save it, and end the processes."""


class PoolError(Exception):
    """Nothing can be trained any more: why, in one line."""


@dataclass
class _Process:
    """A worker process and what it trains."""

    popen: subprocess.Popen[str]
    listener: threading.Thread = field(init=False)
    errors: IO[bytes]
    """What it prints on stderr."""
    job: Job | None = None
    tries: int = 0

    def end(self, patience: float) -> str:
        """Wait for its end, or kill it, and release its pipes; returns why it ended."""
        popen = self.popen
        assert popen.stdin is not None
        assert popen.stdout is not None
        with contextlib.suppress(OSError):
            popen.stdin.close()  # it then saves and ends
        try:
            code = popen.wait(patience)
        except subprocess.TimeoutExpired:
            popen.kill()
            code = popen.wait()
        self.listener.join()
        popen.stdout.close()
        with self.errors:
            self.errors.seek(max(0, self.errors.seek(0, os.SEEK_END) - 2000))
            last = self.errors.read().decode(errors="replace").strip().rpartition("\n")[2]
        return f"{_exit_reason(code)}: {plain_text(last)[:200]}" if last and code > 0 else _exit_reason(code)


class LocalPool:
    """Worker processes on this machine, started when they are needed.

    Args:
        size: trials at once.
        count: training threads of each.
    """

    def __init__(self, size: int, count: int) -> None:
        self.size = size
        self._threads = count
        self._processes: list[_Process] = []
        self._heard: queue.SimpleQueue[tuple[_Process, Line | None]] = queue.SimpleQueue()

    def start(self, job: Job) -> None:
        self._give(job, 0)

    def _give(self, job: Job, tries: int) -> None:
        process = next((one for one in self._processes if one.job is None), None) or self._new()
        process.job, process.tries = job, tries
        _write(process, job.order())

    def order(self, trial: str, do: str) -> None:
        for process in self._processes:
            if process.job is not None and process.job.trial == trial:
                _write(process, {"do": do, "trial": trial})

    def lines(self, timeout: float) -> list[tuple[str, Line]]:
        found: list[tuple[str, Line]] = []
        with contextlib.suppress(queue.Empty):
            found += self._read(*self._heard.get(timeout=timeout))
            while True:
                found += self._read(*self._heard.get_nowait())
        return found

    def _read(self, process: _Process, line: Line | None) -> list[tuple[str, Line]]:
        job = process.job
        if line is None:
            return self._ended(process)
        if job is None or line["trial"] != job.trial:
            return []
        if line.get("event") in (DONE, FAILED):
            process.job = None
        return [(job.trial, line)]

    def _ended(self, process: _Process) -> list[tuple[str, Line]]:
        """A process ended: its trial goes on in another one, unless that happens again and again."""
        if process not in self._processes:  # closed before
            return []
        self._processes.remove(process)
        why, job = process.end(GRACE), process.job
        if job is None:
            return []
        if process.tries >= TRIES:
            return [(job.trial, {"event": FAILED, "message": f"its process {why}, {TRIES + 1} times"})]
        self._give(job, process.tries + 1)
        text = f"its process {why}; it goes on from its newest checkpoint"
        return [(job.trial, {"event": "notice", "about": "process", "text": text})]

    def _new(self) -> _Process:
        environment = os.environ | {threads.OURS: str(self._threads)}
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it has ended
        try:
            popen = subprocess.Popen(
                [sys.executable, "-m", "tuiml.studies.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
                env=environment,
            )
        except OSError as error:
            raise PoolError(f"no process can be started: {error.strerror or error}") from None
        process = _Process(popen, errors)
        self._processes.append(process)
        process.listener = threading.Thread(target=self._listen, args=(process,), name="trials", daemon=True)
        process.listener.start()
        return process

    def _listen(self, process: _Process) -> None:
        assert process.popen.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            for line in lines_of(process.popen.stdout):
                self._heard.put((process, line))
        self._heard.put((process, None))

    def close(self) -> None:
        for process in self._processes:
            with contextlib.suppress(OSError):
                process.popen.stdin.close()  # type: ignore[union-attr]  # all at once: each takes a moment
        until = time.monotonic() + GRACE + 2
        for process in self._processes:
            process.end(max(0.0, until - time.monotonic()))
        self._processes.clear()


def _write(process: _Process, line: Line) -> None:
    """Send an order; a process that has ended is noticed where its lines end."""
    assert process.popen.stdin is not None
    with contextlib.suppress(OSError):
        process.popen.stdin.write(json.dumps(line) + "\n")
        process.popen.stdin.flush()


def _exit_reason(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    if code == -signal.SIGKILL:
        return "was killed (memory may have run out)"
    return f"was ended by signal {-code}"


def trials_at_once(jobs: int | None, device: str, count: int | None) -> tuple[int, int]:
    """How many trials at once, and the training threads of each.

    Args:
        jobs: as asked for; default: one a core, or one at all on a GPU, which they would share.
        count: threads, if they are settled already.
    """
    cores = threads.cores()
    if count is not None:
        return jobs or (max(1, cores // count) if device == "cpu" else 1), count
    size = jobs or (cores if device == "cpu" else 1)
    return size, max(1, min(threads.MOST, cores // size))
