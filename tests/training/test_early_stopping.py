"""Early stopping: when it ends a run, with which weights, and that an interruption changes nothing."""

import itertools
import json

import numpy as np
import pytest

from tests.helpers import document, preset, run_parts, trainer_of
from tuiml.backends.engine import Totals
from tuiml.runs import checkpoints, library, session
from tuiml.runs.checkpoints import path_of, steps_in
from tuiml.runs.errors import RunError
from tuiml.spec import check
from tuiml.training.events import End, Epoch
from tuiml.training.run_control import RunControl

STEPS = 4  # an epoch's


def scripted(figures, rule, epochs=None, which="loss"):
    """A run whose validation figures are given, and the weights after each of its epochs."""
    chosen = preset(training={"epochs": epochs or len(figures), "early_stopping": rule})
    network, data, engine = run_parts(chosen)
    reported, judge, weights = iter(figures), engine.evaluate, []

    def evaluate(part):
        found = judge(part)
        if part is not data.validation:
            return found
        weights.append(engine.tensors())
        figure = next(reported)
        return Totals(figure * 20 if which == "loss" else found.loss, round(figure * 20), 20)

    engine.evaluate = evaluate
    trainer = trainer_of(chosen, network, data, engine)
    *_, end = trainer.events()
    return end, trainer, weights


def same(one, two):
    return all(np.array_equal(one[name], two[name]) for name in one)


def rule(name="val_loss", **options):
    return {"name": name, **options}


FALLING_THEN_FLAT = [1.0, 0.8, 0.6, 0.7, 0.65, 0.61, 0.5, 0.4]


def test_it_waits_as_long_as_it_is_reported_and_goes_back_to_the_best_epoch():
    end, trainer, weights = scripted(FALLING_THEN_FLAT, rule(patience=3))
    assert (end.reason, end.epochs, end.step, end.best_epoch) == ("early_stopped", 6, 6 * STEPS, 3)
    assert end.message == "no better val_loss for 3 epochs; weights of epoch 3"
    assert same(trainer.engine.tensors(), weights[2])
    judged = trainer.engine.evaluate(trainer.data.test)
    assert end.test_loss == judged.mean_loss


def test_one_epoch_more_of_patience_sees_the_run_through():
    end, trainer, weights = scripted(FALLING_THEN_FLAT, rule(patience=4))
    assert (end.reason, end.epochs, end.best_epoch, end.message) == ("completed", 8, 8, "")
    assert same(trainer.engine.tensors(), weights[-1])


def test_without_restoring_it_ends_with_the_last_weights():
    end, trainer, weights = scripted(FALLING_THEN_FLAT, rule(patience=3, restore_best=False))
    assert (end.reason, end.message) == ("early_stopped", "no better val_loss for 3 epochs")
    assert same(trainer.engine.tensors(), weights[5])


def test_a_completed_run_ends_with_its_best_weights_too():
    end, trainer, weights = scripted(FALLING_THEN_FLAT[:5], rule(patience=3))
    assert (end.reason, end.epochs, end.step) == ("completed", 5, 5 * STEPS)
    assert end.message == "weights of epoch 3"
    assert same(trainer.engine.tensors(), weights[2])


def test_small_gains_do_not_count_for_patience_but_for_the_best():
    figures = [1.0, 0.95, 0.92, 0.91, 0.5]
    end, _, _ = scripted(figures, rule(patience=3, min_delta=0.1))
    assert (end.reason, end.epochs, end.best_epoch) == ("early_stopped", 4, 4)
    end, _, _ = scripted(figures, rule(patience=4, min_delta=0.1))
    assert (end.reason, end.best_epoch) == ("completed", 5)


def test_an_equal_figure_is_no_better():
    end, _, _ = scripted([0.5, 0.5, 0.5, 0.4], rule(patience=2))
    assert (end.reason, end.epochs, end.best_epoch) == ("early_stopped", 3, 1)


def test_accuracy_is_better_the_higher_it_is():
    end, trainer, weights = scripted(
        [0.5, 0.8, 0.7, 0.8, 0.9], rule("val_accuracy", patience=2), which="hits"
    )
    assert (end.reason, end.epochs, end.best_epoch) == ("early_stopped", 4, 2)
    assert end.message == "no better val_accuracy for 2 epochs; weights of epoch 2"
    assert same(trainer.engine.tensors(), weights[1])


def test_the_training_loss_needs_no_validation():
    wrong = document(training={"epochs": 200, "learning_rate": 2.0})
    wrong["data"]["validation"] = 0
    for name in ("val_loss", "val_accuracy"):
        wrong["training"]["early_stopping"] = name
        found, problems = check(wrong)
        assert found is None
        assert [p.path for p in problems] == ["training.early_stopping"]
        assert "data.validation" in problems[0].message
    wrong["training"]["early_stopping"] = {"name": "train_loss", "patience": 1}
    chosen, _ = check(wrong)
    trainer = trainer_of(chosen, *run_parts(chosen))
    *events, end = trainer.events()
    losses = [e.train_loss for e in events if isinstance(e, Epoch)]
    assert end.reason == "early_stopped"
    assert losses[-1] >= losses[-2]
    assert all(b < a for a, b in itertools.pairwise(losses[:-1]))


def test_a_diverging_run_diverges():
    stack = [{"type": "dense", "units": 6, "initializer": "normal"}, {"type": "dense"}]
    rest = {"loss": "mse", "learning_rate": 1000.0, "epochs": 30, "early_stopping": rule(patience=1)}
    chosen = preset(stack, rest)
    trainer = trainer_of(chosen, *run_parts(chosen))
    *_, end = trainer.events()
    assert end.reason == "diverged"
    assert trainer.engine.finite()


def test_who_stops_a_run_keeps_its_last_weights():
    chosen = preset(training={"epochs": 50, "learning_rate": 2.0, "early_stopping": rule(patience=40)})
    network, data, engine = run_parts(chosen)
    control = RunControl()
    trainer = trainer_of(chosen, network, data, engine, control)
    for event in trainer.events():
        if isinstance(event, Epoch) and event.epoch == 9:
            control.stop()
    assert (event.reason, event.message, engine.step_number) == ("stopped", "", 9 * STEPS)


# -- with a run folder ----------------------------------------------------------------------------------


OVERFITS = {"learning_rate": 1.0, "epochs": 60, "early_stopping": rule(patience=4)}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TUIML_HOME", str(tmp_path))


def finished(events):
    *_, end = events
    assert isinstance(end, End)
    return end


def figures(end):
    left = ("run", "path", "seconds", "examples_per_second")
    return {name: value for name, value in vars(end).items() if name not in left}


def test_a_run_that_stopped_early_can_be_told_apart_and_goes_on_when_asked():
    end = finished(session.run(preset(training=OVERFITS), name="early"))
    assert end.reason == "early_stopped"
    assert end.best_epoch == end.epochs - 4
    summary = library.summary(library.find("early"))
    assert (summary.reason, summary.best["epoch"]) == ("early_stopped", end.best_epoch)
    # The last weights are there to go on from, the best ones beside them.
    assert steps_in(library.find("early")) == [end.epochs * STEPS, end.best_epoch * STEPS]
    assert figures(finished(session.resume("early"))) == figures(end)
    more = [f"training.epochs={end.epochs + 3}", "training.early_stopping=never"]
    longer = finished(session.resume("early", more))
    assert (longer.reason, longer.epochs, longer.step) == (
        "completed",
        end.epochs + 3,
        (end.epochs + 3) * STEPS,
    )
    with pytest.raises(RunError, match="early_stopping"):
        finished(session.resume("early", ["training.batch_size=3"]))


def test_an_interruption_anywhere_changes_neither_the_end_nor_the_best_weights():
    whole = finished(session.run(preset(training=OVERFITS), name="whole"))
    best = path_of(library.find("whole"), whole.best_epoch * STEPS)
    wanted = library.find("whole")
    lines = (wanted / "metrics.jsonl").read_text().splitlines()
    epochs = [json.loads(line) for line in lines if json.loads(line)["event"] == "epoch"]
    for cut in (1, whole.best_epoch, whole.best_epoch + 2, whole.epochs):
        name = f"cut-{cut}"
        events = session.run(preset(training=OVERFITS), name=name)
        for event in events:
            if isinstance(event, Epoch) and event.epoch == cut:
                events.close()  # whoever listened is gone
        assert figures(finished(session.resume(name))) == figures(whole)
        again = [json.loads(x) for x in (library.find(name) / "metrics.jsonl").read_text().splitlines()]
        reported = [e["val_loss"] for e in again if e["event"] == "epoch"]
        assert reported == [e["val_loss"] for e in epochs]
        from safetensors.numpy import load_file

        one, two = load_file(best), load_file(path_of(library.find(name), whole.best_epoch * STEPS))
        assert same(one, two)


def test_another_figure_to_watch_starts_its_own_count():
    finished(
        session.run(preset(training={**OVERFITS, "early_stopping": "never", "epochs": 12}), name="plain")
    )
    more = ["training.epochs=40", "training.early_stopping=val_accuracy"]
    end = finished(session.resume("plain", more))
    assert end.best_epoch > 12
    assert end.epochs >= 12 + 5


def test_a_checkpoint_of_the_first_version_goes_on():
    """It does not say what was watched, nor which epoch gained enough."""
    finished(session.run(preset(training={**OVERFITS, "early_stopping": "never", "epochs": 5}), name="old"))
    folder = library.find("old")
    chosen = preset(training=OVERFITS)
    net, _, _ = run_parts(chosen)
    for step in steps_in(folder):
        found = checkpoints.load(path_of(folder, step), net, chosen.training.optimizer)
        data = checkpoints.encode(found.tensors, step, found.position, found.details)
        text = data[8 : 8 + int.from_bytes(data[:8], "little")].decode()
        details = json.loads(json.loads(text)["__metadata__"]["tuiml"])
        for name in ("metric", "improved_epoch", "improved_loss"):
            del details["position"][name]
        again = checkpoints._position(details["position"])
        assert (again.metric, again.improved_epoch) == ("", found.position.best_epoch)
        assert again.improved_loss == again.best_loss == found.position.best_loss
