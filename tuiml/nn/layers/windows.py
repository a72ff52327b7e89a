"""Windows that move over an image: how many fit along an axis, and where they lie.

Inside a network a batch of images is (channels, width, height, batch); a layer's shapes, and what users
see, are (channels, height, width). An image of one channel may leave the channel out: (28, 28).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from tuiml.nn.layers.base import Shape, ShapeError, dimensions

Padding = Literal["valid", "same"]
PADDING = "valid: windows lie inside the image; same: zeros around it, so one window for each stride"
WIDTH, HEIGHT = 1, 2
"""Axes of a batch of images."""


class Window(NamedTuple):
    """The windows along one axis; the first begins ``before`` places before the image does."""

    size: int
    stride: int
    before: int
    outputs: int
    """How many there are."""

    @property
    def span(self) -> int:
        """Places from the beginning of the first window to the end of the last."""
        return (self.outputs - 1) * self.stride + self.size

    def places(self, offset: int, length: int) -> tuple[slice, slice]:
        """The windows whose place ``offset`` is in an image of ``length``, and where it is there."""
        first = max(0, -(-(self.before - offset) // self.stride))
        last = min(self.outputs, -(-(length + self.before - offset) // self.stride))
        begin = first * self.stride + offset - self.before
        end = begin + (last - first - 1) * self.stride + 1
        return slice(first, max(first, last)), slice(begin, max(begin, end), self.stride)

    def within(self, length: int) -> bool:
        """Whether every window lies inside an image of ``length``."""
        return self.before == 0 and self.span <= length


def window(length: int, size: int, stride: int, padding: Padding) -> Window:
    """The windows along an axis of ``length``, padded as TensorFlow does: what is odd goes behind."""
    if padding == "valid":
        return Window(size, stride, 0, (length - size) // stride + 1)
    outputs = -(-length // stride)
    return Window(size, stride, max((outputs - 1) * stride + size - length, 0) // 2, outputs)


def with_channels(shape: Shape) -> Shape:
    """A shape as a network has it inside: an image has channels, one where the data have none."""
    return (1, *shape) if len(shape) == 2 else shape


def image_shape(shape: Shape, layer: str) -> tuple[int, int, int]:
    """Channels, height and width of an image.

    Raises:
        ShapeError: ``shape`` is not that of an image.
    """
    found = with_channels(shape)
    if len(found) != 3:
        text = f"{layer} needs an image (channels×height×width), not {dimensions(shape)}"
        raise ShapeError("", f"{text}: put it before flatten and dense layers, on a data set of images")
    return found


def slide(
    shape: Shape, layer: str, field: str, size: int, stride: int, padding: Padding
) -> tuple[int, Window, Window]:
    """Channels of an image, and the windows along its height and its width.

    Raises:
        ShapeError: no image, or one that is smaller than the window.
    """
    channels, height, width = image_shape(shape, layer)
    if padding == "valid" and size > min(height, width):
        text = f"{size} is more than the image's {dimensions((height, width))}; give at most"
        raise ShapeError(field, f"{text} {min(height, width)}, or padding 'same'")
    rows, columns = (window(length, size, stride, padding) for length in (height, width))
    return channels, rows, columns
