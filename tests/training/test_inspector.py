"""Inspections of a network: outputs and losses of any examples, and the records made of them."""

import base64
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import helpers
from tuiml.data.arrays import Data, Part
from tuiml.training.codec import read
from tuiml.training.event_reading import read_event
from tuiml.training.events import KINDS
from tuiml.training.inspections.drawing import Drawing
from tuiml.training.inspections.first_layer_weights import first_weights, grid_of
from tuiml.training.inspections.record import Inspection, InspectionRequest
from tuiml.training.inspections.row import Row
from tuiml.training.inspector import Inspector, read_request

STACK = [
    {"type": "dense", "units": 7, "activation": "relu"},
    {"type": "dropout", "rate": 0.5},
    {"type": "dense", "units": 3, "activation": "softmax"},
]


def learned(data, stack=STACK, **options):
    """An engine that has taken some steps."""
    engine = helpers.engine(stack, data, **options)
    for _ in range(20):
        engine.step(np.arange(len(data.train)), 0.1)
    return engine


# -- the engine --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("examples", [1, 6, 499, 500, 1203])
def test_outputs_and_losses_of_examples_add_up_to_the_evaluation(examples):
    data = helpers.tiny(validation=examples)
    engine = learned(data)
    outputs, losses = engine.evaluate_each(data.validation)
    whole = engine.evaluate(data.validation)
    assert losses.mean() == pytest.approx(whole.mean_loss, rel=1e-5)
    assert int((outputs.argmax(0) == data.validation.labels).sum()) == whole.correct
    np.testing.assert_allclose(-np.log(outputs[data.validation.labels, range(examples)]), losses, rtol=1e-4)
    np.testing.assert_allclose(engine.predict(data.validation.inputs), outputs, atol=1e-6)


def test_predicting_takes_raw_inputs_leaves_no_trace_and_draws_no_noise():
    chosen = helpers.preset(data={"name": "digits", "train": 60, "validation": 20}, stack=[
        {"type": "flatten"}, *STACK[:2], {"type": "dense", "activation": "softmax"}
    ])  # fmt: skip
    _, data, engine = helpers.run_parts(chosen)
    before, kept = engine.state(), len(engine.source._ready)
    raw = data.validation.inputs.astype(np.float64)  # 0…16, as somebody might draw them
    found = engine.predict(raw)
    assert len(engine.source._ready) == kept
    weights = engine.tensors()
    x = data.batch(data.validation, slice(None)).T
    hidden = np.maximum(weights["layers.1.weight"] @ x + weights["layers.1.bias"][:, None], 0)
    np.testing.assert_allclose(engine.layer_outputs(raw, 1), hidden, atol=1e-5)
    z = weights["layers.3.weight"] @ hidden + weights["layers.3.bias"][:, None]
    np.testing.assert_allclose(found, np.exp(z) / np.exp(z).sum(0), atol=1e-5)
    assert all(np.array_equal(before[name], value) for name, value in engine.state().items())


def test_a_layer_of_pictures_responds_channel_by_channel_row_by_row():
    data = helpers.tiny(shape=(5, 4))
    stack = [
        {"type": "conv2d", "filters": 1, "kernel_size": 1, "padding": "valid", "activation": "linear"},
        {"type": "flatten"},
        {"type": "dense", "units": 3, "activation": "softmax"},
    ]
    engine = helpers.engine(stack, data)
    tensors = engine.state() | {
        "layers.0.weight": np.full((1, 1, 1, 1), 2, np.float32), "layers.0.bias": np.ones(1, np.float32)
    }  # fmt: skip
    engine.load(tensors, 0)
    raw = data.test.inputs
    np.testing.assert_allclose(engine.layer_outputs(raw, 0), 2 * raw.T + 1, rtol=1e-6)


# -- inspections -----------------------------------------------------------------------------------------


def plane(examples=90, classes=2, scale=3.0):
    """Points of a square of the plane, raw from 10 to 16, normalized to -1…1."""
    rng = np.random.default_rng(4)

    def part(n):
        inputs = (10 + 2 * scale * rng.random((n, 2))).astype(np.float32)
        return Part(inputs, (inputs[:, 0] + inputs[:, 1] > 20 + 2 * scale).astype(np.uint8))

    parts = [part(examples), part(30), part(0)]
    names = tuple(f"class {i}" for i in range(classes))
    return Data((2,), names, *parts, np.float32(10 + scale), np.float32(1 / scale), "standard")


def straight(activation="softmax", units=2):
    """A network that parts the square by its falling diagonal, and knows it exactly."""
    loss = "cross_entropy" if activation == "softmax" else "binary_cross_entropy"
    data = plane()
    engine = helpers.engine([{"type": "dense", "units": units, "activation": activation}], data, loss=loss)
    weight = np.float32([[-20, -20], [20, 20]])[-units:]
    engine.load(engine.state() | {"layers.0.weight": weight}, 0)
    return engine


def inspected(engine, request, **options):
    found = Inspector(engine.network, engine).answer(request, **options)
    return found and through_json(found)


def through_json(found):
    """As the app gets it."""
    line = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert read_event(line) == found
    return found


@pytest.mark.parametrize(("activation", "units"), [("softmax", 2), ("sigmoid", 1)])
def test_the_boundary_of_a_network_made_by_hand_is_where_it_should_be(activation, units):
    engine = straight(activation, units)
    found = inspected(engine, InspectionRequest("boundary", columns=40, rows=20))
    left, right, bottom, top = found.limits
    points = engine.data.train.inputs
    assert left < points[:, 0].min() < points[:, 0].max() < right
    assert bottom < points[:, 1].min() < points[:, 1].max() < top
    winners = np.frombuffer(found.predicted, np.uint8).reshape(20, 40)
    x = left + (np.arange(40) + 0.5) * (right - left) / 40
    y = top - (np.arange(20) + 0.5) * (top - bottom) / 20
    beyond = x[None, :] + y[:, None] - 26.0
    clear = np.abs(beyond) > 1e-3
    assert (winners[clear] == (beyond > 0)[clear]).all()
    fractions = np.frombuffer(found.probabilities, np.uint8).reshape(20, 40)
    assert fractions[np.abs(beyond) > 2].min() == 255  # far from it: sure
    assert fractions[np.abs(beyond) < 0.1].max() < 250
    assert fractions.min() >= 127


def test_points_of_the_data_lie_where_they_are():
    engine = straight()
    found = inspected(engine, InspectionRequest("boundary"))
    left, right, bottom, top = found.limits
    xs = left + np.frombuffer(found.xs, np.uint8) / 255 * (right - left)
    ys = bottom + np.frombuffer(found.ys, np.uint8) / 255 * (top - bottom)
    data = engine.data
    everything = np.concatenate([data.train.inputs, data.validation.inputs])
    np.testing.assert_allclose(np.stack([xs, ys], 1), everything, atol=0.02)
    assert found.labels == bytes([*data.train.labels, *data.validation.labels])


def test_units_respond_on_the_same_grid():
    engine = straight()
    found = inspected(engine, InspectionRequest("responses", columns=8, rows=4, layer=0, first=1, count=5))
    assert (found.first, found.total, len(found.grids)) == (1, 2, 1)
    grid = np.frombuffer(found.grids[0], np.uint8).astype(int).reshape(4, 8)
    assert found.scales[0] == pytest.approx(1.0)
    assert grid[0, -1] == 255  # top right: all of it
    assert grid[-1, 0] == 128  # bottom left: nothing
    assert inspected(engine, InspectionRequest("responses", layer=1)) is None


@pytest.mark.parametrize(
    ("parts", "name"),
    [({}, "validation"), ({"validation": 0}, "test"), ({"validation": 0, "test": 0}, "training")],
)
def test_confusions_are_counted_where_nothing_was_learned_from_if_possible(parts, name):
    data = helpers.tiny(classes=3, **parts)
    engine = learned(data)
    found = inspected(engine, InspectionRequest("confusion"))
    part = {"validation": data.validation, "test": data.test, "training": data.train}[name]
    assert (found.part, found.evaluated, found.total) == (name, len(part), len(part))
    table = np.array(found.counts)
    assert table.sum(axis=1).tolist() == np.bincount(part.labels, minlength=3).tolist()
    assert int(np.trace(table)) == engine.evaluate(part).correct


def test_while_it_learns_only_some_examples_are_loss_and_hits():
    engine = learned(helpers.tiny(validation=50))
    found = inspected(engine, InspectionRequest("confusion"), most=20)
    assert (found.evaluated, found.total, sum(map(sum, found.counts))) == (20, 50, 20)


def test_the_worst_examples_come_first_with_their_pictures():
    chosen = helpers.preset(data={"name": "digits", "train": 200, "validation": 100}, stack=[
        {"type": "flatten"}, {"type": "dense", "activation": "softmax"}
    ])  # fmt: skip
    _, data, engine = helpers.run_parts(chosen)
    found = inspected(engine, InspectionRequest("highest_loss", first=2, count=5))
    outputs, losses = engine.evaluate_each(data.validation)
    order = np.argsort(-losses)
    assert [e.row for e in found.examples] == order[2:7].tolist()
    assert [e.loss for e in found.examples] == sorted((e.loss for e in found.examples), reverse=True)
    for example in found.examples:
        assert example.label == data.validation.labels[example.row]
        assert example.predicted == outputs[:, example.row].argmax()
        assert example.probability == pytest.approx(outputs[:, example.row].max())
        pixels = np.frombuffer(example.pixels, np.uint8)
        np.testing.assert_allclose(pixels / 255, data.validation.inputs[example.row] / 16, atol=0.01)
    assert (found.width, found.height) == (8, 8)


def test_examples_that_are_no_pictures_are_reported_by_their_numbers():
    engine = straight()
    found = inspected(engine, InspectionRequest("highest_loss", count=2))
    held_out = engine.data.validation.inputs
    assert [e.values for e in found.examples] == [tuple(map(float, held_out[e.row])) for e in found.examples]
    assert found.examples[0].pixels == b""


def test_a_guess_takes_a_drawing_as_the_data_has_it():
    chosen = helpers.preset(data={"name": "digits", "train": 200, "validation": 100}, stack=[
        {"type": "flatten"}, {"type": "dense", "activation": "softmax"}
    ])  # fmt: skip
    _, data, engine = helpers.run_parts(chosen)
    inspector = Inspector(engine.network, engine)
    raw = data.validation.inputs[3]
    pixels = np.rint(raw / 16 * 255).astype(np.uint8).tobytes()
    guess = through_json(inspector.predict(Drawing(7, pixels)))
    assert guess.number == 7
    np.testing.assert_allclose(guess.probabilities, engine.predict(raw[None])[:, 0], atol=1e-6)
    assert inspector.predict(Drawing(8, pixels[1:])) is None


def test_the_weights_of_the_first_layer_are_pictures_scaled_by_their_largest():
    chosen = helpers.preset(data={"name": "digits", "train": 200, "validation": 100}, stack=[
        {"type": "flatten"}, {"type": "dense", "units": 12}, {"type": "dense", "activation": "softmax"}
    ])  # fmt: skip
    _, _, engine = helpers.run_parts(chosen)
    found = inspected(engine, InspectionRequest("weights", first=10, count=20))
    assert (found.layer, found.total, len(found.grids)) == (1, 12, 2)
    weight = engine.tensors()["layers.1.weight"][11]
    shown = (np.frombuffer(found.grids[1], np.uint8).astype(float) - 128) / 127 * found.scales[1]
    np.testing.assert_allclose(shown, weight, atol=found.scales[1] / 200)
    assert found.scales[1] == pytest.approx(float(np.abs(weight).max()))


def test_filters_are_small_pictures_and_what_sees_no_picture_has_none():
    stack = [{"type": "conv2d", "filters": 3, "kernel_size": 3}, {"type": "flatten"},
             {"type": "dense", "units": 3, "activation": "softmax"}]  # fmt: skip
    engine = helpers.engine(stack, helpers.tiny(shape=(6, 6)))
    found = inspected(engine, InspectionRequest("weights"))
    assert (found.width, found.height, found.total) == (3, 3, 3)
    assert first_weights(engine.network, None) is None
    pooled = [{"type": "max_pool2d"}, *stack[1:]]
    engine = helpers.engine(pooled, helpers.tiny(shape=(6, 6)))
    assert inspected(engine, InspectionRequest("weights")) is None


def test_the_weights_of_a_table_are_a_row_of_its_inputs_unless_it_is_too_wide():
    stack = [{"type": "dense", "units": 3}, {"type": "dense", "units": 3, "activation": "softmax"}]
    engine = helpers.engine(stack, helpers.tiny())
    weight = engine.tensors()["layers.0.weight"]
    found = inspected(engine, InspectionRequest("weights", first=1, count=9))
    assert (found.height, found.width, found.total, len(found.grids)) == (1, weight.shape[1], 3, 2)
    shown = (np.frombuffer(found.grids[0], np.uint8).astype(float) - 128) / 127 * found.scales[0]
    np.testing.assert_allclose(shown, weight[1], atol=found.scales[0] / 200)
    assert grid_of((65,)) is None
    assert grid_of((3, 8, 9)) == (8, 9)


def test_what_does_not_suit_the_data_has_no_answer():
    engine = learned(helpers.tiny())
    for what in ("boundary", "responses"):
        assert inspected(engine, InspectionRequest(what)) is None
    assert Inspector(engine.network, engine).predict(Drawing(1, b"\0" * 4)) is None


def test_a_network_that_overflowed_can_still_be_looked_at():
    engine = straight()
    engine.load(engine.state() | {"layers.0.weight": np.full((2, 2), np.nan, np.float32)}, 0)
    for what in ("boundary", "responses", "confusion", "highest_loss"):
        assert inspected_any(engine, what) is not None


def inspected_any(engine, what):
    found = Inspector(engine.network, engine).answer(InspectionRequest(what, columns=4, rows=4))
    return read_event(json.loads(json.dumps(found.to_json(), allow_nan=False)))


# -- numbers -----------------------------------------------------------------------------------------------


def sum_engine(features=1, outputs=1, shift=10.0, scale=0.25):
    """A network by hand: it predicts the sum of its inputs, of a target normalized by (t - shift) · scale."""
    data = helpers.numbers(features, outputs)
    units = np.full(outputs, shift, np.float32), np.full(outputs, scale, np.float32)
    data = replace(data, target_shift=units[0], target_scale=units[1])
    engine = helpers.engine([{"type": "dense", "units": outputs}], data, loss="mse")
    weight = np.ones((outputs, features), np.float32) * np.arange(1, outputs + 1)[:, None]
    engine.load(engine.state() | {"layers.0.weight": weight.astype(np.float32)}, 0)
    return engine


def test_the_fit_is_reported_in_the_units_of_the_data_with_the_datas_points():
    engine = sum_engine(outputs=2)
    data = engine.data
    found = inspected(engine, InspectionRequest("fit", columns=5, first=1))
    assert (found.output, found.outputs, len(found.curve)) == (1, 2, 5)
    x = np.linspace(*found.limits, 5)
    assert found.limits[0] < data.train.inputs.min() < data.train.inputs.max() < found.limits[1]
    assert found.curve == pytest.approx((2 * x) * 4 + 10, rel=1e-5)
    assert len(found.xs) == len(data.train) + len(data.validation)
    assert found.held_out == len(data.validation)
    assert found.ys[-1] == pytest.approx(data.validation.labels[-1, 1] * 4 + 10, rel=1e-6)
    assert inspected(engine, InspectionRequest("fit", first=99)).output == 1


def test_heights_stand_on_the_datas_own_range():
    engine = sum_engine(features=2)
    found = inspected(engine, InspectionRequest("surface", columns=6, rows=4))
    truths = engine.data.original(
        np.concatenate([p.labels for p in (engine.data.train, engine.data.validation)])
    )
    assert found.scale == (pytest.approx(truths.min()), pytest.approx(truths.max()))
    heights = np.frombuffer(found.predictions, np.uint8).reshape(4, 6)
    assert (np.diff(heights.astype(int), axis=0) <= 0).all()  # the top row first, and it is the highest
    assert (np.diff(heights.astype(int), axis=1) >= 0).all()
    assert min(found.targets) == 0 < 255 == max(found.targets)
    assert inspected(engine, InspectionRequest("fit")) is None
    assert inspected(engine, InspectionRequest("responses", columns=4, rows=4)).total == 1


def test_predictions_and_misses_are_those_of_the_engine():
    engine = sum_engine(features=3)
    found, part = inspected(engine, InspectionRequest("predictions")), engine.data.validation
    assert found.figures[0] == pytest.approx(engine.evaluate(part).r2, abs=1e-5)
    expected = part.inputs.sum(axis=1)
    assert found.predictions == pytest.approx(expected * 4 + 10, rel=1e-5)
    assert found.targets == pytest.approx(part.labels[:, 0] * 4 + 10, rel=1e-5)
    assert found.figures[1] == pytest.approx(4 * np.abs(expected - part.labels[:, 0]).mean(), rel=1e-5)
    worst = inspected(engine, InspectionRequest("largest_errors", first=1, count=3))
    order = np.argsort(-np.square(expected - part.labels[:, 0]))[1:4]
    assert [miss.row for miss in worst.examples] == order.tolist()
    assert worst.examples[0].predictions == pytest.approx((found.predictions[order[0]],))
    assert worst.examples[0].targets == pytest.approx((found.targets[order[0]],))
    assert worst.examples[0].values == pytest.approx(tuple(part.inputs[order[0]]))
    assert (worst.part, worst.evaluated, worst.total) == ("validation", 12, 12)


def test_what_is_for_classes_has_no_answer_where_the_target_is_numbers():
    engine = sum_engine(features=2)
    for what in ("boundary", "confusion", "highest_loss", "fit"):
        assert inspected(engine, InspectionRequest(what)) is None
    assert inspected(straight(), InspectionRequest("predictions")) is None


def test_numbers_that_overflowed_can_still_be_looked_at():
    for features in (1, 2):
        engine = sum_engine(features)
        for value in (np.nan, 3e38):
            broken = np.full((1, features), value, np.float32)
            engine.load(engine.state() | {"layers.0.weight": broken}, 0)
            for what in ("fit" if features == 1 else "surface", "predictions", "largest_errors"):
                assert inspected_any(engine, what) is not None


# -- rows ---------------------------------------------------------------------------------------------------


def of_rows(data, **training):
    """The inspector of a network that was not trained, and knows its data set."""
    numbers = data["name"] == "sine"
    stack = [{"type": "dense", **({} if numbers else {"activation": "softmax"})}]
    chosen = helpers.preset(stack, data=data, training={"loss": "mse"} if numbers else training)
    network, _, engine = helpers.run_parts(chosen)
    return Inspector(network, engine, chosen.data)


def test_a_row_is_predicted_as_the_example_that_it_is():
    asked = of_rows({"name": "moons", "size": 60})
    data = asked._network.data
    for row in (1, 3, 999):
        found = through_json(asked.answer(InspectionRequest("input_columns", first=row)))
        at = min(row, found.total) - 1
        assert (found.part, found.total, found.row) == ("validation", len(data.validation), at + 1)
        assert found.targets == (data.validation.labels[at],)
        guess = through_json(asked.predict(Row(5, found.cells)))
        wanted = asked._network.probabilities(data.validation.inputs[at][None])[:, 0]
        assert guess.number == 5
        np.testing.assert_allclose(guess.values, wanted, atol=1e-6)
    usual = asked.answer(InspectionRequest("input_columns"))
    assert usual.cells == tuple(column.usual for column in usual.columns)
    assert usual.targets == ()


def test_numbers_are_predicted_in_the_units_of_the_data():
    asked = of_rows({"name": "sine", "size": 60})
    network = asked._network
    found = asked.answer(InspectionRequest("input_columns", first=1))
    (predicted,) = asked.predict(Row(1, found.cells)).values
    labels = network.data.validation.labels
    assert found.targets[0] == pytest.approx(network.targets(labels, 0)[0])
    assert predicted == pytest.approx(network.predictions(network.data.validation.inputs[:1], 0)[0])


def test_what_is_no_row_of_the_data_has_no_answer():
    asked = of_rows({"name": "moons", "size": 60})
    for cells in (("1",), ("1", "x"), ("1", "2", "3"), ()):
        assert asked.predict(Row(1, cells)) is None
    pictures = helpers.engine(
        [{"type": "flatten"}, {"type": "dense", "units": 3, "activation": "softmax"}],
        helpers.tiny(shape=(2, 2)),
    )
    assert Inspector(pictures.network, pictures).predict(Row(1, ("1",) * 4)) is None


# -- what comes from another process -----------------------------------------------------------------------


def lines():
    engine = straight()
    pictures = helpers.engine(
        [{"type": "flatten"}, {"type": "dense", "units": 3, "activation": "softmax"}],
        helpers.tiny(shape=(2, 2)),
    )
    found = [
        inspected(engine, InspectionRequest(w, columns=4, rows=3, count=2)) for w in ("boundary", "responses")
    ]
    found += [
        inspected(pictures, InspectionRequest(w, count=2)) for w in ("confusion", "highest_loss", "weights")
    ]
    found.append(Inspector(pictures.network, pictures).predict(Drawing(1, b"\0\1\2\3")))
    asked = of_rows({"name": "moons", "size": 60})
    found += [asked.answer(InspectionRequest("input_columns", first=2)), asked.predict(Row(1, ("0.5", "1")))]
    for features, kinds in ((1, ("fit", "predictions", "largest_errors")), (2, ("surface",))):
        reported = sum_engine(features)
        found += [inspected(reported, InspectionRequest(w, columns=4, rows=3, count=2)) for w in kinds]
    return [record.to_json() for record in found]


LINES = lines()


def read_drawing(value):
    return read(Drawing, value)


def read_row(value):
    return read(Row, value)


def test_every_kind_is_reported_and_only_its_newest_waits():
    kinds = {name for name, kind in KINDS.items() if issubclass(kind, Inspection)}
    assert {line["event"] for line in LINES} == kinds
    assert {name for name, kind in KINDS.items() if kind.replaced} == kinds | {"snapshot", "restore_points"}


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["event"])
def test_a_record_with_anything_missing_or_wrong_is_refused(line):
    assert read_event(line).event == line["event"]
    for name in set(line) - {"event"}:
        for wrong in ("x", "\x1b[31m", [1, "y"], {}, True, -1, 2**60, 1e400, ["AAAA"] * 999, "A" * 100_000):
            broken = line | {name: wrong}
            with pytest.raises(ValueError, match="not an event"):
                read_event(broken)
        with pytest.raises(ValueError, match="not an event"):
            read_event({k: v for k, v in line.items() if k != name} | {name: object()})


def test_classes_beyond_the_last_are_refused():
    for name in ("predicted", "labels"):
        line = dict(LINES[0])
        line["classes"] = 2
        data = bytearray(base64.b64decode(line[name]))
        data[0] = 2
        with pytest.raises(ValueError, match="not an event"):
            read_event(line | {name: base64.b64encode(bytes(data)).decode()})


FIELDS = ["what", "columns", "rows", "layer", "first", "count", "number", "pixels", "cells"]
WHAT = sorted({line["event"] for line in LINES} - {"drawing", "row"})
ANYTHING = st.one_of(st.sampled_from(WHAT), st.integers(), st.floats(), st.text(), st.none())


@given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING))
def test_requests_are_within_bounds_or_refused(value):
    for reading in (read_request, read_drawing, read_row):
        try:
            found = reading(value)
        except ValueError:
            continue
        assert not isinstance(found, InspectionRequest) or found.columns * found.rows <= 1 << 16


def test_requests_survive_the_way():
    request = InspectionRequest("responses", 20, 10, 1, 4, 6)
    assert read_request(json.loads(json.dumps(request.to_json()))) == request
    drawn = Drawing(3, bytes(range(64)))
    assert read_drawing(json.loads(json.dumps(drawn.to_json()))) == drawn
    row = Row(4, ("0.5", "", "re\x1bd"))
    assert read_row(json.loads(json.dumps(row.to_json()))) == row
    for huge in (InspectionRequest("boundary", 400, 400), InspectionRequest("responses", 100, 100, count=20)):
        with pytest.raises(ValueError, match="too large"):
            read_request(huge.to_json())
