"""Keras 3: a program with the network, its optimizer and its preprocessing, and a safetensors file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from tuiml.export import program, training_keras
from tuiml.export.exported_run import Source, Trained
from tuiml.export.formats import Files, Order
from tuiml.export.network_layers import Piece, Written, pieces, written
from tuiml.export.program import Known, refuse_unknown
from tuiml.export.text import dedent, inside, lines
from tuiml.nn.losses import Loss

NAME = "<name>"
"""In code: the name of the layer, by which its weights are found."""
RRELU = dedent('''
    class RReLU(layers.Layer):
        """Leaky ReLU with a random slope in training, the mean one in evaluation."""

        def __init__(self, lower, upper):
            super().__init__()
            self.lower, self.upper = lower, upper
            self.seeds = keras.random.SeedGenerator()

        def call(self, x, training=False):
            slope = (self.lower + self.upper) / 2
            if training:
                slope = keras.random.uniform(keras.ops.shape(x), self.lower, self.upper, seed=self.seeds)
            return keras.ops.maximum(x, 0) + slope * keras.ops.minimum(x, 0)
''')
INLINE = ("sigmoid", "tanh", "relu", "selu", "gelu", "silu", "softplus", "softsign", "softmax")
"""Activations without options, by Keras' own name, which dense and conv2d take."""


def layer(code: str, helper: str = "", **arrays: Any) -> list[Written]:
    """A layer; one with arrays has a name."""
    return [Written(f"layers.{code}", arrays, helper)]


def _options(*given: str) -> str:
    return ", ".join(option for option in given if option)


def _weighted(piece: Piece, call: str, kernel: Any) -> list[Written]:
    """A dense layer or a convolution, with its activation where Keras has it by name."""
    activation = piece.activation.name if piece.activation and piece.activation.name in INLINE else ""
    options = _options(
        f'activation="{activation}"' if activation else "",
        "" if "bias" in piece.arrays else "use_bias=False",
        "<penalty>",
        f'name="{NAME}"',
    )
    arrays = {"kernel": kernel} | ({"bias": piece.arrays["bias"]} if "bias" in piece.arrays else {})
    return layer(f"{call}, {options})", **arrays)


def _dense(piece: Piece) -> list[Written]:
    return _weighted(piece, f"Dense({piece.after[0]}", piece.arrays["weight"].T)


def _conv2d(piece: Piece) -> list[Written]:
    strides = piece.option("strides")
    call = _options(
        f"Conv2D({piece.after[0]}, {piece.option('kernel_size')}",
        f"strides={strides}" if strides > 1 else "",
        'padding="same"' if piece.option("padding") == "same" else "",
    )
    return _weighted(piece, call, piece.arrays["weight"].transpose(2, 3, 1, 0))


def _pool(name: str) -> Callable[[Piece], list[Written]]:
    def pool(piece: Piece) -> list[Written]:
        size, strides = piece.option("pool_size"), piece.option("strides")
        same = 'padding="same"' if piece.option("padding") == "same" else ""
        return layer(_options(f"{name}({size}", f"strides={strides}" if strides else "", same) + ")")

    return pool


def _batch_norm(piece: Piece) -> list[Written]:
    keep = round(1 - piece.option("momentum"), 12)
    names = {
        "weight": "gamma",
        "bias": "beta",
        "running_mean": "moving_mean",
        "running_var": "moving_variance",
    }
    arrays = {new: piece.arrays[old] for old, new in names.items()}
    call = f'BatchNormalization(momentum={keep!r}, epsilon={piece.option("eps")!r}, name="{NAME}")'
    return layer(call, **arrays)


def _layer_norm(piece: Piece) -> list[Written]:
    axis = "axis=[1, 2, 3], " if piece.image else ""
    call = f'LayerNormalization({axis}epsilon={piece.option("eps")!r}, name="{NAME}")'
    return layer(call, gamma=piece.arrays["weight"], beta=piece.arrays["bias"])


LAYERS = {
    "dense": _dense,
    "conv2d": _conv2d,
    "max_pool2d": _pool("MaxPooling2D"),
    "avg_pool2d": _pool("AveragePooling2D"),
    "global_avg_pool": lambda piece: layer("GlobalAveragePooling2D()"),
    "flatten": lambda piece: layer("Flatten()"),
    "dropout": lambda piece: layer(f"Dropout({piece.option('rate')!r})"),
    "activation": lambda piece: [],
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
}


def _named(piece: Piece) -> list[Written]:
    """An activation that Keras has by name: it is part of a dense layer or a convolution."""
    assert piece.activation
    inline = piece.layer.name in ("dense", "conv2d")
    return [] if inline else layer(f'Activation("{piece.activation.name}")')


def _prelu(piece: Piece) -> list[Written]:
    start = f"alpha_initializer=keras.initializers.Constant({piece.activated('init')!r})"
    shared = "shared_axes=[1, 2], " if piece.image else ""
    slope = piece.arrays["slope"]
    return layer(
        f'PReLU({shared}{start}, name="{NAME}")', alpha=slope.reshape(1, 1, -1) if piece.image else slope
    )


ACTIVATIONS = {
    "linear": lambda piece: [],
    **dict.fromkeys(INLINE, _named),
    "leaky_relu": lambda piece: layer(f"LeakyReLU(negative_slope={piece.activated('negative_slope')!r})"),
    "prelu": _prelu,
    "rrelu": lambda piece: [
        Written(f"RReLU({piece.activated('lower')!r}, {piece.activated('upper')!r})", {}, RRELU)
    ],
    "elu": lambda piece: layer(f"ELU(alpha={piece.activated('alpha')!r})"),
    "celu": lambda piece: layer(
        f"Lambda(lambda x: keras.activations.celu(x, alpha={piece.activated('alpha')!r}))"
    ),
}


def _cross_entropy(loss: Loss) -> str:
    smoothing = getattr(loss, "label_smoothing", 0.0)
    if smoothing:
        return f"CategoricalCrossentropy(from_logits=True, label_smoothing={smoothing!r})"
    return "SparseCategoricalCrossentropy(from_logits=True)"


LOSSES: dict[str, Callable[[Any], str]] = {
    "cross_entropy": _cross_entropy,
    "binary_cross_entropy": lambda loss: "BinaryCrossentropy(from_logits=True)",
    "mse": lambda loss: "MeanSquaredError()",
    "mae": lambda loss: "MeanAbsoluteError()",
    "huber": lambda loss: f"Huber(delta={loss.delta!r})",
}


def modules(trained: Trained) -> list[Written]:
    """The layers of the network, first to last, each one with weights under a name of its own."""
    counts: Counter[str] = Counter()
    found = []
    for one in written("Keras", pieces(trained, channels_last=True), LAYERS, ACTIVATIONS):
        kind = one.code.partition("(")[0].removeprefix("layers.").lower()
        kind = kind.replace("normalization", "_normalization")
        counts[kind] += bool(one.arrays)
        code, name = one.code.replace("<penalty>, ", _penalty(trained, kind)), f"{kind}_{counts[kind]}"
        arrays = {f"{name}/{key}": array for key, array in one.arrays.items()}
        found.append(Written(code.replace(NAME, name), arrays, one.helper))
    return found


def _penalty(trained: Trained, kind: str) -> str:
    t = trained.training
    axes = "0" if kind == "dense" else "[0, 1, 2]"
    found = "kernel_regularizer=PENALTY, " if t.l1 or t.l2 else ""
    if t.max_norm is not None:
        found += f"kernel_constraint=keras.constraints.MaxNorm({t.max_norm!r}, axis={axes}), "
    return found


def weights(trained: Trained) -> dict[str, Any]:
    """The arrays by the names of layers and variables: ``dense_1/kernel``."""
    return {name: array for one in modules(trained) for name, array in one.arrays.items()}


def _by_label(trained: Trained) -> bool:
    return program.by_label(trained) and not getattr(trained.network.loss, "label_smoothing", 0.0)


def _answers(trained: Trained) -> list[str]:
    as_array = "keras.ops.convert_to_numpy(keras.ops.{}(outputs))"
    return program.answers(
        trained,
        outputs=["return model.predict(preprocess(x), batch_size=1024, verbose=0)"],
        array="outputs_of(model, x)",
        softmax=as_array.format("softmax"),
        sigmoid=as_array.format("sigmoid"),
        evaluate=[
            "outputs, targets = outputs_of(model, x), as_targets(y)",
            "loss = float(LOSS(targets, outputs))",
        ],
        says="The network's outputs for raw inputs, a NumPy array.",
    )


def code(trained: Trained, stem: str) -> bytes:
    """The program."""
    known: Known = {"layer": LAYERS, "activation": ACTIVATIONS, "loss": LOSSES}
    refuse_unknown("Keras", trained, **known, optimizer=training_keras.OPTIMIZERS)
    stack, t = modules(trained), trained.training
    shape = trained.network.input_shape
    shape = (*shape, 1) if len(shape) == 2 else (*shape[1:], shape[0]) if len(shape) == 3 else shape
    penalties = [f"l1={t.l1!r}" if t.l1 else "", f"l2={t.l2 / 2!r}" if t.l2 else ""]
    penalty = f"PENALTY = keras.regularizers.L1L2({_options(*penalties)})  # l1·|w| + l2·w²"
    parts = program.Parts(
        "Keras 3",
        imports=["import keras", "from keras import layers", "from safetensors.numpy import load_file"],
        loss=lines(f"LOSS = keras.losses.{LOSSES[t.loss.name](t.loss)}", penalty if t.l1 or t.l2 else ""),
        stack=stack,
        build=[
            "return keras.Sequential(",
            *inside("[", inside(f"keras.Input({shape}),", *(f"{one.code}," for one in stack)), "]"),
            ")",
        ],
        load=lines(
            "for layer in model.layers:",
            inside(
                "for variable in layer.weights:",
                inside('variable.assign(arrays[f"{layer.name}/{variable.name}"])'),
            ),
            "return model",
        ),
        answers=_answers(trained),
        training=training_keras.sections(trained),
        channels_last=True,
        by_label=_by_label(trained),
    )
    return program.source(trained, stem, parts)


def make(source: Source, order: Order) -> Files:
    """The program, and its weights beside it."""
    trained = source.trained
    return program.files(source, code(trained, order.stem), weights(trained), "keras")
