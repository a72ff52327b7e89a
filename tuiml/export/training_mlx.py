"""How a program in MLX trains: the optimizer, penalties, ``train``."""

from __future__ import annotations

from tuiml.export import program_rate, program_stopping
from tuiml.export.exported_run import Trained
from tuiml.export.text import dedent, function, inside, lines
from tuiml.nn.optimizers import Moments

ADAMAX = dedent('''
    class Adamax(optim.Adamax):
        """Adamax with the correction of the bias, which MLX leaves out."""

        def apply_single(self, gradient, parameter, state):
            beta1, beta2 = self.betas
            state["m"] = beta1 * state["m"] + (1 - beta1) * gradient
            state["v"] = mx.maximum(beta2 * state["v"], mx.abs(gradient) + self.eps)
            rate = self.learning_rate / (1 - beta1**self.step)
            return parameter - rate * state["m"] / state["v"]
''')
NADAM = dedent('''
    class Nadam(optim.Adam):
        """Adam with Nesterov's look-ahead (Dozat 2016), in PyTorch's form; MLX has none."""

        def init_single(self, parameter, state):
            super().init_single(parameter, state)
            state["product"] = mx.array(1.0)

        def apply_single(self, gradient, parameter, state):
            beta1, beta2 = self.betas
            now = beta1 * (1 - 0.5 * 0.96 ** (self.step * 0.004))
            after = beta1 * (1 - 0.5 * 0.96 ** ((self.step + 1) * 0.004))
            state["product"] = product = state["product"] * now
            state["m"] = beta1 * state["m"] + (1 - beta1) * gradient
            state["v"] = beta2 * state["v"] + (1 - beta2) * mx.square(gradient)
            root = mx.sqrt(state["v"] / (1 - beta2**self.step)) + self.eps
            ahead = (1 - now) / (1 - product) * gradient + after / (1 - product * after) * state["m"]
            return parameter - self.learning_rate * ahead / root
''')
OPTIMIZERS = {
    "sgd": ("optim.SGD", {"momentum": "momentum", "nesterov": "nesterov"}, ""),
    "adagrad": ("optim.Adagrad", {"eps": "eps"}, ""),
    "adadelta": ("optim.AdaDelta", {"rho": "rho", "eps": "eps"}, ""),
    "rmsprop": ("optim.RMSprop", {"alpha": "rho", "eps": "eps"}, ""),
    "adam": ("optim.Adam", {"eps": "eps"}, ""),
    "adamw": ("optim.AdamW", {"eps": "eps", "weight_decay": "weight_decay"}, ""),
    "adamax": ("Adamax", {"eps": "eps"}, ADAMAX),
    "nadam": ("Nadam", {"eps": "eps"}, NADAM),
}
"""Its name, its options by ours, and a class where MLX lacks it."""


IS_WEIGHT = 'name.endswith("weight") and w.ndim > 1'
"""Whether penalties act on an array: on matrices and kernels."""


def imports(trained: Trained) -> str:
    """What the penalties need; empty: there are none."""
    return "from mlx.utils import tree_map_with_path" if _penalties(trained) else ""


def sections(trained: Trained) -> list[str]:
    """The functions and classes."""
    helper = OPTIMIZERS[trained.training.optimizer.name][2]
    stopping = program_stopping.stopping_class(trained)
    return [helper, *_penalties(trained), _optimizer(trained), stopping, _train(trained)]


def _optimizer(trained: Trained) -> str:
    optimizer = trained.training.optimizer
    name, fields, _ = OPTIMIZERS[optimizer.name]
    options = ["LEARNING_RATE"]
    if isinstance(optimizer, Moments):
        options.append(f"betas=[{optimizer.beta1!r}, {optimizer.beta2!r}]")
    options += [f"{word}={value!r}" for word, f in fields.items() if (value := getattr(optimizer, f))]
    if optimizer.name == "adamw" and not getattr(optimizer, "weight_decay"):  # noqa: B009
        options.append("weight_decay=0.0")
    if name in ("optim.Adam", "optim.AdamW"):
        options.append("bias_correction=True")
    return function("build_optimizer()", "The optimizer of the run.", f"return {name}({', '.join(options)})")


def _penalties(trained: Trained) -> list[str]:
    """What acts on weights beside loss and optimizer: on gradients, and before or after an update."""
    t, found, spared = trained.training, [], "; biases and slopes are spared"
    update = "model.update(tree_map_with_path(changed, model.trainable_parameters()))"
    if t.l1 or t.l2:
        terms = [f"{t.l2!r} * w" if t.l2 else "", f"{t.l1!r} * mx.sign(w)" if t.l1 else ""]
        found.append(
            function(
                "penalized(gradients, model)",
                f"Gradients with the penalties on large weights{spared}.",
                "def changed(name, g, w):",
                inside(f"return g + {' + '.join(filter(None, terms))} if {IS_WEIGHT} else g"),
                "return tree_map_with_path(changed, gradients, model.trainable_parameters())",
            )
        )
    if t.weight_decay:
        found.append(
            function(
                "decay(model, rate)",
                f"Let the weights decay by a fraction of the learning rate{spared}.",
                "def changed(name, w):",
                inside(f"return w * (1 - rate * {t.weight_decay!r}) if {IS_WEIGHT} else w"),
                update,
            )
        )
    return [*found, _limit(t.max_norm, update)] if t.max_norm is not None else found


def _limit(length: float, update: str) -> str:
    return function(
        "limit(model)",
        "Shorten the incoming weights of each unit to a length at most.",
        "def changed(name, w):",
        inside(
            f"if not ({IS_WEIGHT}):",
            inside("return w"),
            "length = mx.sqrt(mx.square(w).sum(tuple(range(1, w.ndim)), keepdims=True))",
            f"return mx.where(length > {length!r}, w * ({length!r} / length), w)",
        ),
        update,
    )


def _step(trained: Trained) -> list[str]:
    """The statements of a training step on ``rows``."""
    t, rate = trained.training, program_rate.at_step(trained)
    more = ", weights[rows]" if trained.network.class_weights else ""
    return lines(
        f"optimizer.learning_rate = {rate}" if rate else "",
        f"loss, gradients = gradient(inputs[rows], targets[rows]{more})",
        f"gradients, _ = optim.clip_grad_norm(gradients, {t.clip_norm!r})" if t.clip_norm is not None else "",
        "gradients = penalized(gradients, model)" if t.l1 or t.l2 else "",
        "decay(model, optimizer.learning_rate)" if t.weight_decay else "",
        "optimizer.update(model, gradients)",
        "limit(model)" if t.max_norm is not None else "",
        "mx.eval(model.parameters(), optimizer.state)",
        "step += 1" if program_rate.changes(trained) else "",
        "total += loss.item() * len(rows)" if program_stopping.sums_loss(trained) else "",
    )


def _train(trained: Trained) -> str:
    changes, plateau = program_rate.changes(trained), program_rate.has_plateau(trained)
    total = program_stopping.sums_loss(trained)
    weighted = bool(trained.network.class_weights)
    more, loss = "", "loss_of(model(x), y)"
    if weighted:
        more, loss = ", w", '(loss_of(model(x), y, "none").reshape(len(w), -1).mean(1) * w).mean()'
    return function(
        *program_stopping.head(trained),
        "inputs, targets = mx.array(preprocess(x)), mx.array(as_targets(y))",
        "weights = mx.array(CLASS_WEIGHTS)[mx.array(y)]" if weighted else "",
        "optimizer = build_optimizer()",
        f"gradient = nn.value_and_grad(model, lambda x, y{more}: {loss})",
        "plateau = Plateau(LEARNING_RATE)" if plateau else "",
        "stopping = EarlyStopping()" if program_stopping.rule(trained) else "",
        program_rate.COUNT if changes else "",
        "" if program_stopping.by_validation(trained) else "model.train()",
        "for epoch in range(epochs):",
        inside(
            "model.train()" if program_stopping.by_validation(trained) else "",
            "total = 0.0" if total else "",
            "order = mx.random.permutation(len(inputs))",
            "for start in range(0, len(inputs), BATCH_SIZE):",
            inside("rows = order[start : start + BATCH_SIZE]", _step(trained)),
            "plateau.epoch_done(total / len(inputs))" if plateau else "",
            program_stopping.after_epoch(trained, "model.parameters()"),
        ),
        program_stopping.at_end(trained, "model.update(stopping.weights)"),
        "model.eval()",
    )
