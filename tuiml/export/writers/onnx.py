"""ONNX: the network with its preprocessing, from raw inputs to probabilities or numbers. Needs onnx."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from tuiml import installation
from tuiml.export import network_layers as stack
from tuiml.export import program_data
from tuiml.export.exported_run import Source, Trained
from tuiml.export.formats import Files, Order
from tuiml.export.network_layers import Piece, pads
from tuiml.runs.errors import RunError

OPSET, IR = 20, 9
"""The first version with Gelu, and the file format of its time: what reads ONNX since 2023 reads it."""


class Graph:
    """Nodes and constants, one after the other."""

    def __init__(self) -> None:
        from onnx import helper, numpy_helper

        self._make, self._constant = helper.make_node, numpy_helper.from_array
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: Any, name: str = "", dtype: Any = np.float32) -> str:
        """The name of a constant."""
        name = name or f"constant_{len(self.constants)}"
        self.constants.append(self._constant(np.ascontiguousarray(value, dtype), name))
        return name

    def add(self, op: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """The name of the output of a new node."""
        output = output or f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(self._make(op, list(inputs), [output], **attributes))
        return output


Node = Callable[[Graph, Piece, str], str]
"""Adds what a piece computes from the value of a name; the name of the result."""


def _dense(graph: Graph, piece: Piece, x: str) -> str:
    arrays = [graph.constant(piece.arrays[name]) for name in ("weight", "bias") if name in piece.arrays]
    return graph.add("Gemm", x, *arrays, transB=1)


def _windows(piece: Piece, size: int) -> dict[str, Any]:
    above, below, left, right = pads(piece)
    stride = piece.option("strides") or size
    return {"kernel_shape": [size, size], "strides": [stride] * 2, "pads": [above, left, below, right]}


def _conv2d(graph: Graph, piece: Piece, x: str) -> str:
    arrays = [graph.constant(piece.arrays[name]) for name in ("weight", "bias") if name in piece.arrays]
    return graph.add("Conv", x, *arrays, **_windows(piece, piece.option("kernel_size")))


def _batch_norm(graph: Graph, piece: Piece, x: str) -> str:
    names = ("weight", "bias", "running_mean", "running_var")
    arrays = [graph.constant(piece.arrays[name]) for name in names]
    return graph.add("BatchNormalization", x, *arrays, epsilon=piece.option("eps"))


def _layer_norm(graph: Graph, piece: Piece, x: str) -> str:
    arrays = [graph.constant(piece.arrays[name]) for name in ("weight", "bias")]
    return graph.add("LayerNormalization", x, *arrays, axis=1, epsilon=piece.option("eps"))


LAYERS: dict[str, Node] = {
    "dense": _dense,
    "conv2d": _conv2d,
    "max_pool2d": lambda graph, piece, x: graph.add(
        "MaxPool", x, **_windows(piece, piece.option("pool_size"))
    ),
    "avg_pool2d": lambda graph, piece, x: graph.add(
        "AveragePool", x, count_include_pad=0, **_windows(piece, piece.option("pool_size"))
    ),
    "global_avg_pool": lambda graph, piece, x: graph.add("Flatten", graph.add("GlobalAveragePool", x)),
    "flatten": lambda graph, piece, x: graph.add("Flatten", x),
    "dropout": lambda graph, piece, x: x,
    "activation": lambda graph, piece, x: x,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
}


def of(op: str, **fields: str) -> Node:
    """A node whose attributes are options of the activation."""
    return lambda graph, piece, x: graph.add(
        op, x, **{name: piece.activated(field) for name, field in fields.items()}
    )


def _prelu(graph: Graph, piece: Piece, x: str) -> str:
    slope = piece.arrays["slope"]
    return graph.add("PRelu", x, graph.constant(slope.reshape(-1, 1, 1) if piece.image else slope))


def _rrelu(graph: Graph, piece: Piece, x: str) -> str:
    return graph.add("LeakyRelu", x, alpha=(piece.activated("lower") + piece.activated("upper")) / 2)


ACTIVATIONS: dict[str, Node] = {
    "linear": lambda graph, piece, x: x,
    "sigmoid": of("Sigmoid"),
    "tanh": of("Tanh"),
    "relu": of("Relu"),
    "leaky_relu": of("LeakyRelu", alpha="negative_slope"),
    "prelu": _prelu,
    "rrelu": _rrelu,
    "elu": of("Elu", alpha="alpha"),
    "celu": of("Celu", alpha="alpha"),
    "selu": of("Selu", alpha="alpha", gamma="scale"),
    "gelu": of("Gelu"),
    "silu": lambda graph, piece, x: graph.add("Mul", x, graph.add("Sigmoid", x)),
    "softplus": of("Softplus"),
    "softsign": of("Softsign"),
    "softmax": lambda graph, piece, x: graph.add("Softmax", x, axis=1),
}


def _preprocessed(graph: Graph, trained: Trained, x: str) -> str:
    """Raw inputs, flat or images, as the network takes them."""
    data, width = trained.data, int(np.prod(trained.data.shape))
    shape = (1, *data.shape) if len(data.shape) == 2 else data.shape
    arrays = {
        name.removeprefix(program_data.CONSTANTS): array
        for name, array in program_data.arrays(trained).items()
    }
    x = graph.add("Reshape", x, graph.constant([-1, width], dtype=np.int64))
    for name, op in (("raw_factor", "Mul"), ("raw_shift", "Sub")):
        if name in arrays:
            x = graph.add(op, x, graph.constant(arrays[name], dtype=np.float64))
    if _is_double(trained):
        x = graph.add("Cast", x, to=1)  # float32
    if "mean" in arrays:
        x = graph.add("Where", graph.add("IsNaN", x), graph.constant(arrays["mean"]), x)
    if data.normalize != "none":
        x = graph.add("Sub", x, graph.constant(data.shift, "input_shift"))
        x = graph.add("Mul", x, graph.constant(data.scale, "input_scale"))
    return graph.add("Reshape", x, graph.constant([-1, *shape], dtype=np.int64)) if len(shape) == 3 else x


def _is_double(trained: Trained) -> bool:
    """Whether raw inputs need more digits than float32 has."""
    return bool(trained.data.raw_shift.any() or trained.data.raw_exponents.any())


def _named(graph: Graph, trained: Trained, x: str) -> tuple[str, int]:
    """The output under its name, and its width."""
    width = trained.network.outputs
    if not trained.classes:
        scale, shift = (graph.constant(v) for v in (trained.data.target_scale, trained.data.target_shift))
        return graph.add("Add", graph.add("Div", x, scale), shift, output="predictions"), width
    if not trained.network.fused:
        return graph.add("Identity", x, output="outputs"), width
    if trained.one_output:
        other = graph.add("Sub", graph.constant([1.0]), x)
        return graph.add("Concat", other, x, axis=1, output="probabilities"), 2
    return graph.add("Identity", x, output="probabilities"), width


def model_of(trained: Trained) -> bytes:
    """The bytes of a model.

    Raises:
        RunError: ONNX lacks some of the layers.
    """
    from onnx import TensorProto, checker, helper

    found = stack.pieces(trained, channels_last=False, with_output=True)
    stack.refuse_lacking("ONNX", found, LAYERS, ACTIVATIONS)
    graph, shape = Graph(), ["examples", *trained.data.shape]
    x = _preprocessed(graph, trained, "inputs")
    for piece in found:
        x = LAYERS[piece.layer.name](graph, piece, x)
        if piece.activation:
            x = ACTIVATIONS[piece.activation.name](graph, stack.behind(piece), x)
    name, width = _named(graph, trained, x)
    kind = TensorProto.DOUBLE if _is_double(trained) else TensorProto.FLOAT
    made = helper.make_graph(
        graph.nodes,
        "network",
        [helper.make_tensor_value_info("inputs", kind, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["examples", width])],
        graph.constants,
        doc_string=trained.said,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    model.producer_name = "tuiml"
    about = {"run": trained.said, "classes": json.dumps(list(trained.classes))}
    about["features"] = json.dumps(list(trained.dataset.feature_names))
    helper.set_model_props(model, {key: text for key, text in about.items() if text != "[]"})
    checker.check_model(model)
    found_bytes: bytes = model.SerializeToString()
    return found_bytes


def make(source: Source, order: Order) -> Files:
    """The model."""
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise RunError(f"ONNX needs the package onnx: {installation.hint('onnx')}") from None
    return {".onnx": model_of(source.trained)}
