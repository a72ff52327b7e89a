"""PyTorch: a program with the network, its optimizer and its preprocessing, and a safetensors file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tuiml.export import network_layers, program, training_torch
from tuiml.export.exported_run import Source, Trained
from tuiml.export.formats import Files, Order
from tuiml.export.network_layers import Piece, Written, module, of, pads
from tuiml.export.program import Known, refuse_unknown
from tuiml.export.text import dedent, inside, lines
from tuiml.nn.losses import Loss

POOL = dedent('''
    class Pad(nn.Module):
        """Puts a value around images: (left, right, above, below)."""

        def __init__(self, sides, value=0.0):
            super().__init__()
            self.sides, self.value = sides, value

        def forward(self, x):
            return nn.functional.pad(x, self.sides, value=self.value)
''')
AVERAGE = dedent('''
    class AvgPool(nn.Module):
        """The mean of each window of an image; beyond its edge nothing is counted."""

        def __init__(self, size, stride, sides):
            super().__init__()
            self.pool, self.sides = nn.AvgPool2d(size, stride), sides

        def forward(self, x):
            inside = nn.functional.pad(torch.ones_like(x[:1, :1]), self.sides)
            return self.pool(nn.functional.pad(x, self.sides)) / self.pool(inside)
''')


def _conv2d(piece: Piece) -> list[Written]:
    above, below, left, right = pads(piece)
    code, even = network_layers.conv2d(piece)
    before = [] if even else module(f"nn.ZeroPad2d({(left, right, above, below)})")
    return before + module(code, **network_layers.matrix(piece))


def _pool(piece: Piece) -> list[Written]:
    above, below, left, right = pads(piece)
    size, stride = piece.option("pool_size"), piece.option("strides") or piece.option("pool_size")
    average = piece.layer.name == "avg_pool2d"
    sides, even = (left, right, above, below), above == below and left == right
    options = f"{size}" if stride == size else f"{size}, stride={stride}"
    if not even and average:
        return module(f"AvgPool({size}, {stride}, {sides})", AVERAGE)
    padding = f", padding={above if above == left else (above, left)}" if even and (above or left) else ""
    if average:
        counted = ", count_include_pad=False" if padding else ""
        return module(f"nn.AvgPool2d({options}{padding}{counted})")
    before = [] if even else module(f'Pad({sides}, float("-inf"))', POOL)
    return before + module(f"nn.MaxPool2d({options}{padding})")


def _batch_norm(piece: Piece) -> list[Written]:
    kind = "BatchNorm2d" if piece.image else "BatchNorm1d"
    options = f"{piece.shape[0]}, eps={piece.option('eps')!r}, momentum={piece.option('momentum')!r}"
    return module(f"nn.{kind}({options})", **piece.arrays)


def _layer_norm(piece: Piece) -> list[Written]:
    shape = piece.shape if piece.image else piece.shape[0]
    return module(f"nn.LayerNorm({shape}, eps={piece.option('eps')!r})", **piece.arrays)


LAYERS = {
    "dense": network_layers.linear,
    "conv2d": _conv2d,
    "max_pool2d": _pool,
    "avg_pool2d": _pool,
    "global_avg_pool": lambda piece: [*module("nn.AdaptiveAvgPool2d(1)"), *module("nn.Flatten()")],
    "flatten": lambda piece: module("nn.Flatten()"),
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
    "rrelu": of("nn.RReLU", "lower", "upper"),
    "elu": of("nn.ELU", "alpha"),
    "celu": of("nn.CELU", "alpha"),
    "selu": of("nn.SELU"),
    "gelu": of("nn.GELU"),
    "silu": of("nn.SiLU"),
    "softplus": of("nn.Softplus"),
    "softsign": of("nn.Softsign"),
    "softmax": lambda piece: module("nn.Softmax(dim=1)"),
}


def _loss(name: str, field: str = "") -> Callable[..., str]:
    """A loss, with one of its options where it is not 0."""

    def call(loss: Loss, *options: str) -> str:
        value = getattr(loss, field) if field else 0
        return f"nn.{name}({', '.join([*options, *([f'{field}={value!r}'] if value else [])])})"

    return call


LOSSES = {
    "cross_entropy": _loss("CrossEntropyLoss", "label_smoothing"),
    "binary_cross_entropy": _loss("BCEWithLogitsLoss"),
    "mse": _loss("MSELoss"),
    "mae": _loss("L1Loss"),
    "huber": _loss("HuberLoss", "delta"),
}


def modules(trained: Trained) -> list[Written]:
    """The modules of the network, first to last."""
    return network_layers.written(
        "PyTorch", network_layers.pieces(trained, channels_last=False), LAYERS, ACTIVATIONS
    )


def weights(trained: Trained) -> dict[str, Any]:
    """The arrays by the names that ``nn.Sequential`` has for them: ``0.weight``."""
    return {
        f"{at}.{name}": array for at, one in enumerate(modules(trained)) for name, array in one.arrays.items()
    }


def _answers(trained: Trained) -> list[str]:
    softmax = "torch.from_numpy(outputs).softmax(1).numpy()"
    exact = "targets" if program.by_label(trained) else "targets.double()"
    return program.answers(
        trained,
        outputs=[
            "inputs = torch.from_numpy(preprocess(x))",
            "with torch.no_grad():",
            *inside("return torch.cat([model(batch) for batch in inputs.split(1024)])"),
        ],
        array="outputs_of(model, x).numpy()",
        softmax=softmax,
        sigmoid=softmax.replace("softmax(1)", "sigmoid()"),
        evaluate=[
            "outputs, targets = outputs_of(model, x), torch.from_numpy(as_targets(y))",
            f"loss = LOSS(outputs.double(), {exact}).item()",
            "outputs, targets = outputs.numpy(), targets.numpy()",
        ],
    )


def code(trained: Trained, stem: str) -> bytes:
    """The program."""
    known: Known = {"layer": LAYERS, "activation": ACTIVATIONS, "loss": LOSSES}
    refuse_unknown("PyTorch", trained, **known, optimizer=training_torch.OPTIMIZERS)
    stack, loss = modules(trained), trained.network.loss
    of_each = LOSSES[loss.name](loss, 'reduction="none"')
    parts = program.Parts(
        "PyTorch",
        imports=["import torch", "from safetensors.torch import load_file", "from torch import nn"],
        loss=lines(
            f"LOSS = {LOSSES[loss.name](loss)}",
            f"EACH_LOSS = {of_each}" if trained.network.class_weights else "",
        ),
        stack=stack,
        build=["return nn.Sequential(", *inside(*(f"{one.code}," for one in stack)), ")"],
        load=["model.load_state_dict(arrays)", "return model.eval()"],
        answers=_answers(trained),
        training=training_torch.sections(trained),
        channels_last=False,
        by_label=program.by_label(trained),
    )
    return program.source(trained, stem, parts)


def make(source: Source, order: Order) -> Files:
    """The program, and its weights beside it."""
    trained = source.trained
    return program.files(source, code(trained, order.stem), weights(trained), "torch")
