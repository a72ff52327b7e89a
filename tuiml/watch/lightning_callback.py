"""``Trainer(callbacks=[tuiml.watch.LightningCallback(name="my-net")])``."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from tuiml.watch.run import WatchedRun
from tuiml.watch.start import watch


def _lightning() -> Any:
    """The package that the loop uses: it has two names."""
    other = "pytorch_lightning"
    if other in sys.modules and "lightning" not in sys.modules:
        return importlib.import_module(other)
    try:
        return importlib.import_module("lightning.pytorch")
    except ModuleNotFoundError:
        return importlib.import_module(other)


class LightningCallback(_lightning().Callback):  # type: ignore[misc]  # its class is known at run time
    """Records ``Trainer.fit`` as a run. What the module logs with ``self.log`` is drawn under its name.

    Args:
        name: of the run's folder; default: the module's class.
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__()
        self._name = name
        self._step = 0
        self.run = WatchedRun()
        """The run, while it goes on."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self.run.close()
        self._step = trainer.global_step
        self.run = watch(pl_module, optimizer=list(trainer.optimizers), name=self._name)

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step == self._step:
            return  # gradients are still accumulated
        self._step = trainer.global_step
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        self.run.step(**_scalars(trainer.callback_metrics, "train", loss))

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        found = {name: value for name, value in trainer.callback_metrics.items() if name.startswith("val")}
        named = {name: found.pop(name, None) for name in ("val_loss", "val_accuracy")}
        named["val_accuracy"] = (
            found.pop("val_acc", None) if named["val_accuracy"] is None else named["val_accuracy"]
        )
        self.run.epoch(**named, **found)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        self.run.close()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self.run.__exit__(type(exception), exception, None)


def _scalars(logged: Any, part: str, loss: Any) -> dict[str, Any]:
    """What was logged in training, by the names of :meth:`WatchedRun.step`."""
    found = {"loss": loss}
    for name, value in logged.items():
        short = name.removeprefix(f"{part}_").removesuffix("_step")
        if name.startswith(("val", "test")) or short == "loss":
            continue
        found["accuracy" if short == "acc" else short] = value
    return found
