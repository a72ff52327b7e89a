"""A user's script, which mypy checks: the types of the Python API are seen through its lazy names."""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import tuiml

for event in tuiml.train("digits-quickstart", set={"training.epochs": 1}):
    assert_type(event, tuiml.Event)
    if isinstance(event, tuiml.Epoch):
        assert_type(event.val_loss, float)
run = tuiml.open_run("digits")
assert_type(run, tuiml.Run)
assert_type(run.metrics, dict[str, NDArray[Any]])
assert_type(run.weights, dict[str, NDArray[np.float32]])
assert_type(run.preset.training.epochs, int)
assert_type(run.end, tuiml.End | None)
assert_type(run.layers, tuple[tuiml.LayerStatistics, ...])
answers = run.predict(np.zeros((1, 64)))
assert_type(answers, tuiml.Answers)
assert_type(answers.columns, tuple[str, ...])
assert_type(answers.values, NDArray[np.float64])
