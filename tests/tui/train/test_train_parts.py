"""The parts of Train that need no screen: words, numbers, axes, and the pace of drawing."""

import math
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests import helpers
from tests.tui.recorded_events import FLAT, NAN, batch, end, epoch, layer, start
from tuiml.backends import sharding
from tuiml.training.events import Loading, State
from tuiml.training.statistics import NEVER
from tuiml.tui.chart_views.curves import last_epoch, marks, x_end
from tuiml.tui.charts.palette import Look
from tuiml.tui.model import pace as model_pace
from tuiml.tui.model.layer_cells import columns, statistics_cells
from tuiml.tui.model.pace import ALONE, BESIDE
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.model.status import at_home, detail_line, status_line
from tuiml.tui.model.stepping import nice
from tuiml.tui.train.screen import rows_below
from tuiml.tui.widgets.chart_view import INTERVAL, LONGEST, PAUSE, Pacer
from tuiml.tui.widgets.rate_field import read_rate

LOOK = Look()


def run(*events):
    found = RunModel()
    found.begin(helpers.document())
    found.feed(events)
    return found


def failed():
    found = run(start())
    found.fail("the training process ended unasked (exit code 1): " + "x" * 300)
    return found


RUNS = {
    "empty": RunModel(),
    "loading": run(),
    "fetching": run(Loading("mnist", 1, 0)),
    "running": run(start(), batch(1, 5, 2.0), epoch(1, 10, 1.0, 2.0)),
    "paused": run(start(), batch(1, 5, 2.0), State("paused", 5, 1e-7)),
    "completed": run(start(), epoch(1, 10, 1.0, 2.0), end()),
    "diverged": run(start(), end("diverged", "the loss was not finite " * 9)),
    "failed": failed(),
}


def text(parts):
    return "".join(words for words, _ in parts)


@pytest.mark.parametrize("name", RUNS)
@given(width=st.integers(0, 250))
def test_lines_keep_the_most_important_and_fit_where_they_can(name, width):
    model = RUNS[name]
    line, whole = text(status_line(model, width, LOOK)), text(status_line(model, 400, LOOK))
    assert line.split("   ")[0] == whole.split("   ")[0], "the status itself always stays"
    assert set(line.split("   ")) <= set(whole.split("   "))
    if width >= 40:
        assert cell_len(line) <= width
    assert isinstance(text(detail_line(model, width, LOOK)), str)


def test_what_a_line_says_at_each_stage():
    said = {name: text(status_line(model, 400, LOOK)) for name, model in RUNS.items()}
    assert said["empty"] == "nothing trained yet"
    assert "epoch 1/4   ▰▰▰▰▱▱▱▱▱▱▱▱▱▱▱▱   step 10/40   900 examples/s   0:09 left" in said["running"]
    assert "lr 1e-07" in said["paused"]
    assert "0:04 trained" in said["completed"]
    more = {name: text(detail_line(model, 400, LOOK)) for name, model in RUNS.items()}
    assert more["running"] == more["paused"] == more["empty"] == ""
    assert "test accuracy 90.0 %   test loss .30   best epoch 2" in more["completed"].replace(".300", ".30")
    assert "/runs/a-run" in more["completed"]
    assert more["fetching"].startswith("fetching mnist")
    assert "smaller learning rate" in more["diverged"]
    assert more["failed"].startswith("the training process ended unasked")


def test_a_path_below_home_is_short(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    assert at_home("/home/ada/runs/a") == "~/runs/a"
    assert at_home("/srv/runs/a") == "/srv/runs/a"


@pytest.mark.parametrize(
    ("rate", "above", "below"),
    [(0.01, 0.02, 0.005), (0.03, 0.05, 0.02), (0.99, 1.0, 0.5), (1e-7, 2e-7, 5e-8), (1000.0, 2000.0, 500.0)],
)
def test_the_next_round_rate(rate, above, below):
    assert (nice(rate, 1), nice(rate, -1)) == (above, below)


@given(st.floats(1e-12, 1000))
def test_up_and_down_again_leads_back_to_a_round_rate(rate):
    high, low = nice(rate, 1), nice(rate, -1)
    assert low < rate < high
    assert high <= 5 * rate
    assert nice(low, 1) <= high
    assert nice(nice(high, 1), -1) == high


@pytest.mark.parametrize(
    ("typed", "rate"),
    [("0.01", 0.01), (" 1e-3 ", 1e-3), ("0,5", 0.5), ("1000", 1000.0), ("1/400", 0.0025)],
)
def test_a_rate_as_typed(typed, rate):
    assert read_rate(typed) == rate


@pytest.mark.parametrize("typed", ["", "x", "0", "-1", "nan", "inf", "1001", "1e999", "0x1", "1 2"])
def test_what_is_no_rate(typed):
    with pytest.raises(ValueError, match=r"not allowed|give a number|too large"):
        read_rate(typed)


@given(st.floats(1e-6, 1e6), st.integers(0, 10_000))
def test_the_axis_ends_at_a_round_number_just_beyond(x, planned):
    found = x_end(x, planned)
    assert found >= x * (1 - 1e-9)
    assert found <= max(1.5001 * x, 1e-6)


def test_the_axis_moves_seldom():
    assert len({x_end(x / 10, 10_000) for x in range(1, 10_000)}) <= 40


def test_the_axis_never_goes_beyond_the_end_of_the_run():
    assert x_end(13.0, 14) == 14.0
    assert x_end(0.0, 14) == 14.0
    assert x_end(16.0, 14) == 20.0, "a run that was lengthened elsewhere"


def test_marks_report_where_the_rate_changed_and_at_the_end_the_best_epoch():
    reported = [start(), epoch(1, 10, 1.0, 0.5), State("running", 10, 0.25), epoch(2, 20, 0.9, 0.6)]
    assert [(m.x, m.label) for m in marks(run(*reported))] == [(1.0, "lr 0.25")]
    assert [m.label for m in marks(run(*reported, end()))] == ["lr 0.25", "best"]
    assert last_epoch(run(*reported)) == 2.0


@pytest.mark.parametrize(
    ("size", "layers", "rows"),
    [
        ((80, 22), 11, 12),
        ((80, 22), 4, 5),
        ((120, 22), 4, 8),
        ((120, 38), 4, 14),
        ((120, 38), 11, 14),
        ((120, 38), 30, 21),
        ((200, 48), 200, 27),
        ((80, 3), 9, 3),
        ((0, 0), 0, 3),
    ],
)
def test_the_table_has_room_for_all_layers_while_the_charts_keep_theirs(size, layers, rows):
    assert rows_below(*size, layers) == rows


@pytest.mark.parametrize(
    ("statistics", "column", "words"),
    [
        (layer(saturated=0.6), "idle", "▲60% sat"),
        (layer(saturated=0.5), "idle", "50% sat"),
        (layer(saturated=0.999), "idle", "▲>99% sat"),
        (layer(saturated=0.001), "idle", "<1% sat"),
        (layer(saturated=NAN, dead=1.0), "idle", "▲100% dead"),
        (layer(saturated=NAN, dead=0.4), "idle", "40% dead"),
        (layer(saturated=NAN, dead=0.41), "idle", "▲41% dead"),
        (layer(saturated=NAN, zeros=0.3), "idle", "30% zero"),
        (layer(update_ratio=-1.9), "update", "▲-1.9"),
        (layer(update_ratio=-3.04), "update", "-3.0"),
        (layer(update_ratio=-4.1), "update", "▼-4.1"),
        (layer(update_ratio=NEVER), "update", "▼-∞"),
        (layer(update_ratio=NAN), "update", ""),
        (layer(weight_norm=12.34), "norm", "12"),
        (layer(gradient_norm=101.0), "gradient", "▲101"),
        (layer(gradient_norm=0.9e-3), "gradient", "▼9e-4"),
        (layer(gradient_norm=2e-2), "gradient", ".02"),
        (layer(gradient_norm=0.0), "gradient", "▼0"),
        (layer(gradient_norm=math.inf), "gradient", "▲inf"),
        (layer(gradient_norm=NAN), "gradient", ""),
        (layer(-123456.0), "mean", "-1e5"),
        (layer(0.031), "mean", ".03"),
        (layer(activations=None), "histogram", ""),
    ],
)
def test_a_layers_cells_show_trouble_by_sign(statistics, column, words):
    cell = statistics_cells(1, statistics, 1.0, True, LOOK)[column]
    assert (cell if isinstance(cell, str) else cell[0]).strip() == words


def test_a_terminal_without_unicode_gets_plain_signs_and_titles():
    plain = Look(unicode=False)
    assert all(column.title.isascii() for column in columns(plain))
    found = layer(update_ratio=NEVER, gradient_norm=0.0, saturated=0.9)
    cells = statistics_cells(0, found, 0.0, True, plain)
    assert all((cell if isinstance(cell, str) else cell[0]).isascii() for cell in cells.values())
    assert [cells[key][0] for key in ("update", "gradient", "idle")] == ["v-inf", "v0", "^90% sat"]


def test_a_layer_without_weights_or_activation_leaves_their_cells_empty():
    cells = statistics_cells(0, FLAT, NAN, False, LOOK)
    assert [cells[key] for key in ("idle", "gradient", "update", "norm")] == ["", "", "", ""]
    assert set(statistics_cells(5, None, NAN, False, LOOK).values()) == {""}


# -- the pace of drawing -----------------------------------------------------------------------------------


class Painter:
    """A drawing that is always out of date; each takes ``cost`` seconds of a clock turned by hand."""

    def __init__(self, clock, cost=0.004, wanted=math.inf):
        self.clock, self.cost, self.wanted = clock, cost, wanted
        self.due_at = -math.inf
        self.built = []

    def stale(self):
        return len(self.built) < self.wanted

    def build(self):
        self.built.append(self.clock.now)
        self.clock.now += self.cost


class Clock:
    """Time, and who waits for it."""

    def __init__(self):
        self.now = 100.0
        self.waiting = []

    def later(self, owner, delay, callback):
        entry = (self.now + delay, callback)
        self.waiting.append(entry)
        return SimpleNamespace(cancel=lambda: entry in self.waiting and self.waiting.remove(entry))

    def go_on(self, seconds):
        until = self.now + seconds
        while self.waiting and min(self.waiting, key=lambda w: w[0])[0] <= until:
            self.waiting.sort(key=lambda w: w[0])
            at, callback = self.waiting.pop(0)
            self.now = max(self.now, at)
            callback()
        self.now = max(self.now, until)


def paced(*painters, clock):
    found = Pacer(None, painters, lambda: clock.now, used=lambda: clock.now, later=clock.later)
    found.kick()
    return found


def test_each_drawing_is_built_at_most_ten_times_a_second_and_none_right_after_one_that_took_long():
    clock = Clock()
    painters = [Painter(clock, cost=0.009) for _ in range(4)]
    paced(*painters, clock=clock)
    clock.go_on(10)
    for painter in painters:
        assert 60 <= len(painter.built) <= 100
        assert min(b - a for a, b in pairwise(painter.built)) >= INTERVAL * 0.99
    times = sorted(time for painter in painters for time in painter.built)
    assert min(b - a for a, b in pairwise(times)) >= PAUSE * 0.99


def test_a_slow_drawing_is_built_less_often_and_the_others_keep_their_pace():
    clock = Clock()
    slow, quick = Painter(clock, cost=0.1), Painter(clock, cost=0.001)
    paced(slow, quick, clock=clock)
    clock.go_on(10)
    assert len(slow.built) <= 11
    assert len(quick.built) >= 60


def test_no_timer_runs_while_nothing_is_out_of_date():
    clock = Clock()
    painter = Painter(clock, wanted=2)
    pacer = paced(painter, clock=clock)
    clock.go_on(5)
    assert len(painter.built) == 2
    assert clock.waiting == []
    painter.wanted = 3
    pacer.kick()
    pacer.kick()
    assert len(clock.waiting) == 1
    clock.go_on(1)
    assert len(painter.built) == 3


class Beside:
    """Four drawings beside a run, whose builds and what follows from each take the processor's time."""

    def __init__(self, fraction, cost=0.002, wanted=math.inf):
        self.clock = Clock()
        self.painters = [Painter(self.clock, cost, wanted) for _ in range(4)]
        now, share = lambda: self.clock.now, lambda: fraction
        self.pacer = Pacer(None, self.painters, now, fraction=share, used=self.used, later=self.clock.later)
        self.began = self.clock.now

    def used(self):
        """Each build with what follows takes half as long again."""
        return sum(1.5 * painter.cost * len(painter.built) for painter in self.painters)

    def train(self, seconds):
        """News of the run come five times a second."""
        for _ in range(round(5 * seconds)):
            self.pacer.follow()
            self.clock.go_on(0.2)

    @property
    def share(self):
        return self.used() / (self.clock.now - self.began)


def test_while_training_needs_all_cores_what_nobody_asked_for_takes_little_of_them():
    beside = Beside(0.05)
    beside.train(60)
    assert 0.035 <= beside.share <= 0.055
    for painter in beside.painters:
        assert len(painter.built) >= 2 * 60, "still live"
    spare = Beside(0.3)
    spare.train(60)
    for painter in spare.painters:
        assert len(painter.built) >= 8 * 60


def test_drawings_that_cost_more_than_their_share_are_drawn_all_the_same():
    beside = Beside(0.05, cost=0.1)
    beside.train(60)
    turns = sorted(time for painter in beside.painters for time in painter.built)
    assert max(b - a for a, b in pairwise(turns)) <= LONGEST + 0.2 + 0.1  # news, and the build itself


def test_the_newest_state_is_drawn_in_the_end_and_then_no_timer_runs():
    beside = Beside(0.05)
    beside.train(10)
    for painter in beside.painters:
        painter.wanted = len(painter.built) + 1  # the last news
    beside.pacer.follow()
    beside.clock.go_on(1)
    assert all(not painter.stale() for painter in beside.painters)
    assert beside.clock.waiting == []


def test_a_key_does_not_wait_until_drawing_is_due_again():
    beside = Beside(0.05, cost=0.02)
    beside.train(10)
    ((at, _),) = beside.clock.waiting
    assert at - beside.clock.now > 0.05
    pressed = beside.clock.now
    beside.pacer.kick()
    beside.clock.go_on(0.1)
    assert min(t for painter in beside.painters for t in painter.built if t >= pressed) - pressed < 0.005


def test_drawing_takes_little_only_while_a_run_needs_all_cores(monkeypatch):
    monkeypatch.setattr(sharding, "WORTH_SPLITTING", 1.0)
    training = replace(start(), threads=2, batch_size=64)
    cases = [  # cores, pace, events, whether training needs all
        (2, None, [training], True),
        (1, None, [training], True),
        (3, None, [training], False),
        (2, None, [replace(training, batch_size=8)], False),  # it is not worth splitting
        (2, 50.0, [training], False),
        (2, None, [training, State("paused", 5, 0.1)], False),
        (2, None, [training, end()], False),
        (2, None, [], False),
    ]
    for cores, pace, events, needed in cases:
        monkeypatch.setattr(model_pace, "_cores", lambda cores=cores: cores)
        assert model_pace.drawing_fraction(run(*events), pace) == (BESIDE if needed else ALONE)


def test_what_was_asked_for_by_a_key_does_not_wait_its_turn():
    clock = Clock()
    painter, other = Painter(clock), Painter(clock)
    pacer = paced(painter, other, clock=clock)
    pacer.now(painter)
    assert (len(painter.built), len(other.built)) == (1, 0)


@pytest.mark.parametrize("width", [76, 120])
def test_why_a_run_ended_early_is_said_where_there_is_little_room(width):
    reported = "no better val_loss for 5 epochs; weights of epoch 7"
    early = run(start(), epoch(1, 10, 1.0, 0.5), end("early_stopped", reported))
    shown = text(detail_line(early, width, LOOK))
    assert reported in shown
    assert "test accuracy" in shown
    assert cell_len(shown) <= width
    assert "stopped early" in text(status_line(early, width, LOOK))
