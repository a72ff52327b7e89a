"""The data sets a preset can name, in the order they are listed, and the kinds of files it can have."""

from tuiml.data.base import Dataset, datasets

from tuiml.data.images import Digits, FashionMnist, Files, Mnist  # isort: skip  # listed first
from tuiml.data.generated_points import Circles, Gaussians, Moons, Seeded, Spiral, Xor
from tuiml.data.generated_regression import Friedman1, Hills, Sine
from tuiml.data.kinds import Kind, Normalize, Progress, Scaling, Target
from tuiml.data.own.entries import Own, own_files

__all__ = [
    "Circles", "Dataset", "Digits", "FashionMnist", "Files", "Friedman1", "Gaussians", "Hills", "Kind",
    "Mnist", "Moons", "Normalize", "Own", "Progress", "Scaling", "Seeded", "Sine", "Spiral", "Target", "Xor",
    "datasets", "own_files",
]  # fmt: skip
