"""Restricted Boltzmann machines: against the textbook, on real digits, and as a part of a run."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from tests import reference
from tests.helpers import network, tiny
from tuiml.backends.pretraining import Machine
from tuiml.data.arrays import Data
from tuiml.data.prepare import load
from tuiml.nn.network import Network, Node
from tuiml.nn.pretraining import RBM
from tuiml.runs import checkpoints, folder, memory_estimate, session
from tuiml.spec import Preset, SpecError, check, dumps, loads, network_of, pretraining
from tuiml.spec.edit import assign
from tuiml.training.events import End, Epoch, Pretraining, PretrainingProgress, Snapshot, Start, State
from tuiml.training.run_control import RunControl

Array = np.ndarray[Any, Any]


def hidden(units: int, **options: Any) -> dict[str, Any]:
    return {"type": "dense", "units": units, "activation": "sigmoid", **options}


LAST = {"type": "dense", "activation": "softmax"}


def document(method: dict[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    """Digits through two hidden layers, the second without biases."""
    return {
        "version": 1,
        "name": "pretrained",
        "data": {"name": "digits", "train": 500, "validation": 100},
        "layers": [{"type": "flatten"}, hidden(20), {"type": "dropout"}, hidden(12, bias=False), LAST],
        "pretraining": {"method": "rbm", "epochs": 2, "batch_size": 30, **(method or {})},
        "training": {"optimizer": "adam", "batch_size": 50, "epochs": 2},
        **rest,
    }


def made(*args: Any, **rest: Any) -> Preset:
    found, problems = check(document(*args, **rest))
    assert found, problems
    return found


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUIML_HOME", str(tmp_path / "home"))


# -- the mathematics --------------------------------------------------------------------------------------


def probabilities_data(features: int, count: int) -> Data:
    """Inputs in 0…1."""
    data = tiny(features, 3, train=count)
    part = replace(data.train, inputs=np.random.default_rng(1).random((count, features)).astype(np.float32))
    return replace(data, train=part)


def textbook(
    weight: Array, method: RBM, inputs: Array, batches: list[Array], *, bias: bool, linear: bool, seed: int
) -> tuple[Array, Array, Array, list[float]]:
    """CD-1 as Hinton's guide has it, example by example in float64: W, b, c and each batch's error."""
    w, (units, visible) = weight.astype(float), weight.shape
    b, c = np.zeros(visible), np.zeros(units)
    moved = [np.zeros_like(w), np.zeros_like(b), np.zeros_like(c)]
    rate = method.linear_learning_rate if linear else method.learning_rate
    errors = []
    for step, rows in enumerate(batches):
        change = [np.zeros_like(w), np.zeros_like(b), np.zeros_like(c)]
        error = 0.0
        for place, row in enumerate(rows):
            v0 = inputs[row].astype(float)
            h0 = reference.sigmoid(w @ v0 + c)
            draws = [reference.uniform(seed, 0, step, place * units + u) for u in range(units)]
            z = w.T @ (h0 > draws) + b
            v1 = z if linear else reference.sigmoid(z)
            h1 = reference.sigmoid(w @ v1 + c)
            change[0] += np.outer(h0, v0) - np.outer(h1, v1)
            change[1] += v0 - v1
            change[2] += (h0 - h1) * bias
            error += float((v0 - v1) @ (v0 - v1))
        cost = [method.weight_cost * w, 0.0, 0.0]
        for i in range(3):
            moved[i] = method.momentum * moved[i] + rate * (change[i] / len(rows) - cost[i])
        w, b, c = w + moved[0], b + moved[1], c + moved[2]
        errors.append(error)
    return w, b, c, errors


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("linear", [True, False])
@pytest.mark.parametrize(("visible", "units", "size"), [(6, 4, 5), (1, 1, 1), (1, 3, 4), (5, 1, 3)])
def test_a_step_is_the_textbooks(bias: bool, linear: bool, visible: int, units: int, size: int) -> None:
    method = RBM(learning_rate=0.5, linear_learning_rate=0.2, momentum=0.7, weight_cost=0.01, stddev=0.5)
    net, data = (
        network([hidden(units, bias=bias), {**LAST, "units": 3}], visible),
        probabilities_data(visible, 3 * size - (size > 1)),
    )
    machine = Machine(method, net, net.nodes[0], data, None, linear, 7)
    start = machine.tensors()["layers.0.weight"]
    count = len(data.train)
    batches = [np.arange(count)[i : i + size] for i in range(0, count, size)]  # the last one is smaller
    errors = [machine.step(rows, number) for number, rows in enumerate(batches)]
    w, b, c, expected = textbook(start, method, data.train.inputs, batches, bias=bias, linear=linear, seed=7)
    found = machine.tensors()
    np.testing.assert_allclose(found["layers.0.weight"], w, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(machine.visible_bias[:, 0], b, rtol=1e-5, atol=1e-6)
    assert ("layers.0.bias" in found) == bias
    if bias:
        np.testing.assert_allclose(found["layers.0.bias"], c, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(errors, expected, rtol=1e-5)
    out = machine.outputs()
    np.testing.assert_allclose(
        out[:, :-1], reference.sigmoid(data.train.inputs @ w.T + c), rtol=1e-5, atol=1e-6
    )
    assert (out[:, -1] == 1).all()


def digits() -> tuple[Machine, Data, Network, Node]:
    chosen = made()
    net, data = network_of(chosen), load(chosen.data, 0)
    node = pretraining.nodes(net)[0]
    return Machine(RBM(), net, node, data, None, False, 0), data, net, node


def learn(machine: Machine, count: int, epochs: int) -> list[float]:
    errors, number = [], 0
    for epoch in range(epochs):
        order, total = np.random.default_rng(epoch).permutation(count), 0.0
        for start in range(0, count, 10):
            total += machine.step(order[start : start + 10], number)
            number += 1
        errors.append(total / (count * machine.inputs))
    return errors


def free_energy(machine: Machine, v: Array) -> Array:
    """−bᵀv − Σ log(1 + e^(Wv + c)), guide, section 16.1: low where the model finds v likely."""
    w, c = machine.weights[:-1], machine.weights[-1]
    return np.asarray(-v @ machine.visible_bias[:, 0] - np.logaddexp(0, v @ w + c).sum(1))


def test_an_rbm_learns_what_digits_look_like() -> None:
    machine, data, _, _ = digits()
    x = data.batch(data.train, slice(None))
    errors = learn(machine, len(x), 10)
    variance = float(x.var(0).mean())  # the error of always giving the mean picture
    assert errors[-1] < 0.6 * variance < errors[0]
    # Unseen digits are more likely than the same pixels in another order, which random weights cannot tell.
    unseen = data.batch(data.test, slice(None))
    mixed = np.random.default_rng(0).permuted(unseen, axis=1)
    assert np.median(free_energy(machine, unseen)) < np.quantile(free_energy(machine, mixed), 0.1)


def test_each_layer_and_seed_draws_numbers_of_its_own_and_always_the_same() -> None:
    machine, data, net, node = digits()
    again = Machine(RBM(), net, node, data, None, False, 0)
    other = Machine(RBM(), net, node, data, None, False, 1)
    for one in (machine, again, other):
        learn(one, 100, 1)
    assert np.array_equal(machine.weights, again.weights)
    assert not np.array_equal(machine.weights, other.weights)


def test_a_step_computes_into_arrays_that_it_has() -> None:
    import tracemalloc

    machine, data, _, _ = digits()
    rows = np.arange(len(data.train))
    machine.step(rows, 0)
    tracemalloc.start()
    for number in range(1, 5):
        machine.step(rows, number)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 80_000  # NumPy's own to convert pieces of uint8; the batch's inputs have 128,000 bytes


# -- the preset -------------------------------------------------------------------------------------------


def test_a_pretrained_preset_reads_back_equal() -> None:
    for method in ({}, {"learning_rate": 0.05, "momentum": 0.0}):
        chosen = made(method)
        assert check(loads(dumps(chosen.document()))) == (chosen, [])
    plain = {k: v for k, v in document().items() if k != "pretraining"}
    chosen, problems = check(plain)
    assert chosen, problems
    assert chosen.pretraining is None
    assert "pretraining" not in chosen.document()


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"pretraining": {"epochs": 3}}, "pretraining", "has no 'method'"),
        ({"pretraining": {"method": "rbn"}}, "pretraining", "did you mean 'rbm'?"),
        ({"pretraining": {"method": "rbm", "epoch": 3}}, "pretraining", "did you mean 'epochs'?"),
        ({"pretraining": {"method": "rbm", "epochs": 0}}, "pretraining.epochs", "at least 1"),
        ({"pretraining": {"method": "rbm", "batch_size": 501}}, "pretraining.batch_size", "at most 500"),
        ({"data": {"name": "digits", "normalize": "none"}}, "data.normalize", "give unit or standard"),
        ({"layers": [{"type": "flatten"}, LAST]}, "pretraining", "needs a dense layer before the last"),
        (
            {"layers": [{"type": "flatten"}, hidden(9), hidden(9, activation="relu"), LAST]},
            "layers[2].activation",
            "sigmoid layers, not relu; give sigmoid",
        ),
    ],
)
def test_what_cannot_be_pretrained_is_reported_by_its_place(
    changes: dict[str, Any], path: str, words: str
) -> None:
    found, problems = check(document(**changes))
    assert found is None
    assert [p.path for p in problems] == [path]
    assert words in problems[0].message


def test_settings_make_the_section_where_there_is_none() -> None:
    plain = {k: v for k, v in document().items() if k != "pretraining"}
    assert assign(plain, "pretraining.method=rbm")["pretraining"] == {"method": "rbm"}
    assert assign(plain, "pretraining.epochs=3")["pretraining"] == {"method": "rbm", "epochs": 3}
    named = assign(plain, "pretraining=rbm")
    assert named["pretraining"] == "rbm"
    chosen, _ = check(assign(named, "pretraining.epochs=3"))
    assert chosen
    assert chosen.pretraining == RBM(epochs=3)
    with pytest.raises(SpecError, match="did you mean 'pretraining'"):
        assign(plain, "pretrainig.epochs=3")


def test_sizes_that_no_computer_holds_are_refused_and_memory_is_reported() -> None:
    chosen = made()
    plain = chosen.model_copy(update={"pretraining": None})
    extra = memory_estimate.of_run(chosen, network_of(chosen)) - memory_estimate.of_run(
        plain, network_of(plain)
    )
    assert extra > 4 * 500 * (20 + 12)  # what both layers make of the examples
    data = {"name": "mnist"}
    found, problems = check(document(data=data, layers=[{"type": "flatten"}, hidden(60_000), LAST]))
    assert found is None
    assert [p.path for p in problems] == ["pretraining"]


# -- the run ----------------------------------------------------------------------------------------------


def tensors(path: str | Path) -> dict[str, Any]:
    return dict(safetensors.numpy.load_file(path))


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def run(chosen: Preset, name: str, **rest: Any) -> tuple[list[Any], Path]:
    events = list(session.run(chosen, name=name, **rest))
    return events, folder.runs_folder() / name


def without_times(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {k: v for k, v in line.items() if k not in ("seconds", "examples_per_second", "time", "path", "run")}
        for line in lines
        if line["event"] in ("epoch", "pretraining")
    ]


def test_a_run_reports_pretraining_before_its_epochs_and_starts_from_what_was_learned() -> None:
    events, path = run(made(), "one")
    kinds = [e.event for e in events if not isinstance(e, PretrainingProgress | Snapshot)]
    assert kinds == ["start", *["pretraining"] * 4, "epoch", "epoch", "end"]
    reported = [e for e in events if type(e) is Pretraining]
    assert [(e.layer, e.number, e.layers, e.epoch, e.epochs) for e in reported] == [
        (1, 1, 2, 1, 2),
        (1, 1, 2, 2, 2),
        (3, 2, 2, 1, 2),
        (3, 2, 2, 2, 2),
    ]
    assert reported[1].reconstruction_error < reported[0].reconstruction_error
    lines = folder.read_metrics(path, snapshots=False)
    assert [line for line in lines if line["event"] == "pretraining"] == [e.to_json() for e in reported]
    plain, _ = run(made().model_copy(update={"pretraining": None}), "plain")
    first, second = (
        tensors(path / "initial.safetensors"),
        tensors(folder.runs_folder() / "plain" / "initial.safetensors"),
    )
    assert first.keys() == second.keys()
    assert np.array_equal(first["layers.4.weight"], second["layers.4.weight"])  # the last is as it was
    assert not np.array_equal(first["layers.1.weight"], second["layers.1.weight"])
    assert np.abs(first["layers.1.bias"]).max() > 0
    zero = tensors(checkpoints.path_of(path, 0))
    assert all(not values.any() for name, values in zero.items() if name.startswith("optimizer."))
    assert same({name: zero[name] for name in first}, first)
    assert not (path / folder.PRETRAINED).exists()
    assert isinstance(plain[-1], End)


def test_pretraining_helps_a_stack_that_does_not_train_without() -> None:
    start = {"initializer": {"name": "normal", "stddev": 0.1}}
    stack = [{"type": "flatten"}, *[hidden(32, **start) for _ in range(4)], {**LAST, **start}]
    training = {"optimizer": "sgd", "learning_rate": 0.1, "batch_size": 10, "epochs": 10}
    chosen = made({"epochs": 20, "batch_size": 10}, data={"name": "digits"}, layers=stack, training=training)
    helped = run(chosen, "with")[0][-1]
    alone = run(chosen.model_copy(update={"pretraining": None}), "without")[0][-1]
    assert alone.test_accuracy < 0.2
    assert helped.test_accuracy > 0.8


def test_standard_inputs_have_linear_visible_units() -> None:
    data = {"name": "digits", "normalize": "standard"}
    events, _ = run(made({"epochs": 5}, data=data), "standard")
    reported = [e for e in events if type(e) is Pretraining]
    assert reported[4].reconstruction_error < reported[0].reconstruction_error < 1.1  # their variance is 1
    assert isinstance(events[-1], End)
    assert events[-1].reason == "completed"


@pytest.mark.parametrize("stop_in", [(1, 1), (2, 1), (2, 2)])
def test_a_run_that_stopped_while_it_pretrained_goes_on_with_the_same_bits(stop_in: tuple[int, int]) -> None:
    whole, path = run(made(), "whole")
    control, before = RunControl(), []
    for event in session.run(made(), name="cut", control=control):
        before.append(event)
        if type(event) is Pretraining and (event.number, event.epoch) == stop_in:
            control.stop()
    end = before[-1]
    assert (end.reason, end.step, end.epochs) == ("stopped", 0, 0)
    cut = folder.runs_folder() / "cut"
    after = list(session.resume("cut"))
    done = {e.number for e in before if isinstance(e, Pretraining) and e.epoch == 2}
    assert all(e.number not in done for e in after if isinstance(e, Pretraining))
    for name in ("initial.safetensors", checkpoints.path_of(Path(), whole[-1].step).name):
        assert same(tensors(path / name), tensors(cut / name)), name
    assert without_times(folder.read_metrics(cut)) == without_times(folder.read_metrics(path))


def test_a_run_killed_while_it_pretrained_goes_on_with_the_same_bits() -> None:
    _, path = run(made(), "whole")
    events = session.run(made(), name="killed")
    for event in events:
        if type(event) is Pretraining and (event.number, event.epoch) == (2, 1):
            break
    events.close()  # as when whoever listens goes away
    killed = folder.runs_folder() / "killed"
    assert not list(killed.glob("checkpoint-*")), "nothing to go on from but the first layer"
    after = list(session.resume("killed"))
    assert [e.number for e in after if type(e) is Pretraining] == [2, 2]
    assert same(tensors(path / "initial.safetensors"), tensors(killed / "initial.safetensors"))
    assert without_times(folder.read_metrics(killed)) == without_times(folder.read_metrics(path))


def test_layers_that_were_kept_and_are_damaged_are_learned_anew() -> None:
    _, path = run(made(), "whole")
    control = RunControl()
    for event in session.run(made(), name="cut", control=control):
        if type(event) is Pretraining and event.number == 2:
            control.stop()
    cut = folder.runs_folder() / "cut"
    kept = cut / folder.PRETRAINED
    data = bytearray(kept.read_bytes())
    data[-9] ^= 1
    kept.write_bytes(data)
    after = list(session.resume("cut"))
    assert [e.number for e in after if type(e) is Pretraining] == [1, 1, 2, 2]
    assert same(tensors(path / "initial.safetensors"), tensors(cut / "initial.safetensors"))


def test_a_run_that_is_past_it_pretrains_no_more_and_ends_with_the_same_bits() -> None:
    whole, path = run(made(), "whole")
    control = RunControl()
    for event in session.run(made(), name="cut", control=control):
        if isinstance(event, Epoch):
            control.stop()
    after = list(session.resume("cut"))
    assert not [e for e in after if isinstance(e, Pretraining)]
    last = checkpoints.path_of(Path(), whole[-1].step).name
    assert same(tensors(path / last), tensors(folder.runs_folder() / "cut" / last))


def test_it_is_paused_taken_a_batch_further_and_given_another_rate() -> None:
    control, states, asked = RunControl(), [], []
    events = session.run(made(), name="one", control=control)
    for event in events:
        if isinstance(event, Start):
            control.pause()
        elif isinstance(event, State):
            states.append((event.state, event.step, event.learning_rate))
            if len(states) == 1:
                control.set_rate(0.25)
            elif len(states) == 2:
                control.step()
            elif len(states) < 5:
                asked.append(len(states))
                control.resume()
        elif isinstance(event, PretrainingProgress) and control.paused:
            control.resume()
    assert states[0] == ("paused", 0, 0.001)
    assert states[1][2] == 0.25
    assert isinstance(event, End)
    assert event.reason == "completed"
    lines = folder.read_metrics(folder.runs_folder() / "one")
    assert {line["learning_rate"] for line in lines if line["event"] == "epoch"} == {0.25}


@pytest.mark.filterwarnings("error")
def test_what_overflows_ends_as_diverged_and_keeps_finite_values() -> None:
    data = {"name": "digits", "normalize": "standard"}
    events, path = run(made({"linear_learning_rate": 1000.0, "epochs": 50}, data=data), "one")
    end = events[-1]
    assert end.reason == "diverged"
    assert "pretraining of layer 1 was not finite" in end.message
    assert math.isfinite(end.test_loss)
    assert not list(path.glob("checkpoint-*"))


def test_the_lines_of_a_run_say_each_epoch_of_pretraining_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from tuiml.cli import main

    file = tmp_path / "p.toml"
    file.write_text(dumps(made().document()))
    assert main(["train", str(file), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["start", *["pretraining"] * 4, "epoch", "epoch", "end"]
    assert {"layer", "epoch", "reconstruction_error"} <= lines[1].keys()
    assert main(["train", str(file)]) == 0
    assert "pretraining layer 2/2, epoch 1/2  reconstruction error 0." in capsys.readouterr().err
    assert main(["show", str(file)]) == 0
    assert "pretrained rbm (epochs 2, batch_size 30)" in capsys.readouterr().out
