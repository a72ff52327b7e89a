"""Before the first step: the table shows initial values, keys change them, a verdict comes with its cure."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from tests.tui.bench import SIZES, Bench, screen_text
from tests.tui.documents import raw
from tests.tui.fake_probe_client import FakeProbeClient
from tuiml.nn.activations import activations
from tuiml.nn.initializers import initializers
from tuiml.runs.preset_prober import Prober
from tuiml.spec import check
from tuiml.training.events import Snapshot
from tuiml.tui.app.bars import TopBar
from tuiml.tui.build import cycle
from tuiml.tui.charts.palette import Look
from tuiml.tui.model.document import Document
from tuiml.tui.process import probe_session
from tuiml.tui.train.screen import Train
from tuiml.tui.widgets.lines import verdict_lines

pytestmark = pytest.mark.usefixtures("quick")
HIDDEN = {"type": "dense", "units": 100, "activation": "sigmoid", "initializer": "normal"}
STACK = [{"type": "flatten"}, HIDDEN, HIDDEN, HIDDEN, {"type": "dense", "activation": "softmax"}]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_session, "SOON", 0.001)


class PreflightBench(Bench):
    """Build, and the fake process that probes its preset."""

    @property
    def prober(self) -> FakeProbeClient:
        found = self.build.flight._client
        assert isinstance(found, FakeProbeClient)
        return found

    async def probes(self, count: int) -> None:
        """Wait until the process was asked for so many probes."""
        await self.until(lambda: self.build.flight._client and len(self.prober.asked) == count)

    async def answered(self, count: int) -> None:
        """Answer the probe of this number, and wait until the screen shows it."""
        await self.probes(count)
        self.prober.answer()
        await self.until(lambda: self.build.flight.fresh)

    def column(self, key: str) -> list[str]:
        cells = [row.get(key, "") for row in self.build.table._rows]
        return [cell if isinstance(cell, str) else cell[0] for cell in cells]

    @property
    def facts(self) -> str:
        text = self.app.query_one("#facts").text
        assert isinstance(text, str)
        return text

    def chosen(self, key: str) -> list[Any]:
        return [layer.get(key) for layer in self.layers[1:]]


def bench(size: tuple[int, int] = (120, 40), **changes: Any) -> AbstractAsyncContextManager[PreflightBench]:
    return PreflightBench.opened(Document(raw(**{"layers": STACK, **changes})), size=size)


@pytest.mark.parametrize("size", SIZES)
async def test_the_table_shows_the_initial_values_and_the_verdict(size: tuple[int, int]) -> None:
    async with bench(size) as on:
        assert on.column("histogram") == [""] * 5
        await on.answered(1)
        pictures = on.column("histogram")
        assert all(pictures)
        assert pictures[1][0] in "▆▇█", "the outputs pile up at 0"
        assert "histogram" in on.build.table.shown_columns
        assert "Saturated: layers 2 and 3" in on.facts
        assert "f try he_normal with relu" in on.facts
        await on.until(lambda: "try_remedy" in on.keys)
        if size[0] == 200:
            assert {"mean", "std", "idle", "gradient"} <= set(on.build.table.shown_columns)
            assert on.column("idle")[2].startswith("▲")
        else:
            await on.press("down", "down")
            await on.until(lambda: "% sat" in on.facts)


async def test_an_edit_changes_the_columns_and_the_old_ones_are_quiet_meanwhile() -> None:
    async with bench() as on:
        await on.answered(1)
        before = on.column("histogram")
        await on.press("down", "i")
        await on.until(lambda: not on.build.flight.fresh)
        assert on.column("histogram") == before
        assert "Saturated" not in on.facts, "what was said holds no more"
        await on.answered(2)
        assert on.column("histogram") != before
        assert "Collapsed" in on.facts
        await on.press("a", "enter")
        assert on.column("histogram") == [""] * 6, "of another stack nothing is known yet"


@pytest.mark.parametrize("key", ["f", "w"])
async def test_the_keys_of_advice_answer_where_there_is_none(key: str) -> None:
    healthy = {**HIDDEN, "activation": "tanh", "initializer": "glorot_normal"}
    async with bench(layers=[STACK[0], *[healthy] * 3, STACK[-1]]) as on:
        top = on.app.query_one(TopBar)
        await on.press(key)
        assert "the initial values are not measured yet" in top.text
        await on.answered(1)
        await on.press(key)
        assert "nothing to advise: nothing wrong found" in top.text
        on.app.document.set("training.batch_size", -1)
        on.app.document_edited()
        await on.press(key)
        assert "while there are problems: e goes to them" in top.text


async def test_edits_in_a_row_are_looked_at_once_and_an_old_answer_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with bench() as on:
        await on.probes(1)
        monkeypatch.setattr(probe_session, "SOON", 3600)
        await on.press("down", "i", "i", "i", "v")
        assert len(on.prober.asked) == 1
        on.build.flight.ask()
        assert on.prober.asked[1]["layers"] == on.app.document.raw["layers"]
        on.prober.answer(1)
        await on.pilot.pause()
        assert on.column("histogram") == [""] * 5
        await on.answered(2)
        assert all(on.column("histogram"))


async def test_what_does_not_bear_on_initial_values_is_not_looked_at_again() -> None:
    async with bench() as on:
        await on.answered(1)
        on.app.document.set("training.epochs", 7)
        on.app.document_edited()
        await on.pilot.pause(0.05)
        assert len(on.prober.asked) == 1
        on.app.document.set("training.seed", 7)
        on.app.document_edited()
        await on.answered(2)


async def test_nothing_is_shown_of_a_preset_that_is_wrong_and_why_a_look_failed_is_said() -> None:
    async with bench() as on:
        await on.answered(1)
        on.app.document.set("layers[1].units", 0)
        on.app.document_edited()
        await on.until(lambda: on.column("histogram") == [""] * 5)
        assert "Saturated" not in on.facts
        on.app.document.set("layers[1].units", 8)
        on.app.document_edited()
        await on.probes(2)
        on.prober.answer(problem="the process that probes networks was killed")
        await on.until(lambda: "was killed" in on.facts)


@pytest.mark.parametrize("size", SIZES)
async def test_initializers_and_activations_by_one_key(size: tuple[int, int]) -> None:
    async with bench(size) as on:
        small = {"name": "normal", "stddev": 0.01}
        await on.press("down", "i")
        assert on.chosen("initializer") == [small, small, small, None]
        await on.press("i")
        assert on.chosen("initializer") == ["uniform"] * 3 + [None]
        await on.press("I", "I")
        assert on.chosen("initializer") == ["normal"] * 3 + [None]
        await on.press("v")
        assert on.chosen("activation") == ["tanh"] * 3 + ["softmax"]
        await on.press("V", "V")
        assert on.chosen("activation") == ["linear"] * 3 + ["softmax"]
        for _ in range(7):
            await on.press("u")
        assert on.app.document.raw["layers"] == STACK, "each was one edit"
        assert not on.app.document.history.can_undo
        await on.press("end", "i")
        assert on.chosen("initializer") == ["normal"] * 3 + ["he_normal"], "the output layer alone"


def test_every_initializer_and_activation_comes_up_once_around() -> None:
    assert {entry.name for entry in cycle.INITIALIZERS} == {entry.name for entry in initializers}
    hidden = {entry.name for entry in activations if not entry.output_only}
    assert [entry.name for entry in cycle.ACTIVATIONS] == [n for n in activations.names() if n in hidden]
    document = Document(raw(layers=STACK))
    for edits, entries in (
        (cycle.initializer_edits, cycle.INITIALIZERS),
        (cycle.activation_edits, cycle.ACTIVATIONS),
    ):
        before, seen = document.raw, []
        for _ in entries:
            document.apply(edits(document, 1, 1))
            assert document.preset is not None, document.problems
            seen.append(document.raw["layers"][1])
        assert len(seen) == len({str(layer) for layer in seen}) == len(entries)
        assert check(document.raw)[0] == check(before)[0]


def test_an_activation_behind_a_linear_layer_is_the_one_that_changes() -> None:
    linear = {"type": "dense", "units": 8, "initializer": "he_normal"}
    stack = [{"type": "flatten"}, linear, {"type": "batch_norm"}, {"type": "activation"}, STACK[-1]]
    document = Document(raw(layers=stack))
    assert cycle.activation_edits(document, 1, 1) == [("layers[3].activation", "leaky_relu")]
    assert cycle.initializer_edits(document, 3, 1) == [("layers[1].initializer", "he_uniform")]
    assert cycle.activation_edits(Document(raw(layers=[])), 0, 1) == []
    assert cycle.initializer_edits(Document(raw(layers="x")), 0, 1) == []


@pytest.mark.parametrize("size", SIZES)
async def test_the_remedy_is_one_edit_and_helps(size: tuple[int, int]) -> None:
    async with bench(size) as on:
        await on.answered(1)
        await on.press("f")
        assert on.chosen("activation") == ["relu"] * 3 + ["softmax"]
        assert on.chosen("initializer")[:3] == ["he_normal"] * 3
        await on.until(lambda: "he_normal" in on.app.query_one(TopBar).text)
        await on.answered(2)
        assert "▲" not in on.facts
        await on.until(lambda: "try_remedy" not in on.keys)
        await on.press("f")
        assert on.chosen("activation")[0] == "relu", "nothing to do"
        await on.press("u")
        assert on.app.document.raw["layers"] == STACK


async def test_leaving_ends_the_process() -> None:
    async with bench() as on:
        await on.probes(1)
        prober = on.prober
        on.app.leave(0)
        assert prober.closed


async def test_train_shows_the_verdict_and_the_key_changes_the_preset() -> None:
    async with bench() as on:
        await on.answered(1)
        found = on.build.flight.found
        assert found is not None
        await on.press("ctrl+r")
        train, client = on.app.query_one(Train), on.app.client
        advice = train.advice.view
        assert not advice.display
        client.report(Snapshot(1, 3, found.snapshot.layers))
        await on.until(lambda: advice.display and "Saturated: layers 2 and 3" in advice.text)
        await on.until(lambda: "apply_remedy" in on.keys)
        await on.press("f", "n")
        assert on.chosen("activation")[0] == "sigmoid", "the question was answered with no"
        client.end("stopped")
        await on.press("f")
        assert on.chosen("activation")[0] == "relu"
        assert "ctrl+r starts a new run" in on.app.query_one(TopBar).text
        await on.until(lambda: "apply_remedy" not in on.keys)
        assert train.run.document["layers"] == STACK, "the run stays as it is"
        await on.press("f")
        assert on.chosen("activation")[0] == "relu"
        await on.press("ctrl+r")
        await on.until(lambda: not advice.display)


async def test_a_run_that_is_on_begins_again_with_the_cure_if_the_question_is_answered_so() -> None:
    async with bench() as on:
        await on.answered(1)
        found = on.build.flight.found
        assert found is not None
        await on.press("ctrl+r")
        client = on.app.client
        client.report(Snapshot(1, 3, found.snapshot.layers))
        await on.until(lambda: "apply_remedy" in on.keys)
        await on.press("f")
        assert "Restart with this?" in screen_text(on.app)
        assert "he_normal with relu" in screen_text(on.app)
        await on.press("y")
        await on.until(lambda: len([ask for ask in client.asked if ask[0] == "start"]) == 2)
        assert "stop" in client.asked
        activations = [layer.get("activation") for layer in client.asked[-1][1]["layers"]]
        assert activations[2:4] == ["relu", "relu"]
        assert on.app.screen_name == "train"


def test_a_verdict_fits_its_lines_and_says_nothing_a_terminal_would_act_on() -> None:
    preset, _ = check(raw(layers=STACK))
    assert preset is not None
    network, found = Prober().probe(preset)
    (verdict,) = found.verdicts(preset, network)
    for width in (20, 37, 78, 118):
        for most in (1, 2, 3):
            lines = verdict_lines(verdict, width, Look(unicode=False, colour=False), most=most)
            texts = ["".join(text for text, _ in parts) for parts in lines]
            assert 2 <= len(texts) <= most + 1
            assert texts[0].startswith("^ Saturated")
            assert texts[-1].strip().startswith("f try")
