"""PyTorch: a program with the network, its optimizer and its preprocessing, and a safetensors file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tuiml.export import program, program_data, program_rate
from tuiml.export.format import Files, Format, Order
from tuiml.export.pieces import Piece, Written, pads, pieces, written
from tuiml.export.source import Source, Trained
from tuiml.export.text import dedent, function, inside, lines
from tuiml.nn.losses import Loss
from tuiml.nn.optimizers import Moments
from tuiml.runs.errors import RunError

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


def module(code: str, helper: str = "", **arrays: Any) -> list[Written]:
    return [Written(code, arrays, helper)]


def _dense(piece: Piece) -> list[Written]:
    bias = "" if "bias" in piece.arrays else ", bias=False"
    arrays = {name: piece.arrays[name] for name in ("weight", "bias") if name in piece.arrays}
    return module(f"nn.Linear({piece.shape[0]}, {piece.after[0]}{bias})", **arrays)


def _conv2d(piece: Piece) -> list[Written]:
    above, below, left, right = pads(piece)
    even = above == below and left == right
    options = [str(piece.shape[0]), str(piece.after[0]), f"kernel_size={piece.option('kernel_size')}"]
    if piece.option("strides") > 1:
        options.append(f"stride={piece.option('strides')}")
    if even and (above or left):
        options.append(f"padding={above if above == left else (above, left)}")
    if "bias" not in piece.arrays:
        options.append("bias=False")
    arrays = {name: piece.arrays[name] for name in ("weight", "bias") if name in piece.arrays}
    before = [] if even else module(f"nn.ZeroPad2d({(left, right, above, below)})")
    return before + module(f"nn.Conv2d({', '.join(options)})", **arrays)


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
    "dense": _dense,
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


def of(name: str, *fields: str) -> Any:
    """A module whose arguments are options of the activation, in their order."""
    return lambda piece: module(f"nn.{name}({', '.join(repr(piece.activated(field)) for field in fields)})")


ACTIVATIONS = {
    "linear": lambda piece: [],
    "sigmoid": of("Sigmoid"),
    "tanh": of("Tanh"),
    "relu": of("ReLU"),
    "leaky_relu": of("LeakyReLU", "negative_slope"),
    "prelu": lambda piece: module(
        f"nn.PReLU({piece.shape[0]}, init={piece.activated('init')!r})", weight=piece.arrays["slope"]
    ),
    "rrelu": of("RReLU", "lower", "upper"),
    "elu": of("ELU", "alpha"),
    "celu": of("CELU", "alpha"),
    "selu": of("SELU"),
    "gelu": of("GELU"),
    "silu": of("SiLU"),
    "softplus": of("Softplus"),
    "softsign": of("Softsign"),
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
OPTIMIZERS = {
    "sgd": ("SGD", {"momentum": "momentum", "nesterov": "nesterov"}),
    "adagrad": ("Adagrad", {"eps": "eps"}),
    "adadelta": ("Adadelta", {"rho": "rho", "eps": "eps"}),
    "rmsprop": ("RMSprop", {"alpha": "rho", "eps": "eps"}),
    "adam": ("Adam", {"betas": "", "eps": "eps"}),
    "adamw": ("AdamW", {"betas": "", "eps": "eps", "weight_decay": "weight_decay"}),
    "adamax": ("Adamax", {"betas": "", "eps": "eps"}),
    "nadam": ("NAdam", {"betas": "", "eps": "eps"}),
}


def modules(trained: Trained) -> list[Written]:
    """The modules of the network, first to last."""
    return written("PyTorch", pieces(trained, channels_last=False), LAYERS, ACTIVATIONS)


def weights(trained: Trained) -> dict[str, Any]:
    """The arrays by the names that ``nn.Sequential`` has for them: ``0.weight``."""
    return {
        f"{at}.{name}": array for at, one in enumerate(modules(trained)) for name, array in one.arrays.items()
    }


def _penalized(trained: Trained) -> str:
    t = trained.training
    if not (t.l1 or t.l2 or t.weight_decay or t.max_norm is not None):
        return ""
    return function(
        "penalized(model)",
        "The matrices and kernels, on which penalties act; biases and slopes are spared.",
        'return [p for name, p in model.named_parameters() if name.endswith("weight") and p.ndim > 1]',
    )


def _optimizer(trained: Trained) -> str:
    optimizer, l2 = trained.training.optimizer, trained.training.l2
    name, fields = OPTIMIZERS[optimizer.name]
    options = ["lr=LEARNING_RATE"]
    for word, field in fields.items():
        value = (
            (optimizer.beta1, optimizer.beta2)
            if isinstance(optimizer, Moments) and word == "betas"
            else getattr(optimizer, field)
        )
        if value or word == "weight_decay":
            options.append(f"{word}={value!r}")
    groups = [
        "weights = penalized(model)",
        "spared = {id(p) for p in weights}",
        "others = [p for p in model.parameters() if id(p) not in spared]",
        f'groups = [{{"params": weights, "weight_decay": {l2!r}}}, {{"params": others}}]',
    ]
    if optimizer.name == "adamw" and l2:
        raise RunError("PyTorch cannot express l2 beside the weight decay of adamw")
    return function(
        "build_optimizer(model)",
        f"The optimizer of the run{', with its penalty on large weights' if l2 else ''}.",
        groups if l2 else "",
        f"return torch.optim.{name}({'groups' if l2 else 'model.parameters()'}, {', '.join(options)})",
    )


def _step(trained: Trained) -> list[str]:
    """The statements of a training step on ``rows``."""
    t, rate = trained.training, program_rate.at_step(trained)
    loss = ["loss = LOSS(model(inputs[rows]), targets[rows])"]
    if trained.network.class_weights:
        loss = [
            "losses = EACH_LOSS(model(inputs[rows]), targets[rows]).reshape(len(rows), -1).mean(1)",
            "loss = (losses * class_weights[labels[rows]]).mean()",
        ]
    now = 'optimizer.param_groups[0]["lr"]'
    decay = f"w.mul_(1 - {now} * {t.weight_decay!r})" if t.weight_decay else ""
    limit = f"w.copy_(w.renorm(2, 0, {t.max_norm!r}))" if t.max_norm is not None else ""
    over = ["with torch.no_grad():", *inside("for w in penalized(model):")]
    return lines(
        ["for group in optimizer.param_groups:", *inside(f'group["lr"] = {rate}')] if rate else "",
        "optimizer.zero_grad()",
        loss,
        "loss.backward()",
        f"nn.utils.clip_grad_norm_(model.parameters(), {t.clip_norm!r})" if t.clip_norm is not None else "",
        ["for w in penalized(model):", *inside(f"w.grad += {t.l1!r} * w.detach().sign()")] if t.l1 else "",
        [*over, *inside(inside(decay))] if decay else "",
        "optimizer.step()",
        [*over, *inside(inside(limit))] if limit else "",
        "step += 1" if program_rate.changes(trained) else "",
        "total += loss.item() * len(rows)" if program_rate.has_plateau(trained) else "",
    )


def _train(trained: Trained) -> str:
    """The training loop, with what the run's settings ask for and nothing else."""
    rate, plateau = program_rate.changes(trained), program_rate.has_plateau(trained)
    weighted = "labels, class_weights = torch.as_tensor(y).long(), torch.tensor(CLASS_WEIGHTS)"
    return function(
        "train(model, x, y, epochs=EPOCHS)",
        "Train the network on raw inputs and labels, with the settings of the run.",
        "inputs, targets = torch.from_numpy(preprocess(x)), torch.from_numpy(as_targets(y))",
        weighted if trained.network.class_weights else "",
        "optimizer = build_optimizer(model)",
        "plateau = Plateau(LEARNING_RATE)" if plateau else "",
        ["batches = math.ceil(len(inputs) / BATCH_SIZE)", "step, steps = 0, epochs * batches"]
        if rate
        else "",
        "model.train()",
        "for epoch in range(epochs):",
        inside(
            "total = 0.0" if plateau else "",
            "for rows in torch.randperm(len(inputs)).split(BATCH_SIZE):",
            inside(_step(trained)),
            "plateau.epoch_done(total / len(inputs))" if plateau else "",
        ),
        "model.eval()",
    )


def _answers(trained: Trained) -> list[str]:
    softmax = "torch.from_numpy(outputs).softmax(1).numpy()"
    says, last = program.predictions(trained, softmax, softmax.replace("softmax(1)", "sigmoid()"))
    exact = "targets" if program.by_label(trained) else "targets.double()"
    return [
        function(
            "outputs_of(model, x)",
            "The network's outputs for raw inputs.",
            "inputs = torch.from_numpy(preprocess(x))",
            "with torch.no_grad():",
            inside("return torch.cat([model(batch) for batch in inputs.split(1024)])"),
        ),
        function(
            "predict(model, x)",
            f"Predictions for raw inputs: {says}.",
            "outputs = outputs_of(model, x).numpy()",
            f"return {last}",
        ),
        function(
            "evaluate(model, x, y)",
            f"Mean loss and {program.score_name(trained)} for raw inputs and labels.",
            "outputs, targets = outputs_of(model, x), torch.from_numpy(as_targets(y))",
            f"loss = LOSS(outputs.double(), {exact}).item()",
            "outputs, targets = outputs.numpy(), targets.numpy()",
            program.score(trained),
            "return loss, score",
        ),
    ]


def code(trained: Trained, stem: str) -> bytes:
    """The program."""
    program.refuse_unknown("PyTorch", trained, loss=LOSSES, optimizer=OPTIMIZERS)
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
        training=[_penalized(trained), _optimizer(trained), _train(trained)],
        channels_last=False,
        by_label=program.by_label(trained),
        reads="load_file(path)",
    )
    return program.source(trained, stem, parts)


def make(source: Source, order: Order) -> Files:
    """The program, and its weights beside it."""
    trained = source.trained
    arrays = {**weights(trained), **program_data.arrays(trained)}
    return {
        ".py": code(trained, order.stem),
        ".safetensors": program_data.weights_file(arrays, program.about(trained, "torch")),
    }


FORMAT = Format(
    "torch",
    "a PyTorch program with network, optimizer and preprocessing, and its weights",
    ".py",
    make,
    aliases=("pytorch",),
    tail="_torch",
    weights=True,
)
