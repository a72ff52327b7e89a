"""Training loops of one's own for :mod:`tests.benchmarks.watch`, each a step at a time.

Networks of PyTorch, and examples of the documentation of Keras (a convolutional network for MNIST, by
``fit``), of MLX (a perceptron) and of Flax NNX (a convolutional network). The data are drawn at random:
nothing is downloaded.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tuiml.watch.models import Models
from tuiml.watch.run import WatchedRun

Clock = Callable[[], float]


@dataclass
class Loop:
    """A loop that can be watched or not from one step to the next."""

    run: WatchedRun
    train: Callable[[bool], object]
    """Makes :attr:`steps` steps, and reports them to the run if that is asked."""
    steps: int = 1
    block: float = 0.01
    """Seconds of a block, at least: the shorter, the less the machine's ups and downs matter."""
    finish: Callable[[], object] = lambda: None
    """Waits for steps that were begun."""


def _torch(model: Any, x: Any, y: Any, clock: Clock) -> Loop:
    import torch

    from tests.watch.torch_models import loss_of

    torch.set_num_threads(1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    run = WatchedRun(Models(model, optimizer), "loop", clock)

    def train(watched: bool) -> None:
        optimizer.zero_grad()
        loss = loss_of(model, x, y)
        loss.backward()
        optimizer.step()
        if watched:
            run.step(loss=loss)

    return Loop(run, train)


def torch_resnet(clock: Clock) -> Loop:
    import torch

    from tests.watch.torch_models import ResNet

    return _torch(ResNet(16), torch.randn(8, 3, 32, 32), torch.randint(0, 10, (8,)), clock)


def torch_transformer(clock: Clock) -> Loop:
    import torch

    from tests.watch.torch_models import Transformer

    x = torch.randint(0, 50, (16, 16))
    return _torch(Transformer(width=64, layers=4), x, x.roll(1, 1), clock)


def torch_small(clock: Clock) -> Loop:
    import torch

    model = torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.ReLU(), torch.nn.Linear(32, 4))
    return _torch(model, torch.randn(32, 16), torch.randint(0, 4, (32,)), clock)


def keras(clock: Clock) -> Loop:
    """keras.io/examples/vision/mnist_convnet"""
    import keras
    from keras import layers

    import tuiml

    class Kept(tuiml.watch.KerasCallback):
        """Records several calls of ``fit`` as one run."""

        def on_train_begin(self, logs: Any = None) -> None:
            pass

        on_train_end = on_train_begin

    if keras.backend.backend() == "torch":
        import torch

        torch.set_num_threads(1)
    batch, batches = 128, 2
    make = np.random.default_rng(0)
    x = make.random((batch * batches, 28, 28, 1)).astype("float32")
    y = keras.utils.to_categorical(make.integers(0, 10, batch * batches), 10)
    model = keras.Sequential(
        [
            keras.Input(shape=(28, 28, 1)),
            layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    watching = Kept()
    watching.run = WatchedRun(Models(model, model.optimizer), "loop", clock)

    def train(watched: bool) -> None:
        callbacks = [watching] if watched else []
        model.fit(x, y, batch_size=batch, epochs=1, verbose=0, callbacks=callbacks)

    return Loop(watching.run, train, batches)


def mlx(clock: Clock) -> Loop:
    """ml-explore.github.io/mlx: Multi-Layer Perceptron"""
    import mlx.core as mx
    from mlx import nn, optimizers

    class MLP(nn.Module):
        def __init__(self, layers: int, inputs: int, hidden: int, outputs: int) -> None:
            super().__init__()
            sizes = [inputs] + [hidden] * layers + [outputs]
            self.layers = [nn.Linear(a, b) for a, b in itertools.pairwise(sizes)]

        def __call__(self, x: Any) -> Any:
            for layer in self.layers[:-1]:
                x = mx.maximum(layer(x), 0.0)
            return self.layers[-1](x)

    def loss_of(model: Any, x: Any, y: Any) -> Any:
        return mx.mean(nn.losses.cross_entropy(model(x), y))

    model = MLP(2, 784, 32, 10)
    mx.eval(model.parameters())
    make = np.random.default_rng(0)
    x, y = mx.array(make.random((256, 784)).astype("float32")), mx.array(make.integers(0, 10, 256))
    loss_and_grad = nn.value_and_grad(model, loss_of)
    optimizer = optimizers.SGD(learning_rate=1e-1)
    run = WatchedRun(Models(model, optimizer), "loop", clock)

    def train(watched: bool) -> None:
        loss, grads = loss_and_grad(model, x, y)
        optimizer.update(model, grads)
        mx.eval(model.parameters(), optimizer.state)
        if watched:
            run.step(loss=loss, grads=grads)

    return Loop(run, train)


def flax(clock: Clock) -> Loop:
    """flax.readthedocs.io: MNIST tutorial"""
    import jax
    import jax.numpy as jnp
    import optax
    from flax import nnx

    class CNN(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.conv1 = nnx.Conv(1, 32, kernel_size=(3, 3), rngs=rngs)
            self.batch_norm1 = nnx.BatchNorm(32, rngs=rngs)
            self.dropout1 = nnx.Dropout(rate=0.025)
            self.conv2 = nnx.Conv(32, 64, kernel_size=(3, 3), rngs=rngs)
            self.batch_norm2 = nnx.BatchNorm(64, rngs=rngs)
            self.avg_pool = partial(nnx.avg_pool, window_shape=(2, 2), strides=(2, 2))
            self.linear1 = nnx.Linear(3136, 256, rngs=rngs)
            self.dropout2 = nnx.Dropout(rate=0.025)
            self.linear2 = nnx.Linear(256, 10, rngs=rngs)

        def __call__(self, x: Any, rngs: Any = None) -> Any:
            x = self.avg_pool(nnx.relu(self.batch_norm1(self.dropout1(self.conv1(x), rngs=rngs))))
            x = self.avg_pool(nnx.relu(self.batch_norm2(self.conv2(x))))
            x = nnx.relu(self.dropout2(self.linear1(x.reshape(x.shape[0], -1)), rngs=rngs))
            return self.linear2(x)

    @nnx.jit
    def step(model: Any, optimizer: Any, rngs: Any, x: Any, y: Any) -> Any:
        def loss_of(model: Any, rngs: Any) -> Any:
            return optax.softmax_cross_entropy_with_integer_labels(model(x, rngs), y).mean()

        loss, grads = nnx.value_and_grad(loss_of)(model, rngs)
        optimizer.update(model, grads)
        return loss, grads

    model, rngs = CNN(nnx.Rngs(0)), nnx.Rngs(0)
    optimizer = nnx.Optimizer(model, optax.adamw(0.005, 0.9), wrt=nnx.Param)
    make = np.random.default_rng(0)
    x = jnp.asarray(make.random((32, 28, 28, 1)).astype("float32"))
    y = jnp.asarray(make.integers(0, 10, 32))
    run = WatchedRun(Models(model, optimizer, x), "loop", clock)

    def train(watched: bool) -> None:
        loss, grads = step(model, optimizer, rngs, x, y)
        if watched:
            run.step(loss=loss, grads=grads)

    return Loop(run, train, block=0.1, finish=lambda: jax.block_until_ready(nnx.state(model)))


LOOPS: dict[str, tuple[Callable[[Clock], Loop], dict[str, str]]] = {
    "torch-resnet": (torch_resnet, {}),
    "torch-transformer": (torch_transformer, {}),
    "torch-small": (torch_small, {}),
    "keras-torch": (keras, {"KERAS_BACKEND": "torch"}),
    "keras-jax": (keras, {"KERAS_BACKEND": "jax"}),
    "mlx-mlp": (mlx, {}),
    "flax-cnn": (flax, {}),
}
"""By name: what makes a loop, and the environment that it needs."""
