"""Which charts Train shows, looking back at a run, and another run beside it: by keys."""

import json

import pytest

from tests import helpers
from tests.tui.bench import SIZES, Bench
from tests.tui.bench import train_bench as bench
from tests.tui.documents import raw
from tests.tui.recorded_events import FLAT, NAN, bars, batch, end, epoch, layer, start
from tests.tui.train.test_train import HOSTILE
from tuiml.spec.library import save
from tuiml.training.events import Snapshot
from tuiml.tui.chart_views.registry import CHARTS, chart
from tuiml.tui.charts.palette import Look
from tuiml.tui.keys import actions
from tuiml.tui.library.open_dialog import OpenDialog
from tuiml.tui.model import settings
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.train.screen import Train
from tuiml.tui.widgets.chooser import Chooser

pytestmark = pytest.mark.usefixtures("quick")


def snapshot(step, mean=0.5, **values):
    return Snapshot(1, step, (FLAT, layer(mean, **values), layer(0.1, gradient_norm=NAN)))


# -- the table of charts -----------------------------------------------------------------------------------


def test_every_chart_has_a_title_a_help_text_and_actions_that_work_on_train():
    assert len({entry.id for entry in CHARTS}) == len({entry.title for entry in CHARTS}) == len(CHARTS)
    train, of_charts = Train(), set()
    for entry in CHARTS:
        assert entry.help.endswith(".")
        assert entry.help.isascii()
        assert len(entry.title) <= 24
        own = {row.id for row in actions() if row.method in vars(entry.view).values()}
        of_charts |= {row.id for row in actions("train") if entry.has(row.id)}
        assert all(entry.has(id) for id in own)
    assert {
        "log_loss",
        "depth_lines",
        "one_unit",
        "tiles_on",
        "tiles_back",
        "confusion_fractions",
    } <= of_charts
    assert all(callable(getattr(train, f"action_{id}")) for id in of_charts)


@pytest.mark.parametrize("look", [Look(), Look(colour=False), Look(unicode=False), Look(dark=False)])
@pytest.mark.parametrize("size", SIZES)
async def test_every_chart_in_every_size_and_terminal_before_amid_and_with_what_is_no_number(size, look):
    async with bench(size, running=True) as on:
        on.app.look = look
        available = [entry for entry in CHARTS if entry.available(on.train.run)]
        assert len(available) > 6
        for number, entry in enumerate(available):
            on.train.charts.enlarge(entry.id)
            await on.drawn()
            if not number:
                assert on.chart(entry.id).text.strip(), "an empty chart says why"
        on.client.train(12)
        odd = layer(NAN, gradient_norm=NAN, activations=None, weights=bars(0, 0), gradients=None)
        for step in range(3):
            await on.report(snapshot(step))
        await on.report(Snapshot(1, 9, (odd, odd, layer(gradient_norm=0.0))))
        for entry in available:
            on.train.charts.enlarge(entry.id)
            await on.drawn()
            view = on.chart(entry.id)
            assert view.text.strip()
            assert look.unicode or view.text.isascii()
            for line in view._lines:
                assert line.cell_length == view.size.width


# -- which are shown ---------------------------------------------------------------------------------------


async def test_the_gradient_norms_come_beside_the_loss_and_stay_for_the_next_start():
    async with bench(running=True) as on:
        await on.report(snapshot(1))
        await on.press("C", "C")
        assert on.views == ["loss", "accuracy", "depth", "histogram"]
        assert on.train.table.has_focus
        await on.press("C")
        assert on.views == ["loss", "accuracy", "heat", "histogram"]
        await on.press("c", "tab")
        await on.press("tab")
        await on.press("shift+tab")
        on.app.leave(0)
    kept = settings.load()
    async with Bench.opened(settings=kept, keys=("2",)) as again:
        assert again.views == ["loss", "accuracy", "depth", "histogram"]


async def test_the_keys_change_the_chart_that_has_them():
    async with bench(running=True) as on:
        on.train.charts.slots[0].view.focus()
        await on.press("c")
        assert on.views == ["multiples", "accuracy", "worst", "histogram"]
        assert on.chart("multiples").has_focus
        on.train.charts.beside.view.focus()
        await on.press("c")
        assert on.views == ["multiples", "accuracy", "worst", "heat"]
        assert on.chart("heat").has_focus
        await on.press("escape")
        assert on.train.table.has_focus


async def test_a_chart_is_chosen_from_a_list_and_from_the_palette():
    async with bench(running=True) as on:
        await on.press("p")
        assert isinstance(on.app.screen, Chooser)
        await on.press(*"over", "enter")
        assert on.views == ["loss", "accuracy", "heat", "histogram"]
        await on.press("ctrl+p", *"norms", "enter")
        assert on.views == ["loss", "accuracy", "depth", "histogram"]
        await on.press("p", *"loss", "enter")
        assert on.chart("loss").has_focus, "it is on the screen already"


async def test_three_stand_side_by_side_where_there_is_room_and_none_twice():
    async with bench((200, 50), running=True) as on:
        assert on.views == ["loss", "accuracy", "worst", "histogram"]
        for _ in range(3):
            await on.press("c")
            assert len(set(on.views)) == 4


SHAPES = {
    "flat": [{"type": "dense", "units": 4}],
    "image": [{"type": "flatten"}, {"type": "dense", "units": 4}],
}


@pytest.mark.parametrize(
    ("data", "layers", "suits"),
    [
        ({"name": "digits"}, "image", "worst"),
        ({"name": "moons"}, "flat", "boundary"),
        ({"name": "gaussians", "features": 4}, "flat", "confusions"),
        ({"name": "sine"}, "flat", "fit"),
        ({"name": "friedman1"}, "flat", "predictions"),
    ],
)
async def test_the_first_chart_suits_the_data_until_another_is_chosen(data, layers, suits):
    numbers = data["name"] in ("sine", "friedman1")
    last = {"type": "dense"} if numbers else {"type": "dense", "activation": "softmax"}
    training = raw()["training"] | {"loss": "mse" if numbers else "cross_entropy"}
    changed = {"data": data, "layers": [*SHAPES[layers], last], "training": training}
    async with bench(running=True, **changed) as on:
        assert on.views == ["loss", "accuracy", suits, "histogram"]
        await on.press("p", *"norms", "enter")
        assert on.views == ["loss", "accuracy", "depth", "histogram"]
        on.app.leave(0)
    kept = settings.load()
    assert kept.charts == ["", "", "", "", "depth"], "only what was chosen is kept"


async def test_loss_and_accuracy_are_both_visible_on_a_small_terminal():
    async with bench((80, 24), running=True) as on:
        on.client.train(12)
        await on.drawn()
        assert on.views == ["loss", "accuracy"]
        assert all(on.chart(name).size.width >= 38 for name in on.views)
        await on.press("enter", "escape")
        assert on.views == ["loss", "accuracy"], "what was enlarged does not stay"
        await on.press("v")
        assert on.views == ["histogram"]
        await on.press("C")
        assert on.views == ["loss", "accuracy"]


async def test_a_chart_that_a_run_does_not_have_is_replaced_and_comes_back(monkeypatch):
    async with bench(running=True) as on:
        await on.press("C", "C")
        norms = chart("depth")
        monkeypatch.setattr(norms.__class__, "available", lambda self, model: True, raising=False)
        monkeypatch.setattr(
            "tuiml.tui.train.chart_layout.CHARTS", tuple(c for c in CHARTS if c.id != "depth")
        )
        on.train.lay_out()
        await on.drawn()
        assert on.views == ["loss", "accuracy", "worst", "histogram"]
        monkeypatch.undo()
        on.train.lay_out()
        await on.drawn()
        assert on.views == ["loss", "accuracy", "depth", "histogram"]


@pytest.mark.parametrize("charts", [["nothing", "\x1b", "heat"], ["loss"], ["heat"] * 8, []])
async def test_settings_that_make_no_sense_are_put_right(charts):
    async with Bench.opened(settings=settings.Settings(screen="train", charts=charts)) as on:
        assert set(on.views) <= {entry.id for entry in CHARTS}


async def test_gradient_norms_are_drawn_as_lines_by_its_own_key():
    async with bench(running=True) as on:
        for step in range(4):
            await on.report(Snapshot(1, step, (FLAT, layer(gradient_norm=1e-6), layer(gradient_norm=0.1))))
        assert "depth_lines" not in on.keys
        await on.press("p", *"gradient", "enter")
        view = on.chart("depth")
        assert "falls 1e5×" in view.text
        assert "1e-6" in view.text
        await on.press("i")
        assert "1: 1e-6" in view.text
        assert "2: .1" in view.text
        assert "1e-4┤" in view.text
        await on.press("i")
        assert "█" in view.text


# -- earlier and later -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_the_layers_are_looked_at_as_they_were_while_the_run_goes_on(size):
    async with bench(size, running=True) as on:
        for step in range(1, 6):
            await on.report(snapshot(step * 100, step / 10))
        assert "earlier" not in on.train.status.text
        await on.press("left")
        assert "as of step 400" in on.train.status.text
        assert on.cell(1, "mean") == ".40"
        await on.press("shift+left")
        assert on.cell(1, "mean") == ".10"
        await on.report(snapshot(600, 0.6))
        assert on.cell(1, "mean") == ".10", "nothing moves unasked"
        await on.press("right", "right")
        assert "as of step 300" in on.train.status.text
        await on.press("enter")
        assert "step 300" in on.histogram.text
        assert "mean .300" in on.histogram.text
        await on.press("end")
        assert "as of" not in on.train.status.text
        assert "mean .600" in on.histogram.text
        await on.press("left", "escape")
        assert "as of" not in on.train.status.text
        assert on.views == ["histogram"]
        await on.press("escape")
        assert on.cell(1, "mean") == ".60"


async def test_there_is_nothing_earlier_than_the_first_picture():
    async with bench(running=True) as on:
        await on.press("left", "right", "end")
        await on.report(snapshot(1))
        await on.press("left")
        assert on.train.selection.past_snapshot is None
        assert not {"earlier", "later", "now"} & set(on.keys)


async def test_heat_map_and_gradient_norms_mark_the_past_snapshot():
    async with bench((120, 40), running=True) as on:
        for step in range(1, 6):
            await on.report(snapshot(step * 100, step / 10))
        await on.press("left", "left", "p", *"over", "enter")
        assert "▲300" in on.chart("heat").text
        await on.press("p", *"gradient", "enter")
        assert "▲300" in on.chart("depth").text


# -- another run -------------------------------------------------------------------------------------------


def past(name, *events):
    """A run on the disk."""
    folder = settings.home() / "runs" / name
    folder.mkdir(parents=True)
    save(helpers.document(name="other"), folder / "preset.toml")
    lines = "".join(json.dumps(event.to_json()) + "\n" for event in events)
    (folder / "metrics.jsonl").write_text(lines, encoding="utf-8")


@pytest.mark.parametrize("size", SIZES)
async def test_another_run_is_drawn_beside_this_one_and_removed_by_the_same_key(size):
    reported = [start(), batch(1, 5, 3.0), epoch(1, 10, 2.0, 2.5), snapshot(7, 0.9), end()]
    past("first run", *reported)
    async with bench(size, running=True) as on:
        on.client.train(12)
        await on.report(snapshot(5))
        await on.press("equals_sign")
        assert isinstance(on.app.screen, OpenDialog)
        await on.until(lambda: on.app.screen.items)
        await on.press("enter")
        await on.until(lambda: on.train.selection.other)
        await on.drawn()
        assert "first run" in on.train.status.text
        on.train.charts.enlarge("loss")
        await on.drawn()
        assert "··" in on.loss.text
        on.train.charts.enlarge("histogram")
        await on.drawn()
        assert "─ first run step 7" in on.histogram.text
        await on.press("equals_sign")
        assert on.train.selection.other is None
        assert "first run" not in on.histogram.text + on.train.status.text


async def test_what_another_run_is_called_is_not_trusted():
    async with bench((200, 50), running=True) as on:
        await on.report(snapshot(5))
        other = RunModel()
        other.begin(raw(), HOSTILE)
        other.feed([start(), batch(1, 5, 3.0), snapshot(7, 0.9)])
        on.train.selection.others = [other]
        for entry in (entry for entry in CHARTS if entry.available(on.train.run)):
            on.train.charts.enlarge(entry.id)
            on.train.selection_changed()
            await on.drawn()
            text = on.chart(entry.id).text + on.train.status.text
            assert "\x1b" not in text
            assert "\u202e" not in text


async def test_a_run_that_cannot_be_read_is_said_so():
    past("broken", start())
    (settings.home() / "runs" / "broken" / "preset.toml").write_text("]", encoding="utf-8")
    async with bench(running=True) as on:
        await on.press("equals_sign")
        await on.until(lambda: on.app.screen.items)
        await on.press("enter", "escape")
        await on.drawn()
        assert on.train.selection.other is None
        assert on.app.is_running
