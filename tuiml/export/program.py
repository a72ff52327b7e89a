"""A program from its parts; those that are the same in every framework are here and in its neighbours."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuiml.export import program_data, program_rate
from tuiml.export.exported_run import Source, Trained
from tuiml.export.formats import Files
from tuiml.export.network_layers import Written, pieces
from tuiml.export.text import function, inside, lines, listed, literal, words
from tuiml.runs.errors import RunError

WIDTH = 100
Known = dict[str, Collection[str]]
"""Names that a framework has, by what they are of."""


@dataclass(frozen=True)
class Parts:
    """What a framework writes by itself. A section is a function or a class, or empty."""

    framework: str
    """Its name, for people."""
    imports: list[str]
    """Of third-party packages."""
    loss: list[str]
    """Constants about the loss."""
    stack: list[Written]
    build: list[str]
    """The statements of ``build_model()``."""
    load: list[str]
    """Those of ``load_model(path)``; ``arrays`` are those of the file without constants."""
    answers: list[str]
    """The sections of ``outputs_of(model, x)``, ``predict`` and ``evaluate``."""
    training: list[str]
    """The sections of the optimizer and of ``train``."""
    channels_last: bool
    by_label: bool
    """Whether the loss takes the places of classes, not a column for each."""


def refuse_unknown(framework: str, trained: Trained, **known: Collection[str]) -> None:
    """Raise RunError if a framework lacks something of the run; all of it is listed.

    Args:
        known: names of layers, activations, losses and optimizers, by ``layer``, ``activation``, ….
    """
    t = trained.training
    used = [("loss", t.loss.name), ("optimizer", t.optimizer.name), ("schedule", t.schedule.name)]
    for piece in pieces(trained, channels_last=False):
        used.append(("layer", piece.layer.name))
        used += [("activation", piece.activation.name)] if piece.activation else []
    known = {"schedule": program_rate.SCHEDULES, **known}
    lacking = dict.fromkeys(f"the {kind} {name}" for kind, name in used if name not in known[kind])
    if lacking:
        raise RunError(f"{framework} cannot express {', '.join(lacking)}")


def by_label(trained: Trained) -> bool:
    """Whether cross-entropy is the loss, which frameworks compute from the places of classes."""
    return trained.network.loss.name == "cross_entropy"


def source(trained: Trained, stem: str, parts: Parts) -> bytes:
    """The program."""
    says = f"The network. {_outputs(trained)}"
    stored = program_data.arrays(trained)
    arrays = ["arrays = load_file(path)"]
    if stored:
        arrays = [
            "arrays = {",
            *inside("name: array", "for name, array in load_file(path).items()"),
            *inside(f'if not name.startswith("{program_data.CONSTANTS}")  # constants of preprocess()'),
            "}",
        ]
    load = "The network with the weights that tuiml found, ready to predict."
    sections = [
        *dict.fromkeys(one.helper for one in parts.stack),
        function("build_model()", says, parts.build),
        function("load_model(path=WEIGHTS)", load, "model = build_model()", arrays, parts.load),
        program_data.preprocess(trained, parts.channels_last),
        program_data.targets(trained, parts.by_label),
        *parts.answers,
        *program_rate.sections(trained),
        *parts.training,
        program_data.read_data(trained),
        _main(trained),
    ]
    body = "\n\n\n".join(filter(None, sections))
    head = "\n".join([_docstring(trained, parts.framework, stem), "", *_imports(parts.imports, body, stored)])
    constants = "\n".join([*_constants(trained, stem), *parts.loss])
    return f"{head}\n\n{constants}\n\n\n{body}\n".encode()


def _imports(third: list[str], body: str, stored: Mapping[str, Any]) -> list[str]:
    standard = [name for name in ("copy", "csv", "math", "sys") if f"{name}." in body]
    third = sorted(
        [*third, "import numpy as np", *(["from safetensors import safe_open"] if stored else [])],
        key=lambda line: (not line.startswith("import"), line.split()[1]),
    )
    return [*(f"import {name}" for name in standard), "from pathlib import Path", "", *third]


def _docstring(trained: Trained, framework: str, stem: str) -> str:
    stem = words(stem)
    labels = "y (n,), the places in CLASSES" if trained.classes else f"y (n, {trained.network.outputs})"
    shape = program_data.shape_text(trained.data.shape)
    what = f"a NumPy file with the arrays x ({shape}), raw, and {labels}"
    table = program_data.readable_table(trained)
    if table:
        what = f"a CSV file with the columns of the training, or {what}"
    texts = [
        f"{words(trained.title)}: a network that tuiml trained, in {framework}.",
        f"Run {words(trained.said)}. The weights are in {stem}.safetensors.",
        f"    python {stem}.py {'data.csv' if table else 'data.npz'}",
        f"evaluates it on {what}.",
        "train() takes the steps of tuiml, but for the order of examples and random numbers. "
        + unlike(trained),
    ]
    filled = (text if text.startswith(" ") else textwrap.fill(text, WIDTH - 3) for text in texts)
    return '"""' + "\n\n".join(filled) + '\n"""'


def unlike(trained: Trained) -> str:
    """What of the run's training the program does not do, in a sentence; empty: nothing."""
    if not trained.pretraining:
        return ""
    return f"The hidden layers were pretrained ({trained.pretraining}) before, which it does not do."


def _constants(trained: Trained, stem: str) -> list[str]:
    training = trained.training
    sizes = f"{training.epochs}, {training.batch_size}, {training.rate!r}"
    weighted = trained.network.class_weights
    return lines(
        f"WEIGHTS = Path(__file__).with_name({literal(f'{stem}.safetensors')})",
        program_data.constants(trained),
        listed("CLASS_WEIGHTS", list(weighted)) if weighted else "",
        f"EPOCHS, BATCH_SIZE, LEARNING_RATE = {sizes}",
    )


def _outputs(trained: Trained) -> str:
    """What the network returns, in a sentence."""
    fused = trained.network.loss.activation
    if fused:
        return f"It returns logits: the {fused} behind them is part of the loss."
    if trained.classes:
        return "It returns a value for each class."
    return "It returns numbers that are scaled as the targets are: see predict()."


def score(trained: Trained) -> str:
    """The statement that computes ``score`` from ``outputs``, ``targets`` and ``y``, NumPy arrays."""
    if not trained.classes:
        return "score = 1 - ((outputs - targets) ** 2).sum() / ((targets - targets.mean(0)) ** 2).sum()"
    if trained.one_output:
        threshold = 0 if trained.network.fused else 0.5
        return f"score = ((outputs[:, 0] > {threshold}) == np.asarray(y)).mean()"
    return "score = (outputs.argmax(1) == np.asarray(y)).mean()"


def score_name(trained: Trained) -> str:
    return "accuracy" if trained.classes else "R²"


def predictions(trained: Trained, softmax: str, sigmoid: str) -> tuple[str, str]:
    """What ``predict`` returns, in words and as an expression of ``outputs``, a NumPy array.

    Args:
        softmax, sigmoid: the expressions of the framework.
    """
    fused = trained.network.loss.activation
    if not trained.classes:
        return "numbers in their own units, (n, outputs)", "outputs / TARGET_SCALE + TARGET_SHIFT"
    if fused == "softmax":
        return "the probability of each class, (n, classes)", softmax
    if fused == "sigmoid":
        return f"probabilities, (n, {trained.network.outputs})", sigmoid
    return f"the network's outputs, (n, {trained.network.outputs})", "outputs"


def answers(
    trained: Trained,
    *,
    outputs: Sequence[str],
    array: str,
    softmax: str,
    sigmoid: str,
    evaluate: Sequence[str],
    says: str = "The network's outputs for raw inputs.",
) -> list[str]:
    """The sections of ``outputs_of(model, x)``, ``predict`` and ``evaluate``.

    Args:
        outputs: the statements of the first, and what it ``says``.
        array: the expression of its result as a NumPy array.
        softmax, sigmoid: as for :func:`predictions`.
        evaluate: the statements that compute ``loss``, and ``outputs`` and ``targets`` for the score.
    """
    kind, last = predictions(trained, softmax, sigmoid)
    loss = f"Mean loss and {score_name(trained)} for raw inputs and labels."
    return [
        function("outputs_of(model, x)", says, *outputs),
        function(
            "predict(model, x)",
            f"Predictions for raw inputs: {kind}.",
            f"outputs = {array}",
            f"return {last}",
        ),
        function("evaluate(model, x, y)", loss, *evaluate, score(trained), "return loss, score"),
    ]


def _main(trained: Trained) -> str:
    score = score_name(trained)
    main = [
        "def main():",
        *inside(
            "if len(sys.argv) != 2:",
            inside("sys.exit(__doc__)"),
            "x, y = read_data(sys.argv[1])",
            "loss, score = evaluate(load_model(), x, y)",
            f'print(f"{{len(x):,}} examples: loss {{loss:.8g}}, {score} {{score:.6g}}")',
        ),
    ]
    return "\n".join([*main, "", "", 'if __name__ == "__main__":', "    main()"])


def files(source: Source, text: bytes, weights: Mapping[str, Any], framework: str) -> Files:
    """The program, and beside it its weights with the constants of the preprocessing."""
    trained = source.trained
    if differs := unlike(trained):
        source.notes.append(f"train() in the program: {differs[:1].lower()}{differs[1:].removesuffix('.')}")
    arrays = {**weights, **program_data.arrays(trained)}
    return {".py": text, ".safetensors": program_data.weights_file(arrays, about(trained, framework))}


def about(trained: Trained, framework: str) -> dict[str, str]:
    """The texts in a file of weights: what it is, the classes, and how inputs and targets are scaled."""
    data = trained.data
    scaling = {"shift": data.shift.tolist(), "scale": data.scale.tolist()}
    inputs = {"shape": list(data.shape), "normalize": data.normalize, **scaling}
    found = {"made_by": "tuiml", "run": trained.said, "names_of": framework, "inputs": json.dumps(inputs)}
    if trained.classes:
        return found | {"classes": json.dumps(list(trained.classes))}
    units = {"shift": data.target_shift.tolist(), "scale": data.target_scale.tolist()}
    return found | {"targets": json.dumps(units)}
