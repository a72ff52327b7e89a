"""Verdicts on watched models: planted faults are found, healthy ones are not accused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from tests import watched_runs
from tests.watched_runs import MLP, healthy
from tuiml.runs.watched import ModelPart, Module
from tuiml.runs.watched_diagnosis import diagnosed
from tuiml.training.layer_statistics import LayerStatistics
from tuiml.training.statistics import NEVER
from tuiml.training.verdicts import Verdict

FALLS, STAYS = (2.3, 1.4), (2.3, 2.29)


def linear(name: str, trainable: int = 1056, **more: Any) -> Module:
    return Module(name=name, type="Linear", kind="weighted", parameters=1056, trainable=trainable, **more)


def tanh(name: str) -> Module:
    return Module(name=name, type="Tanh", kind="activation", activation="tanh")


def found(
    changed: dict[str, dict[str, Any]] | None = None,
    modules: Sequence[Module] = MLP,
    *,
    step: int = 100,
    losses: tuple[float, float] | None = FALLS,
    diverged: bool = False,
    rate: float = 0.1,
    optimizer: str = "SGD",
    score: float = math.nan,
) -> list[Verdict]:
    """The verdicts on a model whose modules are well but for what is changed."""
    changed = changed or {}
    layers = [healthy(module, drawn=False, **changed.get(module.name, {})) for module in modules]
    model = watched_runs.watched(modules, optimizer=optimizer)
    return diagnosed(model, layers, step, losses=losses, diverged=diverged, rate=rate, score=score)


def all_layers(**other: float) -> dict[str, dict[str, Any]]:
    """A change of all layers of :data:`MLP` that have weights."""
    return dict.fromkeys(("body.0", "body.2", "head"), other)


def names(verdicts: Sequence[Verdict]) -> list[str]:
    return [verdict.name for verdict in verdicts]


DEEP = [module for i in range(6) for module in (linear(f"fc{i}"), tanh(f"act{i}"))] + [linear("out")]
ZERO = {"weight_std": 0.0, "weight_norm": 0.0, "gradient_norm": 0.0, "update_ratio": math.nan}


def test_a_healthy_model_is_not_accused() -> None:
    assert found() == []
    assert found(modules=DEEP) == []
    assert found(losses=None, step=1, rate=math.nan, optimizer="") == []


@pytest.mark.parametrize(
    ("changed", "name", "words"),
    [
        ({"body.1": {"dead": 0.9}}, "dead units", "body.0: 90 % of the units are silent"),
        ({"body.0": {"dead": 0.7}}, "dead units", "body.0: 70 %"),  # a function, seen behind the layer
        ({"head": {"gradient_norm": 3e4}}, "exploding", "the gradient norm reaches 3e+04"),
        ({"body.1": {"std": 0.001}}, "collapsed", "body.0: the outputs' std is 0.001"),
        (all_layers(**ZERO), "symmetric units", "body.0 and body.2"),
        ({"body.2": {"std": math.nan, "mean": math.nan}, "body.3": {"std": math.nan}}, "diverged", "body.2"),
        ({"head": {"update_ratio": NEVER}}, "not trained", "head: no step changes its weights"),
        (
            {"head": {"update_ratio": NEVER, "gradient_norm": math.nan}},
            "not trained",
            "head: no step changes its weights",
        ),
        (
            all_layers(update_ratio=-0.5),
            "learning rate too high",
            "step changes the weights by 32 %",
        ),
    ],
)
def test_a_planted_fault_is_found_with_its_numbers(
    changed: dict[str, dict[str, Any]], name: str, words: str
) -> None:
    verdict = found(changed)[0]
    assert verdict.name == name
    assert words in verdict.evidence
    assert verdict.remedy.words, "what helps is said"
    assert not verdict.remedies, "there is no preset to edit"


def test_saturated_and_vanishing_gradients_of_a_deep_stack() -> None:
    saturated = {f"act{i}": {"saturated": 0.8, "dead": math.nan} for i in range(6)}
    verdict = found(saturated, DEEP, losses=STAYS)[0]
    assert verdict.name == "saturated"
    assert verdict.evidence.startswith("fc0 to fc5 (6 layers): 80 % of the outputs are saturated")
    fading = {f"fc{i}": {"gradient_norm": 10.0 ** (i - 8)} for i in range(6)}
    verdict = found(fading, DEEP, losses=STAYS)[0]
    assert verdict.name == "vanishing gradient"
    assert "falls" in verdict.evidence
    assert found(fading, DEEP, losses=STAYS, step=3) == [], "the first steps say little"


def test_small_gradients_within_a_block_are_not_vanishing() -> None:
    """As those of queries and keys in a transformer that has just begun."""
    blocks = tuple(linear(f"block{i}.{part}") for i in range(4) for part in ("q", "k", "v", "out"))
    small = {f"block{i}.{part}": {"gradient_norm": 1e-5} for i in range(4) for part in ("q", "k")}
    assert found(small, (*blocks, linear("head"))) == []


def test_a_rate_far_too_high_is_named_before_what_it_did() -> None:
    wrecked = {"body.1": {"dead": 1.0, "zeros": 1.0}, "body.3": {"dead": 1.0, "zeros": 1.0}}
    verdicts = found(wrecked, losses=(2.3, 2.31), rate=50.0)
    assert names(verdicts)[0] == "learning rate far too high"
    assert "learning rate of 50 is far above 0.01, the usual one of SGD" in verdicts[0].evidence
    assert "dead units" in verdicts[0].follows
    assert names(found(wrecked, losses=(2.3, 2.31), rate=0.01)) == ["dead units"]
    assert "learning rate far too high" not in names(found(wrecked, rate=50.0, optimizer="MyOptimizer"))


def test_a_loss_that_is_no_number_is_said_even_if_all_layers_are_well() -> None:
    verdict = found(diverged=True, losses=(2.3, 2.2), rate=0.01)[0]
    assert (verdict.name, verdict.evidence) == ("diverged", "The loss is no number any more")


def test_a_model_that_has_learned_is_accused_of_nothing_but_what_was_never_trained() -> None:
    changed = {"head": {"update_ratio": NEVER}, "body.1": {"dead": 0.9}}
    assert names(found(changed, losses=(2.3, 0.01), score=1.0)) == ["not trained"]


def test_a_frozen_layer_among_trained_ones_is_named_and_a_frozen_beginning_is_not() -> None:
    stack = [linear(f"fc{i}") for i in range(5)]
    stack[2] = linear("fc2", trainable=0)
    assert names(found(modules=stack)) == ["frozen layer"]
    assert found(modules=stack)[0].evidence.startswith("fc2: parameters are frozen")
    frozen = [linear(f"fc{i}", trainable=0 if i < 2 else 1056) for i in range(5)]
    assert found(modules=frozen) == [], "as when what was trained elsewhere is built on"
    most = [linear(f"fc{i}", trainable=0 if i % 3 else 1056) for i in range(9)]
    assert found(modules=most) == [], "as with adapters between the layers"


def test_no_step_or_a_rate_of_zero_is_not_a_layer_that_is_not_trained() -> None:
    still = all_layers(update_ratio=NEVER)
    assert "not trained" not in names(found(still))


def test_a_rate_is_not_too_low_where_there_is_no_gradient() -> None:
    slow = all_layers(update_ratio=-7.0)
    assert "learning rate too low" in names(found(slow, losses=STAYS))
    still = all_layers(update_ratio=NEVER, gradient_norm=0.0)
    assert "learning rate too low" not in names(found(still, losses=STAYS))


def test_layers_that_were_never_called_shared_ones_and_containers_are_passed_over() -> None:
    tied = (*MLP, linear("tied", shared_with="head"), linear("unused"))
    never = dict.fromkeys(LayerStatistics.__dataclass_fields__, math.nan)
    for name in ("activations", "weights", "gradients", "inputs", "biases"):
        never[name] = None  # type: ignore[assignment]  # a histogram
    assert found({"tied": {"gradient_norm": 1e9}, "unused": never}, tied) == []


TWO = tuple(
    Module(name=model, type="Net", kind="container")
    if module is None
    else module.model_copy(update={"name": f"{model}.{module.name}"})
    for model in ("generator", "critic")
    for module in (None, *MLP)
)
"""The modules of two models in one run."""


def of_two(changed: dict[str, dict[str, Any]], **known: Any) -> list[Verdict]:
    """The verdicts on them; only the generator's learning rate is recorded."""
    parts = (
        ModelPart(name="generator", optimizer="Adam", first_rate=True),
        ModelPart(name="critic", optimizer="SGD"),
    )
    model = watched_runs.watched(TWO, optimizer="Adam, SGD", models=parts)
    layers = [healthy(module, drawn=False, **changed.get(module.name, {})) for module in TWO]
    usual = {"step": 100, "losses": FALLS, "diverged": False, "rate": 0.001, "score": math.nan}
    return diagnosed(model, layers, **usual | known)


def test_each_of_several_models_is_judged_by_itself() -> None:
    changed = {f"critic.{name}": {"gradient_norm": 90.0} for name in ("body.0", "body.2", "head")}
    assert of_two(changed) == [], "the one's gradients are not compared with the other's"
    verdicts = of_two({"critic.body.1": {"dead": 1.0}})
    assert names(verdicts) == ["dead units"]
    assert verdicts[0].evidence.startswith("critic.body.0: 100 %")


def test_a_verdict_on_a_whole_model_has_its_name_and_only_its_own_rate() -> None:
    wrecked = {
        f"{model}.body.{at}": {"dead": 1.0, "zeros": 1.0}
        for model in ("generator", "critic")
        for at in (1, 3)
    }
    verdicts = of_two(wrecked, losses=STAYS, rate=50.0)
    assert names(verdicts)[:2] == ["learning rate far too high", "dead units"]
    assert verdicts[0].evidence.startswith(
        "generator: A learning rate of 50 is far above 0.001, the usual one of Adam"
    )
    assert verdicts[1].evidence.startswith("critic.body.0 and critic.body.2: 100 %")


def test_a_loss_of_several_models_that_is_no_number_is_said_once() -> None:
    verdicts = of_two({}, diverged=True)
    assert [verdict.evidence for verdict in verdicts] == ["The loss is no number any more"]


def test_a_snapshot_of_other_modules_than_the_file_has_is_not_judged() -> None:
    model = watched_runs.watched()
    known = {"step": 3, "losses": None, "diverged": True, "rate": 0.1, "score": math.nan}
    assert diagnosed(model, [LayerStatistics()] * 99, **known) == []  # type: ignore[arg-type]  # by name
    assert names(diagnosed(model, [LayerStatistics()] * 2, **known)) == ["diverged"]  # type: ignore[arg-type]  # by name


def test_names_in_a_sentence_are_safe_and_short() -> None:
    hostile = [
        module.model_copy(update={"name": f"{module.name}{i}"})
        for i, module in enumerate(watched_runs.HOSTILE)
    ]
    verdicts = found({hostile[0].name: {"gradient_norm": 1e9}}, hostile)
    assert verdicts
    for verdict in verdicts:
        assert verdict.evidence.isprintable()
        assert len(verdict.evidence) < 400
