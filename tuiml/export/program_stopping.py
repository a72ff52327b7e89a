"""The parts of a program about early stopping: each epoch is judged by the metric of the run."""

from __future__ import annotations

from tuiml.export import program_rate
from tuiml.export.exported_run import Trained
from tuiml.export.text import dedent, inside
from tuiml.spec.stopping import Patient

VALIDATION = "validation"
"""The argument of ``train`` that holds raw inputs and labels."""


def rule(trained: Trained) -> Patient | None:
    """The rule by which the run ends early; ``None``: it trains all epochs."""
    found = trained.training.early_stopping
    return found if isinstance(found, Patient) else None


def by_loss(trained: Trained) -> bool:
    """Whether the training loss is judged."""
    found = rule(trained)
    return found is not None and found.name == "train_loss"


def sums_loss(trained: Trained) -> bool:
    """Whether a loop adds up the losses of an epoch."""
    return by_loss(trained) or program_rate.has_plateau(trained)


def by_validation(trained: Trained) -> bool:
    """Whether examples that are held out are judged."""
    return rule(trained) is not None and not by_loss(trained)


def head(trained: Trained) -> tuple[str, str]:
    """The arguments of ``train``, and its docstring."""
    says = "Train the network on raw inputs and labels, with the settings of the run."
    if not by_validation(trained):
        return "train(model, x, y, epochs=EPOCHS)", says
    more = "validation, a pair (x, y), ends it early."
    return f"train(model, x, y, epochs=EPOCHS, {VALIDATION}=None)", f"{says[:-1]};\n    {more}"


def figure(trained: Trained, model: str, loss: str, of: str = VALIDATION) -> str:
    """What is judged after an epoch, lower is better, as an expression."""
    if by_loss(trained):
        return loss
    result = f"evaluate({model}, *{of})"
    return f"-{result}[1]" if trained.training.early_stopping.name == "val_accuracy" else f"{result}[0]"


def _says(found: Patient) -> str:
    metric = {"val_loss": "validation loss", "train_loss": "training loss"}.get(found.name, "accuracy")
    verb = "risen" if found.name == "val_accuracy" else "fallen"
    by = f" by more than {found.min_delta!r}" if found.min_delta else ""
    epochs = f"{found.patience} epochs" if found.patience != 1 else "an epoch"
    return f"Ends the training when the {metric} has not {verb}{by} for {epochs}."


def _judging(found: Patient, of: str) -> list[str]:
    """The statements that compare ``figure`` with the best one; ``of`` are the weights then."""
    least = f"self.best - {found.min_delta!r}" if found.min_delta else "self.best"
    return [
        f"if figure < {least}:",
        *inside(f"self.best, self.weights, self.waited = figure, {of}, 0"),
        "else:",
        *inside("self.waited += 1"),
    ]


def stopping_class(trained: Trained) -> str:
    """``EarlyStopping`` for a loop of the program's own; empty: it trains all epochs."""
    found = rule(trained)
    if found is None:
        return ""
    return "\n".join(
        [
            "class EarlyStopping:",
            *inside(f'"""{_says(found)}"""'),
            "",
            *inside("def __init__(self):"),
            *inside(inside("self.best, self.weights, self.waited = math.inf, None, 0")),
            "",
            *inside("def is_over(self, figure, weights):"),
            *inside(inside('"""Take the figure of an epoch, the lower the better, and its weights."""')),
            *inside(inside(_judging(found, "weights"))),
            *inside(inside(f"return self.waited >= {found.patience}")),
        ]
    )


def callback(trained: Trained) -> str:
    """``EarlyStopping`` as a callback of Keras; empty: it trains all epochs."""
    found = rule(trained)
    if found is None:
        return ""
    argument = f", {VALIDATION}" if by_validation(trained) else ""
    kept = f"self.{VALIDATION} = {VALIDATION}" if argument else ""
    restore = dedent("""
        def on_train_end(self, logs=None):
            if self.weights is not None:
                self.model.set_weights(self.weights)
    """)
    judged = figure(trained, "self.model", 'logs["loss"]', f"self.{VALIDATION}")
    return "\n".join(
        [
            "class EarlyStopping(keras.callbacks.Callback):",
            *inside(f'"""{_says(found)}"""'),
            "",
            *inside(f"def __init__(self{argument}):"),
            *inside(inside("super().__init__()", kept)),
            *inside(inside("self.best, self.weights, self.waited = math.inf, None, 0")),
            "",
            *inside("def on_epoch_end(self, epoch, logs=None):"),
            *inside(inside(f"figure = {judged}", _judging(found, "self.model.get_weights()"))),
            *inside(inside(f"self.model.stop_training = self.waited >= {found.patience}")),
            *(["", *inside(restore.splitlines())] if found.restore_best else []),
        ]
    )


def after_epoch(trained: Trained, weights: str) -> list[str]:
    """What a loop does after an epoch: statements.

    Args:
        weights: an expression of those that the model has now, which training does not change.
    """
    if rule(trained) is None:
        return []
    judged = figure(trained, "model", "total / len(inputs)")
    over = f"stopping.is_over({judged}, {weights})"
    ready = ["model.eval()"] if by_validation(trained) else []
    return [*ready, f"if {f'{VALIDATION} and ' if ready else ''}{over}:", *inside("break")]


def at_end(trained: Trained, restore: str) -> list[str]:
    """What a loop does in the end; ``restore``: the statement that takes ``stopping.weights``."""
    found = rule(trained)
    return ["if stopping.weights is not None:", *inside(restore)] if found and found.restore_best else []
