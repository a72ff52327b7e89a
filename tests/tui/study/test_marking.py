"""Settings marked as varied: in the model, in Build's form, in the session, and the study they make."""

from dataclasses import replace
from typing import Any

import pytest

from tests.tui.bench import SIZES, Bench, build_bench, screen_text
from tests.tui.documents import raw
from tests.tui.fake_study_client import FakeStudyClient
from tuiml.nn.optimizers import optimizers
from tuiml.studies import library
from tuiml.studies.check import check
from tuiml.tui.model.document import Document
from tuiml.tui.model.drafts import document_of, draft_of
from tuiml.tui.model.marks import EMPTY, Marks
from tuiml.tui.model.settings import load

pytestmark = pytest.mark.usefixtures("quick")
OPTIMIZERS = Marks({"training.optimizer": ("sgd", "adam")})


def test_marks_follow_their_layers_and_undo_brings_them_back() -> None:
    document = Document(raw())
    document.mark(Marks({"layers[1].units": (8, 16), "layers[*].activation": ("relu", "tanh")}))
    document.add(0, {"type": "dense", "units": 4, "activation": "relu"})
    assert set(document.marks.varied) == {"layers[2].units", "layers[*].activation"}
    document.move(2, -1)
    assert set(document.marks.varied) == {"layers[1].units", "layers[*].activation"}
    document.remove(1)
    assert set(document.marks.varied) == {"layers[*].activation"}
    document.undo()
    document.undo()
    document.undo()
    assert set(document.marks.varied) == {"layers[1].units", "layers[*].activation"}
    document.undo()
    assert document.marks == EMPTY
    document.redo()
    assert set(document.marks.varied) == {"layers[1].units", "layers[*].activation"}


def test_marks_make_a_study_that_is_valid() -> None:
    varied = {"training.optimizer": ("sgd", "adam"), "layers[*].activation": ("relu", "tanh")}
    marks = Marks(varied, (0, 1, 2))
    found, problems = check(marks.study(raw()))
    assert found, problems
    assert replace(marks, tune=False).runs == 12
    assert found.tune == "training.learning_rate"
    assert "tune" not in replace(marks, tune=False).study(raw())
    assert found.seeds == (0, 1, 2)
    assert [vary.path for vary in found.vary] == ["training.optimizer", "layers[*].activation"]


def test_a_session_keeps_the_marks() -> None:
    marks = Marks({"training.optimizer": ("sgd", "adam")}, (3, 4))
    draft = draft_of(raw(), origin="", dirty=True, marks=marks)
    assert draft is not None
    document = document_of(draft)
    assert document is not None
    assert document.marks == marks


@pytest.mark.parametrize(
    "kept",
    [None, 3, [], {"varied": 1}, {"varied": {"": [1]}}, {"varied": {"a b": [1]}, "seeds": ["x", True]}],
)
def test_what_is_no_mark_is_left_out(kept: Any) -> None:
    assert Marks.of(kept) == EMPTY


async def test_which_optimizer_is_best_takes_at_most_twelve_keys() -> None:
    keys = ["m", *"optim", "enter", "enter", "ctrl+r"]
    assert len(keys) <= 12
    async with Bench.opened(study_client_factory=FakeStudyClient) as on:  # as at the first start
        await on.press(*keys)
        await on.until(lambda: on.app.study.client.asked)
        ((do, file),) = on.app.study.client.asked
        assert do == "start"
        assert on.app.screen_name == "study"
        (vary,) = library.read(file)["vary"]
        assert vary["path"] == "training.optimizer"
        assert set(vary["values"]) == set(optimizers.names())


async def test_all_activations_are_offered_for_all_layers_at_once() -> None:
    async with build_bench() as on:
        await on.press("down", "enter", "down")
        assert on.at == "layers[1].activation"
        await on.press("m")
        assert "all layers at once" in screen_text(on.app)
        await on.press("enter")
        values = on.app.document.marks.varied["layers[*].activation"]
        assert {"relu", "tanh", "sigmoid", "elu"} <= set(values)
        assert "softmax" not in values
        assert "◆" in screen_text(on.app)
        await on.press("m", "tab", "enter")
        assert set(on.app.document.marks.varied) == {"layers[1].activation"}


async def test_a_ladder_of_rates_takes_more_by_typing_and_refuses_what_is_wrong() -> None:
    async with build_bench() as on:
        await on.press("t", *["down"] * 10)
        while on.at != "training.learning_rate":
            await on.press("up")
        await on.press("m", *"0.5", "enter")
        await on.press(*"-1", "enter")
        assert "must be" in screen_text(on.app) or "above" in screen_text(on.app)
        await on.press("backspace", "backspace", "enter")
        values = on.app.document.marks.varied["training.learning_rate"]
        assert 0.5 in values
        assert len(values) == 6
        assert min(values) == pytest.approx(0.001)


async def test_optimizers_are_compared_at_their_own_rates_unless_told_otherwise() -> None:
    async with build_bench() as on:
        await on.press("m", *"optim", "enter")
        assert "own best rates: 24 runs or more" in screen_text(on.app)
        await on.press("ctrl+l")
        assert "8 optimizers = 8 runs" in screen_text(on.app)
        await on.press("enter")
        assert not on.app.document.marks.tuned


async def test_an_option_of_a_choice_that_the_preset_leaves_out_can_be_varied() -> None:
    async with Bench.opened(Document(raw(training={}))) as on:
        await on.press("m", *"momentum", "enter")
        await on.press("ctrl+t", "ctrl+t", *"0.5,0.9", "enter", "enter")
        marks = on.app.document.marks
        assert set(marks.varied["training.optimizer.momentum"]) >= {0.5, 0.9}
        assert check(marks.study(on.app.document.raw))[1] == []


async def test_space_takes_ticks_away_and_none_left_is_no_mark() -> None:
    async with build_bench() as on:
        await on.press("m", *"optim", "enter", "space", "enter")
        assert "sgd" not in on.app.document.marks.varied["training.optimizer"]
        await on.press("m", *"optim", "enter", "ctrl+t", "ctrl+t", "enter")
        assert on.app.document.marks == EMPTY


async def test_the_product_is_counted_and_its_time_is_estimated_from_the_last_run() -> None:
    async with build_bench() as on:
        on.app.document.mark(Marks({"training.optimizer": ("sgd", "adam")}, (0, 1, 2), tune=False))
        on.app.document_edited()
        await on.drawn()
        assert "2 optimizers × 3 seeds = 6 runs, time unknown" in on.build._facts.text.replace("\n  ", " ")
        on.model.speed = 1347 * 10 / 6.0  # all epochs of one run take six seconds
        on.app.document.set("training.epochs", 10)
        on.app.document_edited()
        await on.drawn()
        assert "about 36 s" in on.build._facts.text.replace("\n  ", " ")


async def test_clearing_the_marks_can_be_undone() -> None:
    async with build_bench() as on:
        on.app.document.mark(OPTIMIZERS)
        on.app.document_edited()
        await on.drawn()
        await on.press("M")
        assert on.app.document.marks == EMPTY
        await on.press("u")
        assert on.app.document.marks == OPTIMIZERS


async def test_seeds_are_repetitions_and_no_configurations() -> None:
    async with build_bench() as on:
        await on.press("m", *"seed", "enter", "enter")
        assert on.app.document.marks == Marks({}, (0, 1, 2, 3, 4))


async def test_marks_are_there_at_the_next_start() -> None:
    async with build_bench() as on:
        await on.press("m", *"optim", "enter", "enter")
        marks = on.app.document.marks
        on.app.session.write(on.app.session.snapshot(), last=True)
    async with Bench.opened(None, replace(load(), opening="")) as on:
        assert on.app.document.marks == marks


async def test_a_number_cannot_be_typed_with_m_but_a_name_can() -> None:
    async with build_bench() as on:
        await on.press("n", *"mM")
        assert on.app.document.name.endswith("mM")


@pytest.mark.parametrize("size", SIZES)
async def test_the_values_are_legible_at_every_size(size: tuple[int, int]) -> None:
    async with build_bench(size) as on:
        await on.press("m", *"optim", "enter")
        shown = screen_text(on.app)
        assert "Vary optimizer" in shown
        assert "adam" in shown
        assert "space tick" in shown


async def test_a_preset_with_problems_starts_no_study() -> None:
    async with build_bench() as on:
        on.app.document.mark(OPTIMIZERS)
        on.app.document.set("training.epochs", 0)
        on.app.document_edited()
        await on.press("ctrl+r")
        assert on.complaints
        assert not on.app.study.active


async def test_the_same_marks_make_the_same_study_and_others_another() -> None:
    async with Bench.opened(Document(raw()), study_client_factory=FakeStudyClient) as on:
        for values in (("sgd", "adam"), ("sgd", "adam", "rmsprop")):
            on.app.document.mark(Marks({"training.optimizer": values}))
            on.app.study.start(on.app.document)
            on.app.study.client.end()
            await on.drawn()
        first, second = (word for _, word in on.app.study.client.asked)
        assert first == second
        on.app.document.set("training.epochs", 3)
        on.app.study.start(on.app.document)
        assert on.app.study.client.asked[-1][1] != first
