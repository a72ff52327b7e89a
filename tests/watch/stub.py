"""A model of no framework, and an adapter that sees it: what the rest of ``tuiml.watch`` needs of one."""

import numpy as np

from tuiml.runs.watched import Module
from tuiml.watch import frameworks
from tuiml.watch.adapter import Adapter
from tuiml.watch.facts import ArrayFacts, ModuleFacts


def facts(values, **more):
    """The facts of an array."""
    values = np.asarray(values, np.float64)
    norm = float(np.linalg.norm(values))
    return ArrayFacts(values.size, float(values.mean()), float(values.std()), norm, values.ravel(), **more)


class Stub(Adapter):
    """Adapter of :class:`StubModule`: gives what the model says."""

    framework = distribution = "stub"

    def __init__(self, model, optimizer=None):
        super().__init__()
        self._model = model

    model_type = "StubModule"
    parameters = 12

    @property
    def rank(self):
        return self._model.rank

    @property
    def learning_rate(self):
        return 0.5

    def modules(self):
        if self._model.blocks:
            return [
                Module(
                    name=f"block{i // 10}" + f".{i % 10}" * (i % 10 > 0),
                    type="Dense",
                    kind="weighted",
                    parameters=12,
                    trainable=12,
                )
                for i in range(self._model.blocks * 10)
            ]
        return [
            Module(name="a", type="Dense", kind="weighted", parameters=12, trainable=12),
            Module(name="b", type="ReLU", kind="activation", activation="relu"),
        ]

    def arm(self):
        self._model.log.append("arm")
        if self._model.arming is not None:
            raise self._model.arming

    def measure(self, grads=None):
        self._model.log.append("measure")
        if self._model.hook is not None:
            with self.measuring():
                raise self._model.hook
        if self._model.skips:
            self._model.skips -= 1
            return None
        self._model.cost()
        weights = [facts([1.0, 2.0, 3.0])]
        if self._model.blocks:
            values = np.random.default_rng(len(self._model.log)).normal(size=43)
            one = facts(values, zeros=0.123456789012345, saturated=0.0123456789012345)
            moves = [(43, 0.0, 0.00123456789)]
            full = ModuleFacts(one, None, 64, [one], [one], [one], moves)
            return [full] * (self._model.blocks * 10)
        return [
            ModuleFacts(
                weights=weights,
                gradients=[facts([3.0, 4.0])],
                moves=[(3, 0.0, 0.001 * float(np.std([1.0, 2.0, 3.0])))],
            ),
            ModuleFacts(output=facts([0.0, 1.0], zeros=0.5), silent=np.array([True, False]), examples=2000),
        ]

    def close(self):
        self._model.log.append("close")


class Module_:
    """Stands where a framework's class of models stands."""


Module_.__name__ = "Module"
Module_.__module__ = "stubframework.nn"


class StubModule(Module_):
    """A model.

    Attributes:
        log: the adapter's calls.
        arming, hook: what is raised when a step is armed, or in a hook.
        skips: steps that a gradient scaler skips.
        blocks: of ten modules each, in place of the usual two modules.
    """

    def __init__(self):
        self.log, self.rank, self.skips, self.blocks = [], 0, 0, 0
        self.arming = self.hook = None
        self.cost = lambda: None


def install(monkeypatch):
    """Have ``tuiml.watch`` know the framework."""
    monkeypatch.setitem(frameworks.FRAMEWORKS, "stubframework", ("tests.watch.stub", "Stub"))


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now
