"""scikit-learn: one ``partial_fit`` over the examples of several steps. It has no convolutions."""

from __future__ import annotations

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier

from tests.benchmarks.timing import Way
from tests.benchmarks.workloads import RATE, Batches, Workload, floats

ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic"}


def ways(work: Workload, count: int) -> list[Way]:
    if work.pictures:
        return []
    x, y = floats(work)
    model = MLPClassifier(
        work.sizes[1:-1],
        activation=ACTIVATIONS[work.activation],
        solver=work.optimizer,
        alpha=0.0,
        batch_size=work.batch,
        learning_rate_init=RATE,
        momentum=0.0,
        nesterovs_momentum=False,
    )
    classes, batches = np.unique(y), Batches(work)

    def steps(number: int) -> None:
        rows = np.concatenate(batches.take(number))
        model.partial_fit(x[rows], y[rows], classes=classes)

    return [Way("scikit-learn", steps)]


def versions() -> dict[str, str]:
    return {"scikit-learn": sklearn.__version__}
