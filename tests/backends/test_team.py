"""Shares of a task: the same result side by side and in turn, and the faster way chosen."""

import gc
import platform
import sys
import threading

import numpy as np
import pytest

from tests.helpers import network, tiny
from tuiml.backends import sharding
from tuiml.backends.denormals import flushed
from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.backends.team import PROBE_EVERY, PROBE_RUNS, Pace, Team, parted
from tuiml.nn.optimizers import optimizers
from tuiml.nn.penalties import Penalties


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Fixed:
    """A pace that always takes one way."""

    def __init__(self, side_by_side):
        self.side_by_side = side_by_side

    def choose(self):
        return self.side_by_side

    def took(self, seconds):
        pass


def ways_taken(pace, clock, cost, runs):
    """How many of some runs went side by side, each taking ``cost`` of its way."""
    taken = 0
    for _ in range(runs):
        way = pace.choose()
        taken += way
        clock.now += cost[way]
        pace.took(cost[way])
    return taken


def test_the_faster_way_is_found_and_found_again_when_that_changes():
    clock = Clock()
    pace = Pace(clock)
    assert ways_taken(pace, clock, {True: 0.001, False: 0.0016}, 2000) > 1950
    busy = {True: 0.004, False: 0.0016}
    ways_taken(pace, clock, busy, 200)  # it may take a quarter of a second to notice
    assert ways_taken(pace, clock, busy, 2000) < 80
    ways_taken(pace, clock, {True: 0.001, False: 0.0016}, 400)
    assert ways_taken(pace, clock, {True: 0.001, False: 0.0016}, 2000) > 1950


def interrupted(cost, clock, *, every, for_):
    """What runs take while another process keeps a core for some seconds every so often; in turn the other
    core goes on."""
    began = clock.now

    class Interrupted(dict):
        def __missing__(self, way):
            phase = (clock.now - began) % every
            return cost[way] + (for_ if way and phase + cost[way] > every else 0.0)

    return Interrupted()


def test_short_interruptions_by_a_screen_do_not_put_the_shards_in_turn():
    clock = Clock()
    pace = Pace(clock)
    cost = {True: 0.001, False: 0.0016}
    ways_taken(pace, clock, cost, 500)
    drawn = interrupted(cost, clock, every=0.1, for_=0.01)
    assert ways_taken(pace, clock, drawn, 3000) > 0.97 * 3000


def test_a_core_that_is_busy_for_most_of_the_time_does():
    clock = Clock()
    pace = Pace(clock)
    cost = {True: 0.001, False: 0.0016}
    ways_taken(pace, clock, cost, 500)
    busy = interrupted(cost, clock, every=0.006, for_=0.008)
    ways_taken(pace, clock, busy, 500)
    assert ways_taken(pace, clock, busy, 3000) < 0.1 * 3000


def test_the_other_way_is_tried_now_and_then_and_briefly():
    clock = Clock()
    pace = Pace(clock)
    cost = {True: 0.001, False: 0.002}
    ways_taken(pace, clock, cost, 50)
    began = clock.now
    tried = 3000 - ways_taken(pace, clock, cost, 3000)
    looks = (clock.now - began) / PROBE_EVERY
    assert PROBE_RUNS * (looks - 2) <= tried <= PROBE_RUNS * (looks + 2)


def test_every_shard_runs_once_a_phase_and_phases_wait_for_each_other():
    seen = []
    for side_by_side in (True, False):
        team = Team(4, Fixed(side_by_side))
        seen.clear()
        team.run(4, lambda shard: seen.append((1, shard)), lambda shard: seen.append((2, shard)))
        assert sorted(seen) == [(phase, shard) for phase in (1, 2) for shard in range(4)]
        assert [phase for phase, _ in seen] == [1] * 4 + [2] * 4
        seen.clear()
        team.run(2, lambda shard: seen.append(shard))
        assert sorted(seen) == [0, 1]


def test_shards_side_by_side_have_threads_of_their_own():
    team, names = Team(3, Fixed(True)), {}
    team.run(3, lambda shard: names.setdefault(shard, threading.current_thread().name))
    assert names == {0: threading.current_thread().name, 1: "shard 1", 2: "shard 2"}


def test_an_error_in_a_shard_reaches_the_caller_and_the_team_works_on():
    team = Team(2, Fixed(True))

    def fail(shard):
        if shard == 1:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        team.run(2, fail)
    seen = []
    team.run(2, seen.append)
    assert sorted(seen) == [0, 1]


def test_a_team_nobody_holds_ends_its_threads():
    team = Team(3)
    team.run(3, lambda shard: None)
    mine = [t for t in threading.enumerate() if t.name.startswith("shard ")]
    assert len(mine) >= 2
    team.close()
    del team
    gc.collect()
    for thread in mine:
        thread.join(5)
    assert not any(thread.is_alive() for thread in mine)


@pytest.mark.parametrize(("size", "count"), [(10, 3), (7, 7), (5, 1), (100, 4)])
def test_parts_are_nearly_equal_and_leave_nothing_out(size, count):
    parts = parted(size, count)
    assert [i for start, end in parts for i in range(start, end)] == list(range(size))
    lengths = [end - start for start, end in parts]
    assert max(lengths) - min(lengths) <= 1


def test_small_networks_and_small_batches_are_not_split():
    small = network([{"type": "dense", "units": 3, "activation": "softmax"}])
    large = network([{"type": "dense", "units": 500}, {"type": "dense", "units": 500}], 800, "mse")
    assert sharding.shards(small, 1000, 4) == 1
    assert sharding.shards(large, 1000, 4) == 4
    assert sharding.shards(large, 20, 4) == 1
    assert sharding.shards(large, 1000, 1) == 1


DEEP = [
    {"type": "dense", "units": 40, "activation": "prelu"},
    {"type": "dropout", "rate": 0.25},
    {"type": "dense", "units": 30, "activation": "rrelu", "bias": False},
    {"type": "dense", "units": 3, "activation": "softmax"},
]


@pytest.fixture
def split(monkeypatch):
    """Split every batch, however small."""
    monkeypatch.setattr(sharding, "WORTH_SPLITTING", 1.0)
    monkeypatch.setattr(sharding, "FEWEST", 1)


def trained(threads, pace=None, optimizer="adam", stack=None, batches=8):
    data = tiny(4, 3, train=64, validation=50)
    run = NumpyEngine(network(stack or DEEP), optimizers.read(optimizer), data, 5, threads=threads)
    if pace:
        run.team.pace = pace
    for step in range(batches):
        rows = np.random.default_rng(step).permutation(64)[: 48 if step % 3 else 31]
        assert run.step(rows, 0.02)
    return run


@pytest.mark.parametrize("optimizer", optimizers.names())
def test_side_by_side_and_in_turn_give_the_same_bits(split, optimizer):
    one, two = (trained(3, Fixed(way), optimizer) for way in (True, False))
    assert len(one._steps[48].passes) == 3
    assert one.totals() == two.totals()
    for name, values in one.state().items():
        np.testing.assert_array_equal(values, two.state()[name], err_msg=name)
    assert one.evaluate(one.data.validation) == two.evaluate(two.data.validation)


@pytest.mark.parametrize("threads", [2, 3, 4])
def test_a_split_batch_trains_as_a_whole_one(split, threads):
    """Noise too: an example draws the same numbers whichever shard it is in."""
    whole, parts = trained(1), trained(threads)
    a, b = whole.totals(), parts.totals()
    assert (a.correct, a.examples) == (b.correct, b.examples)
    assert b.loss == pytest.approx(a.loss, rel=1e-5)
    for name, values in whole.tensors().items():
        np.testing.assert_allclose(parts.tensors()[name], values, rtol=2e-3, atol=2e-4, err_msg=name)
    found, expected = parts.views(), whole.views()
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.output, other.output, rtol=2e-3, atol=2e-3)
        if one.gradients is not None:
            np.testing.assert_allclose(one.gradients, other.gradients, rtol=2e-2, atol=2e-4)
    judged, again = whole.evaluate(whole.data.validation), parts.evaluate(parts.data.validation)
    assert again.mean_loss == pytest.approx(judged.mean_loss, rel=1e-4)


def test_the_whole_gradient_is_clipped_not_each_share(split):
    data = tiny(4, 3, train=64)
    found = []
    for threads in (1, 3):
        penalties = Penalties(clip_norm=0.01, l2=0.1)
        run = NumpyEngine(network(DEEP), optimizers.read("sgd"), data, 5, penalties, threads)
        for step in range(4):
            assert run.step(np.random.default_rng(step).permutation(64)[:48], 0.5)
        found.append(run.tensors())
    for name, values in found[0].items():
        np.testing.assert_allclose(found[1][name], values, rtol=1e-4, atol=1e-6, err_msg=name)


def test_a_shard_whose_loss_overflows_stops_the_step_for_all(split):
    run = trained(2, Fixed(True), "adam")
    before = run.state()
    run.data.train.inputs[3] = np.nan  # an example of the second shard
    run.source._ready.clear()
    run._steps.clear()
    rows = np.r_[np.arange(4, 20), 3]
    assert not run.step(rows, 0.1)
    for name, values in run.state().items():
        np.testing.assert_array_equal(values, before[name])
    assert run.step(np.arange(4, 20), 0.1)


def test_denormal_numbers_are_left_out_and_come_back():
    tiny_number = np.full(64, 1e-38, np.float32)
    with np.errstate(all="ignore"):
        with flushed():
            inside = tiny_number * np.float32(0.1)
        outside = tiny_number * np.float32(0.1)
    assert (outside > 0).all()
    known = sys.platform == "linux" and platform.machine() == "x86_64"
    assert (inside == 0).all() == known
