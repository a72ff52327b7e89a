"""Trials on many machines, through Dask's own client (the extra ``dask``).

A trial is sent as its preset, with its run folder so far where it goes on, and comes back as a run folder.
"""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import time
import warnings
from dataclasses import dataclass
from typing import Any

from tuiml.installation import hint
from tuiml.runs.errors import RunError
from tuiml.runs.folder import PRESET
from tuiml.studies.pack import PackError, pack, unpack
from tuiml.studies.pool import Job, Line, PoolError
from tuiml.studies.worker import DONE, FAILED
from tuiml.text import plain_text

CONNECT = 5
"""Seconds to wait for the scheduler at the start."""
LOST = 3.0
"""Seconds without the scheduler after which it is given up."""
LOOK = 2.0
"""Seconds between two counts of the workers."""


@dataclass
class _Task:
    job: Job
    key: str
    future: Any


class DaskPool:
    """Trains trials on the workers of a Dask scheduler.

    Args:
        address: of the scheduler, such as ``tcp://10.0.0.5:8786``.
        jobs: trials at once, at most; ``None``: one for each thread of the workers.

    Raises:
        RunError: Dask is not installed, or the scheduler does not answer.
    """

    def __init__(self, address: str, jobs: int | None = None) -> None:
        try:
            import distributed
        except ImportError:
            raise RunError(f"--dask needs the package distributed: {hint('dask')}") from None
        self._address, self._jobs = address, jobs
        _silence()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of versions that differ: bits do not depend on Dask's
                self._client = distributed.Client(address, timeout=CONNECT, set_as_default=False)
        except (OSError, ValueError, ImportError) as error:
            why = plain_text((str(error).splitlines() or [type(error).__name__])[0])[:200]
            raise RunError(f"there is no Dask scheduler at {plain_text(address)}: {why}", code=1) from None
        self._tasks: dict[str, _Task] = {}
        self._heard: queue.SimpleQueue[tuple[str, Line | None]] = queue.SimpleQueue()
        self._number, self._slots, self._looked, self._seen = 0, 0, 0.0, time.monotonic()
        self._topic = f"tuiml-{self._client.id}"
        self._client.subscribe_topic(self._topic, self._on_event)

    @property
    def size(self) -> int:
        """One trial for each thread of the workers there are now; where there are none, one waits."""
        now = time.monotonic()
        if now - self._looked > LOOK and self._client.status == "running":
            self._looked = now
            with contextlib.suppress(Exception):  # a scheduler that is lost is noticed in lines()
                found = self._client.sync(self._client.scheduler.ncores, callback_timeout=LOOK)
                self._slots = sum(found.values())
        return max(1, min(self._slots, self._jobs or self._slots))

    def start(self, job: Job) -> None:
        from tuiml.studies.dask_task import train

        folder, self._number = job.parent / job.trial, self._number + 1
        key = f"{self._topic}-{self._number}"
        packed = pack(folder) if (folder / PRESET).is_file() else b""
        future = self._client.submit(train, json.dumps(job.order()), packed, self._topic, key, key=key)
        self._tasks[key] = _Task(job, key, future)
        future.add_done_callback(lambda _: self._heard.put((key, None)))

    def order(self, trial: str, do: str) -> None:
        from tuiml.studies.dask_task import pass_on

        for task in [one for one in self._tasks.values() if one.job.trial == trial]:
            try:
                here = any(self._client.run(pass_on, task.key, do, on_error="ignore").values())
            except Exception:  # the scheduler is lost, which is noticed in lines()
                return
            if do == "stop" and not here:  # no worker has begun it
                task.future.cancel()

    def _on_event(self, event: tuple[float, Any]) -> None:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            line = json.loads(event[1])
            self._heard.put((line["key"], line))

    def lines(self, timeout: float) -> list[tuple[str, Line]]:
        found: list[tuple[str, Line]] = []
        with contextlib.suppress(queue.Empty):
            found += self._read(*self._heard.get(timeout=timeout))
            while True:
                found += self._read(*self._heard.get_nowait())
        now = time.monotonic()
        if self._client.status == "running":
            self._seen = now
        if now - self._seen > LOST:
            where = plain_text(self._address)
            raise PoolError(
                f"the Dask scheduler at {where} does not answer any more; what is finished is kept"
            )
        return found

    def _read(self, key: str, line: Line | None) -> list[tuple[str, Line]]:
        task = self._tasks.get(key)
        if task is None:
            return []
        if line is not None:
            return [(task.job.trial, line)]
        if self._client.status != "running":  # all tasks are lost with the scheduler
            return []
        del self._tasks[key]
        return [(task.job.trial, self._result(task))]

    def _result(self, task: _Task) -> Line:
        """The last event of a trial, whose run folder is then here."""
        from tuiml.studies.dask_task import last_and_folder

        if task.future.cancelled():
            return {"event": DONE}
        try:
            last, data = last_and_folder(task.future.result())
            if data:
                unpack(data, task.job.parent / task.job.trial, task.job.document)
            return last
        except OSError as error:
            return {
                "event": FAILED,
                "message": f"cannot write in {task.job.parent}: {error.strerror or error}",
            }
        except PackError as error:
            return {"event": FAILED, "message": str(error)}
        except Exception as error:  # whatever went wrong on the worker
            return {"event": FAILED, "message": _why(error)}

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._client.close(timeout=2)


def _why(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and str(error.name).startswith("tuiml"):
        return "a Dask worker has no tuiml, or an older one: install it there"
    if type(error).__name__ == "KilledWorker":
        return "the Dask workers that trained it were lost, again and again"
    return plain_text(f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}")[:500]


def _silence() -> None:
    """What Dask logs on stderr is said here in one line, where it matters."""
    for name in ("distributed", "tornado", *logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("distributed", "tornado"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
