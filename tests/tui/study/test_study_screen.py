"""The study's screen: rows that stay under the cursor, charts of the marked ones, orders to the process."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tui.bench import SIZES, Bench, screen_text
from tests.tui.documents import raw
from tests.tui.fake_study_client import FakeStudyClient
from tests.tui.hostile_text import STRINGS, assert_harmless
from tests.tui.recorded_events import bars, layer
from tests.tui.study.tables import NAN, curve, of_trials, results, row, study, trial
from tuiml.spec.differences import differences
from tuiml.studies.results import Configuration, Results, Row
from tuiml.tui.model.document import Document
from tuiml.tui.model.snapshots import PastSnapshot
from tuiml.tui.model.study_model import SnapshotOf
from tuiml.tui.study.charts import CHARTS
from tuiml.tui.study.compare_dialog import CompareScreen
from tuiml.tui.study.screen import StudyScreen

pytestmark = pytest.mark.usefixtures("quick")
OPTIMIZERS = [row(0, "sgd", (0.80, 0.82)), row(1, "adam", (0.95, 0.96)), row(2, "rmsprop", (0.90, 0.88))]


class StudyBench(Bench):
    """The app on the screen of a study that no process runs."""

    @property
    def screen(self) -> StudyScreen:
        return self.app.query_one(StudyScreen)

    @property
    def table(self) -> Any:
        return self.screen.table

    @property
    def names(self) -> list[str]:
        """The configurations from the top, trials as their folders."""
        return [folder or name for name, folder in self.table.keys]

    @property
    def asked(self) -> list[Any]:
        return self.app.study.client.asked

    async def feed(self, found: Results, **snapshots: SnapshotOf) -> None:
        """Let the folder hold this table."""
        self.app.study.model.feed(study(), found, snapshots)
        self.app.study_changed()
        await self.drawn()

    async def drawn(self) -> None:
        await super().drawn()
        for view in self.screen.views.values():
            if view.stale():
                view.build()


@asynccontextmanager
async def opened(
    rows: list[Row] | None = None, size: tuple[int, int] = (120, 40), **told: Any
) -> AsyncIterator[StudyBench]:
    async with StudyBench.opened(Document(raw()), size=size, study_client_factory=FakeStudyClient) as on:
        on.app.study.model.begin(Path("/nowhere"))
        on.app.show_screen("study")
        await on.feed(results(OPTIMIZERS if rows is None else rows, **told))
        yield on


@pytest.mark.parametrize("size", SIZES)
async def test_configurations_are_ranked_with_what_can_be_concluded(size: tuple[int, int]) -> None:
    async with opened(size=size) as on:
        assert on.names == ["adam", "rmsprop", "sgd"]
        for words in ("95.5 ± 0.7 %", "adam is better than sgd.", "6 of 6 runs"):
            await on.until(lambda words=words: words in screen_text(on.app))
        for name in on.names:  # at the ends of their curves
            await on.until(lambda name=name: name in on.screen.view.text)


async def test_a_long_conclusion_is_whole_on_a_tall_screen_and_says_that_it_goes_on_where_it_is_cut() -> None:
    sentences = " ".join(f"configuration {i} is better than configuration {i + 1}." for i in range(9))
    async with opened(conclusion=sentences) as on:
        await on.until(lambda: "than configuration 9." in screen_text(on.app))
    async with opened(size=(80, 24), conclusion=sentences) as on:
        await on.until(lambda: "is better than configuration 1." in screen_text(on.app))
        assert "than configuration 9." not in screen_text(on.app)
        assert any("configuration" in line and "…" in line for line in screen_text(on.app).splitlines())


async def test_a_change_of_ranks_does_not_move_the_cursor_off_its_configuration() -> None:
    rows = [row(i, f"c{i:02}", (0.5 + i / 100,)) for i in range(40)]
    async with opened(rows) as on:
        await on.press(*["down"] * 20)
        held = on.table.key
        line = on.table.cursor - round(on.table.scroll_offset.y)
        rows[3] = row(3, "c03", (0.99,))
        await on.feed(results(rows))
        assert on.table.key == held
        assert on.table.cursor - round(on.table.scroll_offset.y) == line
        assert on.names[0] == "c03"


async def test_of_thousands_of_configurations_each_is_legible_when_it_is_on_the_screen() -> None:
    rows = [row(i, f"c{i:04}", (1.0 - i / 4000,)) for i in range(2000)]
    async with opened(rows) as on:
        await on.press("end")
        assert "c1999" in screen_text(on.app)
        await on.press(*["pageup"] * 3)
        assert on.table.key[0] in screen_text(on.app)
        rows[0] = row(0, "c0000", (0.1,))
        await on.feed(results(rows))
        assert on.table.key[0] in screen_text(on.app)


async def test_marks_decide_what_the_charts_show() -> None:
    async with opened() as on:
        await on.press("space", "down", "down", "space")
        assert on.screen.view_state.marked == ["adam", "sgd"]
        text = on.screen.view.text
        assert "adam" in text
        assert "sgd" in text
        assert "rmsprop" not in text
        await on.press("escape")
        assert "rmsprop" in on.screen.view.text


async def test_trials_unfold_below_their_configuration() -> None:
    async with opened() as on:
        await on.press("right")
        assert on.names == ["adam", "001-trial-s0-abc", "001-trial-s1-abc", "rmsprop", "sgd"]
        await on.press("down", "down", "left")
        assert on.names == ["adam", "rmsprop", "sgd"]
        assert on.table.key == ("adam", "")


async def test_the_x_axis_is_of_epochs_steps_or_seconds() -> None:
    async with opened() as on:
        found = []
        for _ in range(3):
            found.append(on.screen.view.text.rstrip().rpartition(" ")[2])
            await on.press("X")
        assert found == ["epoch", "step", "seconds"]


async def test_nan_is_a_gap_and_diverged_trials_are_said() -> None:
    one = Configuration(0, "sgd", {"training.optimizer": "sgd"}, raw())
    points = [0.1, 0.2, NAN, NAN, 0.3]
    trials = [trial(one, 0, 0.3, points=points, epochs=5), trial(one, 1, state="diverged")]
    async with opened([of_trials(one, trials), row(1, "adam", (0.9,))]) as on:
        assert "diverged" in screen_text(on.app)
        found = on.app.study.model.curve(on.app.study.model.row("sgd"))
        assert [math.isnan(x) for x in found.mean] == [False, False, True, True, False]
        assert on.names == ["adam", "sgd"]


async def test_seeds_are_a_band_around_their_mean() -> None:
    one = Configuration(0, "sgd", {"training.optimizer": "sgd"}, raw())
    trials = [trial(one, seed, value, points=curve(value)) for seed, value in enumerate((0.2, 0.4, 0.9))]
    async with opened([of_trials(one, trials)]) as on:
        found = on.app.study.model.curve(on.app.study.model.row("sgd"))
        assert found.low[-1] < found.mean[-1] < found.high[-1]
        assert found.mean[-1] == pytest.approx(np.mean([t.curve[-1] for t in trials]))
        assert "mean of 3" in on.screen.view.text


@pytest.mark.parametrize("size", SIZES)
async def test_two_varied_settings_are_a_map(size: tuple[int, int]) -> None:
    paths = ("training.optimizer", "training.learning_rate")
    rows = [
        row(3 * i + j, f"{o} · {rate}", (0.5 + 0.1 * i + 0.05 * j,), dict(zip(paths, (o, rate), strict=True)))
        for i, o in enumerate(("sgd", "adam"))
        for j, rate in enumerate((0.1, 0.01, 0.001))
    ]
    async with opened(rows, size, varied=paths) as on:
        on.screen.show_chart("map")
        await on.drawn()
        text = on.screen.view.text
        assert "optimizer" in text
        assert "learning rate" in text
        assert "70.0 % ◆" in text or "70.0 %" in text
        on.screen.show_chart("parallel")
        await on.drawn()
        assert "learning rate" in on.screen.view.text
        assert "0.001" in on.screen.view.text


async def test_one_varied_setting_has_no_map() -> None:
    async with opened() as on:
        seen = []
        for _ in CHARTS:
            await on.press("c")
            seen.append(on.screen.chart)
        assert "map" not in seen
        assert set(seen) == {"curves", "histograms", "norms"}


def snapshot(norm: float) -> SnapshotOf:
    layers = [layer(inputs=bars(2, 3), gradient_norm=norm / (i + 1)) for i in range(3)]
    return SnapshotOf(PastSnapshot(10, layers), tuple(f"dense {i}" for i in range(3)))


async def test_the_same_layer_of_each_stands_side_by_side() -> None:
    async with opened() as on:
        folders = {one.trial.folder: snapshot(0.1 + i) for i, one in enumerate(on.app.study.model.wanted())}
        await on.feed(results(OPTIMIZERS), **folders)
        on.screen.show_chart("histograms")
        await on.drawn()
        text = on.screen.view.text
        assert all(name in text for name in ("sgd", "adam", "rmsprop"))
        layer = text.split("·")[0]
        await on.press("greater_than_sign")
        assert on.screen.view.text.split("·")[0] != layer
        await on.press("v")
        assert "pre-activations" in on.screen.view.text
        on.screen.show_chart("norms")
        await on.drawn()
        assert "adam" in on.screen.view.text


async def test_names_from_files_are_shown_literally() -> None:
    rows = [row(i, f"{name} {i}", (0.5,)) for i, name in enumerate(STRINGS)]
    async with opened(rows, varied=("a", "b")) as on:
        for chart in ("curves", "parallel", "map", "histograms"):
            on.screen.show_chart(chart)
            await on.drawn()
            assert_harmless(on.app, chart)
        on.app.study.model.study = study(STRINGS[0])
        on.app.study.model.message = STRINGS[4]
        on.app.study_changed()
        await on.press("down", "=")
        assert_harmless(on.app, "comparison")


async def test_settings_of_a_configuration_are_promoted_to_the_session() -> None:
    async with opened() as on:
        await on.press("p")
        assert on.app.screen_name == "build"
        assert on.app.document.raw["training"]["seed"] == 0


async def test_two_configurations_are_compared_by_their_settings() -> None:
    first, second = row(0, "sgd", (0.8,)), row(1, "adam", (0.9,))
    document = {**first.configuration.document, "training": {"optimizer": "adam", "epochs": 10}}
    other = Configuration(1, "adam", {"training.optimizer": "adam"}, document)
    async with opened([first, of_trials(other, second.trials)]) as on:
        await on.press("down", "=")
        assert isinstance(on.app.screen, CompareScreen)
        shown = screen_text(on.app)
        assert "training.optimizer sgd adam" in shown
        await on.press("escape")
        assert not isinstance(on.app.screen, CompareScreen)


def test_a_difference_has_paths_as_the_command_line_takes_them() -> None:
    other = raw(training={"optimizer": "adam"})
    other["layers"][1] = {"type": "dense", "units": 64, "activation": "tanh"}
    assert differences([raw(), {**other, "name": "else"}]) == [
        ("layers[1].activation", ["relu", "tanh"]),
        ("training.optimizer", ["sgd", "adam"]),
    ]


async def test_orders_go_to_the_process_that_runs_the_study() -> None:
    one = Configuration(0, "sgd", {"training.optimizer": "sgd"}, raw(training={"optimizer": "sgd"}))
    trials = [
        trial(one, 0, 0.5, state="running", epochs=3),
        trial(one, 1, 0.4, state="cut", rung=1, lost_by=0.02),
    ]
    async with opened([of_trials(one, trials)]) as on:
        assert not on.screen.enabled("stop_study")
        await on.press("ctrl+r")
        assert on.asked == [("start", "/nowhere")]
        assert on.app.study.model.where == "here"
        await on.press("x")
        assert on.asked[-1] == ("stop_trial", "000-trial-s0-abc", 1)
        await on.press("right", "down", "down")
        assert "cut at rung 1 by .02" in screen_text(on.app)
        await on.press("g")
        assert on.asked[-1] == ("resume_trial", "000-trial-s1-abc", 1)
        await on.press("+")
        assert on.asked[-1] == ("more_seeds", "000-trial-s1-abc", 1)
        await on.press("ctrl+r")
        assert on.asked[-1] == "pause"
        assert "paused" in screen_text(on.app)
        await on.press("ctrl+r", "s")
        assert on.asked[-2:] == ["resume", "stop"]


async def test_a_process_that_dies_is_said_and_the_study_can_go_on() -> None:
    async with opened([row(0, "sgd", (0.5, NAN))]) as on:
        await on.press("ctrl+r")
        on.app.study.client.end("the process of the study was killed by signal 9 (SIGKILL)")
        await on.drawn()
        assert "was killed" in screen_text(on.app)
        await on.press("ctrl+r")
        assert [ask for ask in on.asked if ask[0] == "start"] == [("start", "/nowhere")] * 2


async def test_without_a_study_the_screen_says_how_to_get_one() -> None:
    async with StudyBench.opened(Document(raw()), study_client_factory=FakeStudyClient) as on:
        assert "4 Study" not in screen_text(on.app)
        await on.press("4")
        assert on.app.screen_name == "build"
        on.app.show_screen("study")
        await on.drawn()
        assert "mark a setting with m in Build" in screen_text(on.app)


async def test_a_study_that_is_not_begun_says_what_it_is_about_and_how_it_starts() -> None:
    async with opened([row(0, "sgd", (NAN,)), row(1, "adam", (NAN,))]) as on:
        on.app.study.model.feed(study(note="Which optimizer is best?"), results([row(0, "sgd", (NAN,))]), {})
        on.app.study_changed()
        await on.drawn()
        shown = screen_text(on.app)
        assert "not begun" in shown
        assert "Which optimizer is best?" in shown
        assert "ctrl+r starts the study" in shown
        assert "^r start" in shown
        assert "optimizer" in on.table.columns[2].title, "what its configurations are called"


async def test_the_chart_is_enlarged_and_back() -> None:
    async with opened(size=(80, 24)) as on:
        before = on.screen.view.size.height
        await on.press("z")
        await on.until(lambda: on.screen.view.size.height > before)
        await on.press("escape")
        await on.until(lambda: on.screen.view.size.height == before)
