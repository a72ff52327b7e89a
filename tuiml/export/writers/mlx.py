"""MLX: a program with the network, its optimizer and its preprocessing, and a safetensors file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tuiml.export import network_layers, program, training_mlx
from tuiml.export.exported_run import Source, Trained
from tuiml.export.formats import Files, Order
from tuiml.export.network_layers import Piece, Written, module, of, pads
from tuiml.export.program import Known, refuse_unknown
from tuiml.export.text import dedent, function, inside, lines

FLATTEN = dedent('''
    def flatten(x):
        """Images as rows of numbers."""
        return mx.flatten(x, start_axis=1)
''')
MEAN = dedent('''
    def channel_means(x):
        """The mean of each channel of images."""
        return x.mean(axis=(1, 2))
''')
PAD = dedent('''
    class Pad(nn.Module):
        """Puts a value around images."""

        def __init__(self, rows, columns, value=0.0):
            super().__init__()
            self.sides, self.value = [(0, 0), rows, columns, (0, 0)], value

        def __call__(self, x):
            return mx.pad(x, self.sides, constant_values=self.value)
''')
AVERAGE = dedent('''
    class AvgPool(nn.Module):
        """The mean of each window of an image; beyond its edge nothing is counted."""

        def __init__(self, size, stride, rows, columns):
            super().__init__()
            self.pool, self.sides = nn.AvgPool2d(size, stride), [(0, 0), rows, columns, (0, 0)]

        def __call__(self, x):
            inside = mx.pad(mx.ones((1, *x.shape[1:])), self.sides)
            return self.pool(mx.pad(x, self.sides)) / self.pool(inside)
''')
LAYER_NORM = dedent('''
    class ImageNorm(nn.Module):
        """Layer normalization over all values of an image."""

        def __init__(self, shape, eps):
            super().__init__()
            self.weight, self.bias, self.eps = mx.ones(shape), mx.zeros(shape), eps

        def __call__(self, x):
            mean, variance = x.mean((1, 2, 3), keepdims=True), x.var((1, 2, 3), keepdims=True)
            return (x - mean) * mx.rsqrt(variance + self.eps) * self.weight + self.bias
''')
SELU = dedent('''
    def selu(x):
        """SELU with all digits of its constants, of which MLX's own has six."""
        scale, alpha = 1.0507009873554805, 1.6732632423543772
        return scale * mx.where(x > 0, x, alpha * mx.expm1(x))
''')
RRELU = dedent('''
    class RReLU(nn.Module):
        """Leaky ReLU with a random slope in training, the mean one in evaluation."""

        def __init__(self, lower, upper):
            super().__init__()
            self.lower, self.upper = lower, upper

        def __call__(self, x):
            slope = (self.lower + self.upper) / 2
            if self.training:
                slope = mx.random.uniform(self.lower, self.upper, x.shape)
            return mx.maximum(x, 0) + slope * mx.minimum(x, 0)
''')


def _conv2d(piece: Piece) -> list[Written]:
    above, below, left, right = pads(piece)
    code, even = network_layers.conv2d(piece)
    arrays = network_layers.matrix(piece)
    arrays["weight"] = arrays["weight"].transpose(0, 2, 3, 1)
    before = [] if even else module(f"Pad({(above, below)}, {(left, right)})", PAD)
    return before + module(code, **arrays)


def _pool(piece: Piece) -> list[Written]:
    above, below, left, right = pads(piece)
    size, stride = piece.option("pool_size"), piece.option("strides") or piece.option("pool_size")
    rows, columns, padded = (above, below), (left, right), any((above, below, left, right))
    options = f"{size}" if stride == size else f"{size}, stride={stride}"
    if piece.layer.name == "avg_pool2d":
        if padded:
            return module(f"AvgPool({size}, {stride}, {rows}, {columns})", AVERAGE)
        return module(f"nn.AvgPool2d({options})")
    before = module(f'Pad({rows}, {columns}, float("-inf"))', PAD) if padded else []
    return before + module(f"nn.MaxPool2d({options})")


def _batch_norm(piece: Piece) -> list[Written]:
    options = f"{piece.shape[0]}, eps={piece.option('eps')!r}, momentum={piece.option('momentum')!r}"
    return module(f"nn.BatchNorm({options})", **piece.arrays)


def _layer_norm(piece: Piece) -> list[Written]:
    if not piece.image:
        return module(f"nn.LayerNorm({piece.shape[0]}, eps={piece.option('eps')!r})", **piece.arrays)
    shape = (*piece.shape[1:], piece.shape[0])
    return module(f"ImageNorm({shape}, {piece.option('eps')!r})", LAYER_NORM, **piece.arrays)


LAYERS = {
    "dense": network_layers.linear,
    "conv2d": _conv2d,
    "max_pool2d": _pool,
    "avg_pool2d": _pool,
    "global_avg_pool": lambda piece: module("channel_means", MEAN),
    "flatten": lambda piece: module("flatten", FLATTEN) if piece.image else [],
    "dropout": lambda piece: module(f"nn.Dropout({piece.option('rate')!r})"),
    "activation": lambda piece: [],
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
}


ACTIVATIONS = {
    "linear": lambda piece: [],
    "sigmoid": of("nn.Sigmoid"),
    "tanh": of("nn.Tanh"),
    "relu": of("nn.ReLU"),
    "leaky_relu": of("nn.LeakyReLU", "negative_slope"),
    "prelu": network_layers.prelu,
    "rrelu": of("RReLU", "lower", "upper", helper=RRELU),
    "elu": of("nn.ELU", "alpha"),
    "celu": of("nn.CELU", "alpha"),
    "selu": lambda piece: module("selu", SELU),
    "gelu": of("nn.GELU"),
    "silu": of("nn.SiLU"),
    "softplus": of("nn.Softplus"),
    "softsign": of("nn.Softsign"),
    "softmax": of("nn.Softmax"),
}
LOSSES: dict[str, Callable[[Any], str]] = {
    "cross_entropy": lambda loss: "cross_entropy(outputs, targets{})".format(
        f", label_smoothing={loss.label_smoothing!r}" if loss.label_smoothing else ""
    ),
    "binary_cross_entropy": lambda loss: "binary_cross_entropy(outputs, targets)",
    "mse": lambda loss: "mse_loss(outputs, targets)",
    "mae": lambda loss: "l1_loss(outputs, targets)",
    "huber": lambda loss: f"huber_loss(outputs, targets, delta={loss.delta!r})",
}


def modules(trained: Trained) -> list[Written]:
    """The modules of the network, first to last."""
    return network_layers.written(
        "MLX", network_layers.pieces(trained, channels_last=True), LAYERS, ACTIVATIONS
    )


def weights(trained: Trained) -> dict[str, Any]:
    """The arrays by the names that ``nn.Sequential`` has for them: ``layers.0.weight``."""
    return {
        f"layers.{at}.{name}": array
        for at, one in enumerate(modules(trained))
        for name, array in one.arrays.items()
    }


def _loss(trained: Trained) -> str:
    call = f"nn.losses.{LOSSES[trained.network.loss.name](trained.network.loss)[:-1]}, reduction=reduction)"
    return function('loss_of(outputs, targets, reduction="mean")', "The loss.", f"return {call}")


def _answers(trained: Trained) -> list[str]:
    as_array = "np.array(mx.{}(mx.array(outputs)))"
    *some, evaluate = program.answers(
        trained,
        outputs=[
            "inputs = mx.array(preprocess(x))",
            "return mx.concatenate([model(inputs[at : at + 1024]) for at in range(0, len(inputs), 1024)])",
        ],
        array="np.array(outputs_of(model, x))",
        softmax=as_array.format("softmax").replace("outputs))", "outputs), axis=1)"),
        sigmoid=as_array.format("sigmoid"),
        evaluate=[
            "outputs, targets = outputs_of(model, x), as_targets(y)",
            'losses = loss_of(outputs, mx.array(targets), "none")',
            "loss, outputs = np.mean(np.array(losses, np.float64)), np.array(outputs)",
        ],
    )
    return [*some, _loss(trained), evaluate]


def code(trained: Trained, stem: str) -> bytes:
    """The program."""
    known: Known = {"layer": LAYERS, "activation": ACTIVATIONS, "loss": LOSSES}
    refuse_unknown("MLX", trained, **known, optimizer=training_mlx.OPTIMIZERS)
    stack = modules(trained)
    parts = program.Parts(
        "MLX",
        imports=lines(
            "import mlx.core as mx",
            "import mlx.nn as nn",
            "import mlx.optimizers as optim",
            training_mlx.imports(trained),
            "from safetensors.numpy import load_file",
        ),
        loss=[],
        stack=stack,
        build=["return nn.Sequential(", *inside(*(f"{one.code}," for one in stack)), ")"],
        load=[
            "model.load_weights([(name, mx.array(array)) for name, array in arrays.items()])",
            "model.eval()",
            "return model",
        ],
        answers=_answers(trained),
        training=training_mlx.sections(trained),
        channels_last=True,
        by_label=program.by_label(trained),
    )
    return program.source(trained, stem, parts)


def make(source: Source, order: Order) -> Files:
    """The program, and its weights beside it."""
    trained = source.trained
    return program.files(source, code(trained, order.stem), weights(trained), "mlx")
