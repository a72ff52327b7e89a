"""Layers that make an image smaller."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from tuiml.nn.layers.base import Array, Arrays, Grads, Layer, Noise, Shape, Values, layers
from tuiml.nn.layers.windows import HEIGHT, PADDING, WIDTH, Padding, Window, image_shape, slide, window


class Pool(Layer):
    """One value for each window of a channel: along the width first, then of those along the height."""

    images = True
    operation: ClassVar[str]

    pool_size: int = Field(2, ge=1, le=1024, description="height and width of a window, in pixels")
    strides: int | None = Field(
        None, ge=1, le=1024, description="pixels from one window to the next; absent: pool_size"
    )
    padding: Padding = Field("valid", description=PADDING.replace("zeros", "nothing"))

    def output_shape(self, shape: Shape) -> Shape:
        stride = self.strides or self.pool_size
        channels, rows, columns = slide(shape, self.name, "pool_size", self.pool_size, stride, self.padding)
        return (channels, rows.outputs, columns.outputs)

    def workspace(self, shape: Shape) -> int:
        channels, height, _ = image_shape(shape, self.name)
        return 2 * channels * height * self.output_shape(shape)[-1]

    def reduce(self, xp: Any, x: Array, axis: int) -> Array:
        """One value of each window along an axis."""
        return getattr(xp, self.operation)(x, axis, self._window(x.shape[axis]))

    def forward(self, xp: Any, x: Array, p: Arrays, noise: Noise) -> Values:
        y = self.reduce(xp, self.reduce(xp, x, WIDTH), HEIGHT)
        return Values(x, y, y)

    def _window(self, length: int) -> Window:
        return window(length, self.pool_size, self.strides or self.pool_size, self.padding)


@layers.add
class MaxPool2d(Pool):
    name = "max_pool2d"
    aliases = ("max_pool", "max_pooling2d")
    formula = "y = max of the window"
    advice = "between convolutions: a quarter of the values, the strongest ones"
    source = "Ranzato, Huang, Boureau & LeCun 2007, section 2; ties: the first in reading order"
    rank = 40
    operation = "max_window"

    def backward(self, xp: Any, v: Values, g: Array, p: Arrays, noise: Noise, fused: bool = False) -> Grads:
        # Rows first: the first row that has the greatest value, and in it the first place.
        rows, columns = self._window(v.x.shape[HEIGHT]), self._window(v.x.shape[WIDTH])
        along = xp.max_window(v.x, WIDTH, columns)
        g = xp.max_window_gradient(along, v.y, g, HEIGHT, rows)
        return xp.max_window_gradient(v.x, along, g, WIDTH, columns), {}


@layers.add
class AvgPool2d(Pool):
    name = "avg_pool2d"
    aliases = ("avg_pool", "average_pool2d", "average_pooling2d")
    formula = "y = mean of the window"
    advice = "a smoother max_pool2d; beyond the edge of the image nothing is counted"
    source = "LeCun, Bottou, Bengio & Haffner 1998, section II.B (without its weights)"
    rank = 50
    operation = "mean_window"

    def backward(self, xp: Any, v: Values, g: Array, p: Arrays, noise: Noise, fused: bool = False) -> Grads:
        height, width = v.x.shape[HEIGHT], v.x.shape[WIDTH]
        g = xp.mean_window_gradient(g, HEIGHT, self._window(height), height)
        return xp.mean_window_gradient(g, WIDTH, self._window(width), width), {}


@layers.add
class GlobalAvgPool(Layer):
    name = "global_avg_pool"
    aliases = ("global_avg_pool2d", "global_average_pooling2d")
    formula = "y = mean of the channel"
    advice = "from images to one number a channel, instead of flatten"
    source = "Lin, Chen & Yan 2014, section 3.2"
    images = True
    rank = 60

    def output_shape(self, shape: Shape) -> Shape:
        return image_shape(shape, self.name)[:1]

    def forward(self, xp: Any, x: Array, p: Arrays, noise: Noise) -> Values:
        along = xp.mean(x, axis=WIDTH, keepdims=True)
        y = xp.flatten(xp.mean(along, axis=HEIGHT, keepdims=True))
        return Values(x, y, y)

    def backward(self, xp: Any, v: Values, g: Array, p: Arrays, noise: Noise, fused: bool = False) -> Grads:
        channels, width, height, _ = v.x.shape
        g = xp.image(g * (1.0 / (width * height)), (channels, 1, 1))
        return xp.broadcast_to(g, v.x.shape), {}
