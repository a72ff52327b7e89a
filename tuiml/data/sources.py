"""The files that data sets lie in: what is in each, its hash, and who serves it.

Hashes are of the payload, the bytes once decompressed: the gzip wrappers of one file differ among
mirrors. Those of MNIST were computed from its files and are the ones its other users publish. Of
Fashion-MNIST the labels' were computed from the authors' repository, the images' are the ones that
several of its users publish, one as taken from archives with the authors' published MD5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """One IDX file of unsigned bytes."""

    file: str
    """Its name without ``.gz``."""
    shape: tuple[int, ...]
    sha256: str

    @property
    def payload(self) -> int:
        """Its bytes once decompressed: magic number, dimensions, values."""
        return 4 + 4 * len(self.shape) + math.prod(self.shape)

    @property
    def packed_at_most(self) -> int:
        """The most bytes its gzip file can sensibly have: deflate adds 5 bytes to 16 KiB at worst."""
        return self.payload + self.payload // 1000 + 4096


@dataclass(frozen=True)
class Origin:
    """A data set in four IDX files, and where to look for them."""

    name: str
    folders: tuple[str, ...]
    """Below a data folder; the last ones are the layout of torchvision."""
    mirrors: tuple[str, ...]
    images: Source
    labels: Source
    test_images: Source
    test_labels: Source

    @property
    def sources(self) -> tuple[Source, Source, Source, Source]:
        return self.images, self.labels, self.test_images, self.test_labels


def _origin(name: str, folders: tuple[str, ...], mirrors: tuple[str, ...], *hashes: str) -> Origin:
    """A data set with MNIST's file names and sizes; ``hashes`` in the order of :attr:`Origin.sources`."""
    sources: list[tuple[str, tuple[int, ...]]] = []
    for part, count in (("train", 60_000), ("t10k", 10_000)):
        sources.append((f"{part}-images-idx3-ubyte", (count, 28, 28)))
        sources.append((f"{part}-labels-idx1-ubyte", (count,)))
    return Origin(name, folders, mirrors, *map(Source, *zip(*sources, strict=True), hashes))


MNIST = _origin(
    "mnist",
    ("mnist", "MNIST/raw"),
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
)
FASHION = _origin(
    "fashion-mnist",
    ("fashion-mnist", "FashionMNIST/raw"),
    (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/"
        "b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ),
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
)

DIGITS_IMAGES = Source(
    "digits-images-idx3-ubyte",
    (1797, 8, 8),
    "359cd13f0f514122884198b78a131df597421cbf5e93a76678fa96fc548f0d96",
)
DIGITS_LABELS = Source(
    "digits-labels-idx1-ubyte", (1797,), "ce71631c1f31ce56fa54f31d1d498fafacff59b001e6c30c4a5e29508aa277ad"
)
