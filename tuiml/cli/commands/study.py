"""``tuiml study``: trains every trial of a study."""

from __future__ import annotations

import argparse
import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from tuiml.cli import notices
from tuiml.cli.output import finite, note, say
from tuiml.cli.parser import Command, argument, json_option
from tuiml.runs import threads

if TYPE_CHECKING:
    from tuiml.notify.notifier import Wanted
    from tuiml.studies.control import StudyControl
    from tuiml.studies.events import StudyEnd
    from tuiml.studies.study import Study

MOST_JOBS = 256


def run(chosen: argparse.Namespace) -> int:
    """Train what a study lacks, and print its table."""
    threads.limit()  # before numpy is imported, by what follows
    from tuiml.studies.control import StudyControl
    from tuiml.studies.session import find_study
    from tuiml.studies.table import results

    asked = notices.wanted(chosen)
    study, name = find_study(chosen.study, resume=chosen.resume, full=chosen.full)
    if chosen.csv is not None and not chosen.csv.parent.is_dir():
        note(f"tuiml: there is no folder {chosen.csv.parent} for the table")
        return 2
    control = StudyControl()
    end, code = _follow(study, name, control, chosen, asked)
    if end is None:
        return code
    path = Path(end.path)
    found = results(study, path)
    if chosen.csv is not None:
        from tuiml.cli.study_table import results_csv
        from tuiml.files import write_whole

        write_whole(chosen.csv, results_csv(found), parents=False)
    if code != 128 + 13:  # else nobody reads it
        from tuiml.cli.study_table import print_results, results_data

        if chosen.json:
            say(json.dumps(finite(results_data(found)), allow_nan=False, default=str))
        else:
            print_results(found, study.tune)
    return _closing(end, code, _command(chosen, name))


def _follow(
    study: Study, name: str, control: StudyControl, chosen: argparse.Namespace, asked: Wanted
) -> tuple[StudyEnd | None, int]:
    """Show a study's events to the end; its last event, and the exit code if it was stopped."""
    from tuiml.cli.follow import show_event
    from tuiml.cli.signals import Stopping
    from tuiml.cli.study_progress import choose_study
    from tuiml.studies.events import StudyEnd, TrialEnd
    from tuiml.studies.session import run_study

    show, end = choose_study(json=chosen.json), None
    events = run_study(study, name, control, jobs=chosen.jobs, dask=chosen.dask)
    telling = notices.TerminalNotices(asked, show)
    with Stopping(control) as stopping, contextlib.closing(events), telling:
        try:
            for event in events:
                end = event if isinstance(event, StudyEnd) else end
                show_event(show, event, stopping)
                if isinstance(event, TrialEnd):
                    telling.title(f"tuiml {name} {event.done}/{event.trials} trials")
            if end is not None:
                telling.tell(end.reason, end.study, end.path, end.said)
        finally:
            show.close()
    if stopping.failed:
        return end, 1
    return end, 128 + stopping.number if stopping.number is not None else 0


def _closing(end: StudyEnd, code: int, command: str) -> int:
    """Say what is not as it should be, in one line each; the exit code."""
    if end.reason == "failed":
        note(f"tuiml: {end.message}; '{command}' goes on")
        return 1
    for count, word in ((end.failed, "failed"), (end.diverged, "diverged")):
        if count:
            note(f"tuiml: {count:,} of {end.trials:,} trials {word}")
    if end.reason == "stopped":
        note(f"tuiml: stopped and saved, {end.done:,} of {end.trials:,} trials done; '{command}' goes on")
        return code or 1
    if end.failed:
        note(f"tuiml: '{command}' tries those that failed again")
        return 1
    return code or (3 if end.diverged and end.diverged == end.trials else 0)


def _command(chosen: argparse.Namespace, name: str) -> str:
    import shlex

    given = (" --resume" if chosen.resume else "") + (" --full" if chosen.full else "")
    return f"tuiml study {shlex.quote(chosen.study)}{given}"


def _jobs(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_JOBS):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a number of trials from 1 to {MOST_JOBS}")
    return int(text)


COMMAND = Command(
    "study",
    "train every trial of a study; again, what is missing",
    run,
    [
        argument("study", metavar="STUDY", help="a name that 'tuiml studies' lists, or a TOML file"),
        argument("--jobs", type=_jobs, metavar="N", help="trials at once (default: one a core)"),
        argument(
            "--dask", metavar="ADDRESS", help="train on the workers of a Dask scheduler: tcp://HOST:8786"
        ),
        argument("--resume", action="store_true", help="go on with one that was begun, as it was started"),
        argument("--full", action="store_true", help="without its [small], which makes it quick"),
        argument("--csv", type=Path, metavar="PATH", help="write a row for each trial"),
        *notices.OPTIONS,
        json_option("print events and the table as a JSON object a line"),
    ],
)
