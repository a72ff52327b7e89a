"""Small studies, and run folders and tables made without training."""

import json
import math
from pathlib import Path

from tuiml.spec import dumps
from tuiml.studies.check import check
from tuiml.studies.conclusion import moments
from tuiml.studies.results import Configuration, Row, Trial, TrialResult
from tuiml.studies.table import rank

NAN = math.nan
ACTIVATIONS = ("tanh", "relu", "elu")
RATE = {"path": "training.learning_rate", "low": 1e-4, "high": 1.0, "scale": "log"}


def document(**changes):
    """A study of three activations on points of a spiral; a change to None leaves the key out."""
    found = {
        "version": 1,
        "name": "acts",
        "preset": preset(),
        "seeds": [0, 1],
        "vary": [{"path": "layers[*].activation", "values": list(ACTIVATIONS)}],
    }
    return {key: value for key, value in {**found, **changes}.items() if value is not None}


def preset(**training):
    return {
        "version": 1,
        "name": "spiral",
        "data": {"name": "spiral", "size": 80},
        "layers": [
            {"type": "dense", "units": 6, "activation": "tanh"},
            {"type": "dense", "activation": "softmax"},
        ],
        "training": {"batch_size": 16, "epochs": 9, "learning_rate": 0.1, **training},
    }


def regression():
    return {**preset(loss="mse"), "data": {"name": "sine"}, "layers": [{"type": "dense", "units": 1}]}


def study(**changes):
    """The checked study of :func:`document`."""
    found, problems = check(document(**changes))
    assert found is not None, problems
    return found


def problems(**changes):
    """What is wrong with such a study, one line each."""
    found, wrong = check(document(**changes))
    assert (found is None) == bool(wrong)
    return list(map(str, wrong))


def write_run(
    folder, trial, curve, reason="completed", test=0.5, metric="val_accuracy", name=None, planned=9
):
    """A run folder as training leaves it; ``reason`` None: it was killed."""
    path = Path(folder) / (name or trial.folder)
    path.mkdir(parents=True, exist_ok=True)
    (path / "preset.toml").write_text(dumps(dict(trial.document)))
    lines = [{"event": "start", "epochs": planned, "parameters": 10, "watched": "val_loss", "step": 0}]
    for epoch, value in enumerate(curve, 1):
        figures = {
            metric: None if math.isnan(value) else value,
            "train_loss": 1 / epoch,
            "seconds": epoch * 2.0,
        }
        lines.append({"event": "epoch", "epoch": epoch, "step": epoch * 5, **figures})
    if reason:
        lines.append({"event": "end", "reason": reason, "step": len(curve) * 5, "test_accuracy": test})
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def table(values, folds=False, states=None):
    """A ranked table of accuracies: a list for each name, by seed; NaN for a trial without."""
    rows = []
    for number, (name, some) in enumerate(values.items()):
        one = Configuration(number, name, {"x": number}, {})
        trials = []
        for key, value in enumerate(some):
            trial = Trial(one, 0 if folds else key, key if folds else None, f"{name}-{key}", {})
            figures = {} if math.isnan(value) else {"val_accuracy": value}
            state = (states or {}).get((name, key), "diverged" if math.isnan(value) else "completed")
            trials.append(TrialResult(trial, state, Path(), 9, 9, figures))
        known = [value for value in some if not math.isnan(value)]
        rows.append(Row(None, one, tuple(trials), len(known), *moments(known), NAN, NAN, 1.0))
    return rank(rows, "val_accuracy")
