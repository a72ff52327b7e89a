"""A network as a textbook has it: float64, one example after the other, nothing shared with the product.

Parameters are named and shaped as on disk (weights out × in). Slow and plain on purpose.
"""

import math

import numpy as np

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
    "mae": lambda y, t: float(np.mean(np.abs(y - t))),
    "huber": lambda y, t: float(np.mean([d * d / 2 if d <= 1 else d - 0.5 for d in np.abs(y - t)])),
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


def slide(length, size, stride, padding):
    """Where each window begins along an axis, as Keras has it, and how many places it has before the edge."""
    if padding == "valid":
        return range(0, length - size + 1, stride)
    outputs = -(-length // stride)
    before = max((outputs - 1) * stride + size - length, 0) // 2
    return range(-before, -before + outputs * stride, stride)


def windows(x, size, stride, padding):
    """Every window of a picture (channels, height, width): its row and column, and where its pixels are."""
    _, height, width = x.shape
    for row, top in enumerate(slide(height, size, stride, padding)):
        for column, left in enumerate(slide(width, size, stride, padding)):
            rows = [r for r in range(top, top + size) if 0 <= r < height]
            columns = [c for c in range(left, left + size) if 0 <= c < width]
            yield row, column, top, left, rows, columns


def convolve(x, weight, size, stride, padding):
    """Sums of weight × window, pixel by pixel."""
    places = [slide(n, size, stride, padding) for n in x.shape[1:]]
    z = np.zeros((len(weight), *map(len, places)))
    for row, column, top, left, rows, columns in windows(x, size, stride, padding):
        for r in rows:
            for c in columns:
                z[:, row, column] += weight[:, :, r - top, c - left] @ x[:, r, c]
    return z


def pool(x, size, stride, padding, kind):
    """The greatest value, or the mean, of each window of each channel."""
    places = [slide(n, size, stride, padding) for n in x.shape[1:]]
    y = np.zeros((len(x), *map(len, places)))
    for row, column, _, _, rows, columns in windows(x, size, stride, padding):
        for channel in range(len(x)):
            seen = [x[channel, r, c] for r in rows for c in columns]
            y[channel, row, column] = max(seen) if kind == "max_pool2d" else sum(seen) / len(seen)
    return y


class Reference:
    """A stack of layers as presets write them (tables), and the loss at its end.

    ``shape`` is that of an example, (channels, height, width) where it is a picture.
    """

    def __init__(self, stack, loss, seed=0, shape=None):
        self.stack, self.loss, self.seed, self.shape = stack, LOSSES[loss], seed, shape

    def outputs(self, xs, p, step=None):
        """What the network gives for a batch of examples (rows); in training with ``step``.

        One layer after the other, since some look at the whole batch; in a layer one example after the other.
        """
        xs = [x.reshape(self.shape or x.shape) for x in xs]
        for i, layer in enumerate(self.stack):
            if layer["type"] == "batch_norm":
                xs = self._batch_norm(i, layer, xs, p, training=step is not None)
            else:
                xs = [self._one(i, layer, x, p, step, position) for position, x in enumerate(xs)]
        return xs

    def _one(self, i, layer, x, p, step, position):
        """A layer that takes each example by itself."""
        kind, size = layer["type"], layer.get("pool_size", 2)
        if kind == "dense":
            return self._activated(i, layer, p[f"layers.{i}.weight"] @ x, p, step, position)
        if kind == "conv2d":
            options = layer.get("kernel_size", 3), layer.get("strides", 1), layer.get("padding", "valid")
            z = convolve(x, p[f"layers.{i}.weight"], *options)
            return self._activated(i, layer, z, p, step, position)
        if kind in ("max_pool2d", "avg_pool2d"):
            return pool(x, size, layer.get("strides") or size, layer.get("padding", "valid"), kind)
        if kind == "global_avg_pool":
            return np.array([np.mean(channel) for channel in x])
        if kind == "flatten":
            return x.reshape(-1)
        if kind == "activation":
            return self._activation(i, layer.get("activation", "relu"), x, p, step, position)
        if kind == "layer_norm":
            spread = math.sqrt(np.mean((x - np.mean(x)) ** 2) + layer.get("eps", 1e-5))
            return p[f"layers.{i}.weight"] * (x - np.mean(x)) / spread + p[f"layers.{i}.bias"]
        assert kind == "dropout", f"write what {kind} computes here"
        if step is None:
            return x
        rate = layer.get("rate", 0.5)
        kept = self._draws(i, step, position, x.size).reshape(x.shape) >= rate
        return x * kept / (1 - rate)

    def _batch_norm(self, i, layer, xs, p, training):
        """Ioffe & Szegedy 2015, algorithm 1 (in training) and 2, step 11 and what follows."""
        others = (0, *range(2, xs[0].ndim + 1))  # a channel's statistics are over all of its pixels
        mean, variance = np.mean(xs, axis=others), np.var(xs, axis=others)
        if not training:
            mean, variance = p[f"layers.{i}.running_mean"], p[f"layers.{i}.running_var"]
        column = (-1, *[1] * (xs[0].ndim - 1))
        spread = np.sqrt(variance + layer.get("eps", 1e-5)).reshape(column)
        weight, bias = (p[f"layers.{i}.{name}"].reshape(column) for name in ("weight", "bias"))
        return [weight * (x - mean.reshape(column)) / spread + bias for x in xs]

    def _activated(self, i, layer, z, p, step, position):
        """Bias, one value a unit or a channel, and activation."""
        if layer.get("bias", True):
            z = z + p[f"layers.{i}.bias"].reshape(-1, *[1] * (z.ndim - 1))
        return self._activation(i, layer.get("activation", "linear"), z, p, step, position)

    def _activation(self, i, found, z, p, step, position):
        column = (-1, *[1] * (z.ndim - 1))
        options = dict(found) if isinstance(found, dict) else {"name": found}
        name = options.pop("name")
        if name == "prelu":
            options["slope"] = p[f"layers.{i}.slope"].reshape(column)
        if name == "rrelu":
            low, high = options.pop("lower", 1 / 8), options.pop("upper", 1 / 3)
            share = 0.5 if step is None else self._draws(i, step, position, z.size).reshape(z.shape)
            options["slope"] = low + (high - low) * share
        return ACTIVATIONS[name](z, **options)

    def _draws(self, layer, step, position, units):
        return np.array([uniform(self.seed, layer, step, position * units + u) for u in range(units)])

    def mean_loss(self, inputs, labels, p, step=None):
        """Mean over a batch of examples (rows)."""
        total = 0.0
        for y, label in zip(self.outputs(inputs, p, step), labels, strict=True):
            total += self.loss(y, self._target(label, len(y)))
        return total / len(labels)

    @staticmethod
    def _target(label, outputs):
        """One-hot, or 0 or 1 on a single output; numbers as they are."""
        if np.ndim(label):
            return np.asarray(label, np.float64)
        return np.eye(outputs)[label] if outputs > 1 else np.array([float(label)])

    def r2(self, inputs, targets, p):
        """1 less the squared errors in parts of those of the targets' mean."""
        errors = np.sum((np.array(self.outputs(inputs, p)) - targets) ** 2)
        return 1 - errors / np.sum((targets - np.mean(targets, axis=0)) ** 2)

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
