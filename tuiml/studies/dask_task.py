"""What a Dask worker does for a study: trains a trial in a process of its own and returns its run folder.

It is imported on the worker, so tuiml must be installed there; arguments and results are texts and bytes.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

from distributed import get_worker

from tuiml.studies.pack import PackError, pack, unpack
from tuiml.studies.pool import Job, Line, LocalPool
from tuiml.studies.worker import DONE, FAILED

_lock = threading.Lock()
_idle: dict[int, list[LocalPool]] = {}
"""Processes that wait for the next trial, with the data of the last ones, by their number of threads."""
_orders: dict[str, list[str]] = {}
"""What was ordered of the trials that are trained here, by their keys."""


def train(order: str, packed: bytes, topic: str, key: str) -> bytes:
    """Train a trial as far as it is ordered.

    Args:
        order: JSON of :meth:`tuiml.studies.pool.Job.order`.
        packed: its run folder so far; empty: it begins.
        topic: of Dask's events, to which those of the trial are sent.
        key: what :func:`pass_on` knows it by.

    Returns:
        A line of JSON, which is the trial's last event, then its run folder as bytes, if it has one.
    """
    said: Line = json.loads(order)
    with _lock:
        _orders.setdefault(key, [])
        waiting = _idle.setdefault(said["threads"], [])
        pool = waiting.pop() if waiting else LocalPool(1, said["threads"])
    parent = Path(tempfile.mkdtemp(prefix="tuiml-"))
    try:
        if packed:
            unpack(packed, parent / said["trial"], said["document"])
        names = ("trial", "document", "backend", "threads", "until_epoch")
        job = Job(parent, **{name: said[name] for name in names}, find_rate=said["do"] == "find_rate")
        last = _follow(pool, job, topic, key)
        folder = parent / job.trial
        data = pack(folder) if folder.is_dir() else b""
    except (PackError, OSError) as error:
        last, data = {"event": FAILED, "message": str(error)}, b""
    finally:
        shutil.rmtree(parent, ignore_errors=True)
        with _lock:
            _orders.pop(key, None)
            waiting.append(pool)
    return json.dumps(last).encode() + b"\n" + data


def _follow(pool: LocalPool, job: Job, topic: str, key: str) -> Line:
    """Send a trial's events to the study, and hand on what is ordered of it; returns the last event."""
    worker = get_worker()
    pool.start(job)
    while _wanted(worker, key):
        with _lock:
            orders, _orders[key] = _orders.get(key, []), []
        for do in orders:
            pool.order(job.trial, do)
        for _, line in pool.lines(0.2):
            if line.get("event") in (DONE, FAILED):
                return line
            worker.log_event(topic, json.dumps({"key": key, "worker": worker.address, **line}))
    pool.close()
    return {"event": FAILED, "message": "the Dask worker was closed, or the study was ended"}


def _wanted(worker: Any, key: str) -> bool:
    """False once the worker closes, or nobody waits for the trial: the process of the study is gone."""
    task = worker.state.tasks.get(key)
    closes = worker.status.name in ("closing", "closing_gracefully", "closed", "failed")
    return not closes and task is not None and task.state != "cancelled"


def pass_on(key: str, do: str) -> bool:
    """Order something of a trial; returns whether it is trained here."""
    with _lock:
        if key in _orders:
            _orders[key].append(do)
        return key in _orders


def last_and_folder(result: Any) -> tuple[Line, bytes]:
    """What :func:`train` returned.

    Raises:
        PackError: it is something else.
    """
    if not isinstance(result, bytes):
        raise PackError("what came back is no run folder")
    text, _, data = result.partition(b"\n")
    try:
        line = json.loads(text)
    except ValueError:
        line = None
    if not isinstance(line, dict):
        raise PackError("what came back is no run folder")
    return line, data
