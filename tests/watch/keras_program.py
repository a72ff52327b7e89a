"""Fits a small network of Keras: ``python keras_program.py OUT WATCHED``."""

import sys

import keras
import numpy as np

import tuiml

out, watched = sys.argv[1], sys.argv[2] == "1"
keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(4, 3, activation="relu", name="conv2d"),
        keras.layers.BatchNormalization(name="batch_normalization"),
        keras.layers.Flatten(name="flatten"),
        keras.layers.Dropout(0.2, name="dropout"),
        keras.layers.Dense(3, activation="softmax", name="dense"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
make = np.random.default_rng(0)
x, y = make.random((64, 8, 8, 1)).astype("float32"), make.integers(0, 3, 64)
found = {}


def jax_gradient():
    """The norm of the gradient of the convolution in the second step, by JAX alone."""
    import jax

    model.jax_state_sync()
    trained, others = (
        [v.value for v in some] for some in (model.trainable_variables, model.non_trainable_variables)
    )

    def loss_of(trained):
        predicted, _ = model.stateless_call(trained, others, x[16:32], training=True)
        return keras.losses.sparse_categorical_crossentropy(y[16:32], predicted).mean()

    norm = float(np.linalg.norm(np.asarray(jax.grad(loss_of)(trained)[0], np.float64)))
    return norm


class ByHand(keras.callbacks.Callback):
    """Keeps what the last step that is measured, the second, should show."""

    def on_train_batch_begin(self, batch, logs=None):
        if batch == 1 and "conv_mean" not in found:
            if keras.backend.backend() == "jax":
                found["conv_gradient"] = jax_gradient()
            values = [np.asarray(w) for w in model.get_layer("conv2d").get_weights()]
            kernel, bias = (value.astype(np.float64) for value in values)
            parts = np.lib.stride_tricks.sliding_window_view(x[16:32, :, :, 0], (3, 3), (1, 2))
            convolved = np.tensordot(parts, kernel[:, :, 0], ((3, 4), (0, 1))) + bias
            found["conv_mean"] = float(np.maximum(convolved, 0.0).mean())

    def on_train_batch_end(self, batch, logs=None):
        if batch == 1 and "conv_std" not in found:
            kernel = self.model.get_layer("conv2d").kernel.value
            if keras.backend.backend() == "torch":
                found["conv_gradient"] = float(kernel.grad.double().norm())
                kernel = kernel.detach()
            found["conv_std"] = float(np.asarray(kernel).std())


callbacks = [ByHand(), *([tuiml.watch.KerasCallback(name="net")] if watched else [])]
history = model.fit(
    x, y, epochs=2, batch_size=16, verbose=0, validation_split=0.25, shuffle=False, callbacks=callbacks
).history
found |= {"loss": history["loss"][-1], "val_accuracy": history["val_accuracy"][-1]}
np.savez(out, **{f"w{i}": w for i, w in enumerate(model.get_weights())}, **found)
