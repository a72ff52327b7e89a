"""Small networks, data and presets for the tests of the core."""

import importlib.util
import time

import numpy as np
import pytest

from tuiml.backends.graph import Graph
from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.backends.plan import Plan
from tuiml.backends.update import Update
from tuiml.data.arrays import Data, Part
from tuiml.data.prepare import load
from tuiml.nn.layers import layers
from tuiml.nn.losses import losses
from tuiml.nn.network import build
from tuiml.nn.optimizers import optimizers
from tuiml.runs import timeline
from tuiml.spec import check, network_of
from tuiml.training.run_state import RunState
from tuiml.training.trainer import Trainer

needs_numba = pytest.mark.skipif(
    importlib.util.find_spec("numba") is None, reason="numba is an extra; CI runs these with it"
)


def part(rng, examples, features, classes):
    """Normal inputs, labels in turn."""
    inputs = rng.standard_normal((examples, features)).astype(np.float32)
    return Part(inputs, (np.arange(examples) % classes).astype(np.uint8))


def tiny(features=4, classes=3, train=12, validation=6, test=5, seed=0, shape=None):
    """A run's data, directly: no data set behind it. ``shape`` is that of an example, where it is no row."""
    rng, shape = np.random.default_rng(seed), shape or (features,)
    features = int(np.prod(shape))
    parts = [part(rng, n, features, classes) for n in (train, validation, test)]
    names = tuple(f"class {i}" for i in range(classes))
    return Data(shape, names, *parts, np.float32(0), np.float32(1), "none")


def numbers(features=3, outputs=1, train=40, validation=12, test=10, seed=0):
    """A run's data whose target is numbers: a bent function of the inputs, and some noise."""
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((features, outputs))
    parts = []
    for n in (train, validation, test):
        x = rng.standard_normal((n, features)).astype(np.float32)
        t = np.tanh(x @ weights) + 0.3 * x[:, :1] + 0.1 * rng.standard_normal((n, outputs))
        parts.append(Part(x, t.astype(np.float32)))
    units = {"target_shift": np.zeros(outputs, np.float32), "target_scale": np.ones(outputs, np.float32)}
    return Data((features,), (), *parts, np.float32(0), np.float32(1), "none", "regression", **units)


def network(stack, features=4, loss="cross_entropy"):
    """A network from layers as presets write them."""
    return build([layers.read(layer) for layer in stack], (features,), losses.read(loss))


def engine(stack, data, optimizer="sgd", loss="cross_entropy", seed=0):
    """A NumPy engine for such layers."""
    net = build([layers.read(layer) for layer in stack], data.shape, losses.read(loss))
    return NumpyEngine(net, optimizers.read(optimizer), data, seed)


def document(stack=None, training=None, **rest):
    """A preset's document: spiral points, one small hidden layer."""
    stack = stack or [
        {"type": "dense", "units": 6, "activation": "tanh"},
        {"type": "dense", "activation": "softmax"},
    ]
    data = {"name": "spiral", "size": 80, "validation": 20}
    training = {"batch_size": 16, "epochs": 3, "learning_rate": 0.1, **(training or {})}
    return {"version": 1, "name": "test", "data": data, "layers": stack, "training": training, **rest}


def preset(*args, **kwargs):
    """The checked preset of :func:`document`."""
    found, problems = check(document(*args, **kwargs))
    assert found is not None, problems
    return found


def run_parts(chosen):
    """Network, data and engine of a preset."""
    net, data = network_of(chosen), load(chosen.data, chosen.training.seed)
    training = chosen.training
    return net, data, NumpyEngine(net, training.optimizer, data, training.seed, training.penalties)


def trainer_of(chosen, network, data, engine, control=None, **options):
    """A trainer of a preset's parts; some options are those of its state."""
    of_state = {name: options.pop(name) for name in ("position", "best", "room", "clock") if name in options}
    return Trainer(RunState(chosen, network, data, engine, **of_state), control, **options)


def surviving(lines):
    """The lines of metrics that no later rewind among them undoes."""
    return list(timeline.surviving(filter(timeline.is_rewind, lines), lines))


def compiled(formula, *arrays, donated=()):
    """``formula(xp, *arrays)`` traced, compiled and run by a plan; the tuple of its results."""
    graph = Graph()
    inputs = {str(i): np.array(a) for i, a in enumerate(arrays)}
    nodes = [graph.input(label, a.shape, a.dtype) for label, a in inputs.items()]
    results = formula(graph, *nodes)
    results = results if isinstance(results, tuple) else (results,)
    plan = Plan(graph, inputs, dict.fromkeys(results), donated)
    with np.errstate(all="ignore"):
        plan.run()
    return tuple(plan.array(node).copy() for node in results)


def updating(optimizer, weights, g):
    """An optimizer's compiled step: a function of the step's number and the learning rate."""
    update = Update(optimizer, weights)
    (change,) = update.changes([g])

    def run(step, rate):
        update.prepare(step, rate)
        change.plan.run()

    return run


def said_in(out, text):
    """Wait until a hook has written a text into a file."""
    end = time.monotonic() + 30
    while not out.exists() or out.read_text() != text:
        assert time.monotonic() < end, out.exists() and out.read_text()
        time.sleep(0.005)
