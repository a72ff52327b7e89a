"""A look at a network before it is trained: by the command, by the process, and that nothing is downloaded.

What the notes on initial values say is asserted of the very numbers that the screen shows.
"""

import json
import math
import socket
import threading

import numpy as np
import pytest

from tests import helpers
from tuiml.cli import main
from tuiml.cli.commands.probe import blocks
from tuiml.data.prepare import load_here
from tuiml.runs import preset_prober, probe_process
from tuiml.runs.app_connection import Unpacker, pack
from tuiml.runs.preset_prober import Prober
from tuiml.spec import check
from tuiml.training.probe import EXAMPLES, probe

PATIENCE = 60.0


def layers_of(capsys, *arguments):
    """The layers that ``tuiml probe --json`` reports."""
    assert main(["probe", *arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    return found["layers"][:-1], found


def classic(initializer, activation="sigmoid"):
    """The arguments for five layers of 100 with these."""
    values = {"initializer": initializer, "activation": activation}
    settings = [f"layers[{i}].{key}={value}" for i in range(5) for key, value in values.items()]
    return ["init-5x100-classic", *(word for setting in settings for word in ("--set", setting))]


def ends(layer, parts=10):
    """The fractions of a layer's outputs in the first, the middle two and the last of ``parts`` bins."""
    sums = [sum(group) for group in np.array_split(layer["activations"]["counts"], parts)]
    total = sum(layer["activations"]["counts"])
    middle = parts // 2
    return sums[0] / total, (sums[middle - 1] + sums[middle]) / total, sums[-1] / total


# -- what the notes say ----------------------------------------------------------------------------------


def test_sigma_1_piles_up_at_0_and_1(capsys):
    layers, found = layers_of(capsys, *classic("normal"))
    for layer in layers:
        low, middle, high = ends(layer)
        assert low > 4 * middle / 2
        assert high > 4 * middle / 2
        assert layer["saturated"] > 0.5
    assert [v["name"] for v in found["verdicts"]] == ["saturated"]


def test_sigma_001_collapses_at_a_half(capsys):
    layers, found = layers_of(capsys, *classic('{ name = "normal", stddev = 0.01 }'))
    assert all(abs(layer["mean"] - 0.5) < 0.02 for layer in layers)
    assert all(layer["std"] < 0.02 for layer in layers[1:])
    assert ends(layers[-1])[1] == 1.0
    assert [v["name"] for v in found["verdicts"]] == ["collapsed"]


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_glorot_spreads_through_sigmoid_and_tanh(capsys, activation):
    layers, found = layers_of(capsys, *classic("glorot_normal", activation))
    assert all(layer["std"] > 0.1 for layer in layers)
    assert all(layer["saturated"] < 0.2 for layer in layers)
    assert "saturated" not in [v["name"] for v in found["verdicts"]]


def test_glorot_shrinks_under_relu_and_he_holds(capsys):
    layers, _ = layers_of(capsys, *classic("glorot_normal", "relu"))
    stds = [layer["std"] for layer in layers]
    assert stds == sorted(stds, reverse=True)
    assert stds[-1] < 0.5 * stds[0]
    layers, found = layers_of(capsys, *classic("he_normal", "relu"))
    assert 0.5 < layers[-1]["std"] / layers[0]["std"] < 2
    assert found["verdicts"] == []


def test_he_holds_its_spread_through_ten_layers(capsys):
    settings = [f"layers[{i}].initializer=he_normal" for i in range(1, 11)]
    words = [word for setting in settings for word in ("--set", setting)]
    layers, _ = layers_of(capsys, "mnist-relu-10", *words)
    assert 0.5 < layers[-1]["std"] / layers[1]["std"] < 2


def test_the_gradient_vanishes_through_ten_sigmoid_layers(capsys):
    _, found = layers_of(capsys, "mnist-sigmoid-10")
    norms = [layer["gradient_norm"] for layer in found["layers"][1:]]
    assert norms[0] < 1e-3 * norms[-1]
    (verdict,) = found["verdicts"]
    assert verdict["name"] == "vanishing gradient"


# -- the command -----------------------------------------------------------------------------------------


def test_the_table_and_the_verdict_for_reading(capsys):
    assert main(["probe", "zeros-never-learns"]) == 0
    out = capsys.readouterr().out
    assert "dense relu zeros" in out
    assert "▲ symmetric units: layers 1 and 2" in out
    assert "layers[1, 2].initializer = he_normal" in out
    assert main(["probe", "digits-quickstart"]) == 0
    assert "nothing is wrong" in capsys.readouterr().out


def test_what_cannot_be_probed_is_wrong_usage(capsys):
    assert main(["probe", "no-such-preset"]) == 2
    assert main(["probe", "digits-quickstart", "--set", "training.batch_size=0"]) == 2
    assert "training.batch_size" in capsys.readouterr().err
    assert main(["probe", "digits-quickstart", "--set", "layers[1].units=1000000", "--set",
                 "layers[2].units=1000000"]) == 2  # fmt: skip
    assert "layers" in capsys.readouterr().err


def test_data_that_is_not_here_is_not_fetched_and_that_is_said(capsys, monkeypatch):
    def fail(*arguments):
        raise AssertionError("nothing is downloaded")

    monkeypatch.setattr("tuiml.data.store.fetch", fail)
    assert main(["probe", "mnist-4x200-relu", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["inputs"] == "noise"
    assert "mnist" in found["note"]
    assert found["input_std"] == pytest.approx(1.0, abs=0.02)
    assert found["verdicts"] == []


def test_every_number_is_json(capsys):
    huge = 'layers[*].initializer={ name = "normal", stddev = 1000.0 }'
    _, found = layers_of(capsys, "mnist-relu-10", "--set", huge)
    norms = [layer["gradient_norm"] for layer in found["layers"][1:]]
    assert any(norm is None or norm > 1e20 for norm in norms)
    assert found["verdicts"]


def test_blocks():
    assert blocks([0, 0, 1, 3, 8, 8, 0, 0], 4) == " ▂█ "
    assert blocks([0, 0], 2) == "  "


# -- the function ----------------------------------------------------------------------------------------


def test_it_looks_at_the_first_examples_and_trains_nothing():
    chosen = helpers.preset()
    network, data, engine = helpers.run_parts(chosen)
    before = engine.tensors()
    found = probe(chosen, network, data, engine)
    assert found.examples == min(EXAMPLES, len(data.train))
    assert (found.snapshot.step, engine.step_number) == (0, 0)
    after = engine.tensors()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert all(math.isfinite(layer.gradient_norm) for layer in found.snapshot.layers)
    batch = data.batch(data.train, slice(0, found.examples))
    assert found.input_mean == pytest.approx(batch.mean(), abs=1e-6)


def test_the_few_examples_kept_give_what_the_whole_data_gives():
    chosen, _ = check(helpers.document())
    own = probe(chosen, *helpers.run_parts(chosen))
    assert Prober().probe(chosen)[1].snapshot == own.snapshot


def test_the_data_of_the_last_presets_is_kept_and_no_more(monkeypatch):
    loads = []

    def counted(dataset, seed):
        loads.append(seed)
        return load_here(dataset, seed)

    monkeypatch.setattr(preset_prober, "load_here", counted)
    one = Prober()
    for seed in (0, 0, *range(preset_prober.CACHED + 1), 0):
        one.probe(helpers.preset(training={"seed": seed}))
    assert loads == [0, *range(1, preset_prober.CACHED + 1), 0]


# -- the process -----------------------------------------------------------------------------------------


class Client:
    """The app's end of the line."""

    def __init__(self, line, answerer):
        self.line, self.answerer = line, answerer
        line.settimeout(PATIENCE)
        self._unpacker = Unpacker()

    def ask(self, number, document):
        self.line.sendall(pack({"do": "probe", "number": number, "document": document}))

    def answers(self, count):
        found = []
        while len(found) < count:
            data = self.line.recv(65536)
            assert data, "it hung up"
            found += self._unpacker.feed(data)
        return found


@pytest.fixture
def client():
    """The app's end of a line whose other end is answered in a thread."""
    ours, theirs = socket.socketpair()
    answerer = probe_process.Answerer(theirs, probe_process.answer_to, lambda code: None)
    thread = threading.Thread(target=answerer.work, daemon=True)
    thread.start()
    yield Client(ours, answerer)
    answerer._over = True
    with answerer._changed:
        answerer._changed.notify()
    thread.join(PATIENCE)
    ours.close()
    theirs.close()


def test_the_process_answers_and_says_what_is_wrong(client):
    client.ask(7, helpers.document())
    (answer,) = client.answers(1)
    assert (answer["event"], answer["number"], answer["inputs"]) == ("probe", 7, "data")
    assert len(answer["snapshot"]["layers"]) == 2
    for number, document in ((8, None), (9, {"version": 1}), (10, [])):
        client.ask(number, document)
        (answer,) = client.answers(1)
        assert (answer["event"], answer["number"]) == ("problems", number)


def test_a_newer_preset_takes_the_place_of_one_that_waits(client, monkeypatch):
    begun, go = threading.Event(), threading.Event()
    seen = []

    def slow(self, preset):
        seen.append(preset.training.seed)
        begun.set()
        assert go.wait(PATIENCE)
        return real(self, preset)

    real = Prober.probe
    monkeypatch.setattr(Prober, "probe", slow)
    client.ask(1, helpers.document(training={"seed": 1}))
    assert begun.wait(PATIENCE)
    client.ask(2, helpers.document(training={"seed": 2}))
    client.ask(3, helpers.document(training={"seed": 3}))
    with client.answerer._changed:
        waits = client.answerer._changed
        assert waits.wait_for(lambda: (client.answerer._order or {}).get("number") == 3, PATIENCE)
    go.set()
    assert [answer["number"] for answer in client.answers(2)] == [1, 3]
    assert seen == [1, 3]
