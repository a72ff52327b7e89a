"""Shards in forks of the training process: the same bits as in threads, and none of its signals or files."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import network, numbers, tiny
from tuiml.backends import forks, numpy_backend, sharding
from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.nn.optimizers import optimizers
from tuiml.nn.penalties import NO_PENALTIES, Penalties

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks safely")
DEEP = [
    {"type": "dense", "units": 9, "activation": "prelu"},
    {"type": "dropout", "rate": 0.25},
    {"type": "dense", "units": 7, "activation": "rrelu", "bias": False},
    {"type": "dense", "units": 3, "activation": "softmax"},
]
NUMBERS = [{"type": "dense", "units": 8, "activation": "tanh"}, {"type": "dense", "units": 1}]


class Way:
    """A pace that is told which way to take."""

    side_by_side = True

    def choose(self):
        return self.side_by_side

    def took(self, seconds):
        pass


@pytest.fixture
def forked(monkeypatch):
    """What makes engines whose steps are done by forks, from the second one on."""
    monkeypatch.setattr(sharding, "WORTH_SPLITTING", 1)
    monkeypatch.setattr(sharding, "FEWEST", 4)
    monkeypatch.setattr(numpy_backend, "WORTH_FORKING", 1)
    monkeypatch.setattr(forks, "_allowed", True)
    made = []

    def make(threads, optimizer="adam", penalties=NO_PENALTIES, *, allowed=True, data=None):
        monkeypatch.setattr(forks, "_allowed", allowed)
        given = data or tiny(4, 3, train=64, validation=50)
        net = network(DEEP) if data is None else network(NUMBERS, 3, "mse")
        run = NumpyEngine(net, optimizers.read(optimizer), given, 5, penalties, threads)
        run.team.pace = Way()
        monkeypatch.setattr(forks, "_allowed", True)
        made.append(run)
        return run

    yield make
    for run in made:
        run.close()


def train(run, steps, first=0):
    for step in range(first, first + steps):
        rows = np.random.default_rng(step).permutation(40)[: 31 if step % 5 == 4 else 36]
        assert run.step(rows, 0.02)


def state_of(pid):
    """A process's state in /proc; Z: it has ended, whether somebody waited for it or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


def assert_equal(one, other):
    for name, values in one.state().items():
        np.testing.assert_array_equal(values, other.state()[name], err_msg=name)
    assert one.totals() == other.totals()


@pytest.mark.parametrize("optimizer", optimizers.names())
def test_forks_and_threads_give_the_same_bits(forked, optimizer):
    one, two = forked(3, optimizer), forked(3, optimizer, allowed=False)
    train(two, 12)
    train(one, 12)
    assert len(one._forked._forks.pids) == 2
    assert two._forked is None
    assert_equal(one, two)


@pytest.mark.parametrize(
    "penalties", [Penalties(clip_norm=0.01, l2=0.1), Penalties(max_norm=0.5, weight_decay=0.1)]
)
def test_penalties_and_clipping_too(forked, penalties):
    one, two = forked(2, "sgd", penalties), forked(2, "sgd", penalties, allowed=False)
    train(two, 8)
    train(one, 8)
    assert one._forked
    assert_equal(one, two)


def test_squared_errors_are_added_up_over_the_forks(forked):
    one, two = (forked(2, data=numbers(), allowed=allowed) for allowed in (True, False))
    train(two, 8)
    train(one, 8)
    assert one._forked
    assert_equal(one, two)


def test_a_run_that_changes_between_two_steps_goes_on_alike(forked):
    """Going in turn for some steps, back in time, to other weights and to another optimizer."""
    runs = forked(2), forked(2, allowed=False)
    for run in runs:
        train(run, 6)
        kept, state = run.snapshot(), run.state()
        train(run, 3, 20)
        run.restore(kept)
        run.team.pace.side_by_side = False
        train(run, 3, 30)
        run.team.pace.side_by_side = True
        run.load({name: values * np.float32(0.5) for name, values in state.items()}, 6)
        train(run, 3, 40)
        run.change(optimizers.read("rmsprop"))
        train(run, 6, 50)
    assert runs[0]._forked
    assert_equal(*runs)


@pytest.mark.parametrize("beside", [True, False])
def test_what_the_layers_put_out_is_shown_whichever_way_the_step_went(forked, beside):
    one, two = forked(3), forked(3, allowed=False)
    for run in (two, one):
        train(run, 6)
        run.team.pace.side_by_side = beside
        train(run, 2, 7)
    assert one._forked
    for _ in range(2):
        for mine, other in zip(one.views(), two.views(), strict=True):
            np.testing.assert_array_equal(mine.output, other.output)
            if other.gradients is not None:
                np.testing.assert_array_equal(mine.gradients, other.gradients)


def test_an_observed_step_in_between_changes_nothing(forked):
    one, two = forked(2), forked(2)
    train(one, 10)
    train(two, 5)
    two.observe_next_step(36)
    train(two, 5, 5)
    assert_equal(one, two)


def test_a_change_of_optimizer_ends_the_forks_and_so_does_closing(forked):
    run = forked(3)
    train(run, 4)
    first = run._forked._forks.pids
    run.change(optimizers.read("sgd"))
    assert [state_of(pid) for pid in first] == ["Z", "Z"]
    train(run, 4, 10)
    second = run._forked._forks.pids
    assert "Z" not in map(state_of, second)
    run.close()
    assert [state_of(pid) for pid in second] == ["Z", "Z"]


def test_signals_of_the_terminal_do_not_end_a_fork(forked):
    run = forked(2)
    train(run, 4)
    (pid,) = run._forked._forks.pids
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pid, number)
    train(run, 4, 10)
    assert state_of(pid) != "Z"


def test_a_fork_that_is_gone_is_said_and_its_step_does_not_count(forked):
    run = forked(2)
    train(run, 4)
    os.kill(run._forked._forks.pids[0], signal.SIGKILL)
    with pytest.raises(ChildProcessError, match="ended by signal 9"):
        train(run, 4, 10)
    assert run.step_number == 4


def test_where_a_fork_cannot_begin_threads_go_on(forked, monkeypatch):
    def fails(parent):
        raise OSError("no /proc")

    monkeypatch.setattr(forks, "_leave_the_parent_alone", fails)
    one, two = forked(2), forked(2, allowed=False)
    train(two, 8)
    train(one, 8)
    assert one._forked._forks is None
    assert_equal(one, two)


def test_an_error_in_a_fork_is_raised_where_it_was_asked_for(monkeypatch):
    monkeypatch.setattr(forks, "_allowed", True)

    def task(shard):
        if shard:
            raise MemoryError("no more")

    helpers = forks.Forks(2, [task])
    try:
        with pytest.raises(ChildProcessError, match="shard 1 failed: MemoryError: no more"):
            helpers.run(0)
    finally:
        helpers.close()


ALONE = """
from tuiml.backends import forks
forks.allow()
found = forks.Forks(2, [lambda shard: None])
found.run(0)
print(found.pids[0], flush=True)
input()
"""


def test_a_fork_ends_with_its_parent_and_holds_none_of_its_files():
    """Whoever reads what the parent writes sees the end of it, though the parent was killed."""
    given = dict(os.environ, TUIML_FORKS="1")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", ALONE], env=given, text=True, **pipes) as parent:
        pid = int(parent.stdout.readline())
        assert os.listdir(f"/proc/{pid}/fd") == []
        parent.kill()
        assert parent.stdout.read() == ""
    until = time.monotonic() + 30
    while state_of(pid) != "Z" and time.monotonic() < until:
        os.sched_yield()
    assert state_of(pid) == "Z"


def test_no_program_of_someone_elses_is_forked():
    code = "from tuiml.backends import forks; print(forks.allowed(), forks.zeros(3).base is None)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "True"]
