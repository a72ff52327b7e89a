"""The curves of Train: one cursor, zoom, smoothing, limits, and several runs beside each other."""

import dataclasses
import json

import numpy as np
import pytest

from tests import helpers
from tests.tui.bench import SIZES, screen_text
from tests.tui.bench import train_bench as bench
from tests.tui.documents import raw
from tests.tui.recorded_events import FLAT, batch, end, epoch, layer, start
from tuiml.spec.library import save
from tuiml.training.events import Intervention, Snapshot
from tuiml.tui.chart_views.other_runs import differences
from tuiml.tui.chart_views.smoothing import STRENGTHS, Smoothing
from tuiml.tui.chart_views.time_axis import TimeAxis
from tuiml.tui.charts.palette import Look
from tuiml.tui.model import settings
from tuiml.tui.model.cursor import TimeCursor
from tuiml.tui.model.item_rows import names_of
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.widgets.step_field import read_step

pytestmark = pytest.mark.usefixtures("quick")


def snapshot(step, mean=0.5):
    return Snapshot(1, step, (FLAT, layer(mean), layer(mean)))


def trained(steps=40, loss=lambda step: 2.0 - step / 40):
    """A run of which every other batch is reported, and every epoch of ten."""
    found = [start()]
    for step in range(2, steps + 1, 2):
        found.append(batch((step - 1) // 10 + 1, step, loss(step)))
        if step % 10 == 0:
            found.append(epoch(step // 10, step, loss(step), loss(step) + 0.5))
    return found


def run(*events):
    model = RunModel()
    model.begin(helpers.document())
    model.feed(events)
    return model


def past(name, *events):
    """A run on the disk."""
    folder = settings.home() / "runs" / name
    folder.mkdir(parents=True)
    save(helpers.document(name="other"), folder / "preset.toml")
    own = [
        dataclasses.replace(e, run=name, path=str(folder)) if e.event in ("start", "end") else e
        for e in events
    ]
    lines = "".join(json.dumps(event.to_json()) + "\n" for event in own)
    (folder / "metrics.jsonl").write_text(lines, encoding="utf-8")
    return folder


# -- the cursor --------------------------------------------------------------------------------------------


def test_without_snapshots_the_cursor_stops_at_the_points_of_the_curves():
    model = run(*trained())
    cursor = TimeCursor(lambda: model)
    assert cursor.stops[-3:] == [37, 39, 40]
    cursor.move(-1)
    assert (cursor.step, cursor.snapshot) == (39, None)
    assert cursor.x == pytest.approx(3.9)
    cursor.move(-10)
    assert cursor.step < 30
    cursor.move(100)
    assert cursor.step is None


def test_the_snapshot_shown_is_the_one_at_or_before_the_cursor():
    model = run(*trained(), *(snapshot(step) for step in (10, 20, 30)))
    cursor = TimeCursor(lambda: model)
    for x, step, shown in ((0.5, 5, 10), (1.0, 10, 10), (1.9, 19, 10), (2.4, 24, 20), (3.9, 39, 30)):
        cursor.go(x)
        assert (cursor.step, cursor.snapshot.step) == (step, shown)
    cursor.go(4.0)
    assert cursor.step is None, "the newest step is now"


def test_of_another_run_nothing_is_kept():
    model = run(*trained())
    cursor = TimeCursor(lambda: model)
    cursor.move(-1)
    cursor.magnify(2)
    assert cursor.away
    model = run(*trained())
    assert not cursor.away
    assert cursor.step is cursor.x is None


def test_zoomed_in_the_part_scrolls_only_as_far_as_it_has_to():
    model = run(*trained())
    cursor = TimeCursor(lambda: model)
    assert cursor.part(4.0) == (0.0, 4.0)
    cursor.go(2.0)
    cursor.magnify(1)
    assert cursor.part(4.0) == (1.0, 3.0)
    cursor.go(2.5)
    assert cursor.part(4.0) == (1.0, 3.0), "the cursor is still in it"
    cursor.go(3.5)
    assert cursor.part(4.0)[0] == pytest.approx(1.7)
    assert cursor.part(4.0) == cursor.part(4.0)
    cursor.go(0.1)
    assert cursor.part(4.0) == (0.0, 2.0)
    cursor.follow()
    low, high = cursor.part(4.0)
    assert low <= 4.0 - 0.2 <= 4.0 <= high + 1e-9, "without a cursor the newest step is shown"
    cursor.magnify(-5)
    assert cursor.part(4.0) == (0.0, 4.0)


def test_zoomed_in_the_keys_stop_more_often():
    model = run(start(epochs=100, steps=10_000), *(batch(1 + n // 100, n, 1.0) for n in range(1, 10_001)))
    cursor = TimeCursor(lambda: model)
    steps = np.diff(cursor.stops)
    assert 150 <= len(steps) <= 201
    cursor.magnify(3)
    finer = np.diff(cursor.stops)
    assert len(finer) > 6 * len(steps)
    cursor.move(-1)
    assert 10_000 - cursor.step <= 10


@pytest.mark.parametrize("size", SIZES)
async def test_every_chart_is_read_at_the_same_step(size):
    async with bench(size, running=True) as on:
        await on.report(*trained(), snapshot(10, 0.1), snapshot(30, 0.3), snapshot(40, 0.4))
        assert on.train.enabled("earlier")
        await on.press("left")
        assert "as of step 30" in on.train.status.text
        assert on.cell(1, "mean") == ".30"
        assert on.loss.text.startswith("step 30 · loss")
        assert "1.25" in on.loss.text.splitlines()[0]
        assert "1.750" in on.loss.text.splitlines()[0], "the validation loss after three epochs"
        if "accuracy" in on.views:
            assert on.chart("accuracy").text.startswith("step 30 ")
        assert "▲3.00" in on.loss.text
        await on.press("end")
        assert "as of" not in on.train.status.text
        assert on.loss.text.startswith("loss")


async def test_a_run_without_snapshots_has_a_cursor_too():
    async with bench(running=True) as on:
        await on.report(*trained())
        await on.press("left", "left")
        assert on.loss.text.startswith("step 37 · loss")
        assert "as of step 37" in on.train.status.text
        await on.press("escape")
        assert on.loss.text.startswith("loss")


async def test_a_step_that_was_taken_back_is_not_looked_at():
    async with bench(running=True) as on:
        await on.report(*trained())
        await on.press("left")
        await on.report(Intervention(1, 40, 2, "rewind", 10, 1.0, 40, 8, 0.1, 0))
        assert not on.train.selection.cursor.away


def over(view, part):
    """The offset in a view at which a fraction of its canvas lies."""
    frame = view._frame
    left = view.content_region.x - view.region.x
    return (left + frame.margin + round(part * (frame.columns - 1)), view.size.height // 2)


async def test_the_mouse_reads_the_curves_and_a_click_takes_the_layers_there():
    async with bench((120, 40), running=True) as on:
        await on.report(*trained(), snapshot(10, 0.1), snapshot(20, 0.2), snapshot(40, 0.4))
        await on.pilot.hover(on.loss, offset=over(on.loss, 0.625))
        await on.drawn()
        assert on.loss.text.startswith("step 25 · loss")
        assert on.chart("accuracy").text.startswith("step 25 · accuracy")
        assert on.cell(1, "mean") == ".40", "the layers stay"
        await on.pilot.hover(on.train.table)
        await on.drawn()
        assert on.loss.text.startswith("loss")
        await on.pilot.click(on.loss, offset=over(on.loss, 0.625))
        await on.pilot.hover(on.train.table)
        await on.drawn()
        assert "as of step 25, layers of step 20" in on.train.status.text
        assert on.cell(1, "mean") == ".20"
        assert on.loss.text.startswith("▸ step 25 · loss")
        await on.pilot.click(on.loss, offset=(1, 1))
        await on.drawn()
        assert "as of step 25" in on.train.status.text, "the axis is no place"


# -- zoom, smoothing, the axis -----------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_zoom_shows_a_part_around_the_cursor_and_says_which(size):
    async with bench(size, running=True) as on:
        await on.report(*trained(), *(snapshot(step) for step in range(5, 41, 5)))
        assert on.loss.text.rstrip().endswith("epoch")
        await on.press("left", "left", "left", "plus")
        assert "epoch 1.5 to 3.5 of 4" in on.loss.text or "epoch of 4" in on.loss.text
        assert on.train.enabled("zoom_out")
        await on.press("minus")
        assert "of 4" not in on.loss.text
        assert not on.train.enabled("zoom_out")
        await on.press("plus", "plus", "end")
        assert not on.train.selection.cursor.away
        assert "of 4" not in on.loss.text


async def test_zoom_is_offered_only_where_there_are_curves_and_no_text_is_typed():
    async with bench((200, 50), running=True) as on:
        await on.report(*trained(), *(snapshot(step) for step in range(5, 41, 5)))
        assert "zoom_in" in on.keys
        await on.press("l")
        assert "zoom_in" not in on.keys, "a plus is a part of a number"
        assert "esc cancel" in screen_text(on.app)
        await on.press("escape", "enter")
        assert "zoom_in" not in on.keys, "a histogram has no time"
        await on.press("escape")
        assert "zoom_in" in on.keys


async def test_without_other_runs_the_comparison_says_so():
    async with bench(running=True) as on:
        await on.report(*trained())
        await on.press("equals_sign")
        await on.until(lambda: "there is no other run yet" in screen_text(on.app))


async def test_smoothing_goes_through_its_strengths_and_is_said():
    async with bench((120, 40), running=True) as on:
        on.client.train(1)
        await on.report(*trained(loss=lambda step: 1.0 + step % 4))
        seen = [on.train.selection.of(Smoothing).strength]
        titles = [on.loss.text.splitlines()[0]]
        for _ in STRENGTHS:
            await on.press("tilde")
            seen.append(on.train.selection.of(Smoothing).strength)
            titles.append(on.loss.text.splitlines()[0])
        assert sorted(seen[:-1]) == list(STRENGTHS)
        assert seen[0] == seen[-1]
        assert "smoothed 10%" in titles[1]
        assert "smoothed 30%" in titles[2]
        assert "not smoothed" in titles[3]
        assert "smoothed" not in titles[4]


async def test_a_loss_over_many_decades_offers_the_logarithmic_axis():
    async with bench((200, 50), running=True) as on:
        await on.report(*trained(loss=lambda step: 10.0 ** (-step / 10)))
        assert on.loss.text.splitlines()[0].endswith("o: log")
        await on.press("z")
        assert "o: log, spans 4 decades" in on.loss.text
        await on.press("o")
        assert "o: log" not in on.loss.text
        assert on.loss.text.startswith("▸ loss, log")


async def test_one_spike_does_not_flatten_the_curves_and_is_said():
    async with bench((200, 50), running=True) as on:
        await on.report(*trained(loss=lambda step: 9e6 if step == 24 else 2.0 - step / 40))
        assert "1 value >" in on.loss.text
        assert "e6" not in "".join(line[:8] for line in on.loss.text.splitlines()[1:])


async def test_an_abandoned_branch_does_not_stretch_the_axis():
    async with bench((200, 50), running=True) as on:
        await on.report(*trained(20))
        await on.report(*(batch(3, step, 15.0) for step in range(22, 30, 2)))
        assert "15" in on.loss.text
        await on.report(Intervention(1, 28, 3, "rewind", 20, 2.0, 40, 8, 0.1, 0), batch(3, 22, 1.4))
        on.train.charts.enlarge("loss")
        await on.drawn()
        labels = [line.split("┤")[0].strip() for line in on.loss.text.splitlines() if "┤" in line]
        assert max(map(float, labels)) < 4
        assert "left" in on.loss.text.splitlines()[0]


# -- several runs ------------------------------------------------------------------------------------------


async def chosen(on, *keys):
    await on.press("equals_sign")
    await on.until(lambda: on.app.screen.items)
    await on.press(*keys)
    await on.until(lambda: on.train.selection.others)
    await on.drawn()


@pytest.mark.parametrize("size", SIZES)
async def test_several_runs_are_marked_and_drawn_beside_this_one(size):
    for number in range(3):
        past(f"run-{number}", *trained(loss=lambda step, n=number: 1.0 + n), end())
    async with bench(size, running=True) as on:
        await on.report(*trained(), snapshot(10), snapshot(20), snapshot(40))
        await chosen(on, "tab", "tab", "tab", "tab", "enter")  # the fourth takes the mark of the last away
        found = sorted(other.name for other in on.train.selection.others)
        assert len(found) == 2
        assert "beside 2 runs" in on.train.status.text
        on.train.charts.enlarge("loss")
        await on.press("left")
        text = on.loss.text
        assert all(text.count(f" {name}") >= 1 for name in found), text
        assert {"●", "■"} <= set(text)
        for name in found:  # the validation loss of each at the cursor
            assert f"{1.5 + int(name[-1]):.3f}" in text
        await on.press("equals_sign")
        assert not on.train.selection.others
        await chosen(on, "enter")
        assert sorted(other.name for other in on.train.selection.others) == found, "the marks are remembered"


async def test_a_comparison_ends_with_the_run_that_it_was_made_for():
    past("run-0", *trained(), end())
    async with bench(running=True) as on:
        await on.report(*trained())
        await chosen(on, "enter")
        on.client.end("stopped")
        await on.drawn()
        assert on.train.selection.others
        await on.press("ctrl+r")
        assert not on.train.selection.others
        assert "run-0" not in on.train.status.text + on.loss.text


def test_how_another_run_differs_is_said_beside_its_marker():
    def run(**training):
        found = RunModel()
        found.begin(raw(training={"learning_rate": 0.1, "batch_size": 8, "epochs": 2, **training}))
        return found

    others = [run(learning_rate=0.0015, optimizer="adam", seed=3), run()]
    (longest, *shorter), same = differences(others, run(), Look())
    assert longest == "● adam, lr .0015, seed 3"
    assert shorter == ["● adam, lr .0015, …", "● adam, …"]
    assert same == ("■ same settings",)


async def test_runs_are_compared_on_demand_the_first_one_is_opened():
    paths = [past(f"run-{number}", *trained(loss=lambda step: 1.0), end()) for number in range(3)]
    async with bench() as on:
        on.train.comparing.compare_runs(paths)
        await on.until(lambda: on.train.selection.others)
        assert on.model.name == "run-0"
        assert [other.name for other in on.train.selection.others] == ["run-1", "run-2"]
        on.train.comparing.compare_runs([paths[2], paths[0]])
        await on.until(lambda: len(on.train.selection.others) == 1)
        assert on.model.name == "run-0"
        assert on.train.selection.other.name == "run-2"


def test_runs_of_one_preset_are_told_apart_by_their_time():
    names = ["a-20261128-140507", "a-20261128-140512", "b-20261128-140512", "c", "a-20261128-140507-2"]
    assert names_of(names) == ["a 14:05:07", "a 14:05:12", "b", "c", "a-2"]
    assert names_of([]) == []


# -- going to a step, and the x axis -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "step"),
    [("1000", 1000), ("1e3", 1000), (" 1_000 ", 1000), ("50%", 1000), ("epoch 12", 120), ("e 1.5", 15)],
)
def test_a_place_in_the_run_is_typed_as_a_step_a_part_or_an_epoch(text, step):
    assert read_step(text, lambda epoch: epoch * 10, 2000) == step


@pytest.mark.parametrize("text", ["", "soon", "-1", "2001", "101%", "epoch 201", "epoch"])
def test_a_place_outside_the_run_is_refused(text):
    with pytest.raises(ValueError, match=r"give 1000|beyond the run"):
        read_step(text, lambda epoch: epoch * 10, 2000)


async def test_a_typed_step_moves_the_cursor_and_a_wrong_one_says_why():
    async with bench(running=True) as on:
        await on.report(*trained())
        await on.press("G", *"99", "enter")
        assert "beyond the run; its newest step is 40" in screen_text(on.app)
        await on.press("backspace", "backspace", *"50%", "enter")
        assert on.loss.text.startswith("step 20 · loss")
        assert on.train.table.has_focus
        await on.press("G", *"40", "enter")
        assert on.loss.text.startswith("loss")
        await on.press("G", "escape")
        assert on.train.table.has_focus


async def test_the_x_axis_has_epochs_steps_or_seconds():
    async with bench(running=True) as on:
        await on.report(*trained())
        for unit in ("epoch", "step", "seconds", "epoch"):
            assert on.loss.text.splitlines()[-1].endswith(unit)
            await on.press("X")


def test_the_axis_and_its_inverse_agree():
    timed = [dataclasses.replace(e, seconds=e.step / 7) for e in trained()[1:]]
    model = run(start(), *timed)
    assert TimeAxis("seconds").one(model, 2.0) == pytest.approx(20 / 7)
    for unit in ("epoch", "step", "seconds"):
        axis = TimeAxis(unit)
        for x in (0.5, 2.0, 3.7, 6.0):
            assert axis.back(model, axis.one(model, x)) == pytest.approx(x)
