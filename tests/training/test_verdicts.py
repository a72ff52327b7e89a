"""What is said of a network: of those that show a trouble that trouble, of healthy ones nothing, and what
is advised helps."""

from dataclasses import replace

import numpy as np
import pytest

from tests import helpers
from tests.helpers import trainer_of
from tuiml.nn.initializers import initializers
from tuiml.runs.preset_prober import Prober
from tuiml.spec import check
from tuiml.spec.library import bundled
from tuiml.training.bounds import UPDATE_HIGH, UPDATE_LOW
from tuiml.training.diagnosis_context import DiagnosisContext, constant
from tuiml.training.events import Epoch
from tuiml.training.remedies import nice
from tuiml.training.rules import RULES
from tuiml.training.stack_context import span, times
from tuiml.training.statistics_tracker import StatisticsTracker
from tuiml.training.verdicts import verdicts

PRESETS = {preset.name: preset for preset in bundled()}
SICK = {
    "init-5x100-classic": "saturated",
    "init-5x100-std1": "saturated",
    "init-5x100-std001": "collapsed",
    "init-5x100-glorot": "vanishing gradient",
    "mnist-sigmoid-10": "vanishing gradient",
    "mnist-sigmoid-10-adam": "saturated",
    "mnist-relu-3": "exploding",
    "mnist-relu-10": "exploding",
    "zeros-never-learns": "symmetric units",
}
"""Bundled presets that are made to show something; nothing is wrong with the others."""
QUIET = (
    "digits-quickstart",
    "digits-rate-constant",
    "init-5x100-he",
    "init-5x100-lecun",
    "overfit-moons",
    "spiral-playground",
)
"""Some of the healthy ones, small enough to be trained here."""
PROBER = Prober()


def test_initial_values_are_compared_on_the_same_data():
    features = {
        PRESETS[name].document()["data"]["features"] for name in PRESETS if name.startswith("init-5x100-")
    }
    assert features == {100}


def read(document):
    preset, problems = check(document)
    assert preset is not None, problems
    return preset


def probed(document):
    """The verdicts on a preset's initial values."""
    preset = read(document)
    network, found = PROBER.probe(preset)
    return found.verdicts(preset, network)


def stack(depth=4, units=64, data="digits", normalize="unit", training=None, output=None, **layer):
    """A stack of equal layers on the digits."""
    hidden = {"type": "dense", "units": units, "activation": "relu", "initializer": "he_normal", **layer}
    last = {"type": "dense", "activation": "softmax", **(output or {})}
    layers = [{"type": "flatten"}, *[hidden] * depth, last]
    training = {"learning_rate": 0.1, "batch_size": 50, "epochs": 6, **(training or {})}
    return {
        "version": 1,
        "name": "stack",
        "data": {"name": data, "normalize": normalize},
        "layers": layers,
        "training": training,
    }


NORMAL = {"initializer": "normal"}
SMALL = {"initializer": {"name": "normal", "stddev": 0.01}}
CASES = {
    "saturated": stack(activation="tanh", **NORMAL, output=NORMAL),
    "collapsed": stack(activation="sigmoid", **SMALL, output=SMALL),
    "exploding": stack(**NORMAL, output=NORMAL),
    "vanishing gradient": stack(8, activation="sigmoid", initializer="glorot_normal"),
    "symmetric units": stack(initializer={"name": "constant", "value": 0.02}, output={"initializer": "ones"}),
    "inputs not normalized": stack(2, normalize="none"),
    "dead units": stack(2, initializer={"name": "normal", "mean": -1.0, "stddev": 0.1}),
}
"""By what is wrong with each at its initial values."""


@pytest.mark.parametrize("name", PRESETS)
def test_bundled_presets_at_their_initial_values(name):
    reported = probed(PRESETS[name].document())
    assert [verdict.name for verdict in reported] == ([SICK[name]] if name in SICK else [])


@pytest.mark.parametrize("name", CASES)
def test_the_worst_is_reported_with_its_evidence(name):
    first = probed(CASES[name])[0]
    assert first.name == name
    assert first.source
    assert first.meaning
    assert any(c.isdigit() for c in first.evidence) or name == "symmetric units"
    if first.layers:
        assert first.evidence.startswith(span(first.layers))


@pytest.mark.parametrize("document", [*CASES.values(), *(PRESETS[n].document() for n in SICK)])
def test_what_is_advised_is_a_preset_without_that_trouble(document):
    before = probed(document)[0]
    assert before.remedy.edits
    cured = before.remedy.apply(document)
    after = probed(cured)
    assert before.name not in [verdict.name for verdict in after]
    assert not after, "nor is another put in its place"


@pytest.mark.parametrize("name", [name for name in CASES if name != "inputs not normalized"])
def test_what_is_advised_trains(name):
    # After six epochs eight sigmoid layers have just begun: rounding decides between 40 and 90 %.
    training = CASES[name]["training"]
    document = CASES[name] | {"training": training | {"epochs": 2 * training["epochs"]}}
    cured = probed(document)[0].remedy.apply(document)
    assert accuracy(cured) > max(0.6, accuracy(document))


def accuracy(document):
    """Validation accuracy after a preset's training."""
    found = [event for event in events_of(read(document)) if isinstance(event, Epoch)]
    return found[-1].val_accuracy if found else 0.0


def events_of(preset):
    network, data, engine = helpers.run_parts(preset)
    try:
        yield from trainer_of(preset, network, data, engine, live=True).events()
    finally:
        engine.close()


def found_in_training(document, steps=400, every=25):
    """Names of the verdicts after the last step, and of any on the way."""
    preset = read(document)
    network, data, engine = helpers.run_parts(preset)
    tracker, rng, names, last, first = StatisticsTracker(network), np.random.default_rng(0), set(), [], None
    for step in range(1, steps + 1):
        if step % every == 0:
            engine.observe_next_step(preset.training.batch_size)
        rows = rng.choice(len(data.train), preset.training.batch_size, replace=False)
        if not engine.step(rows, preset.training.rate) or step % every:
            continue
        loss = engine.totals().mean_loss
        first = first or loss
        layers = tracker.snapshot(engine.views())
        last = [v.name for v in verdicts(preset, network, layers, step, losses=(first, loss))]
        names.update(last)
    return names, last


@pytest.mark.parametrize("name", QUIET)
def test_healthy_presets_stay_quiet_while_they_train(name):
    assert found_in_training(PRESETS[name].document())[0] == set()


def test_a_rate_that_throws_the_weights_about_is_reported():
    document = stack(2, training={"learning_rate": 1.0})
    names, _ = found_in_training(document, every=10)
    assert names >= {"dead units", "learning rate too high"}  # which of them are last is a matter of rounding
    preset = read(document)
    network, layers = statistics(preset)
    layers = [
        layers[0],
        *(replace(s, dead=0.6, update_ratio=UPDATE_HIGH + 0.6) for s in layers[1:-1]),
        layers[-1],
    ]
    both = [verdict.name for verdict in verdicts(preset, network, layers, step=100, losses=(2.3, 1.0))]
    assert both == ["dead units", "learning rate too high"]


def test_what_training_saturated_is_not_mended_by_initial_values():
    document = stack(2, activation="tanh", initializer="glorot_normal", training={"learning_rate": 5.0})
    assert probed(document) == []
    preset = read(document)
    network, layers = statistics(preset)
    layers = [replace(s, saturated=0.9) for s in layers]
    verdict = verdicts(preset, network, layers, step=100)[0]
    assert verdict.name == "saturated"
    assert verdict.remedy.edits == (("training.learning_rate", 0.5),)


@pytest.mark.parametrize(
    "change", [{"saturated": 0.9}, {"std": 0.001}, {"dead": 0.9}, {"gradient_norm": 1e-9}]
)
def test_what_would_be_trouble_is_none_once_the_loss_is_gone(change):
    preset = read(stack(3))
    network, layers = statistics(preset)
    layers = [replace(layers[0]), *(replace(s, **change) for s in layers[1:-1]), layers[-1]]
    assert verdicts(preset, network, layers, step=100, losses=(2.3, 2.2))
    assert verdicts(preset, network, layers, step=100, losses=(2.3, 0.1)) == []
    assert verdicts(preset, network, layers, step=100, losses=(10.0, 1.5)), (
        "wild at first, and hardly better than a guess"
    )


@pytest.mark.parametrize("name", [name for name in SICK if not name.startswith("mnist")])
def test_what_shows_at_the_start_shows_while_it_trains(name):
    assert SICK[name] in found_in_training(PRESETS[name].document(), 100)[1]


def test_a_rate_that_gets_nowhere_is_reported_and_the_one_advised_learns():
    document = stack(2, training={"learning_rate": 1e-5, "epochs": 6})
    assert found_in_training(document)[1] == ["learning rate too low"]
    preset = read(document)
    verdict = judged(preset, ratio=-7.0, losses=(2.4, 2.4))[0]
    assert verdict.remedy.edits == (("training.learning_rate", 0.1),)
    assert accuracy(verdict.remedy.apply(document)) > 0.6


def statistics(preset):
    network, found = PROBER.probe(preset)
    return network, found.snapshot.layers


def judged(preset, step=1000, ratio=-3.0, **context):
    """The verdicts on a preset's initial values, had it been trained with such updates."""
    network, layers = statistics(preset)
    layers = [replace(s, update_ratio=ratio) for s in layers]
    return verdicts(preset, network, layers, step, **context)


@pytest.mark.parametrize(
    ("ratio", "step", "losses", "expected"),
    [
        (-3.0, 1000, (2.3, 2.3), []),
        (UPDATE_HIGH + 0.1, 1000, (2.3, 2.3), []),
        (UPDATE_HIGH + 0.6, 1000, (2.3, 0.4), ["learning rate too high"]),
        (-1.0, 10, (2.3, 2.3), []),
        (UPDATE_LOW - 0.1, 1000, (2.3, 2.3), ["learning rate too low"]),
        (UPDATE_LOW - 0.1, 1000, (2.3, 0.1), []),
        (UPDATE_LOW - 0.1, 1000, None, []),
        (UPDATE_LOW - 0.1, 10, (2.3, 2.3), []),
    ],
)
def test_update_ratios_count_once_training_has_settled_and_does_not_learn(ratio, step, losses, expected):
    reported = judged(read(stack(2)), step, ratio, losses=losses)
    assert [verdict.name for verdict in reported] == expected


def test_a_run_that_diverged_should_be_slower():
    (verdict,) = judged(read(stack(2)), diverged=True)
    assert verdict.name == "diverged"
    assert verdict.remedy.edits == (("training.learning_rate", 0.01),)


@pytest.mark.parametrize("bad", [{"diverged": True}, {"losses": (2.3, 7e23)}])
def test_a_rate_far_above_the_usual_one_is_named_and_a_sensible_one_advised(bad):
    document = stack(2)
    document["training"] = {**document["training"], "optimizer": "sgd", "learning_rate": 100.0}
    (verdict,) = judged(read(document), **bad)
    assert verdict.name == "learning rate far too high"
    assert "100 is far above 0.01, the usual one of sgd" in verdict.evidence
    assert verdict.remedy.edits == (("training.learning_rate", 0.01),), "not a tenth of it each time"
    assert "range test" in verdict.remedy.why
    assert judged(read(document), losses=(2.3, 0.1)) == [], "one that works is none"


def test_advice_is_about_the_rate_in_force():
    (verdict,) = judged(read(stack(2)), diverged=True, rate=0.05)
    assert verdict.remedy.edits == (("training.learning_rate", 0.005),)


def test_what_follows_is_reported_with_its_cause():
    (verdict,) = probed(CASES["collapsed"])
    assert verdict.name == "collapsed"
    assert verdict.follows == ("vanishing gradient",)
    assert "the gradient norm falls" in verdict.evidence


def test_a_remedy_that_the_preset_cannot_take_is_words_alone():
    layers = [{"type": "dense", "units": 8, "activation": "sigmoid"}] * 8
    document = stack(1) | {
        "layers": [{"type": "flatten"}, *layers, {"type": "dense", "activation": "softmax"}],
        "pretraining": {"method": "rbm"},
    }
    preset = read(document)
    network, found = PROBER.probe(preset)
    assert found.note
    assert found.verdicts(preset, network) == [], "pretraining gives other values"
    reported = verdicts(preset, network, found.snapshot.layers, step=10)
    assert reported[0].name in ("vanishing gradient", "collapsed")
    assert reported[0].remedy.edits == ()
    assert reported[0].remedy.words


def test_statistics_of_another_network_say_nothing():
    preset = read(stack(2))
    network, layers = statistics(preset)
    assert verdicts(preset, network, layers[1:]) == []
    assert verdicts(preset, network, ()) == []


def test_dropout_tells_equal_units_apart():
    document = stack(1, initializer="zeros", output={"initializer": "zeros"})
    assert probed(document)[0].name == "symmetric units"
    document["layers"].insert(2, {"type": "dropout"})
    assert "symmetric units" not in [verdict.name for verdict in probed(document)]


def test_random_biases_tell_equal_units_apart():
    document = stack(1, initializer="ones", output={"initializer": "ones"})
    assert "symmetric units" in [verdict.name for verdict in probed(document)]
    document["layers"][1]["bias_initializer"] = "normal"
    assert "symmetric units" not in [verdict.name for verdict in probed(document)]


def test_a_normalization_behind_a_layer_makes_its_scale_harmless():
    document = stack(1, normalize="none")
    document["layers"][1:2] = [
        {"type": "dense", "units": 64, "initializer": "he_normal"},
        {"type": "batch_norm"},
        {"type": "activation", "activation": "relu"},
    ]
    assert probed(document) == []


def test_an_activation_behind_the_layer_is_the_one_that_counts():
    document = stack(1)
    block = [
        {"type": "dense", "units": 64, "initializer": "normal"},
        {"type": "activation", "activation": "tanh"},
    ]
    document["layers"][1:2] = block * 3
    first = probed(document)[0]
    assert (first.name, first.layers) == ("saturated", (1, 3, 5))
    assert probed(first.remedy.apply(document)) == []


@pytest.mark.parametrize("entry", list(initializers), ids=lambda entry: entry.name)
def test_which_initializers_give_one_value(entry):
    assert constant(entry()) == (entry.name in ("zeros", "ones", "constant"))
    if "stddev" in entry.model_fields:
        assert constant(entry(stddev=0.0))


def test_every_rule_says_what_it_is_and_follows_from_rules_that_exist():
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    for place, rule in enumerate(RULES):
        assert rule.meaning
        assert rule.source
        assert set(rule.causes) <= set(names[place + 1 :]), "what follows comes after what it follows from"


@pytest.mark.parametrize(
    ("indices", "words"),
    [((3,), "Layer 3"), ((1, 2), "Layers 1 and 2"), ((1, 3), "Layers 1 and 3"), ((2, 3, 4), "Layers 2 to 4")],
)
def test_layers_in_words(indices, words):
    assert span(indices) == words


def test_factors_and_rates_in_words():
    assert [times(f) for f in (11.2, 870, 13_000, 1e7, float("inf"))] == [
        "10-fold", "900-fold", "10⁴-fold", "10⁷-fold", "to 0",
    ]  # fmt: skip
    assert [nice(r) for r in (0.01, 0.0123, 0.034, 0.09, 3.0)] == [0.01, 0.01, 0.05, 0.1, 2.0]


def test_a_case_knows_its_layers():
    preset = read(stack(2))
    network, layers = statistics(preset)
    case = DiagnosisContext(preset, network, layers=layers)
    assert case.weighted == (1, 2, 3)
    assert case.hidden == (1, 2)
    assert case.output == 3


def test_a_deep_sigmoid_stack_has_more_than_one_cure_each_with_its_reason():
    document = stack(10, activation="sigmoid", initializer="normal", output=NORMAL)
    (verdict,) = probed(document)
    words = [remedy.words for remedy in verdict.remedies]
    assert words[0] == "he_normal with relu"
    assert words[1:] == ["batch_norm before each activation", "RBM pretraining", "adam at 0.001"]
    for remedy in verdict.remedies:
        assert "20" in remedy.why, "with the year of its source"
        assert read(remedy.apply(document))
    normalized = verdict.remedies[1].apply(document)
    assert [layer["type"] for layer in normalized["layers"]].count("batch_norm") == 10
    assert "vanishing gradient" not in [found.name for found in probed(normalized)]


@pytest.mark.parametrize("cure", ["he_normal with relu", "batch_norm before each activation"])
def test_a_cure_of_a_deep_sigmoid_stack_trains(cure):
    document = stack(8, activation="sigmoid", initializer="glorot_normal", training={"epochs": 18})
    (verdict, *_) = probed(document)
    remedy = next(found for found in verdict.remedies if found.words == cure)
    assert accuracy(remedy.apply(document)) > accuracy(document) + 0.5
