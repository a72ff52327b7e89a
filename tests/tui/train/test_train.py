"""Train by its keys: what is shown and which orders the run gets, in every size."""

import json
import re
import time
from itertools import count
from types import SimpleNamespace

import pytest
from textual import timer
from textual.widgets import Input

from tests import helpers
from tests.tui.bench import SIZES, Bench, screen_text, until
from tests.tui.bench import train_bench as bench
from tests.tui.recorded_events import FLAT, NAN, bars, batch, layer, pretraining
from tuiml.runs import session
from tuiml.runs.folder import METRICS, runs_folder
from tuiml.spec import check
from tuiml.training.events import End, Loading, Snapshot, State
from tuiml.tui.charts.palette import Look
from tuiml.tui.keys import actions
from tuiml.tui.model.document import Document
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.process.training_client import TrainingClient
from tuiml.tui.train.screen import Train
from tuiml.tui.widgets import chart_view

pytestmark = pytest.mark.usefixtures("quick")
HOSTILE = "[/b] [@click=app.quit]x[bold \x1b[31m\u202eno"


# -- what is shown -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_before_the_first_run_the_layers_stand_there_and_the_key_that_trains(size):
    async with bench(size) as on:
        assert on.train.status.text.strip() == "nothing trained yet"
        assert "ctrl+r trains small" in on.loss.text
        assert [on.cell(row, "layer") for row in range(3)] == ["flatten", "dense 64 relu", "dense 10 softmax"]
        assert not {"stop", "step", "rate_up", "next_kind", "enlarge"} & set(on.keys)


@pytest.mark.parametrize("size", SIZES)
async def test_a_run_moves_everything(size):
    async with bench(size, running=True) as on:
        on.client.train(10)
        await on.report(Snapshot(1, 10, (FLAT, layer(0.25, dead=0.75, saturated=NAN), layer(0.1))))
        status = on.train.status.text
        assert "running" in status
        assert "epoch 1/2" in status
        assert "lr 0.1" in status
        assert "train" in on.loss.text
        assert "1.000" in on.loss.text
        assert (on.cell(1, "mean"), on.cell(1, "idle")) == (".25", "▲75% dead")
        assert on.cell(1, "histogram").strip()
        assert {"stop", "step"} <= set(on.keys)
        on.client.train(10)
        await on.drawn()
        assert "completed" in on.train.status.text
        assert "test accuracy 50.0 %" in on.train.status.text
        assert "stop" not in on.keys


async def test_drawing_goes_on_where_the_process_was_held_up_as_a_timer_began(monkeypatch):
    """Textual's own timers end without a call then."""
    async with bench((120, 40), running=True) as on:
        readings = count(time.monotonic(), 0.002)
        monkeypatch.setattr(timer, "_time", SimpleNamespace(get_time=lambda: next(readings)))
        on.app.model.feed([batch(1, 5, 2.0)])
        on.train.pacer.kick()
        await until(lambda: not on.loss.stale(), on.pilot)


async def test_the_curves_are_together_and_another_chart_beside_them_where_there_is_room():
    async with bench((120, 40), running=True) as on:
        assert on.views == ["loss", "accuracy", "worst", "histogram"]
        curves = on.chart("loss").region, on.chart("accuracy").region
        assert curves[0].bottom == curves[1].y, "one above the other"
        assert curves[0].right <= on.chart("worst").region.x
        await on.pilot.resize_terminal(80, 24)
        await on.drawn()
        await on.until(lambda: on.views == ["loss", "accuracy"])
        order = [entry.id for entry in on.train.charts.choices()]
        expected = ["loss", "accuracy", "histogram", "multiples", "heat", "depth", "confusions", "worst"]
        expected += ["weights", "draw"]
        assert [id for id in order if id in expected] == expected
        for view in order[2:]:
            await on.press("c")
            await on.until(lambda view=view: on.views == [view])
            assert on.chart(view).text
        await on.press("c")
        assert on.views == ["loss", "accuracy"]
        await on.press("C", "C")
        assert on.views == [order[-2]]
        assert on.train.table.has_focus


@pytest.mark.parametrize("size", SIZES)
async def test_one_chart_takes_the_whole_place_and_gives_it_back(size):
    async with bench(size, running=True) as on:
        await on.press("z")
        assert on.views == ["loss"]
        assert on.loss.has_focus
        assert on.loss.size.height >= size[1] - 5
        await on.press("c")
        assert on.views == ["accuracy"]
        await on.press("z")
        assert chart_view.on_screen(on.train.table)
        assert on.train.table.has_focus
        await on.press("enter")
        assert on.views == ["histogram"]
        await on.press("escape")
        assert on.train.table.has_focus


async def test_a_chart_that_takes_the_keys_shows_it_and_can_be_enlarged_by_the_mouse():
    async with bench(running=True) as on:
        on.client.train()
        await on.press("tab")
        marked = [view for view in map(on.chart, on.views) if "▸" in view.text]
        assert marked == [on.app.focused]
        await on.pilot.click("#accuracy", offset=(20, 5), times=2)
        await on.until(lambda: on.views == ["accuracy"])
        await on.press("down")
        assert on.train.table.cursor == 2
        await on.press("escape")
        assert on.train.table.has_focus


async def test_the_selected_layer_is_the_one_in_the_histogram():
    async with bench(running=True) as on:
        await on.report(Snapshot(1, 1, (FLAT, layer(0.25), layer(0.1))))
        view = on.histogram
        assert "1 dense 64 relu · activations" in view.text, "a layer that learns is selected first"
        assert "mean .250" in view.text
        await on.press("down")
        assert "2 dense 10 softmax" in view.text
        await on.press("enter", "k", "k")
        assert "0 flatten" in on.histogram.text
        assert on.train.table.cursor == 0


async def test_learned_slopes_are_shown_with_the_layer():
    async with bench((140, 40), running=True) as on:
        slopes = {"slope_min": 0.18, "slope_mean": 0.24, "slope_max": 0.31}
        await on.report(Snapshot(1, 1, (FLAT, layer(**slopes), layer())))
        assert "slopes .18 to .31 (mean .24)" in on.histogram.text
        await on.press("down")
        assert "slopes" not in on.histogram.text


async def test_one_key_goes_through_activations_gradients_and_weights():
    async with bench(running=True) as on:
        await on.report(Snapshot(1, 1, (FLAT, layer(), layer())))
        view = on.histogram
        await on.press("v")
        assert "gradients" in view.text
        assert "norm .100" in view.text
        await on.press("v")
        assert "weights" in view.text
        assert "std .300" in view.text
        await on.press("up")
        assert "this layer has no weights" in view.text
        await on.press("v")
        assert "activations" in view.text


async def test_in_a_small_terminal_the_first_press_shows_the_histogram_as_it_is():
    async with bench((80, 24), running=True) as on:
        await on.press("v")
        assert (on.views, on.train.selection.kind) == (["histogram"], "activations")
        await on.report(Snapshot(1, 1, (FLAT, layer(), layer())))
        await on.press("v")
        assert on.train.selection.kind == "gradients"


async def test_what_lies_outside_a_histogram_and_its_zeros_are_reported():
    async with bench((200, 50), running=True) as on:
        part = bars(90, 5, 5, below=12, above=3456)
        await on.report(
            Snapshot(1, 1, (FLAT, layer(zeros=0.9, dead=0.6, saturated=NAN, activations=part), layer()))
        )
        await on.press("enter")
        text = on.histogram.text
        for words in ("zeros 90.0 %", "dead 60.0 % ▲", "◀ 12 values < 0", "96.9 % > 1.0 ▶", "◀0 ─", "─ 1.0▶"):
            assert words in text


async def test_loss_goes_logarithmic_by_key_and_by_itself_where_it_starts_far_off():
    async with bench(running=True) as on:
        on.client.train()
        await on.press("o")
        assert on.loss.text.startswith("loss, log")
        await on.press("o")
        assert on.loss.text.startswith("loss  ")
    async with bench(running=True) as on:
        on.app.model.loss.add_train(0.1, 2000.0)
        assert on.loss.log_axis
        await on.press("o")
        assert not on.loss.log_axis


async def test_the_table_shows_the_run_not_the_preset_being_edited():
    async with bench(running=True) as on:
        await on.press("1", "down", "d", "2")
        assert on.app.document.count == 4
        assert on.train.table.row_count == 3
        on.client.end("stopped")
        await on.press("ctrl+r")
        assert on.train.table.row_count == 4


async def test_nothing_is_drawn_while_nobody_looks_and_all_of_it_afterwards():
    async with bench(running=True) as on:
        await on.press("1")
        before = on.loss.text
        on.client.train(10)
        await on.pilot.pause()
        assert not any(drawing.stale() for drawing in on.train.drawings), "out of selection"
        assert on.loss.text == before
        await on.press("2")
        assert on.loss.text != before
        assert on.train.table.has_focus


async def test_a_download_is_reported_as_it_goes():
    async with bench(running=True) as on:
        await on.report(Loading(HOSTILE, 3_000_000, 12_000_000))
        text = on.train.status.text
        assert "3.0 of 12.0 MB" in text
        assert "▰▰▰▰▱" in text
        assert "\x1b" not in text
        assert "\u202e" not in text


@pytest.mark.parametrize("size", SIZES)
async def test_pretraining_is_reported_as_it_goes_until_training_begins(size):
    async with bench(size, running=True) as on:
        await on.report(pretraining(2, 1, 0.0121, done=0.5))
        text = on.train.status.text
        assert "pretraining layer 2/3" in text
        assert "epoch 1/5" in text
        assert "error .012" in text
        assert "pretraining" in on.loss.text
        assert {"stop", "step"} <= set(on.keys)
        await on.report(pretraining(3, 5, NAN))
        assert "layer 3/3" in on.train.status.text
        await on.press("ctrl+r")
        assert "paused" in on.train.status.text
        assert "layer 3/3" in on.train.status.text
        await on.press("ctrl+r")
        on.client.train(10)
        await on.drawn()
        assert "pretraining" not in on.train.status.text
        assert "epoch 1/2" in on.train.status.text


@pytest.mark.parametrize(
    ("reason", "words"),
    [("completed", "completed"), ("stopped", "stopped"), ("diverged", "▲ diverged")],
)
async def test_how_it_ended(reason, words):
    async with bench(running=True) as on:
        on.client.train(3)
        on.client.end(reason)
        await on.drawn()
        assert words in on.train.status.text


async def test_a_failure_is_reported_in_plain_words():
    async with bench(running=True) as on:
        on.client.active = False
        on.app.model.fail(f"the training process was killed by {HOSTILE}\n2")
        on.app.run_changed({"end"})
        await on.drawn()
        assert "▲ failed" in on.train.status.text
        assert "was killed by [/b]" in on.train.status.text
        assert "\x1b" not in on.train.status.text


async def test_a_past_run_is_shown_as_it_ended():
    chosen = helpers.document(training={"epochs": 2})
    lines = [{"event": "epoch", "epoch": n, "step": n, "train_loss": 1.0 / n} for n in (1, 2)]
    rest = dict.fromkeys(
        ("train_accuracy", "val_loss", "val_accuracy", "seconds", "examples_per_second"), 0.5
    )
    async with bench() as on:
        model = RunModel()
        model.load([json.dumps(line | rest | {"learning_rate": 0.1}) for line in lines], chosen)
        on.app.current_run.model = model
        await on.press("1", "2")
        assert on.cell(0, "layer") == "dense 6 tanh"
        assert ".5000" in on.loss.text
        assert "interrupted" in on.train.status.text


# -- the run -----------------------------------------------------------------------------------------------


async def test_pause_go_on_one_batch_and_stop():
    async with bench(running=True) as on:
        await on.press("ctrl+r")
        assert "paused" in on.train.status.text
        await on.press("full_stop")
        assert on.app.model.step == 1
        await on.press("ctrl+r")
        assert "running" in on.train.status.text
        await on.press("s")
        assert "stopped" in on.train.status.text
        assert on.asked == ["pause", "step", "resume", "stop"]


async def test_the_rate_goes_to_the_next_round_number_and_keeps_pace_with_the_keys():
    async with bench(running=True) as on:
        await on.report(State("running", 0, 0.03))
        on.client.report = lambda *events: None  # the run has not answered yet
        await on.press("]", "]", "[")
        assert on.asked == [("rate", 0.05), ("rate", 0.1), ("rate", 0.05)]


async def test_a_rate_is_typed_and_a_wrong_one_is_refused_at_the_field():
    async with bench((80, 24), running=True) as on:
        await on.press("l", "-", "3", "enter")
        field = on.app.query_one("#rate")
        assert "not allowed" in str(field.query_one(".hint").render())
        assert on.asked == []
        await on.press("ctrl+u", *"0,02", "enter")
        assert on.asked == [("rate", 0.02)]
        assert not field.is_open
        assert on.train.table.has_focus
        await on.press("l", "s", "c", "1", "escape")
        assert on.asked == [("rate", 0.02)], "letters went into the field"
        assert on.train.table.has_focus


async def test_the_field_closes_when_the_run_ends():
    async with bench(running=True) as on:
        await on.press("l")
        assert isinstance(on.app.focused, Input)
        on.client.end("completed")
        await on.drawn()
        assert on.train.table.has_focus


async def test_without_a_run_its_keys_do_nothing():
    async with bench() as on:
        await on.press("full_stop", "s", "[", "]", "l", "v", "o", "z", "escape")
        assert on.client.asked == []
        assert on.train.table.has_focus


async def test_a_real_run_from_key_to_end():
    async with Bench.opened(Document(helpers.document()), client=TrainingClient) as on:
        await on.press("ctrl+r")
        await on.until(lambda: on.model.end, limit=60)
        await on.drawn()
        assert on.model.status == "completed"
        assert "completed" in on.train.status.text
        assert "best" in on.loss.text
        assert on.cell(0, "histogram").strip()
        assert on.cell(0, "gradient")


# -- every size and terminal -------------------------------------------------------------------------------


async def test_any_size_will_do():
    async with bench(running=True) as on:
        on.client.train(12)
        await on.report(Snapshot(1, 10, (FLAT, layer(), layer())))
        for width, height in [(10, 3), (1, 1), (40, 10), (99, 24), (100, 12), (300, 100), (80, 24)]:
            await on.pilot.resize_terminal(width, height)
            await on.drawn()
            for keys in ("z", "v", "z", "c"):
                await on.press(keys)
        assert on.app.is_running


@pytest.mark.parametrize("look", [Look(colour=False), Look(unicode=False), Look(dark=False)])
async def test_every_terminal_is_reported_the_same(look):
    async with bench(running=True) as on:
        on.app.look = look
        on.client.train(12)
        await on.report(Snapshot(1, 10, (FLAT, layer(saturated=0.9), layer(gradient_norm=0.0))))
        await on.press("1", "2")
        up, down = look.glyphs.up, look.glyphs.down
        assert (on.cell(1, "idle"), on.cell(2, "gradient")) == (f"{up}90% sat", f"{down}0")
        if not look.unicode:
            views = (on.train.status, on.loss, on.chart("accuracy"), on.histogram)
            assert all(view.text.isascii() for view in views)


async def test_two_hundred_layers_fill_only_the_rows_in_sight():
    stack = [{"type": "flatten"}, *[{"type": "dense", "units": 4, "activation": "tanh"}] * 198]
    async with bench(running=True, layers=[*stack, {"type": "dense", "activation": "softmax"}]) as on:
        await on.report(Snapshot(1, 1, (FLAT, *[layer()] * 199)))
        assert on.cell(1, "mean") == ".50"
        assert on.cell(199, "mean") == ""
        await on.press("end")
        assert on.cell(199, "mean") == ".50"


def test_every_key_of_train_does_something():
    own, train = actions("train"), Train()
    assert {"step", "stop", "rate_up", "rate_down", "rate_type", "enlarge"} <= {a.id for a in own}
    assert all(callable(getattr(train, f"action_{action.id}", None)) for action in own)


DIVERGING = {
    "version": 1,
    "name": "div",
    "data": {"name": "sine"},
    "layers": [
        {"type": "dense", "units": 16, "activation": "tanh"},
        {"type": "dense", "activation": "linear"},
    ],
    "training": {"loss": "mse", "optimizer": "sgd", "learning_rate": 2.0, "batch_size": 16, "epochs": 40},
}
"""Its loss overflows in the twelfth step."""


@pytest.mark.parametrize("size", SIZES)
async def test_a_run_that_diverged_names_the_step_that_failed_and_the_one_that_is_kept(size):
    preset, _ = check(DIVERGING)
    events = list(session.run(preset, name="div", backend="numpy", live=True))
    (end,) = [event for event in events if isinstance(event, End)]
    async with Bench.opened(Document(DIVERGING), size=size, keys=("2", "ctrl+r")) as on:
        await on.report(*events)
        await on.until(lambda: on.model.status == "diverged")
        await on.drawn()
        status = " ".join(on.train.status.text.split())
        assert "▲ diverged" in status
        told = "the loss was not finite at step 12 (epoch 1, learning rate 2); kept the weights of step 11"
        assert (end.message, end.step) == (told, 11)
        assert on.model.loss.train.last > 1e15, "the last finite losses, not those of the first batches"
        shown = screen_text(on.app)
        assert "step 12" in shown
        assert set(re.findall(r"step ([\d,]+)\b(?! \d)", shown)) == {"11", "12"}, shown
        assert "after 1 step" not in shown
        assert "a learning rate of 0.01, the usual one of sgd" in shown


async def test_a_run_whose_snapshots_end_early_is_shown_as_its_newest_checkpoint_is():
    end = list(session.run(helpers.preset(training={"epochs": 3}), live=True))[-1]
    file = next(runs_folder().iterdir()) / METRICS
    lines = file.read_text().splitlines(keepends=True)
    newest = [line for line in lines if '"snapshot"' in line][-1]
    file.write_text("".join(x for x in lines if '"snapshot"' not in x or json.loads(x)["step"] == 0))
    async with Bench.opened(run=file.parent, client=TrainingClient) as on:
        await on.until(lambda: on.model.snapshot is not None and on.model.snapshot.step == end.step)
        await on.drawn()
        was = json.loads(newest)["layers"][1]["weight_std"]
        assert on.model.snapshot.layers[1].weight_std == pytest.approx(was, rel=0.1)
        assert "as of step" not in screen_text(on.app)
