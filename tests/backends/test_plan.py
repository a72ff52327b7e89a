"""Graphs and plans: any formula gives what NumPy gives, in buffers that are reused and never mixed up."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.helpers import compiled, engine, tiny, updating
from tuiml.backends.graph import Graph
from tuiml.backends.plan import Plan
from tuiml.nn.activations import activations
from tuiml.nn.optimizers import optimizers

ROWS, BATCH, UNITS = 3, 4, 5


class Direct:
    """The layers' operations in plain NumPy; the rest of the namespace is NumPy's own."""

    def __getattr__(self, name):
        return getattr(np, name)

    def affine(self, weight, bias, x):
        """``weight`` as the plan has it: (in + 1) × out with the bias as last row, or in × out."""
        return weight[: len(x)].T @ x + (0 if bias is None else weight[-1][:, None])

    def affine_input_gradient(self, weight, x, g):
        return weight[: len(x)] @ g

    def affine_gradients(self, weight, bias, x, g):
        product = x @ g.T
        return {"weight": product if bias is None else np.vstack([product, g.sum(axis=1)])}


UNARY = ("abs", "sign", "square", "negative")
BINARY = ("maximum", "minimum")


class Pair:
    """A value twice: as a node of a graph, and as NumPy has it."""

    def __init__(self, node, value):
        self.node = node
        self.value = np.asarray(value)
        assert node.shape == self.value.shape


class Formula:
    """A random formula on small whole numbers: float32 is exact, whatever the order of operations."""

    def __init__(self, draw):
        self.draw, self.graph, self.inputs, self.with_ones = draw, Graph(), {}, {}
        rng = np.random.default_rng(draw(st.integers(0, 2**32)))

        def array(*shape):
            return rng.integers(-3, 4, shape).astype(np.float32)

        for label in ("x", "a"):  # what a layer's weights may be multiplied by
            self.with_ones[label] = np.vstack([array(ROWS, BATCH), np.ones((1, BATCH), np.float32)])
            self.inputs[label] = self.with_ones[label][:-1]
        self.inputs["w"] = array(ROWS + 1, UNITS)
        self.inputs["v"] = array(UNITS, ROWS)
        for label, shape in {"b": (UNITS, BATCH), "column": (ROWS, 1), "number": ()}.items():
            self.inputs[label] = array(*shape)
        self.before = {label: value.copy() for label, value in self.inputs.items()}
        shapes = {"w": (UNITS, ROWS), "v": (ROWS, UNITS)}  # as formulas see them: out × in
        nodes = {k: self.graph.input(k, shapes.get(k, v.shape)) for k, v in self.inputs.items()}
        self.bias = self.graph.input("w", (UNITS, ROWS))
        self.weights = {k: nodes.pop(k) for k in ("w", "v")}
        self.known = [Pair(node, self.before[k]) for k, node in nodes.items()]
        self.gradients = []

    def pick(self, *shapes):
        fits = [p for p in self.known if not shapes or p.node.shape in shapes]
        return self.draw(st.sampled_from(fits)) if fits else None

    def operand(self):
        return self.draw(st.one_of(st.just(None), st.sampled_from([0.0, 1.0, -2.0])))

    def grow(self):
        """One more operation."""
        xp, np_ = self.graph, Direct()
        kind = self.draw(
            st.sampled_from(["unary", "binary", "arithmetic", "where", "reduce", "affine", "back"])
        )
        a = self.pick()
        if kind == "unary":
            name = self.draw(st.sampled_from(UNARY))
            self.add(getattr(xp, name)(a.node), getattr(np, name)(a.value))
        elif kind in ("binary", "arithmetic"):
            number = self.operand()
            b = a if number is not None else self.pick()
            if number is None and not _together(a, b):
                return
            other, by_hand = (number, number) if number is not None else (b.node, b.value)
            if kind == "binary":
                name = self.draw(st.sampled_from(BINARY))
                self.add(getattr(xp, name)(a.node, other), getattr(np, name)(a.value, by_hand))
            else:
                name = self.draw(
                    st.sampled_from(["__add__", "__sub__", "__rsub__", "__mul__", "__truediv__"])
                )
                if name == "__truediv__":
                    other = by_hand = 2.0  # exact
                self.add(getattr(a.node, name)(other), getattr(a.value, name)(np.float32(by_hand)))
        elif kind == "where":
            b, c = self.pick(a.node.shape), self.pick(a.node.shape)
            self.add(xp.where(a.node > 0.0, b.node, c.node), np.where(a.value > 0, b.value, c.value))
        elif kind == "reduce" and len(a.node.shape) == 2:
            axis, name = self.draw(st.sampled_from([0, 1])), self.draw(st.sampled_from(["sum", "max"]))
            self.add(
                getattr(xp, name)(a.node, axis=axis, keepdims=True),
                getattr(np, name)(a.value, axis=axis, keepdims=True),
            )
        elif kind == "affine":
            x = self.pick((ROWS, BATCH))
            if self.draw(st.booleans()):
                w, by_hand, bias = self.weights["w"], self.before["w"], self.bias
                self.add(xp.affine(w, bias, x.node), np_.affine(by_hand, True, x.value))
            else:
                x = self.pick((UNITS, BATCH))
                self.add(
                    xp.affine(self.weights["v"], None, x.node), np_.affine(self.before["v"], None, x.value)
                )
        elif kind == "back":
            x, g = self.pick((ROWS, BATCH)), self.pick((UNITS, BATCH))
            w, by_hand = self.weights["w"], self.before["w"]
            self.add(
                xp.affine_input_gradient(w, x.node, g.node),
                np_.affine_input_gradient(by_hand, x.value, g.value),
            )
            node = xp.affine_gradients(w, self.bias, x.node, g.node)["weight"]
            if all(node is not known for known, _ in self.gradients):
                self.gradients.append((node, np_.affine_gradients(by_hand, True, x.value, g.value)["weight"]))

    def add(self, node, value):
        assume(np.abs(value).max() < 2**20)
        if all(node is not p.node for p in self.known):
            self.known.append(Pair(node, value))


def _together(a, b):
    try:
        np.broadcast_shapes(a.node.shape, b.node.shape)
    except ValueError:
        return False
    return True


@given(st.data())
def test_any_formula_gives_what_numpy_gives(data):
    formula = Formula(data.draw)
    for _ in range(data.draw(st.integers(1, 14))):
        formula.grow()
    made = [p for p in formula.known if p.node.op != "input"]
    assume(made)
    wanted = data.draw(st.lists(st.sampled_from(made), min_size=1, max_size=4, unique_by=id))
    donated = data.draw(st.lists(st.sampled_from(["a", "b", "column", "number"]), unique=True))
    homes = [label for label in donated if data.draw(st.booleans())]
    outputs = {}
    for pair in wanted:
        home = next((k for k in homes if formula.inputs[k].shape == pair.node.shape), None)
        if home is not None:
            homes.remove(home)
            outputs[pair.node] = formula.inputs[home]
        elif pair.node.shape != (ROWS, BATCH) and data.draw(st.booleans()):
            outputs[pair.node] = np.empty(pair.node.shape, np.float32)
        else:
            outputs[pair.node] = None  # a buffer of the plan's own
    for node, value in formula.gradients:
        outputs[node] = np.empty_like(value)

    plan = Plan(formula.graph, formula.inputs, outputs, donated, formula.with_ones)
    for _ in range(3):  # buffers used before must not matter
        for label, value in formula.before.items():
            formula.inputs[label][...] = value
        plan.run()
        for pair in wanted:
            given = outputs[pair.node]
            found = plan.array(pair.node) if given is None else given
            np.testing.assert_array_equal(found, pair.value)
        for node, value in formula.gradients:
            np.testing.assert_array_equal(outputs[node], value)
        for label, value in formula.before.items():
            if label not in donated:
                np.testing.assert_array_equal(formula.inputs[label], value)
        for whole in formula.with_ones.values():
            np.testing.assert_array_equal(whole[-1], 1.0)


def test_a_value_computed_twice_is_computed_once():
    graph = Graph()
    x = graph.input("x", (2, 3))
    assert graph.exp(x) is graph.exp(x)
    assert x * 2.0 is x * 2.0
    assert x * 2.0 is not x * 3.0
    assert graph.sum(x, axis=0) is not graph.sum(x, axis=1)
    f = activations["sigmoid"]()
    y = f.forward(graph, x)
    g = f.backward(graph, x, y, graph.input("g", (2, 3)))
    plan = Plan(
        graph, {"x": np.zeros((2, 3), np.float32), "g": np.ones((2, 3), np.float32)}, {y: None, g: None}
    )
    assert str(plan).count("exp") == 1


def test_multiplying_by_one_and_reducing_one_row_cost_nothing():
    graph = Graph()
    x = graph.input("x", (1, 3))
    assert x * 1.0 is x
    assert 1.0 * x is x
    assert graph.sum(x, axis=0) is x


def test_what_nobody_wants_is_not_computed():
    graph = Graph()
    x = graph.input("x", (2, 2))
    wanted, _ = graph.exp(x), graph.tanh(x)
    plan = Plan(graph, {"x": np.zeros((2, 2), np.float32)}, {wanted: None})
    assert [call.op for call in plan.calls] == ["exp"]


def test_an_unknown_operation_says_where_to_add_it():
    graph = Graph()
    with pytest.raises(AttributeError, match=r"'cumsum'.*graph\.py"):
        graph.cumsum(graph.input("x", (2,)))


def test_whole_numbers_wrap_around_as_random_numbers_need():
    counter = np.arange(12, dtype=np.uint32).reshape(3, 4)
    key = np.array(0xDEADBEEF, np.uint32)

    def mix(xp, h, key):
        h = (h ^ key) * 0x7FEB352D
        return (h ^ (h >> 15)) + key

    (found,) = compiled(mix, counter, key)
    expected = [((int(c) ^ 0xDEADBEEF) * 0x7FEB352D) % 2**32 for c in counter.flat]
    expected = [((h ^ (h >> 15)) + 0xDEADBEEF) % 2**32 for h in expected]
    assert found.dtype == np.uint32
    assert found.reshape(-1).tolist() == expected


def growth(run):
    """The most memory that ``run`` holds beyond what was there before, in bytes."""
    run()  # plans are compiled and buffers made
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        run()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", [f.name for f in activations if not f.output_only])
def test_a_training_step_allocates_no_array(name):
    """The smallest buffer of activations here has 131 kB; two of NumPy's own for casts have 66."""
    batch = 512
    stack = [
        {"type": "dense", "units": 64, "activation": name},
        {"type": "dropout"},
        {"type": "dense", "units": 64, "bias": False},
        {"type": "batch_norm"},
        {"type": "activation", "activation": name},
        {"type": "layer_norm"},
        {"type": "dense", "units": 64, "activation": "softmax"},
    ]
    data = tiny(features=300, classes=64, train=batch)
    run, rows = engine(stack, data, {"name": "adam"}), np.arange(batch)

    def steps():
        for _ in range(10):
            assert run.step(rows, 1e-3)

    assert growth(steps) < 80_000


def test_a_step_of_a_convolutional_network_allocates_no_array():
    """The smallest buffer of activations here has 200 kB; three of NumPy's own for casts have 99."""
    batch = 512
    stack = [
        {"type": "conv2d", "filters": 4, "activation": "relu", "padding": "same"},
        {"type": "max_pool2d"},
        {"type": "conv2d", "filters": 16, "kernel_size": 2, "activation": "prelu", "bias": False},
        {"type": "max_pool2d", "pool_size": 3, "strides": 1, "padding": "same"},
        {"type": "avg_pool2d", "padding": "same"},
        {"type": "dropout"},
        {"type": "flatten"},
        {"type": "dense", "units": 100, "activation": "softmax"},
    ]
    data = tiny(classes=100, train=batch, shape=(12, 12))
    run, rows = engine(stack, data, {"name": "adam"}), np.arange(batch)

    def steps():
        for _ in range(10):
            assert run.step(rows, 1e-3)

    assert growth(steps) < 120_000


@pytest.mark.parametrize("name", optimizers.names())
def test_an_update_allocates_no_array(name):
    weights, g = np.ones(100_000, np.float32), np.ones(100_000, np.float32)
    update = updating(optimizers[name](), weights, g)
    assert growth(lambda: [update(step, 1e-3) for step in range(1, 51)]) < 20_000
