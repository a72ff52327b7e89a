"""Numbers as targets: engines, totals, rules of presets, and the events of a run."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import engine, numbers, run_parts, trainer_of
from tests.reference import Reference
from tests.runs.test_runs import finish, same, stop_at, tensors
from tuiml.backends import sharding
from tuiml.backends.engine import Totals
from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.cli import main
from tuiml.data.prepare import load
from tuiml.nn.losses import losses
from tuiml.runs import folder, session
from tuiml.spec import check, network_of, toml
from tuiml.spec.library import bundled
from tuiml.training.diagnosis_context import DiagnosisContext
from tuiml.training.event_reading import read_event
from tuiml.training.events import End, Epoch, Progress
from tuiml.training.probe import probe
from tuiml.training.rate_finder import RateFinder
from tuiml.training.run_control import RunControl

LOSSES = [entry.name for entry in losses if entry.activation is None]
every_loss = pytest.mark.parametrize("loss", LOSSES)


def stack_of(outputs, units=5, activation="tanh"):
    return [
        {"type": "dense", "units": units, "activation": activation, "initializer": "he_normal"},
        {"type": "dense", "units": outputs},
    ]


@every_loss
@pytest.mark.parametrize("outputs", [1, 3])
def test_gradients_loss_and_r2_are_the_textbooks(loss, outputs):
    stack, data = stack_of(outputs), numbers(outputs=outputs)
    run = engine(stack, data, "sgd", loss)
    p = {name: t.astype(np.float64) for name, t in run.tensors().items()}
    rows = np.array([3, 0, 17, 5, 9])
    assert run.step(rows, 0.0)
    reference = Reference(stack, loss)
    inputs, targets = data.train.inputs[rows].astype(np.float64), data.train.labels[rows]
    found = run.totals()
    assert found.mean_loss == pytest.approx(reference.mean_loss(inputs, targets, p), rel=2e-6)
    assert math.isnan(found.accuracy)
    expected = reference.gradients(inputs, targets, p, 0)
    for name, values in run._gradients[0].tensors().items():
        np.testing.assert_allclose(values, expected[name], rtol=2e-4, atol=3e-6, err_msg=name)
    judged = run.evaluate(data.validation)
    held_out = data.validation.inputs.astype(np.float64), data.validation.labels
    assert judged.mean_loss == pytest.approx(reference.mean_loss(*held_out, p), rel=2e-6)
    assert judged.r2 == pytest.approx(reference.r2(*held_out, p), abs=1e-5)
    outputs_, each = run.evaluate_each(data.validation)
    assert pytest.approx(np.array(reference.outputs(held_out[0], p)), abs=1e-5) == outputs_.T
    assert each.mean() == pytest.approx(judged.mean_loss, rel=1e-5)


def test_an_epochs_r2_is_that_of_its_batches_as_they_were_trained():
    data = numbers(train=40)
    run = engine(stack_of(1), data, "sgd", "mse")
    order = np.arange(40)
    assert run.steps([(order[start : start + 16], 0.0) for start in range(0, 40, 16)]) == 3  # the last has 8
    assert run.totals().r2 == pytest.approx(run.evaluate(data.train).r2, abs=1e-6)


def test_totals_of_numbers_add_up_and_say_nothing_where_there_is_nothing_to_say():
    both = Totals(1.0, 0, 4, 2.0) + Totals(1.0, 0, 4, 4.0)
    assert (both.r2, both.mean_loss) == (0.25, 0.25)
    assert (Totals(0.0, 0, 0) + both) == both
    assert math.isnan(both.accuracy)
    assert math.isnan(Totals(1.0, 3, 4).r2)
    assert Totals(0.0, 0, 0, 0.0).r2 == -math.inf
    data = numbers(validation=1)  # of one example no variance can be explained
    found = engine(stack_of(1), data, "sgd", "mse").evaluate(data.validation)
    assert found.r2 == -math.inf
    assert math.isfinite(found.mean_loss)


@pytest.mark.parametrize("outputs", [1, 2])
def test_shares_of_a_batch_add_up_to_the_same(monkeypatch, outputs):
    data, stack = numbers(outputs=outputs, train=96, validation=64), stack_of(outputs, units=30)
    alone = engine(stack, data, "adam", "mse")
    monkeypatch.setattr(sharding, "WORTH_SPLITTING", 1.0)
    shared = NumpyEngine(alone.network, alone.update.optimizer, data, 0, threads=2)
    for run in (alone, shared):
        assert run.steps([(np.arange(k, k + 64), 0.01) for k in (0, 32, 7)]) == 3
    assert len(shared._latest.passes) == 2
    one, two = alone.totals(), shared.totals()
    assert two.loss == pytest.approx(one.loss, rel=1e-5)
    assert two.missed == pytest.approx(one.missed, rel=1e-5)
    assert shared.evaluate(data.validation).r2 == pytest.approx(alone.evaluate(data.validation).r2, abs=1e-5)
    shared.close()


def test_a_linear_layer_finds_the_least_squares_solution():
    data = numbers(features=4, outputs=2, train=120)
    run = engine([{"type": "dense", "units": 2}], data, "sgd", "mse")
    rows = np.arange(120)
    run.steps([(rows, 0.3)] * 2000)
    x = np.column_stack([data.train.inputs, np.ones(120)]).astype(np.float64)
    best = np.linalg.lstsq(x, data.train.labels.astype(np.float64), rcond=None)[0]
    assert run.tensors()["layers.0.weight"] == pytest.approx(best[:-1].T, abs=1e-4)
    assert run.tensors()["layers.0.bias"] == pytest.approx(best[-1], abs=1e-4)
    residual = data.train.labels - x @ best
    total = data.train.labels - data.train.labels.mean(axis=0)
    found = run.evaluate(data.train)
    assert found.r2 == pytest.approx(1 - np.sum(residual**2) / np.sum(total**2), abs=1e-5)
    assert found.mean_loss == pytest.approx(np.mean(residual**2), rel=1e-4)


def test_huber_is_mse_by_half_near_the_target_and_mae_far_from_it():
    huber = losses["huber"](delta=0.5)
    y, t = np.array([[0.2, 3.0]]), np.zeros((1, 2))
    assert huber.value(np, y, y, t)[0] == pytest.approx([0.02, 0.5 * (3 - 0.25)])
    assert huber.gradient(np, y, y, t)[0] == pytest.approx([0.2, 0.5])
    assert losses["mae"]().value(np, y, y, t)[0] == pytest.approx([0.2, 3.0])


# -- presets ----------------------------------------------------------------------------------------------


def document(data=None, last=None, **training):
    return {
        "version": 1,
        "name": "fit",
        "data": {"name": "sine", "size": 100, "validation": 20, **(data or {})},
        "layers": [
            {"type": "dense", "units": 8, "activation": "tanh"},
            {"type": "dense", **(last or {})},
        ],
        "training": {"loss": "mse", "optimizer": "adam", "batch_size": 20, "epochs": 3, **training},
    }


def preset(**options):
    found, problems = check(document(**options))
    assert found is not None, problems
    return found


def complaints(**options):
    found, problems = check(document(**options))
    assert found is None
    return {problem.path: problem.message for problem in problems}


def test_the_last_layer_has_a_unit_for_each_number():
    assert network_of(preset()).outputs == 1
    assert preset(last={"units": 1}).data.outputs == 1
    assert complaints(last={"units": 3}) == {
        "layers[1].units": "3 outputs for 1 number; give 1, or leave units out"
    }


def test_what_is_for_classes_is_refused_with_what_to_give():
    found = complaints(last={"activation": "softmax"}, loss="cross_entropy")
    assert found["training.loss"].endswith("sine is a regression; give mse")
    assert found["layers[1].activation"].endswith("the target is a number; give linear")
    assert "give mse" in complaints(loss="binary_cross_entropy")["training.loss"]
    assert "use val_loss" in complaints(early_stopping="val_accuracy")["training.early_stopping"]
    preset(early_stopping="val_loss", last={"activation": "tanh"}, loss="huber")


# -- a run ------------------------------------------------------------------------------------------------


def events_of(chosen, **options):
    data = load(chosen.data, 0)
    run = NumpyEngine(network_of(chosen), chosen.training.optimizer, data, 0)
    return list(trainer_of(chosen, run.network, data, run, RunControl(), **options).events())


def test_a_run_reports_r2_and_no_accuracy():
    reported = events_of(preset(data={"waves": 0.5}, epochs=60, learning_rate=0.03), live=True)
    epochs = [event for event in reported if isinstance(event, Epoch)]
    assert all(math.isnan(event.train_accuracy) and math.isnan(event.val_accuracy) for event in epochs)
    assert epochs[-1].val_r2 > 0.5 > epochs[0].val_r2
    assert epochs[-1].train_r2 > epochs[0].train_r2
    assert all(math.isfinite(event.train_r2) for event in reported if isinstance(event, Progress))
    (end,) = (event for event in reported if isinstance(event, End))
    assert end.test_r2 == pytest.approx(epochs[-1].val_r2, abs=0.3)
    line = json.loads(json.dumps(epochs[-1].to_json(), allow_nan=False))
    assert line["val_accuracy"] is None
    assert line["val_r2"] == epochs[-1].val_r2


def test_a_run_of_classes_says_nothing_of_r2():
    line = Epoch(1, 2, 0.5, 0.5, 0.5, 0.5, 0.1, 1.0, 2.0).to_json()
    assert not any("r2" in key for key in line)


def test_mse_of_a_normalized_target_is_what_r2_lacks():
    reported = events_of(preset(data={"name": "friedman1", "validation": 20}, epochs=2))
    last = [event for event in reported if isinstance(event, Epoch)][-1]
    assert last.train_loss == pytest.approx(1 - last.train_r2, abs=1e-4)


def probed(**data):
    chosen = preset(data={"name": "friedman1", "validation": 20, **data})
    net, loaded, run = run_parts(chosen)
    return chosen, net, probe(chosen, net, loaded, run)


def test_targets_that_are_not_normalized_are_reported_before_the_first_step_with_the_remedy():
    chosen, net, found = probed(normalize_target="none")
    assert found.target_mean == pytest.approx(14.4, abs=1)
    (reported,) = (v for v in found.verdicts(chosen, net) if v.name == "targets not normalized")
    assert "mean 15.1 and std 4.5" in reported.evidence
    healed, problems = check(reported.remedy.apply(chosen.document()))
    assert healed is not None, problems
    assert healed.data.target_scaling() == "standard"
    chosen, net, found = probed()
    assert not [v for v in found.verdicts(chosen, net) if "targets" in v.name]


def test_success_at_numbers_is_not_measured_by_the_number_of_classes():
    chosen, net, found = probed()
    reported = {"preset": chosen, "network": net, "layers": found.snapshot.layers, "step": 100}
    assert DiagnosisContext(**reported, losses=(200.0, 40.0)).learned
    assert not DiagnosisContext(**reported, losses=(1.0, 0.5)).learned


def test_the_rate_finder_finds_a_rate_for_mse():
    chosen = preset(data={"name": "friedman1", "size": 1000, "validation": 20}, batch_size=32)
    _, data, run = run_parts(chosen)
    found = list(RateFinder(chosen, data, run).events())[-1]
    assert 1e-4 < found.learning_rate < 1


# -- saved, and gone on with ------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [3, 4, 9])
def test_a_stopped_run_of_numbers_ends_with_the_bits_of_one_never_stopped(step, monkeypatch):
    chosen = preset(last={"bias": False}, loss="huber")
    whole = finish(session.run(chosen, name="whole"))
    control = RunControl()
    with monkeypatch.context() as patch:
        stop_at(control, step, patch)
        finish(session.run(chosen, name="parts", control=control))
    end = finish(session.resume("parts"))
    assert (end.test_loss, end.test_r2) == (whole.test_loss, whole.test_r2)
    assert same(tensors(whole.path, 12), tensors(end.path, 12))
    for a, b in zip(*(map(epochs_of, (whole.path, end.path))), strict=True):
        assert a["train_r2"] == pytest.approx(b["train_r2"])
        assert (a["val_loss"], a["val_r2"], a["val_accuracy"]) == (b["val_loss"], b["val_r2"], None)


def epochs_of(path):
    return [line for line in folder.read_metrics(Path(path)) if line["event"] == "epoch"]


# -- the command line -------------------------------------------------------------------------------------


def test_commands_report_r2_of_numbers_and_accuracy_of_classes(capsys):
    numbers_ = ["sine-regression", "--set", "training.epochs=2"]
    assert main(["train", *numbers_, "--run", "wave"]) == 0
    out, err = capsys.readouterr()
    assert "test R² " in out
    assert "accuracy" not in out + err
    assert "val R² " in err
    assert main(["train", "spiral-playground", "--set", "training.epochs=1", "--run", "arms", "--quiet"]) == 0
    assert "test accuracy" in capsys.readouterr().out
    assert main(["runs"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["run", "differs", "val"]
    assert any(row.startswith("wave") and "R² " in row and "%" not in row for row in rows), rows
    assert any(row.startswith("arms") and "%" in row for row in rows), rows
    assert main(["compare", "wave", "arms"]) == 0
    titles = {line.split("  ")[0] for line in capsys.readouterr().out.splitlines()}
    assert {"test R²", "test accuracy", "best val R²"} <= titles
    assert main(["compare", "wave"]) == 0
    assert "accuracy" not in capsys.readouterr().out
    assert main(["train", *numbers_, "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all(line["train_accuracy"] is None for line in lines if line["event"] == "epoch")
    assert math.isfinite(lines[-1]["test_r2"])
    assert lines[-1]["test_accuracy"] is None


def test_a_constant_target_is_named_and_its_r2_is_not_defined(tmp_path, capsys):
    table = tmp_path / "constant.csv"
    table.write_text("a,b,value\n" + "".join(f"{i},{i % 7},2.5\n" for i in range(60)))
    chosen = tmp_path / "constant.toml"
    written = document(epochs=2) | {"data": {"path": str(table), "validation": 5}}
    chosen.write_text(toml.dumps(written))
    assert main(["train", str(chosen), "--json", "--run", "flat"]) == 0
    *_, epoch, end = map(json.loads, capsys.readouterr().out.splitlines())
    assert [epoch["train_r2"], epoch["val_r2"], end["test_r2"]] == [None, None, None]
    assert read_event(end).test_r2 == read_event(epoch).val_r2 == -math.inf
    assert main(["train", str(chosen)]) == 0
    out, err = capsys.readouterr()
    assert "test R² –" in out
    assert "  R² –  " in err
    assert "the target is the same in every training example" in err
    assert main(["data", "check", str(table)]) == 0
    assert "the target is the same in every training example" in capsys.readouterr().out
    assert main(["probe", str(chosen)]) == 0
    assert "▲ constant target" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["sine-regression", "friedman-regression"])
def test_bundled_regressions_explain_nearly_all_there_is(name):
    chosen = next(p for p in bundled() if p.name == name)
    document_ = chosen.document()
    found, problems = check(document_ | {"training": document_["training"] | {"epochs": 40}}
                            if name.startswith("friedman") else document_)  # fmt: skip
    assert found is not None, problems
    (end,) = (event for event in events_of(found) if isinstance(event, End))
    assert end.test_r2 > 0.93
