"""A loop of the user's own on Train: its modules, curves, scalars, and what is off without a preset."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests import watched_runs
from tests.tui.bench import SIZES, Bench, screen_text
from tests.watched_runs import MLP, append, batch, damage, healthy, large, watched
from tuiml.runs.watched import write_model
from tuiml.training.events import Scalars, Snapshot
from tuiml.tui.model.past_run import load_run, read_run
from tuiml.tui.model.snapshots import MOST_LAYERS
from tuiml.tui.process import follower

pytestmark = pytest.mark.usefixtures("quick")


@asynccontextmanager
async def opened(path: Path, size: tuple[int, int] = (120, 40), *keys: str) -> AsyncIterator[Bench]:
    """The app on a watched run."""
    async with Bench.opened(size=size, run=path) as on:
        await on.until(lambda: on.model.watched is not None and on.app.screen_name == "train")
        await on.press(*keys)
        yield on


def titles(on: Bench) -> list[str]:
    """The names in the layer table."""
    return [on.cell(row, "layer") for row in range(on.train.table.row_count)]


@pytest.mark.parametrize("size", SIZES)
async def test_a_past_loop_is_shown_without_what_it_does_not_say(size: tuple[int, int]) -> None:
    async with opened(watched_runs.write(), size) as on:
        shown = screen_text(on.app)
        assert "completed step 200 loss .2639" in shown
        assert "pytorch cpu" in shown
        assert "epoch" not in shown, "none is known"
        assert "accuracy" not in shown
        assert "%" not in on.train.status.draw(size[0], 1, on.train.shell.look)[0].text
        assert "lr 0.1" in shown


async def test_its_modules_are_the_rows_of_the_layer_table_with_their_statistics() -> None:
    async with opened(watched_runs.write()) as on:
        assert titles(on) == [
            "▾ body Sequential",
            "    0 Linear",
            "    1 ReLU",
            "    2 Linear",
            "    3 ReLU",
            "  head Linear",
        ]
        assert [on.cell(1, key) for key in ("mean", "std", "gradient", "update", "norm")] == [
            ".10", ".80", ".50", "-3.0", "3.0"
        ]  # fmt: skip
        assert on.cell(0, "mean") == on.cell(0, "gradient") == "", "a container computes nothing"
        assert on.cell(0, "parameters") == "3,136"
        assert on.cell(2, "idle") == "0% dead"


async def test_frozen_tied_and_activated_modules_say_so() -> None:
    modules = (
        watched_runs.Module(name="embed", type="Embedding", kind="weighted", parameters=640, trainable=0),
        watched_runs.Module(
            name="fc", type="Dense", kind="weighted", parameters=64, trainable=64, activation="relu"
        ),
        watched_runs.Module(name="out", type="Linear", kind="weighted", parameters=640, trainable=640,
                            shared_with="embed"),
    )  # fmt: skip
    async with opened(watched_runs.write(model=watched(modules))) as on:
        assert titles(on) == ["embed Embedding frozen", "fc Dense relu", "out Linear = embed"]
        assert on.cell(2, "parameters") == "", "they are counted where they are first"


async def test_enter_folds_a_module_and_a_folded_one_shows_the_worst_of_what_is_in_it() -> None:
    layers = [healthy(module) for module in MLP]
    layers[2] = replace(layers[2], dead=0.9)
    layers[3] = replace(layers[3], gradient_norm=1e-5)
    path = watched_runs.write(layers=layers, losses=[2.3, 2.29, 2.28])
    async with opened(path, (120, 40), "home", "enter") as on:
        assert titles(on) == ["▸ body Sequential", "  head Linear"]
        assert on.cell(0, "idle") == "▲90% dead"
        assert on.cell(0, "gradient") == "▼1e-5"
        assert on.train.selection.index == 0
        await on.press("end", "space")
        assert on.train.selection.index == 5, "a module in none has nothing to fold"
        await on.press("home", "enter", "down", "down")
        assert (on.train.selection.index, len(titles(on))) == (2, 6)
        await on.press("space")
        assert titles(on)[on.train.table.cursor] == "▸ body Sequential", "it folds what contains it"
        await on.press("asterisk")
        assert len(titles(on)) == 6
        await on.press("asterisk")
        assert len(titles(on)) == 2
        await on.press("asterisk", "end", "enter")
        assert on.views == ["histogram"], "a layer is inspected"


async def test_two_thousand_modules_are_folded_at_first_and_only_what_is_seen_is_filled() -> None:
    path = watched_runs.write(model=watched(large(2000)), steps=30)
    async with opened(path) as on:
        assert 1 < on.train.table.row_count <= 48
        await on.press("asterisk")
        assert on.train.table.row_count == 2000
        filled = [row for row in on.train.table._rows if row.get("histogram")]
        assert 0 < len(filled) < 40
        await on.press("end")
        assert on.train.selection.index == 1999
        assert on.cell(1999, "number") == "1999"


async def test_loss_and_validation_are_over_the_steps_and_x_leaves_out_epochs() -> None:
    path = watched_runs.write(epochs=True, accuracy=True)
    async with opened(path) as on:
        assert on.views[:2] == ["loss", "accuracy"]
        assert on.model.loss.validation.points()[0].tolist() == [100.0, 200.0]
        assert "epoch 2 step 200" in screen_text(on.app)
        assert on.loss.axis.unit == "step"
        await on.press("X")
        assert on.loss.axis.unit == "seconds"
        await on.press("X")
        assert on.loss.axis.unit == "step"
        await on.press("left", "left", "G", *"50%", "enter")
        assert on.train.selection.cursor.step == 100
        assert "as of step 100" in screen_text(on.app)


async def test_an_accuracy_in_percent_is_not_multiplied_by_a_hundred() -> None:
    path = watched_runs.write(losses=[], end="")
    append(path, batch(10, 0.5, 91.5), batch(20, 0.4, 93.25))
    model = load_run(path)
    assert model.metric.text(model.accuracy.raw.last) == "93.25"
    assert model.score == pytest.approx(0.9325)


async def test_scalars_are_a_chart_each_with_its_own_axis() -> None:
    names = [f"scalar {i}" for i in range(9)]
    async with opened(watched_runs.write(scalars=names), (120, 40), "p", *"scalars", "enter") as on:
        chart = on.chart("scalars")
        shown = "\n".join(strip.text for strip in chart.draw(100, 30, on.train.shell.look))
        assert "1 to 8 of 9" in shown
        assert "scalar 7" in shown
        assert "scalar 8" not in shown
        count = chart.shown_count()
        await on.press("tab", "greater_than_sign")
        first = chart.first
        assert first > 0
        await on.press("less_than_sign")
        assert chart.first == max(0, first - count)
        values = on.model.scalars.series["scalar 3"].points()[1]
        assert values[0] == pytest.approx(math.sin(1 / 3 + 3))


async def test_a_run_without_scalars_has_no_such_chart() -> None:
    async with opened(watched_runs.write()) as on:
        assert "scalars" not in [entry.id for entry in on.train.charts.choices()]
        assert "accuracy" not in [entry.id for entry in on.train.charts.choices()]


async def test_it_is_compared_with_a_run_of_tuiml_over_the_steps(own_folders: Path) -> None:
    other = watched_runs.write("other", scalars=("kl",))
    async with opened(watched_runs.write(scalars=("kl",))) as on:
        found = read_run(other, on.app.files, snapshots=True)
        on.train.selection.others = [found]
        on.train.selection_changed()
        await on.drawn()
        assert "other" in screen_text(on.app)


async def test_what_needs_a_preset_is_off_and_its_key_says_why() -> None:
    async with opened(watched_runs.write()) as on:
        for key in ("ctrl+r", "g", "full_stop", "s", "O", "b", "r", "d", "left_square_bracket"):
            on.app.query_one("TopBar")._said = ""
            await on.press(key)
            assert "a loop of your own: do this there" in screen_text(on.app), key
            assert on.client.asked == []
            assert len(on.app.screen_stack) == 1, key
        off = {"start_pause", "resume", "step", "stop", "change_settings", "go_back", "rate_find", "draw"}
        assert not off & set(on.keys)
        assert on.views.count("confusion") == 0


async def test_a_verdict_has_its_advice_in_words_and_the_whole_diagnosis() -> None:
    layers = [healthy(module) for module in MLP]
    layers[2] = replace(layers[2], dead=0.95)
    async with opened(watched_runs.write(layers=layers, losses=[2.3, 2.29, 2.28])) as on:
        shown = screen_text(on.app)
        assert "Dead units: body.0: 95 % of the units are silent" in shown
        assert "leaky_relu or gelu in place of relu" in shown
        assert "try leaky_relu" not in shown, "there is nothing to edit"
        await on.press("f")
        assert "a loop of your own" in screen_text(on.app)
        await on.press("w")
        assert "Maas, Hannun & Ng 2013" in screen_text(on.app)
        await on.press("enter", "escape")
        assert on.client.asked == []


async def test_a_healthy_run_has_no_verdict() -> None:
    async with opened(watched_runs.write()) as on:
        assert not on.train.advice.view.display


async def test_the_explorer_shows_the_activation_of_a_module() -> None:
    async with opened(watched_runs.write(), (120, 40), "home", "down", "down", "y") as on:
        assert "relu" in screen_text(on.app)
        await on.press("escape")


async def test_it_is_followed_live_and_a_model_that_grows_is_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(follower, "RARELY", 0.01)
    small = watched(MLP[:3])
    path = watched_runs.write(model=small, steps=10, end="")
    async with opened(path) as on:
        assert len(titles(on)) == 3
        append(path, batch(20, 1.5, 0.5), Scalars(1, 20, {"kl": 0.25}))
        await on.until(lambda: on.model.step == 20)
        assert "accuracy" in on.views, "the loop reports one from now on"
        assert "kl" in on.model.scalars.series
        write_model(path, watched(MLP))
        append(path, Snapshot(1, 30, tuple(healthy(module) for module in MLP)))
        await on.until(lambda: len(titles(on)) == len(MLP))
        await on.until(lambda: on.cell(5, "gradient") == ".50")


@pytest.mark.parametrize("how", ["missing", "torn", "large", "wrong"])
async def test_a_damaged_model_is_said_in_one_line(how: str) -> None:
    path = watched_runs.write()
    damage(path, how)
    async with Bench.opened(run=path) as on:
        await on.until(lambda: on.complaints)
        [said] = on.complaints
        assert "model.json" in said or "preset.toml" in said
        assert "\n" not in said


@pytest.mark.parametrize("count", [1, 5, 7, 60])
async def test_a_snapshot_of_another_number_of_layers_is_shown_as_far_as_it_goes(count: int) -> None:
    layers = [healthy(MLP[i % len(MLP)], std=math.nan) for i in range(count)]
    async with opened(watched_runs.write(layers=layers), (120, 40), "asterisk", "w", "end", "up", "v") as on:
        assert len(titles(on)) in (2, 6)


async def test_a_run_without_modules_or_steps_is_shown() -> None:
    empty = watched((), optimizer="")
    async with opened(
        watched_runs.write(model=empty, losses=[], end=""), (80, 24), "down", "enter", "space"
    ) as on:
        assert on.train.table.row_count == 0
        assert "interrupted before its first step" in screen_text(on.app)


def test_snapshots_of_many_modules_take_bounded_memory() -> None:
    path = watched_runs.write(model=watched(large(3000)), steps=400, every=10)
    kept = load_run(path).history.snapshots
    assert 2 <= len(kept) <= MOST_LAYERS // 3000
    assert kept[-1].step == 400


def test_nan_losses_and_scalars_are_gaps(own_folders: Path) -> None:
    path = watched_runs.write(losses=[2.0, math.nan, math.nan], end="", scalars=("x",))
    append(path, Scalars(1, 40, {"x": math.nan, "y": math.inf}))
    model = load_run(path)
    assert model.loss.lost
    assert math.isnan(model.scalars.series["x"].last)
    assert math.isnan(model.scalars.series["y"].last)


def test_the_number_of_scalars_is_bounded() -> None:
    path = watched_runs.write(losses=[], end="")
    append(path, *(Scalars(1, i, {f"s{i}.{j}": 1.0 for j in range(50)}) for i in range(20)))
    assert len(load_run(path).scalars) == 200


async def test_every_key_of_train_on_a_watched_run_of_hostile_names(own_folders: Any) -> None:
    from tests.tui.app.test_hostile_text import walk

    model = watched(watched_runs.HOSTILE, type="\x1b[2J", framework="py\x07torch")
    path = watched_runs.write(model=model, scalars=("\x1b[31mkl", "[b]", ""), accuracy=True, epochs=True)
    async with opened(path) as on:
        await walk(on.app, on.pilot, "a watched run")


async def test_of_thousands_of_modules_the_chart_of_all_layers_draws_those_near_the_selected_one() -> None:
    path = watched_runs.write(model=watched(large(400)), steps=20)
    async with opened(path, (120, 40), "p", *"all layers", "enter", "asterisk", "end") as on:
        view = on.chart("multiples")
        shown = "\n".join(strip.text for strip in view.draw(100, 20, on.train.shell.look))
        assert f"{on.train.selection.index} " in shown
        drawn = [row for row in on.train.selection.rows if row.parameters or row.activation]
        assert f" of {len(drawn)} layers" in shown
        await on.press("left")
        past = "\n".join(strip.text for strip in view.draw(100, 20, on.train.shell.look))
        assert f"{on.train.selection.index} " in past, "of a past snapshot too"
