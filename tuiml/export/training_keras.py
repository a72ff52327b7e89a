"""How a program in Keras trains: the optimizer, the callback that sets the learning rate, ``train``."""

from __future__ import annotations

from typing import Any

from tuiml.export import program_rate, program_stopping
from tuiml.export.exported_run import Trained
from tuiml.export.text import function, inside
from tuiml.nn.optimizers import AdamW, Moments
from tuiml.runs.errors import RunError

OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {"momentum": "momentum", "nesterov": "nesterov"}),
    "adagrad": ("Adagrad", {"initial_accumulator_value": 0.0, "epsilon": "eps"}),
    "adadelta": ("Adadelta", {"rho": "rho", "epsilon": "eps"}),
    "rmsprop": ("RMSprop", {"rho": "rho", "epsilon": "eps"}),
    "adam": ("Adam", {"epsilon": "eps"}),
    "adamw": ("AdamW", {"weight_decay": "weight_decay", "epsilon": "eps"}),
    "adamax": ("Adamax", {"epsilon": "eps"}),
    "nadam": ("Nadam", {"epsilon": "eps"}),
}
"""Keras' name, and its options: by ours, or their values."""
DIFFERENT = {
    "adagrad": "Keras adds epsilon inside the root, tuiml outside.",
    "rmsprop": "Keras adds epsilon inside the root, tuiml outside.",
    "adam": "Keras adds epsilon before the correction of the bias, tuiml after it.",
    "adamw": "Keras adds epsilon before the correction of the bias, tuiml after it.",
    "nadam": "Keras lets the momentum grow faster than tuiml, which has PyTorch's momentum_decay of 0.004.",
}
"""How Keras' optimizer differs from ours of the same name."""


def sections(trained: Trained) -> list[str]:
    """The functions and classes."""
    return [_optimizer(trained), _rate(trained), program_stopping.callback(trained), _train(trained)]


def _optimizer(trained: Trained) -> str:
    t, optimizer = trained.training, trained.training.optimizer
    name, fields = OPTIMIZERS[optimizer.name]
    options = ["learning_rate=LEARNING_RATE"]
    if isinstance(optimizer, Moments):
        options += [f"beta_1={optimizer.beta1!r}", f"beta_2={optimizer.beta2!r}"]
    for word, field in fields.items():
        value = getattr(optimizer, field) if isinstance(field, str) else field
        if value or not isinstance(field, str):
            options.append(f"{word}={value!r}")
    if t.clip_norm is not None:
        options.append(f"global_clipnorm={t.clip_norm!r}")
    if t.weight_decay and isinstance(optimizer, AdamW):
        raise RunError("Keras cannot express weight_decay beside that of adamw")
    if t.weight_decay:
        options.append(f"weight_decay={t.weight_decay!r}")
    call = f"keras.optimizers.{name}({', '.join(options)})"
    spared = 'var_names=["bias", "gamma", "beta", "alpha"]'
    return function(
        "build_optimizer()",
        f"The optimizer of the run. {DIFFERENT.get(optimizer.name, '')}".strip(),
        [f"optimizer = {call}", f"optimizer.exclude_from_weight_decay({spared})", "return optimizer"]
        if t.weight_decay
        else f"return {call}",
    )


def _rate(trained: Trained) -> str:
    """The callback that sets the learning rate."""
    rate, plateau = program_rate.at_step(trained), program_rate.has_plateau(trained)
    if not rate:
        return ""
    changes, counts = program_rate.changes(trained), "self.step, self.steps, self.batches"
    now = rate.replace("plateau.", "self.plateau.").replace("step, steps, batches", counts)
    lost = inside('self.plateau.epoch_done(logs["loss"])')
    return "\n".join(
        [
            "class Rate(keras.callbacks.Callback):",
            *inside('"""Sets the learning rate of each step."""'),
            "",
            *inside(
                f"def __init__(self{', steps, batches' if changes else ''}):",
                inside(
                    "super().__init__()",
                    f"{counts} = 0, steps, batches" if changes else "",
                    "self.plateau = Plateau(LEARNING_RATE)" if plateau else "",
                ),
            ),
            "",
            *inside(
                "def on_train_batch_begin(self, batch, logs=None):",
                inside(f"self.model.optimizer.learning_rate = {now}", "self.step += 1" if changes else ""),
            ),
            *(["", *inside("def on_epoch_end(self, epoch, logs=None):", lost)] if plateau else []),
        ]
    )


def _train(trained: Trained) -> str:
    changes = program_rate.changes(trained)
    options = ["batch_size=BATCH_SIZE", "epochs=epochs"]
    rate, stops = program_rate.at_step(trained), program_stopping.rule(trained)
    held = program_stopping.VALIDATION if program_stopping.by_validation(trained) else ""
    stopping = [f"callbacks.append(EarlyStopping({held}))"]
    if rate or stops:
        options.append("callbacks=callbacks" if stops else "callbacks=[rate]")
    if trained.network.class_weights:
        options.append("class_weight=dict(enumerate(CLASS_WEIGHTS))")
    made = "rate = Rate(epochs * batches, batches)" if changes else "rate = Rate()"
    return function(
        *program_stopping.head(trained),
        "batches = math.ceil(len(x) / BATCH_SIZE)" if changes else "",
        made if rate else "",
        f"callbacks = [{'rate' if rate else ''}]" if stops else "",
        ([f"if {held} is not None:", *inside(stopping)] if held else stopping) if stops else "",
        "model.compile(build_optimizer(), LOSS)",
        f"model.fit(preprocess(x), as_targets(y), {', '.join(options)})",
    )
