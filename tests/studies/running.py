"""Small studies for tests that run them, and a pool that trains in this process."""

from __future__ import annotations

import contextlib
import math
from typing import Any

from tuiml.runs import checkpoints, folder
from tuiml.runs.folder import studies_folder
from tuiml.studies import check as checking
from tuiml.studies import methods
from tuiml.studies.control import StudyControl
from tuiml.studies.data_cache import DataCache
from tuiml.studies.events import TrialEnd, TrialStart
from tuiml.studies.folder import StudyFolder
from tuiml.studies.results import Results
from tuiml.studies.run import StudyRun
from tuiml.studies.table import Table
from tuiml.studies.worker import DONE, FAILED, events_of, message_of
from tuiml.training.run_control import RunControl

PRESET: dict[str, Any] = {
    "version": 1,
    "name": "tiny",
    "data": {"name": "moons", "size": 140},
    "layers": [
        {"type": "dense", "units": 6, "activation": "relu"},
        {"type": "batch_norm"},
        {"type": "dropout", "rate": 0.2},
        {"type": "dense", "activation": "softmax"},
    ],
    "training": {"optimizer": "adam", "learning_rate": 0.05, "batch_size": 32, "epochs": 4},
}


def document(epochs=4, **rest):
    """A study of two activations and two seeds."""
    training = {**PRESET["training"], "epochs": epochs}
    vary = [{"path": "layers.0.activation", "values": ["relu", "tanh"]}]
    found = {"version": 1, "name": "tiny", "seeds": [0, 1], "vary": vary, **rest}
    return {"preset": {**PRESET, "training": training}, **found}


def study(**rest):
    """The checked study of :func:`document`."""
    found, problems = checking.check(document(**rest))
    assert found is not None, problems
    return found


class InlinePool:
    """Trains one trial after the other in this process.

    Args:
        stop_at: stop the trial of this name when it has done so many epochs, as a user would.
    """

    size = 2

    def __init__(self):
        self.jobs, self.trained, self.controls = [], [], {}
        self._cache = DataCache()

    def start(self, job):
        self.jobs.append(job)
        self.controls[job.trial] = RunControl(rewindable=False)

    def order(self, trial, do):
        getattr(self.controls[trial], do)()

    def lines(self, timeout):
        job = self.jobs.pop(0)
        self.trained.append(job.trial)
        return [(job.trial, line) for line in self._lines(job)]

    def _lines(self, job):
        try:
            with contextlib.closing(events_of(job.order(), self.controls[job.trial], self._cache)) as events:
                found = [event.to_json() for event in events]
        except Exception as error:
            return [{"event": FAILED, "message": message_of(error)}]
        return [*(line for line in found if line["event"] != "snapshot"), {"event": DONE}]

    def close(self):
        pass


def run(chosen, name="tiny", *, control=None, pool=None, on_event=lambda event: None):
    """Run a study in this process; its events."""
    held = StudyFolder.hold(name)
    try:
        held.settle(1, "numpy")
        search = methods.start(chosen)
        running = StudyRun(chosen, held, search, pool or InlinePool(), control or StudyControl())
        found = []
        for event in running.events():
            found.append(event)
            on_event(event)
        return found
    finally:
        held.close()


def trained(events):
    """The trials that were trained."""
    return [event.trial for event in events if isinstance(event, TrialStart)]


def ended(events):
    """How the trials have ended that were trained."""
    return [event.reason for event in events if isinstance(event, TrialEnd) and not event.earlier]


def table(chosen, name="tiny") -> Results:
    """A study's table, read anew."""
    path = studies_folder() / name
    return Table(chosen, path).results()


def comparable(results):
    """What is the same however often a study was cut off: all but times and places."""
    return [
        (
            row.rank,
            row.configuration.name,
            row.n,
            _same(row.mean),
            _same(row.std),
            _same(row.test_mean),
            [
                (
                    one.path.name,
                    one.state,
                    one.epochs,
                    one.curve,
                    {k: v for k, v in one.figures.items() if k != "seconds"},
                )
                for one in row.trials
            ],
        )
        for row in results.rows
    ]


def _same(value):
    return None if math.isnan(value) else value


def weights(name="tiny"):
    """The bytes of the last checkpoint of every trial."""
    from safetensors.numpy import load_file

    found = {}
    for path in sorted((studies_folder() / name).iterdir()):
        if path.is_dir():
            newest = checkpoints.path_of(path, max(folder.steps_in(path)))
            found[path.name] = {key: value.tobytes() for key, value in load_file(newest).items()}
    return found
