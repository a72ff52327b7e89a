"""Learning-rate schedules: their curves, and that the trainer uses them at each step."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import preset, run_parts, trainer_of
from tuiml.nn import schedules
from tuiml.nn.schedules import peak_of
from tuiml.runs import checkpoints
from tuiml.training.events import Epoch, State
from tuiml.training.run_control import RunControl

STEPS, BATCHES = 400, 20
every = pytest.mark.parametrize("name", schedules.names())
warmed = pytest.mark.parametrize("name", [n for n in schedules.names() if n != "one_cycle"])


def curve(value, steps=STEPS, batches=BATCHES):
    schedule = schedules.read(value)
    return [schedule.multiplier(step, steps, batches) for step in range(steps)]


BY_HAND = {  # options and the factors of some steps
    "constant": ({}, {0: 1.0, 399: 1.0}),
    "step": ({"every": 5, "decay": 0.5}, {99: 1.0, 100: 0.5, 399: 0.125}),
    "exponential": ({"decay": 0.8}, {0: 1.0, 20: 0.8, 40: 0.64}),
    "cosine": ({"final": 0.1}, {0: 1.0, 100: 0.1 + 0.45 * (1 + math.sqrt(0.5)), 200: 0.55}),
    "linear_warmup": ({"warmup": 2.0}, {0: 1 / 41, 39: 40 / 41, 40: 1.0, 399: 1.0}),
    "plateau": ({}, {0: 1.0, 399: 1.0}),  # it falls between epochs: see the trainer's tests
    "one_cycle": (
        {"pct_start": 0.25, "div_factor": 10.0, "final_div_factor": 100.0},
        {0: 0.1, 99: 1.0, 399: 0.001},
    ),
}


@every
def test_factors_worked_out_by_hand(name):
    assert name in BY_HAND, "work out the factors of some of its steps above"
    options, factors = BY_HAND[name]
    found = curve({"name": name, **options})
    assert {step: found[step] for step in factors} == pytest.approx(factors)


@every
@pytest.mark.parametrize(("steps", "batches"), [(1, 1), (2, 1), (3, 3), (STEPS, BATCHES)])
def test_every_factor_is_a_share(name, steps, batches):
    schedule = schedules[name]()
    found = curve(name, steps, batches)
    assert all(0.0 <= f <= 1.0 for f in found)
    assert max(found) == pytest.approx(peak_of(schedule, steps, batches))


@every
def test_only_step_leaps(name):
    biggest = max(abs(b - a) for a, b in pairwise(curve(name)))
    assert biggest == pytest.approx(0.9) if name == "step" else biggest < 0.06


def test_constant_is_one_to_the_bit():
    assert set(curve("constant")) == {1.0}


def test_step_drops_at_its_epochs():
    found = curve({"name": "step", "every": 5, "decay": 0.5})
    assert found == [0.5 ** (step // BATCHES // 5) for step in range(STEPS)]


def test_exponential_decays_by_its_share_an_epoch():
    found = curve({"name": "exponential", "decay": 0.8})
    assert found[0] == 1.0
    for before, after in zip(found, found[BATCHES:], strict=False):
        assert after == pytest.approx(0.8 * before)


@pytest.mark.parametrize("final", [0.0, 0.1, 1.0])
def test_cosine_falls_from_one_to_its_end(final):
    found = curve({"name": "cosine", "final": final})
    assert found[0] == 1.0
    assert found[STEPS // 2] == pytest.approx((1 + final) / 2)
    assert found[-1] == pytest.approx(final, abs=1e-4)
    assert all(b <= a for a, b in pairwise(found))
    t = 37  # eq. 5 as it is printed
    assert found[t] == pytest.approx(final + 0.5 * (1 - final) * (1 + math.cos(t / STEPS * math.pi)))


def test_one_cycle_rises_to_one_and_falls_below_its_start():
    found = curve({"name": "one_cycle", "pct_start": 0.25, "div_factor": 10.0, "final_div_factor": 100.0})
    top = found.index(max(found))
    assert top == 0.25 * STEPS - 1
    assert (found[0], found[top], found[-1]) == pytest.approx((0.1, 1.0, 0.001))
    assert all(b > a for a, b in pairwise(found[: top + 1]))
    assert all(b < a for a, b in pairwise(found[top:]))


@pytest.mark.parametrize("share", [0.0, 0.001, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 100])
def test_one_cycle_may_only_fall_or_only_rise(share, steps):
    found = curve({"name": "one_cycle", "pct_start": share}, steps)
    assert all(0 < f <= 1 for f in found)
    if steps == 100:
        order = pairwise(found if share == 1.0 else found[::-1])
        assert all(b > a for a, b in order)


@warmed
@pytest.mark.parametrize("epochs", [0.25, 2.0, 2.5])
def test_a_warm_up_rises_evenly_and_then_the_schedule_begins(name, epochs):
    rising = round(epochs * BATCHES)
    found = curve({"name": name, "warmup": epochs})
    steps = [b - a for a, b in pairwise([0.0, *found[: rising + 1]])]
    assert steps == pytest.approx([1 / (rising + 1)] * (rising + 1))
    plain = curve({"name": name, "warmup": 0.0}, STEPS - rising)
    assert found[rising:] == plain


@warmed
def test_a_warm_up_longer_than_the_run_is_all_there_is(name):
    found = curve({"name": name, "warmup": 1000.0})
    assert all(b > a for a, b in pairwise(found))
    assert found[-1] < 0.03


# -- the trainer ----------------------------------------------------------------------------------------


def before_each(engine, look):
    """Call ``look`` with the learning rate before each of the engine's steps."""
    steps = engine.steps

    def watched(batches):
        for rows, rate in batches:
            look(rate)
            yield rows, rate

    engine.steps = lambda batches: steps(watched(batches))


def trainer(schedule, *, epochs=3, control=None, position=None, state=None, **options):
    chosen = preset(training={"epochs": epochs, "schedule": schedule, "optimizer": "adam", "batch_size": 16})
    network, data, engine = run_parts(chosen)
    if state is not None:
        engine.load(*state)
    used = []
    before_each(engine, lambda rate: used.append(rate))
    return trainer_of(chosen, network, data, engine, control, position=position, **options), used


@every
def test_the_trainer_uses_the_rate_of_each_step_and_reports_the_last(name):
    run, used = trainer(name)
    epochs = [e for e in run.events() if isinstance(e, Epoch)]
    assert used == [0.1 * f for f in curve(name, 12, 4)]
    assert [e.learning_rate for e in epochs] == [used[3], used[7], used[11]]


@pytest.mark.parametrize("name", ["cosine", "one_cycle"])
def test_a_run_that_goes_on_has_the_bits_of_one_that_never_stopped(name):
    whole, used = trainer(name, epochs=5)
    list(whole.events())
    control = RunControl()
    first, before = trainer(name, epochs=5, control=control)
    before_each(first.engine, lambda rate: len(before) == 5 and control.stop())
    list(first.events())
    assert len(before) == 6  # in the midst of the second epoch
    state = first.engine.state(), first.engine.step_number
    second, after = trainer(name, epochs=5, position=first.state.position, state=state)
    list(second.events())
    assert before + after == used
    for key, values in whole.engine.state().items():
        np.testing.assert_array_equal(values, second.engine.state()[key], err_msg=key)


def test_a_run_that_is_lengthened_follows_the_longer_curve():
    short, _ = trainer("cosine", epochs=2)
    list(short.events())
    state = short.engine.state(), short.engine.step_number
    longer, used = trainer("cosine", epochs=5, position=short.state.position, state=state)
    list(longer.events())
    assert used == [0.1 * f for f in curve("cosine", 20, 4)[8:]]


def test_a_rate_set_by_hand_is_the_next_steps_and_the_schedule_goes_on_from_it():
    control = RunControl()
    run, used = trainer("cosine", control=control)
    states = []
    for event in run.events():
        if isinstance(event, Epoch) and event.epoch == 1:
            control.set_rate(0.02)
        if isinstance(event, State):
            states.append((event.learning_rate, event.changed))
    plain = [0.1 * f for f in curve("cosine", 12, 4)]
    assert states == [(0.02, True)]
    assert used[:4] == plain[:4]
    assert used[4:] == pytest.approx([f * 0.02 / plain[4] for f in plain[4:]])


def test_a_pause_reports_the_rate_in_use_and_that_nobody_changed_it():
    control = RunControl()
    run, used = trainer("exponential", control=control)
    states = []
    for event in run.events():
        if isinstance(event, Epoch) and event.epoch == 1:
            control.pause()
        if isinstance(event, State):
            states.append((event.state, event.learning_rate, event.changed))
            control.resume()
    assert states == [("paused", used[3], False), ("running", used[3], False)]


# -- plateau --------------------------------------------------------------------------------------------


def torch_rates(losses, rate, factor, patience, minimum):
    """The rate after each epoch by PyTorch's ReduceLROnPlateau, as it is documented."""
    best, bad, found = math.inf, 0, []
    for loss in losses:
        better = loss < best * (1.0 - 1e-4)
        best, bad = (loss, 0) if better else (best, bad + 1)
        if bad > patience:
            new = max(rate * factor, minimum)
            rate, bad = (new if rate - new > 1e-8 else rate), 0
        found.append(rate)
    return found


@given(
    st.lists(st.one_of(st.floats(0.0, 10.0), st.sampled_from([1.0, 0.9999, 0.99991, math.nan])), max_size=60),
    st.floats(0.01, 0.99),
    st.integers(0, 4),
    st.sampled_from([0.0, 0.01, 5.0]),
)
def test_plateau_lowers_the_rate_when_pytorch_does(losses, factor, patience, minimum):
    plateau = schedules.read({"name": "plateau", "factor": factor, "patience": patience, "minimum": minimum})
    rate, seen, found = 0.5, (math.inf, 0), []
    for loss in losses:
        rate, *seen = plateau.after_epoch(rate, loss, *seen)
        found.append(rate)
    assert found == torch_rates(losses, 0.5, factor, patience, minimum)


PLATEAU = {"name": "plateau", "factor": 0.5, "patience": 1, "minimum": 0.02}


@pytest.mark.parametrize("validation", [0, 20])
def test_plateau_watches_the_validation_loss_or_else_the_training_loss(validation):
    chosen = preset(training={"epochs": 30, "schedule": PLATEAU, "optimizer": "adam", "learning_rate": 0.5})
    data = chosen.data.model_copy(update={"validation": validation})
    run = trainer_of(
        chosen.model_copy(update={"data": data}), *run_parts(chosen.model_copy(update={"data": data}))
    )
    epochs = [event for event in run.events() if isinstance(event, Epoch)]
    losses = [event.val_loss if validation else event.train_loss for event in epochs]
    rates = torch_rates(losses, 0.5, 0.5, 1, 0.02)
    assert [event.learning_rate for event in epochs] == [0.5, *rates[:-1]]
    assert len(set(rates)) > 2


def test_plateau_resumes_from_a_checkpoint_with_the_same_bits(tmp_path):
    whole, used = trainer(PLATEAU, epochs=30)
    list(whole.events())
    assert len(set(used)) > 2
    for end in (5, 17, 18, 61):
        control = RunControl()
        first, before = trainer(PLATEAU, epochs=30, control=control)
        before_each(first.engine, lambda rate, e=end, b=before, c=control: len(b) == e and c.stop())
        list(first.events())
        path, where = tmp_path / "c", first.state.position
        path.write_bytes(checkpoints.encode(first.engine.state(), where.step, where, {}))
        found = checkpoints.load(path, first.state.network, first.state.training.optimizer)
        assert found.position == where
        second, after = trainer(
            PLATEAU, epochs=30, position=found.position, state=(found.tensors, found.step)
        )
        list(second.events())
        assert before + after == used
        for key, values in whole.engine.state().items():
            np.testing.assert_array_equal(values, second.engine.state()[key], err_msg=key)
