"""Statistics of a watched model's modules from what its adapter tells, with axes and dead units over time."""

from __future__ import annotations

from collections.abc import Sequence

from tuiml.runs.watched import Module
from tuiml.training.layer_statistics import NAN, LayerStatistics
from tuiml.training.statistics import UNBOUNDED, Values
from tuiml.training.statistics_tracker import Axes, Group, Silence
from tuiml.watch.adapter import activation_named
from tuiml.watch.facts import ArrayFacts, ModuleFacts, pooled


class Layers:
    """Makes the statistics of one run's modules, snapshot after snapshot."""

    def __init__(self, modules: Sequence[Module]) -> None:
        self._axes = Axes(_groups(modules))
        self._silence = [Silence() for _ in modules]

    def snapshot(self, facts: Sequence[ModuleFacts]) -> tuple[LayerStatistics, ...]:
        """Statistics of every module, in their order."""
        arrays = [_arrays(one) for one in facts]
        samples = [{kind: Values(a.sample) for kind, a in found.items() if a.sample.size} for found in arrays]
        histograms = self._axes.histograms(samples)
        found = []
        for i, one in enumerate(facts):
            dead = NAN if one.silent is None else self._silence[i].dead(one.silent, one.examples)
            output, weights, gradients = (arrays[i].get(k) for k in ("activations", "weights", "gradients"))
            found.append(
                LayerStatistics(
                    mean=output.mean if output else NAN,
                    std=output.std if output else NAN,
                    zeros=output.zeros if output else NAN,
                    saturated=output.saturated if output else NAN,
                    dead=dead,
                    weight_mean=weights.mean if weights else NAN,
                    weight_std=weights.std if weights else NAN,
                    weight_norm=weights.norm if weights else NAN,
                    gradient_norm=gradients.norm if gradients else NAN,
                    update_ratio=one.update_ratio,
                    **histograms[i],
                )
            )
        return tuple(found)


def _arrays(facts: ModuleFacts) -> dict[str, ArrayFacts]:
    """The arrays of a module, by the field of the statistics that shows their histogram."""
    found = {
        "activations": facts.output,
        "weights": pooled(facts.weights),
        "biases": pooled(facts.biases),
        "gradients": pooled(facts.gradients),
    }
    return {kind: array for kind, array in found.items() if array is not None}


def _groups(modules: Sequence[Module]) -> dict[Group, list[int]]:
    """Which modules share an axis: of activations those with the same bounds; of weights those that
    normalize apart from the others, for theirs lie around 1."""
    found: dict[Group, list[int]] = {}
    for index, module in enumerate(modules):
        activation = activation_named(module.activation) if module.activation else None
        bounds = activation.range if activation else UNBOUNDED
        scales = "scales" if module.kind == "normalization" else ""
        for group in (("activations", "", bounds), ("weights", scales, UNBOUNDED), ("biases", "", UNBOUNDED)):
            found.setdefault(group, []).append(index)
    return found
