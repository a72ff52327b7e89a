"""The charts of a run: each is an entry of :data:`CHARTS`, which the report and the format svg share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tuiml.export.drawing import Curve, histograms, lines, matrix, plane, points
from tuiml.formatting import compact, limits_text
from tuiml.runs.errors import RunError

if TYPE_CHECKING:
    from tuiml.export.exported_run import Source
    from tuiml.training.layer_statistics import Histogram, LayerStatistics

EXAMPLES = 10_000
"""Examples that are evaluated for a chart, at most; and points that are drawn."""
DOTS = 600
MOST_CLASSES = 200
FEWEST = 10
"""Points of a faint curve, which is drawn behind another, at least."""
Chart = Callable[["Source"], str]


def _over_epochs(title: str, name: str) -> Chart:
    """A figure of training and validation, and its means over some batches."""

    def chart(source: Source) -> str:
        batches, epochs = (source.curve(event, f"train_{name}") for event in ("batch", "epoch"))
        curves = [
            Curve("training", batches, faint=bool(epochs)),
            Curve("training", epochs),
            Curve("validation", source.curve("epoch", f"val_{name}")),
        ]
        return lines(title, _present(source, title, curves))

    return chart


def _present(source: Source, title: str, curves: Sequence[Curve]) -> list[Curve]:
    """The curves that have points.

    Raises:
        RunError: none has any.
    """
    found = [curve for curve in curves if len(curve.points) > curve.faint * FEWEST]
    if not found:
        raise RunError(f"{source.name} has no values for the chart '{title}'")
    return found


def _rate(source: Source) -> str:
    points = max((source.curve(event, "learning_rate") for event in ("batch", "epoch")), key=len)
    return lines("Learning rate", _present(source, "Learning rate", [Curve("learning rate", points)]))


def _by_layer(title: str, field: str, *, log: bool = False) -> Chart:
    """A figure of each layer over the snapshots."""

    def chart(source: Source) -> str:
        curves: dict[int, list[tuple[float, float]]] = {}
        for snapshot in source.snapshots:
            for at, layer in enumerate(snapshot.layers):
                value = getattr(layer, field)
                if value == value:
                    curves.setdefault(at, []).append((snapshot.step, value))
        found = [Curve(source.layer_name(at), curves[at]) for at in sorted(curves)]
        return lines(title, _present(source, title, found), log=log)

    return chart


def _newest(title: str, field: str) -> Chart:
    """A histogram of each layer in the newest snapshot."""

    def chart(source: Source) -> str:
        layers: Sequence[LayerStatistics] = source.snapshots[-1].layers if source.snapshots else ()
        named = ((source.layer_name(at), getattr(layer, field)) for at, layer in enumerate(layers))
        cells = [(name, one.counts, *_ends(one)) for name, one in named if one is not None]
        if not cells:
            raise RunError(f"{source.name} has no values for the chart '{title}'")
        return histograms(f"{title}, step {source.snapshots[-1].step:,}", cells)

    return chart


def _ends(found: Histogram) -> tuple[str, str]:
    if found.floor:
        return f"-{compact(found.high)}", f"{compact(found.high)} (log)"
    return limits_text(found.low, found.high)


def _confusion(source: Source) -> str:
    from tuiml.training.inspections.confusion import Confusion
    from tuiml.training.inspections.record import InspectionRequest

    network = source.predictor.network
    if network.regression:
        raise RunError(f"{source.name} predicts numbers, which have no confusion matrix")
    if network.classes > MOST_CLASSES:
        raise RunError(f"{source.name} has {network.classes:,} classes, too many for a matrix")
    found = Confusion.compute(network, InspectionRequest("confusion"), EXAMPLES)
    of = f"{found.evaluated:,} examples of the {found.part} part"
    return matrix(
        f"Confusion matrix, {of}", network.data.classes, found.counts, "true class", "predicted class"
    )


def _predictions(source: Source) -> str:
    network = source.predictor.network
    if not network.regression:
        raise RunError(f"{source.name} predicts classes: its chart is confusion")
    part, outputs, _ = network.evaluate(EXAMPLES)
    name = source.predictor.columns[0]
    stride = max(1, len(part) // DOTS)
    targets = network.targets(part.labels, 0)[::stride].tolist()
    found = list(zip(targets, outputs[::stride, 0].tolist(), strict=True))
    return points(f"Predictions of {name}", found, "target", "prediction")


def _boundary(source: Source) -> str:
    from tuiml.training.inspections.boundary import Boundary
    from tuiml.training.inspections.record import InspectionRequest

    network, side = source.predictor.network, 96
    found = (
        None
        if network.regression
        else Boundary.compute(network, InspectionRequest("boundary", columns=side, rows=side), EXAMPLES)
    )
    if found is None:
        raise RunError(f"{source.name} has no boundary: its inputs are no points in the plane")
    cells = [
        (label, round(p / 255, 1)) for label, p in zip(found.predicted, found.probabilities, strict=True)
    ]
    rows = [cells[start : start + side] for start in range(0, len(cells), side)]
    dots = [(x / 255, y / 255, label) for x, y, label in zip(found.xs, found.ys, found.labels, strict=True)]
    return plane("Decision boundary", rows, dots, network.data.classes, found.limits)


def _fit(source: Source) -> str:
    from tuiml.training.inspections.fit import Fit
    from tuiml.training.inspections.record import InspectionRequest

    network, columns = source.predictor.network, 300
    request = InspectionRequest("fit", columns=columns)
    found = Fit.compute(network, request, EXAMPLES) if network.regression else None
    if found is None:
        raise RunError(f"{source.name} has no fit: it does not predict numbers from one input")
    low, high = found.limits
    xs = [low + (high - low) * at / (columns - 1) for at in range(columns)]
    curve = Curve("prediction", list(zip(xs, found.curve, strict=True)))
    names = source.trained.dataset.feature_names
    dots = list(zip(found.xs, found.ys, strict=True))
    return lines("Fit", [curve], x=names[0] if names else "input", dots=dots)


CHARTS: dict[str, Chart] = {
    "loss": _over_epochs("Loss", "loss"),
    "accuracy": _over_epochs("Accuracy", "accuracy"),
    "r2": _over_epochs("R²", "r2"),
    "learning-rate": _rate,
    "gradients": _by_layer("Gradient norms by layer", "gradient_norm", log=True),
    "updates": _by_layer("log₁₀ of Δw/w by layer", "update_ratio"),
    "dead": _by_layer("Dead units by layer, a fraction", "dead"),
    "saturated": _by_layer("Saturated outputs by layer, a fraction", "saturated"),
    "activation-histograms": _newest("Activations", "activations"),
    "weight-histograms": _newest("Weights", "weights"),
    "gradient-histograms": _newest("Gradients", "gradients"),
    "confusion": _confusion,
    "predictions": _predictions,
    "boundary": _boundary,
    "fit": _fit,
}
"""By the name on the command line; a chart raises RunError where a run has nothing to draw in it."""
