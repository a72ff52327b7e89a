"""A network as a textbook has it: float64, one example after the other, nothing shared with the product.

Parameters are named and shaped as on disk (weights out × in). Slow and plain on purpose.
"""

import math

import numpy as np

from tuiml.nn import activations

SELU = 1.0507009873554805, 1.6732632423543772
erf = np.vectorize(math.erf)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


ACTIVATIONS = {
    "linear": lambda z: z,
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.where(z > 0, z, 0),
    "leaky_relu": lambda z, negative_slope=0.01: np.where(z > 0, z, negative_slope * z),
    "prelu": lambda z, slope, init=None: np.where(z > 0, z, slope * z),
    "rrelu": lambda z, slope: np.where(z > 0, z, slope * z),
    "elu": lambda z, alpha=1.0: np.where(z > 0, z, alpha * (np.exp(z) - 1)),
    "celu": lambda z, alpha=1.0: np.where(z > 0, z, alpha * (np.exp(z / alpha) - 1)),
    "selu": lambda z: SELU[0] * np.where(z > 0, z, SELU[1] * (np.exp(z) - 1)),
    "gelu": lambda z: z * 0.5 * (1 + erf(z / math.sqrt(2))),
    "silu": lambda z: z * sigmoid(z),
    "softplus": lambda z: np.log(1 + np.exp(z)),
    "softsign": lambda z: z / (1 + np.abs(z)),
    "softmax": softmax,
}
LOSSES = {
    "cross_entropy": lambda y, t: -math.log(float(y @ t)),
    "binary_cross_entropy": lambda y, t: float(np.mean(-t * np.log(y) - (1 - t) * np.log(1 - y))),
    "mse": lambda y, t: float(np.mean((y - t) ** 2)),
}


def uniform(seed, layer, step, element):
    """The number in [0, 1) that an element of a layer draws at a step (nn/random.py), in whole numbers."""
    z = (
        seed * 0x9E3779B97F4A7C15 + (layer + 1) * 0xD1B54A32D192ED03 + (step + 1) * 0x8CB92BA72F3D8DD7
    ) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    key = (z ^ (z >> 31)) % 2**32

    def mix(h):
        h = (h ^ (h >> 16)) * 0x7FEB352D % 2**32
        h = (h ^ (h >> 15)) * 0x846CA68B % 2**32
        return h ^ (h >> 16)

    return (mix((mix(element ^ key) + key) % 2**32) >> 8) / 2**24


class Reference:
    """A stack of layers as presets write them (tables), and the loss at its end."""

    def __init__(self, stack, loss, seed=0):
        self.stack, self.loss, self.seed = stack, LOSSES[loss], seed

    def outputs(self, xs, p, step=None):
        """What the network gives for a batch of examples (rows); in training with ``step``.

        One layer after the other, since some look at the whole batch; in a layer one example after the other.
        """
        for i, layer in enumerate(self.stack):
            if layer["type"] == "batch_norm":
                xs = self._batch_norm(i, layer, xs, p, training=step is not None)
            else:
                xs = [self._one(i, layer, x, p, step, position) for position, x in enumerate(xs)]
        return xs

    def _one(self, i, layer, x, p, step, position):
        """A layer that takes each example by itself."""
        if layer["type"] == "dense":
            return self._dense(i, layer, x, p, step, position)
        if layer["type"] == "activation":
            return self._activation(i, layer.get("activation", "relu"), x, p, step, position)
        if layer["type"] == "layer_norm":
            spread = math.sqrt(np.mean((x - np.mean(x)) ** 2) + layer.get("eps", 1e-5))
            return p[f"layers.{i}.weight"] * (x - np.mean(x)) / spread + p[f"layers.{i}.bias"]
        if layer["type"] == "dropout" and step is not None:
            rate = layer.get("rate", 0.5)
            kept = self._draws(i, step, position, len(x)) >= rate
            return x * kept / (1 - rate)
        return x

    def _batch_norm(self, i, layer, xs, p, training):
        """Ioffe & Szegedy 2015, algorithm 1 (in training) and 2, step 11 and what follows."""
        mean, variance = np.mean(xs, axis=0), np.var(xs, axis=0)
        if not training:
            mean, variance = p[f"layers.{i}.running_mean"], p[f"layers.{i}.running_var"]
        spread = np.sqrt(variance + layer.get("eps", 1e-5))
        return [p[f"layers.{i}.weight"] * (x - mean) / spread + p[f"layers.{i}.bias"] for x in xs]

    def _dense(self, i, layer, x, p, step, position):
        z = p[f"layers.{i}.weight"] @ x
        if layer.get("bias", True):
            z = z + p[f"layers.{i}.bias"]
        return self._activation(i, layer.get("activation", "linear"), z, p, step, position)

    def _activation(self, i, found, z, p, step, position):
        options = dict(found) if isinstance(found, dict) else {"name": found}
        name = options.pop("name")
        if name == "prelu":
            options["slope"] = p[f"layers.{i}.slope"]
        if name == "rrelu":
            low, high = options.pop("lower", 1 / 8), options.pop("upper", 1 / 3)
            share = 0.5 if step is None else self._draws(i, step, position, len(z))
            options["slope"] = low + (high - low) * share
        if name in ACTIVATIONS:
            return ACTIVATIONS[name](z, **options)
        # A new one has no second writing here: its own formula, in float64.
        return activations.read({"name": name, **options}).forward(np, z)

    def _draws(self, layer, step, position, units):
        return np.array([uniform(self.seed, layer, step, position * units + u) for u in range(units)])

    def mean_loss(self, inputs, labels, p, step=None):
        """Mean over a batch of examples (rows)."""
        total = 0.0
        for y, label in zip(self.outputs(inputs, p, step), labels, strict=True):
            t = np.eye(len(y))[label] if len(y) > 1 else np.array([float(label)])
            total += self.loss(y, t)
        return total / len(labels)

    def accuracy(self, inputs, labels, p):
        """Share of the examples whose largest output (whose side of ½) is the label's."""
        hits = 0
        for y, label in zip(self.outputs(inputs, p), labels, strict=True):
            hits += int(np.argmax(y) if len(y) > 1 else y[0] > 0.5) == label
        return hits / len(labels)

    def gradients(self, inputs, labels, p, step, h=1e-6):
        """d(mean loss)/dp by central differences, for every value of every parameter."""
        found = {}
        for name, values in p.items():
            if "running" in name:
                continue  # no parameter: training does not look at it
            found[name] = np.empty_like(values)
            for where in np.ndindex(values.shape):
                ends = []
                for move in (-h, h):
                    moved = {**p, name: values.copy()}
                    moved[name][where] += move
                    ends.append(self.mean_loss(inputs, labels, moved, step))
                found[name][where] = (ends[1] - ends[0]) / (2 * h)
        return found
