"""How a program in PyTorch trains: the optimizer, penalties, ``train``."""

from __future__ import annotations

from tuiml.export import program_rate, program_stopping
from tuiml.export.exported_run import Trained
from tuiml.export.text import function, inside, lines
from tuiml.nn.optimizers import Moments
from tuiml.runs.errors import RunError

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


def sections(trained: Trained) -> list[str]:
    """The functions."""
    stopping = program_stopping.stopping_class(trained)
    return [_penalized(trained), _optimizer(trained), stopping, _train(trained)]


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
        "total += loss.item() * len(rows)" if program_stopping.sums_loss(trained) else "",
    )


def _train(trained: Trained) -> str:
    """The training loop, with what the run's settings ask for and nothing else."""
    rate, plateau = program_rate.changes(trained), program_rate.has_plateau(trained)
    total = program_stopping.sums_loss(trained)
    weighted = "labels, class_weights = torch.as_tensor(y).long(), torch.tensor(CLASS_WEIGHTS)"
    return function(
        *program_stopping.head(trained),
        "inputs, targets = torch.from_numpy(preprocess(x)), torch.from_numpy(as_targets(y))",
        weighted if trained.network.class_weights else "",
        "optimizer = build_optimizer(model)",
        "plateau = Plateau(LEARNING_RATE)" if plateau else "",
        "stopping = EarlyStopping()" if program_stopping.rule(trained) else "",
        ["batches = math.ceil(len(inputs) / BATCH_SIZE)", "step, steps = 0, epochs * batches"]
        if rate
        else "",
        "" if program_stopping.by_validation(trained) else "model.train()",
        "for epoch in range(epochs):",
        inside(
            "model.train()" if program_stopping.by_validation(trained) else "",
            "total = 0.0" if total else "",
            "for rows in torch.randperm(len(inputs)).split(BATCH_SIZE):",
            inside(_step(trained)),
            "plateau.epoch_done(total / len(inputs))" if plateau else "",
            program_stopping.after_epoch(trained, "copy.deepcopy(model.state_dict())"),
        ),
        program_stopping.at_end(trained, "model.load_state_dict(stopping.weights)"),
        "model.eval()",
    )
