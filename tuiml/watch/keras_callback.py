"""``model.fit(…, callbacks=[tuiml.watch.KerasCallback(name="my-net")])``."""

from __future__ import annotations

from typing import Any

import keras

from tuiml.watch.run import WatchedRun
from tuiml.watch.start import watch


class KerasCallback(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is not there when types are checked
    """Records ``model.fit`` as a run.

    Args:
        name: of the run's folder; default: the model's name.
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__()
        self._name = name
        self.run = WatchedRun()
        """The run, while it goes on."""

    def on_train_begin(self, logs: Any = None) -> None:
        self.run.close()
        model = self._model  # the property would bring JAX's state back to it
        self.run = watch(model, optimizer=model.optimizer, name=self._name or model.name)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        found = dict(logs or {})
        self.run.step(loss=found.pop("loss", None), accuracy=found.pop("accuracy", None), **found)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        found = dict(logs or {})
        losses = {"train_loss": found.pop("loss", None), "train_accuracy": found.pop("accuracy", None)}
        losses |= {name: found.pop(name, None) for name in ("val_loss", "val_accuracy")}
        found.pop("learning_rate", None)
        self.run.epoch(**losses, **found)

    def on_train_end(self, logs: Any = None) -> None:
        self.run.close()
