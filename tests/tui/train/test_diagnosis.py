"""What is wrong with real short runs, and the keys that read it whole and apply a cure."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests import helpers
from tests.helpers import trainer_of
from tests.tui.bench import SIZES, Bench, screen_text
from tests.tui.recorded_events import FLAT, NAN, batch, epoch, layer
from tuiml.runs import session
from tuiml.spec import check
from tuiml.spec.library import bundled
from tuiml.training.events import End, Intervention, RestorePoints, Snapshot, State
from tuiml.tui.app.bars import TopBar
from tuiml.tui.model.diagnosis import diagnose
from tuiml.tui.model.document import Document
from tuiml.tui.model.past_run import load_run
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.widgets.diagnosis import DiagnosisDialog

pytestmark = pytest.mark.usefixtures("quick")


def stack(depth=2, units=32, rate=0.1, epochs=3, **layer_options):
    """A stack of equal layers on the digits."""
    hidden = {"type": "dense", "units": units, "activation": "relu", "initializer": "he_normal"}
    return {
        "version": 1,
        "name": "stack",
        "data": {"name": "digits"},
        "layers": [
            {"type": "flatten"},
            *[hidden | layer_options] * depth,
            {"type": "dense", "activation": "softmax"},
        ],
        "training": {"optimizer": "sgd", "learning_rate": rate, "batch_size": 25, "epochs": epochs},
    }


def trained(document, live=True):
    """A run model after a real run."""
    preset, problems = check(document)
    assert preset is not None, problems
    network, data, engine = helpers.run_parts(preset)
    model = RunModel()
    model.begin(document)
    try:
        model.feed(trainer_of(preset, network, data, engine, live=live).events())
    finally:
        engine.close()
    return model


@pytest.mark.parametrize("rate", [10.0, 100.0])
def test_a_rate_far_too_high_is_the_cause_and_the_usual_one_the_cure(rate):
    preset = next(p for p in bundled() if p.name == "digits-quickstart").document()
    preset["training"] = {**preset["training"], "learning_rate": rate, "epochs": 3}
    model = trained(preset, live=False)
    first = diagnose(model)[0]
    assert first.name == "learning rate far too high"
    assert f"{rate:g} is far above 0.01" in first.evidence
    assert "dead units" in first.follows or model.status == "diverged"
    assert first.remedy.edits == (("training.learning_rate", 0.01),)


def test_a_network_that_has_learned_its_data_is_in_no_trouble():
    document = stack(3, epochs=60)
    model = trained(document)
    assert model.score > 0.99
    assert diagnose(model) == []
    tiny = tuple(layer(gradient_norm=1e-12 if at == 1 else 1e-3, saturated=0.9) for at in range(5))
    model.feed([Snapshot(60, model.step, tiny)])
    assert diagnose(model) == [], "small gradients are a sign of success"
    model.accuracy.add_train(61.0, 0.2)
    model.accuracy.train.append(62.0, 0.2)
    model.loss.train.append(62.0, 2.3)
    assert diagnose(model), "and none while it has learned nothing"


def test_the_step_that_a_run_ended_with_is_read_back():
    preset, _ = check(stack(epochs=2))
    events = list(session.run(preset, name="short", backend="numpy", live=True))
    end = events[-1]
    assert isinstance(end, End)
    model = load_run(Path(end.path))
    assert model.snapshot.step == end.step, "not only the first one, which shows the untrained network"
    assert not model.snapshot_lags


DEEP = stack(10, 32, activation="sigmoid", initializer={"name": "normal", "stddev": 1.0})
HIGH = tuple(
    FLAT if at == 0 else layer(0.5, saturated=0.9, gradient_norm=10.0 ** (at - 12)) for at in range(12)
)


async def deep(size):
    return Bench.opened(Document(DEEP), size=size, keys=("2", "ctrl+r"))


@pytest.mark.parametrize("size", SIZES)
async def test_the_whole_diagnosis_is_read_and_another_cure_than_the_first_applied(size):
    async with await deep(size) as on:
        await on.report(Snapshot(1, 10, HIGH))
        on.client.end("stopped")
        await on.until(lambda: "diagnosis" in on.keys or size[0] == 80)
        await on.press("w")
        dialog = on.app.screen
        assert isinstance(dialog, DiagnosisDialog)
        text = " ".join(dialog.view.text.split())
        for words in ("saturated", "Glorot & Bengio 2010", "he_normal with relu", "batch_norm before"):
            assert words in text
        for words in ("RBM pretraining", "adam at 0.001", "Kingma", "Ioffe", "Hinton"):
            assert words in text
        seen = screen_text(on.app)
        for _ in range(30):
            await on.press("pagedown")
            seen += "\n" + screen_text(on.app)
        for line in dialog.view.text.splitlines():
            assert " ".join(line.split()).strip() in seen, "every line can be brought on the screen"
        while "batch_norm" not in dialog.view.chosen.words:
            await on.press("down")
        assert dialog.view.chosen.words in screen_text(on.app)
        await on.press("enter")
        assert "batch_norm11" not in on.kinds
        assert on.kinds.count("batch_norm") == 10
        assert on.app.document.preset is not None


@pytest.mark.parametrize("key", ["f", "w"])
async def test_the_keys_of_advice_answer_where_there_is_none(key):
    async with Bench.opened(Document(stack()), keys=("2", "ctrl+r")) as on:
        top = on.app.query_one(TopBar)
        await on.report(batch(1, 2, 2.3))
        await on.press(key)
        assert "nothing to advise: no layer statistics yet" in top.text
        await on.report(Snapshot(1, 10, (FLAT, layer(0.3), layer(0.3), layer(0.3))))
        await on.press(key)
        assert "nothing to advise: nothing wrong found as of step 10" in top.text


async def test_a_cure_begins_the_run_again_or_leaves_it_alone():
    async with await deep((120, 40)) as on:
        await on.report(Snapshot(1, 10, HIGH))
        await on.until(lambda: "apply_remedy" in on.keys)
        await on.press("f", "escape")
        assert on.layers[1]["activation"] == "sigmoid"
        assert on.client.active
        await on.press("f", "y")
        await on.until(lambda: on.client.asked.count("stop") == 1)
        await on.until(lambda: on.client.asked[-1][0] == "start")
        assert on.client.asked[-1][1]["layers"][1]["activation"] == "relu"


async def test_after_a_rate_that_ruined_it_the_run_goes_back_to_before_with_its_own():
    async with Bench.opened(Document(stack()), keys=("2", "ctrl+r")) as on:
        dead = (FLAT, layer(0.0, dead=1.0, saturated=NAN), layer(0.0, dead=1.0, saturated=NAN), layer(0.1))
        await on.report(
            batch(1, 2, 2.3),
            batch(1, 4, 1.2),
            Intervention(1, 4, 1, "rate", 100.0, 0.4, 20, 10, 100.0, 0),
            State("running", 4, 100.0, True),
            epoch(1, 10, 50.0, 60.0, rate=100.0),
            batch(2, 12, 50.0, learning_rate=100.0),
            Snapshot(2, 12, dead),
            RestorePoints(((0, 1, NAN), (3, 1, 1.3), (4, 1, 1.2), (10, 2, 50.0))),
        )
        await on.until(lambda: "Learning rate far too high" in on.train.advice.view.text)
        assert "back to step 4 with a learning rate of 0.1" in on.train.advice.view.text
        await on.press("f")
        assert on.asked[-3:] == [("rewind", 4), ("rate", 0.1), "resume"]


async def test_the_range_test_is_among_the_cures_of_a_rate():
    async with Bench.opened(Document(stack(rate=100.0)), keys=("2", "ctrl+r")) as on:
        dead = (FLAT, layer(0.0, dead=1.0, saturated=NAN), layer(0.0, dead=1.0, saturated=NAN), layer(0.1))
        await on.report(batch(1, 2, 1e20, learning_rate=100.0), Snapshot(1, 2, dead))
        on.client.end("completed")
        await on.drawn()
        await on.press("w")
        assert "the range test" in on.app.screen.view.text
        await on.press("down", "down", "down", "enter")
        assert ("find_rate", on.app.document.raw) in on.client.asked


async def test_what_is_older_than_the_run_says_so_and_the_header_names_the_run_on_the_screen():
    async with Bench.opened(Document(stack()), size=(160, 40), keys=("2", "ctrl+r")) as on:
        on.client.train(10)
        await on.report(Snapshot(1, 4, (FLAT, layer(), layer(), layer())))
        assert "val accuracy 50.0 %" in on.train.status.text
        on.client.end("stopped")
        await on.drawn()
        assert "as of step 4" in on.train.status.text
        assert "as of step 4" in on.histogram.text
        assert "a-run" in on.app.query_one(TopBar).text
        await on.press("1", "d")
        assert "stopped" not in on.app.query_one(TopBar).text, "another preset is edited now"


async def ruined_by_hand(on: Bench) -> None:
    """The run's rate is raised to 100 at step 4, and it diverges after step 12."""
    dead = (FLAT, layer(0.0, dead=1.0, saturated=NAN), layer(0.0, dead=1.0, saturated=NAN), layer(0.1))
    await on.report(
        batch(1, 4, 1.2),
        Intervention(1, 4, 1, "rate", 100.0, 0.4, 20, 10, 100.0, 0),
        State("running", 4, 100.0, True),
        batch(2, 12, 50.0, learning_rate=100.0),
        Snapshot(2, 12, dead),
    )
    on.client.end("diverged")


async def test_a_run_that_was_ruined_by_hand_and_is_over_begins_anew_with_the_rate_of_the_preset():
    async with Bench.opened(Document(stack()), keys=("2", "ctrl+r")) as on:
        await ruined_by_hand(on)
        await on.until(lambda: "a learning rate of 0.1, the preset's own" in on.train.advice.view.text)
        before = on.app.document.raw
        await on.press("f")
        assert on.client.asked[-1] == ("start", before)


@pytest.mark.parametrize("saved", [4, 12])
async def test_a_run_that_is_over_is_resumed_from_its_newest_checkpoint_if_that_is_sound(saved, tmp_path):
    async with Bench.opened(Document(stack()), keys=("2", "ctrl+r")) as on:
        await ruined_by_hand(on)
        await on.until(lambda: on.model.status == "diverged")
        on.app.current_run.stop_following()
        on.model.saved, on.model.end = saved, replace(on.model.end, path=str(tmp_path))
        on.app.run_changed({"state"})
        await on.drawn()
        offered = "resume from step 4 with a learning rate of 0.1" in on.train.advice.view.text
        assert offered == (saved == 4), "at step 12 everything was lost already"
        if offered:
            await on.press("f")
            assert on.client.asked[-1][0] == "resume_run"
            assert on.client.asked[-1][2] == ["training.learning_rate=0.1"]
