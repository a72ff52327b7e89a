"""Going back and changing the run by keys: in Train, on its curves, and as a past run shows it."""

import json
import math

import pytest

from tests import helpers
from tests.tui.bench import SIZES
from tests.tui.bench import train_bench as bench
from tests.tui.recorded_events import FLAT, batch, end, epoch, layer, start
from tuiml.training.event_reading import read_event
from tuiml.training.events import Intervention, RestorePoints, Snapshot, State
from tuiml.tui.chart_views.curves import marks
from tuiml.tui.charts.palette import Look
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.model.status import status_line
from tuiml.tui.train.change_dialog import ChangeDialog
from tuiml.tui.widgets.chooser import Chooser

pytestmark = pytest.mark.usefixtures("quick")
NAN = math.nan


def changed(number, what, value, *, step, at, epoch, batch=8, rate=0.1, steps=40, since=0):
    return Intervention(number, step, epoch, what, value, at, steps, batch, rate, since)


def story(live):
    """Two epochs, a change, another epoch, back to the first one's end, and on with other batches."""
    return [
        start(),
        *([batch(1, 5, 2.0)] if live else []),
        epoch(1, 10, 1.5, 1.4),
        Snapshot(1, 10, (FLAT, layer(0.2))),
        *([batch(2, 15, 1.2)] if live else []),
        changed(1, "optimizer", {"name": "adam"}, step=15, at=1.5, epoch=2),
        changed(2, "rate", 0.01, step=15, at=1.5, epoch=2, rate=0.01),
        State("running", 15, 0.01, True),
        epoch(2, 20, 0.5, 0.4, rate=0.01),
        Snapshot(2, 20, (FLAT, layer(0.3))),
        epoch(3, 30, 0.3, 0.2, rate=0.01),
        changed(3, "rewind", 10, step=30, at=1.0, epoch=2, since=0),
        changed(4, "batch_size", 16, step=10, at=1.0, epoch=2, batch=16, steps=25),
        State("paused", 10, 0.1, False),
        State("running", 10, 0.1, False),
        *([batch(2, 12, 1.3)] if live else []),
        epoch(2, 15, 1.2, 1.1),
        epoch(3, 20, 1.0, 0.9),
    ]


def points(series):
    return list(zip(*(values.tolist() for values in series.points()), strict=True))


def reported(model):
    """What of a run is to be the same whether it was watched or read back."""
    return (
        [(e.epoch, e.step) for e in model.epochs],
        model.best.step if model.best else 0,
        points(model.loss.validation),
        [points(branch.validation) for branch in model.loss.branches],
        [(c.x, c.label) for c in model.interventions.marks],
        list(model.interventions.rates),
        model.interventions.settings,
        model.history.steps,
        (model.epoch, model.step, model.steps_planned, model.x_of(20)),
    )


def watched(events):
    model = RunModel()
    model.begin(helpers.document())
    model.feed(events)
    return model


def read_back(events):
    model = RunModel()
    model.load([json.dumps(event.to_json()) + "\n" for event in events], helpers.document())
    return model


def test_a_run_that_went_back_shows_the_line_that_stayed():
    model = watched(story(live=True))
    assert [(e.epoch, e.step) for e in model.epochs] == [(1, 10), (2, 15), (3, 20)]
    assert model.best.step == 20
    assert points(model.loss.validation) == [(1.0, 1.4), (2.0, 1.1), (3.0, 0.9)]
    assert [(c.x, c.label) for c in model.interventions.marks] == [(1.0, "back 2"), (1.0, "batch 16")]
    assert [(mark.x, mark.label) for mark in marks(model)] == [(1.0, "back 2, batch 16")]
    assert model.interventions.settings == {"batch_size": 16}
    assert model.history.steps == [10]
    assert model.snapshot.step == 10
    assert model.x_of(20) == 3.0
    assert model.steps_planned == 25
    (branch,) = model.loss.branches
    assert points(branch.validation) == [(1.0, 1.4), (2.0, 0.4), (3.0, 0.2)]
    xs = [x for x, _ in points(model.loss.train)]
    assert xs == sorted(xs)
    assert max(xs) <= 3.0
    assert not [x for x, y in points(model.loss.raw) if y == 0.3]


def test_it_is_the_same_when_it_is_read_back():
    events = story(live=False)
    assert reported(read_back(events)) == reported(watched(events))
    assert reported(read_back(events)) == reported(watched(story(live=True)))


def test_changes_that_stay_are_marked_where_they_were_made():
    model = watched(story(live=True)[:9])
    assert [(m.x, m.label) for m in marks(model)] == [(1.5, "adam, lr 0.01")]
    assert not model.interventions.rates  # the event says it, and the state does not say it again
    assert model.interventions.settings == {"optimizer": {"name": "adam"}}


def test_of_many_branches_the_last_few_are_drawn():
    events = [start(), epoch(1, 10, 1.5, 1.4)]
    for number in range(1, 9):
        events += [epoch(2, 20, 1.0, number / 10)]
        events += [changed(number, "rewind", 10, step=20, at=1.0, epoch=2, since=number - 1)]
    model = watched(events)
    kept = [points(branch.validation)[-1][1] for branch in model.loss.branches]
    assert kept == [0.6, 0.7, 0.8]
    assert len(model.interventions.marks) == 8
    assert len(model.epochs) == 1


@pytest.mark.parametrize("value", [None, "x" * 10_000, {"name": "[@click=app.quit]x\x1b[31m"}, [1], 10**14])
@pytest.mark.parametrize("what", ["optimizer", "rewind", "settings", "rate", "batch_size", "\x1b[31mnew"])
def test_interventions_of_strangers_are_shown_without_harm(what, value):
    line = changed(1, what, value, step=5, at=0.5, epoch=1).to_json()
    model = watched([start(), epoch(1, 10, 1.0), read_event(json.loads(json.dumps(line)))])
    for mark in marks(model):
        assert len(mark.label) < 60
        assert "\x1b" not in mark.label
    assert status_line(model, 80, Look())


@pytest.mark.parametrize(
    "line",
    [
        {"event": "moments", "moments": [[1, 2]]},
        {"event": "moments", "moments": [["a", 1, 0.5]]},
        {"event": "restore_points", "points": 3},
        {"event": "intervention", "number": "one"},
    ],
)
def test_broken_lines_of_this_kind_are_no_events(line):
    with pytest.raises(ValueError, match="not an event"):
        read_event(line)


# -- keys ------------------------------------------------------------------------------------------------

MOMENTS = RestorePoints(((0, 1, NAN), (10, 2, 1.25), (15, 2, 1.1)))


@pytest.mark.parametrize("size", SIZES)
async def test_b_opens_the_moments_and_goes_back_to_one(size):
    async with bench(size, running=True) as on:
        on.client.train(12)
        await on.drawn()
        assert not on.train.enabled("go_back")  # nothing is known to go back to
        await on.report(MOMENTS)
        assert on.train.enabled("go_back")
        await on.press("b")
        assert isinstance(on.app.screen, Chooser)
        listed = [(pick.name, pick.formula) for pick in on.app.screen.picker.picks]
        assert listed == [
            ("epoch 2, step 15", "loss 1.100"),
            ("epoch 2, step 10", "loss 1.250"),
            ("epoch 1, step 0", ""),
        ]
        await on.press(*"epoch", "space", "2", "down", "enter")
        assert on.asked[-1] == ("rewind", 10)
        await on.press("b", "escape")
        assert on.asked[-1] == ("rewind", 10)


async def test_the_key_bar_offers_to_go_back_once_a_run_is_halted():
    async with bench((80, 24), running=True) as on:
        on.client.train(12)
        await on.report(MOMENTS)
        await on.press("ctrl+r")
        assert "go_back" in on.keys


async def test_while_looking_back_b_goes_to_that_moment():
    async with bench((80, 24), running=True) as on:
        for step in (2, 9, 12):
            await on.report(Snapshot(1, step, (FLAT, layer(0.1), layer(0.2))))
        on.client.train(14)
        await on.report(MOMENTS)
        await on.press("left")
        assert on.train.selection.past_snapshot.step == 9
        assert on.train.label("go_back") == "go back to epoch 1"
        await on.press("b")
        assert on.asked[-1] == ("rewind", 9)
        assert on.train.selection.past_snapshot is None


async def test_what_was_taken_back_is_not_looked_at_any_more():
    async with bench((80, 24), running=True) as on:
        for step in (2, 9, 12):
            await on.report(Snapshot(1, step, (FLAT, layer(0.1), layer(0.2))))
        on.client.train(14)
        await on.drawn()
        await on.press("left")
        assert on.train.selection.past_snapshot.step == 9
        await on.report(changed(1, "rewind", 5, step=14, at=0.5, epoch=1, batch=10), State("paused", 5, 0.1))
        assert on.train.selection.past_snapshot is None
        assert "paused" in on.train.status.text
        assert on.app.model.step == 5


async def test_without_a_run_there_is_nothing_to_go_back_to_or_to_change():
    async with bench((80, 24)) as on:
        await on.press("b", "O")
        assert on.asked == []
        assert not {"go_back", "change_settings"} & set(on.keys)
        assert not isinstance(on.app.screen, Chooser | ChangeDialog)


@pytest.mark.parametrize("size", SIZES)
async def test_o_changes_the_run_and_enter_applies_it(size):
    async with bench(size, running=True) as on:
        on.client.train(3)
        await on.drawn()
        await on.press("O")
        dialog = on.app.screen
        assert isinstance(dialog, ChangeDialog)
        fields = {field.path: field for field in dialog.form.model.fields}
        assert fields["training.learning_rate"].text == "0.1"
        assert {path.split(".")[1] for path in fields} == {"optimizer", "learning_rate", "batch_size"}
        await on.press("enter")  # nothing was changed
        assert not isinstance(on.app.screen, ChangeDialog)
        assert [ask for ask in on.asked if ask[0] == "change"] == []

        await on.press("O", "right", *["down"] * 3)  # the optimizer after SGD, with its usual rate
        assert on.app.screen.form.model.field.path == "training.batch_size"
        await on.press("7", "enter")
        (asked,) = [ask[1] for ask in on.asked if ask[0] == "change"]
        assert asked == {"optimizer": "adagrad", "batch_size": 7, "learning_rate": 0.01}


async def test_a_change_that_cannot_be_is_not_applied():
    async with bench((80, 24), running=True) as on:
        on.client.train(3)
        await on.drawn()
        await on.press("O")
        form = on.app.screen.form
        assert form.go_to_number(form.model.place_of("training.batch_size"))
        await on.press("0")
        assert "training.batch_size" in str(on.app.screen.query_one(".said").render())
        await on.press("enter")
        assert isinstance(on.app.screen, ChangeDialog)
        await on.press("escape")
        assert not isinstance(on.app.screen, ChangeDialog)
        assert [ask for ask in on.asked if ask[0] == "change"] == []


async def test_the_form_shows_what_is_in_force():
    async with bench((80, 24), running=True) as on:
        on.client.train(3)
        await on.report(
            changed(1, "optimizer", {"name": "adam", "beta1": 0.5}, step=3, at=0.3, epoch=1, batch=10),
            changed(2, "batch_size", 25, step=3, at=0.3, epoch=1, batch=25, rate=0.003),
        )
        await on.press("O")
        fields = {field.path: field.text for field in on.app.screen.form.model.fields}
        assert fields["training.optimizer"] == "adam"
        assert fields["training.optimizer.beta1"] == "0.5"
        assert fields["training.batch_size"] == "25"
        assert fields["training.learning_rate"] == "0.003"


def test_a_past_run_marks_what_was_changed():
    model = read_back([*story(live=False), end()])
    assert [mark.label for mark in marks(model)] == ["back 2, batch 16", "best"]
