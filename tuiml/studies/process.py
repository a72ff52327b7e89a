"""The process that runs a study for the app: ``python -m tuiml.studies.process NAME [--jobs N] [--resume]``.

Orders come as JSON lines on stdin: ``{"do": "stop"}``, ``pause``, ``resume``, ``stop_trial``,
``resume_trial``, ``more_seeds`` (with ``trial`` and ``count``). Events go as JSON lines to stdout; the last
one is ``study_end``, or ``failed`` with a message. When stdin closes it saves and ends. The app shows the
study's folder.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

from tuiml.runs import threads
from tuiml.studies.control import StudyControl, read_order


def main(arguments: list[str]) -> int:
    """Run the study of the folder or file named."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's ctrl+c goes to the whole group
    parser = argparse.ArgumentParser(prog="tuiml.studies.process")
    parser.add_argument("name", help="as tuiml study takes it")
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--resume", action="store_true", help="as it was started")
    parser.add_argument("--order", action="append", default=[], help="as a line of stdin, for the start")
    chosen = parser.parse_args(arguments)
    threads.limit()
    control = StudyControl()
    for text in chosen.order:  # on stdin it might come too late, where there is nothing else to train
        _obey(text, control)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: control.stop())
    threading.Thread(target=_listen, args=(control,), name="listener", daemon=True).start()
    try:
        for line in _lines(chosen.name, chosen.resume, chosen.jobs, control):
            sys.stdout.write(json.dumps(line, allow_nan=False) + "\n")
            sys.stdout.flush()
    except BrokenPipeError:  # the app is gone; everything is saved
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0


def _lines(name: str, resume: bool, jobs: int | None, control: StudyControl) -> Iterator[dict[str, Any]]:
    from tuiml.studies.session import find_study, run_study
    from tuiml.studies.worker import FAILED, message_of

    try:
        study, folder = find_study(name, resume=resume)
        with contextlib.closing(run_study(study, folder, control, jobs=jobs)) as events:
            for event in events:
                yield event.to_json()
    except Exception as error:  # said in one line, whatever it is
        yield {"event": FAILED, "message": message_of(error)}


def _listen(control: StudyControl) -> None:
    for text in sys.stdin:
        _obey(text, control)
    control.stop()


def _obey(text: str, control: StudyControl) -> None:
    with contextlib.suppress(ValueError):
        message = json.loads(text)
        if isinstance(message, dict) and message.get("do") == "stop":
            control.stop()
        elif (order := read_order(message)) is not None:
            control.order(order)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
