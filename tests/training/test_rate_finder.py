"""The learning-rate finder: what it suggests trains, and it leaves no trace."""

from __future__ import annotations

import importlib.util
import math
from typing import Any

import numpy as np
import pytest

from tests import helpers
from tests.helpers import trainer_of
from tuiml.backends import choice
from tuiml.data.prepare import load
from tuiml.runs.rate_search import find_rate
from tuiml.spec import check, network_of
from tuiml.spec.edit import assign
from tuiml.spec.library import find
from tuiml.training.events import Pretraining, RateFound, RateTried
from tuiml.training.rate_finder import GIVE_UP, Ramp, RateFinder, Smoother, suggest
from tuiml.training.run_control import RunControl
from tuiml.training.schedule_state import order_of

BACKENDS = ["numpy", *(["mlx"] if importlib.util.find_spec("mlx") else [])]
KEPT = [
    {"type": "dense", "units": 6, "activation": "prelu"},
    {"type": "batch_norm"},
    {"type": "dropout", "rate": 0.2},
    {"type": "dense", "activation": "softmax"},
]
"""Learned slopes, buffers and noise: all there is to be put back."""


def bundled(name, *settings):
    document = find(name).document()
    for setting in settings:
        document = assign(document, setting)
    preset, problems = check(document)
    assert preset, problems
    return preset


def built(preset, backend="numpy"):
    network, data, training = network_of(preset), load(preset.data, preset.training.seed), preset.training
    rest = (training.optimizer, data, training.seed, training.penalties, 1)
    return data, choice.build(choice.choose(backend), network, *rest)


def found(preset, ramp=None, backend="numpy") -> tuple[list[RateTried], RateFound]:
    *tried, last = RateFinder(preset, *built(preset, backend), ramp=ramp).events()
    assert isinstance(last, RateFound)
    return tried, last


def epoch(preset, data, engine, rate, number=1):
    order, size = order_of(preset.training.seed, number, len(data.train)), preset.training.batch_size
    return engine.steps([(order[i : i + size], rate) for i in range(0, len(order), size)])


# -- what it suggests -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["digits-quickstart", "digits-rate-constant"])
@pytest.mark.parametrize("settings", [(), ("training.optimizer=adam",), ("training.seed=3",)])
def test_the_suggested_rate_lowers_the_loss_within_an_epoch(name: str, settings: tuple[str, ...]) -> None:
    preset = bundled(name, *settings)
    _, last = found(preset)
    data, engine = built(preset)
    before = engine.evaluate(data.train).mean_loss
    epoch(preset, data, engine, last.learning_rate)
    after = engine.evaluate(data.train).mean_loss
    engine.restore(built(preset)[1].snapshot())
    epoch(preset, data, engine, last.learning_rate / 100)
    assert after < before / 2
    assert after < engine.evaluate(data.train).mean_loss / 2, "a hundredth of it learns far less"


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_net_that_cannot_learn_gets_no_rate_and_a_reason(backend: str) -> None:
    tried, last = found(bundled("zeros-never-learns"), backend=backend)
    assert len(tried) > 100
    assert math.isnan(last.learning_rate)
    assert "never fell" in last.message
    assert last.to_json()["learning_rate"] is None


def test_the_ramp_is_exponential_from_end_to_end() -> None:
    preset = helpers.preset(training={"loss": "mse"})  # bounded, so nothing ends it early
    tried, last = found(preset, Ramp(1e-5, 1.0, 51))
    rates = [t.learning_rate for t in tried]
    np.testing.assert_allclose(rates, np.geomspace(1e-5, 1.0, 51))
    assert [t.number for t in tried] == list(range(1, 52))
    assert last.tried == last.steps == 51


def test_the_loss_is_that_of_the_batches_and_its_average_is_unbiased() -> None:
    preset = bundled("digits-quickstart", "training.batch_size=100")
    tried, _ = found(preset, Ramp(1e-5, 1.0, 40))
    data, engine = built(preset)
    order = order_of(0, 1, len(data.train))
    smoother = Smoother()
    for t, start in zip(tried[:5], range(0, 500, 100), strict=True):
        engine.step(order[start : start + 100], t.learning_rate)
        assert t.loss == engine.totals().mean_loss
        assert t.smoothed == smoother.add(t.loss)
    assert tried[0].smoothed == pytest.approx(tried[0].loss)


def test_it_stops_at_four_times_the_best_smoothed_loss() -> None:
    tried, last = found(bundled("digits-rate-constant"), Ramp(1e-4, 1000.0, 150))
    smoothed = [t.smoothed for t in tried]
    assert smoothed[-1] > GIVE_UP * min(smoothed)
    assert all(s <= GIVE_UP * min(smoothed[: i + 1]) for i, s in enumerate(smoothed[:-1]))
    assert last.tried == len(tried) < 150
    assert "4 times" in last.message


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_loss_that_is_not_finite_ends_the_ramp(backend: str) -> None:
    stack = [{"type": "dense", "units": 6, "activation": "relu"}, {"type": "dense", "activation": "softmax"}]
    preset = helpers.preset(stack, training={"clip_norm": 1.0, "batch_size": 40})
    data, engine = built(preset, backend)
    huge = {k: np.full_like(v, 3e38) for k, v in engine.state().items()}
    engine.load(huge, 7)
    *tried, last = RateFinder(preset, data, engine).events()
    assert not tried
    assert math.isnan(last.learning_rate)
    assert "not finite at 1e-07" in last.message
    assert all(np.array_equal(v, huge[k]) for k, v in engine.state().items())
    assert engine.step_number == 7


def test_the_steepest_fall_is_found_on_a_known_curve() -> None:
    ramp = Ramp(1e-6, 1.0, 121)
    rates = [ramp.rate(i) for i in range(121)]
    x = np.log10(rates)
    curve = 2 - 1 / (1 + np.exp(-4 * (x + 2.5))) + 20 * np.clip(x + 1, 0, None) ** 2
    found = suggest(rates, list(curve), list(curve), ramp)
    assert found.rate == pytest.approx(10**-2.5, rel=0.1)
    assert found.rate == float(f"{found.rate:.1e}"), "two digits"
    assert "steeply" in found.why


def test_a_fall_too_short_for_a_slope_gives_a_tenth_of_the_minimum() -> None:
    ramp = Ramp(1e-6, 1.0, 121)
    rates = [ramp.rate(i) for i in range(121)]
    curve = [2.0] * 60 + [2.0 - 0.1 * i for i in range(1, 4)]
    found = suggest(rates[:63], curve, curve, ramp)
    assert found.rate == pytest.approx(rates[62] / 10, rel=0.06)
    assert "tenth" in found.why


def test_noise_alone_suggests_nothing() -> None:
    ramp = Ramp()
    rates = [ramp.rate(i) for i in range(ramp.steps)]
    for seed in range(30):
        losses = (2.3 + 0.3 * np.random.default_rng(seed).standard_normal(ramp.steps)).tolist()
        smoother = Smoother()
        assert math.isnan(suggest(rates, losses, [smoother.add(v) for v in losses], ramp).rate)


# -- everything as it was ---------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("optimizer", ["adam", {"name": "sgd", "momentum": 0.9}])
def test_weights_buffers_optimizer_and_step_are_bit_for_bit_as_before(backend: str, optimizer: Any) -> None:
    training = {"optimizer": optimizer, "clip_norm": 0.5, "weight_decay": 0.01, "schedule": "cosine"}
    preset = helpers.preset(KEPT, training=training)
    data, engine = built(preset, backend)
    epoch(preset, data, engine, 0.01)
    engine.totals()
    before, step = engine.state(), engine.step_number
    *tried, _ = RateFinder(preset, data, engine).events()
    assert len(tried) > 50
    after = engine.state()
    assert before.keys() == after.keys()
    assert all(before[k].tobytes() == after[k].tobytes() for k in before)
    assert engine.step_number == step
    assert engine.totals().examples == 0

    plain = built(preset, backend)[1]
    for one in (engine, plain):
        one.load(before, step)
        assert epoch(preset, data, one, 0.01, 2) > 0
    a, b = engine.state(), plain.state()
    assert all(a[k].tobytes() == b[k].tobytes() for k in a), "training goes on as if nothing had been"


def test_closing_it_early_or_stopping_it_restores_as_well() -> None:
    preset, control = bundled("digits-quickstart"), RunControl()
    data, engine = built(preset)
    before = engine.state()
    events = RateFinder(preset, data, engine).events()
    while next(events).learning_rate < 0.01:
        pass
    assert any(not np.array_equal(before[k], v) for k, v in engine.state().items())
    events.close()
    assert all(np.array_equal(before[k], v) for k, v in engine.state().items())

    events = RateFinder(preset, data, engine, control).events()
    next(events)
    control.stop()
    last = next(events)
    assert isinstance(last, RateFound)
    assert math.isnan(last.learning_rate)
    assert last.message == "it was stopped"
    assert next(events, None) is None
    assert all(np.array_equal(before[k], v) for k, v in engine.state().items())


def test_it_is_a_function_of_the_seed() -> None:
    first, again, other = (found(bundled("digits-quickstart", f"training.seed={s}")) for s in (5, 5, 6))
    assert first == again
    assert first != other


def test_it_takes_the_batches_of_the_first_epochs() -> None:
    preset = helpers.preset()
    data, engine = built(preset)
    trainer = trainer_of(preset, network_of(preset), data, engine)
    assert np.array_equal(trainer.order(2), order_of(0, 2, len(data.train)))


@pytest.mark.parametrize(
    "ramp",
    [(0, 1, 100), (1, 1, 100), (1e-3, 1e-4, 100), (1e-3, 2000, 100), (1e-3, 1, 19), (math.nan, 1, 100)],
)
def test_a_ramp_that_is_none_is_refused(ramp: tuple[float, float, int]) -> None:
    with pytest.raises(ValueError, match="rates"):
        Ramp(*ramp)


# -- with its data ----------------------------------------------------------------------------------------


def test_a_preset_is_pretrained_first(own_folders) -> None:
    preset = bundled("digits-rbm-5", "pretraining.epochs=1", "data.train=200")
    events = list(find_rate(preset, backend="numpy"))
    assert sum(type(e) is Pretraining for e in events) == 5
    assert isinstance(events[-1], RateFound)
    plain = list(find_rate(preset.model_copy(update={"pretraining": None}), backend="numpy"))
    losses = [next(e.loss for e in some if isinstance(e, RateTried)) for some in (events, plain)]
    assert losses[0] != losses[1]
    assert not list(own_folders.glob("runs/*")), "nothing is written"


@pytest.mark.parametrize(("end", "said"), [(1.0, True), (0.5, False)])
def test_a_loss_that_still_falls_at_the_highest_rate_is_named(end: float, said: bool) -> None:
    ramp = Ramp(1e-5, 1.0, 100)
    rates = [ramp.rate(i) for i in range(100)]
    place = np.linspace(0, 1, 100)
    curve = 2.0 - np.clip(np.minimum(place, 2 * end - place) - 0.4, 0, None)
    found = suggest(rates, list(curve), list(curve), ramp)
    assert math.isfinite(found.rate)
    assert ("still falls at 1, the highest rate tried" in found.why) == said
