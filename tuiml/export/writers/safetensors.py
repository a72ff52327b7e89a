"""safetensors: the weights under the names, and in the layout, that a framework expects.

PyTorch and MLX number the modules of a sequence, Keras names its layers, and the three keep matrices, kernels
and flattened images in three different orders, so no one file suits them all. The names and the layout are
those of the program in the same framework; without a choice they are PyTorch's.
"""

from __future__ import annotations

from tuiml.export import program, program_data
from tuiml.export.exported_run import Source
from tuiml.export.formats import Files, Order
from tuiml.export.writers import keras, mlx, torch

FRAMEWORKS = {"torch": torch.weights, "keras": keras.weights, "mlx": mlx.weights}


def make(source: Source, order: Order) -> Files:
    """The weights; the file's metadata has the classes and the scaling of inputs and targets."""
    trained = source.trained
    arrays = FRAMEWORKS[order.choice](trained)
    return {".safetensors": program_data.weights_file(arrays, program.about(trained, order.choice))}
