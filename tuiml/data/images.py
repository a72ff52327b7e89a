"""Data sets of images: handwritten digits and clothes."""

from __future__ import annotations

from typing import ClassVar

from tuiml.data.base import Dataset, datasets
from tuiml.data.sources import DIGITS_IMAGES, FASHION, MNIST, Origin

DIGIT_NAMES = tuple("0123456789")


@datasets.add
class Digits(Dataset):
    """1,797 handwritten digits of 13 people, 8×8 (see ``assets/data/digits/README.md``)."""

    name = "digits"
    formula = "1,797 handwritten digits, 8×8 pixels of 0…16"
    advice = "comes with tuiml and trains in seconds: the one to begin with"
    source = "E. Alpaydin, C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI; CC BY 4.0"
    kind = "bundled"
    highest = 16.0

    shape: ClassVar[tuple[int, ...]] = DIGITS_IMAGES.shape[1:]
    classes: ClassVar[tuple[str, ...]] = DIGIT_NAMES
    test_examples: ClassVar[int] = 297
    pool: ClassVar[int] = DIGITS_IMAGES.shape[0] - 297


class Files(Dataset):
    """A data set that lies in the four IDX files of an :class:`Origin`."""

    kind = "files"
    highest = 255.0
    origin: ClassVar[Origin]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.origin.images.shape[1:]

    @property
    def pool(self) -> int:
        return self.origin.images.shape[0]

    @property
    def test_examples(self) -> int:
        return self.origin.test_images.shape[0]


@datasets.add
class Mnist(Files):
    """60,000 and 10,000 handwritten digits, 28×28."""

    name = "mnist"
    formula = "70,000 handwritten digits, 28×28 pixels of 0…255"
    advice = "the classic; downloaded once (12 MB) where TUIML_DATA does not have it"
    source = "Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits"
    origin = MNIST
    classes: ClassVar[tuple[str, ...]] = DIGIT_NAMES


@datasets.add
class FashionMnist(Files):
    """60,000 and 10,000 images of clothes, 28×28."""

    name = "fashion-mnist"
    formula = "70,000 images of clothes, 28×28 pixels of 0…255"
    advice = "as MNIST but harder; downloaded once (31 MB) where TUIML_DATA does not have it"
    source = "H. Xiao, K. Rasul, R. Vollgraf (2017), arXiv:1708.07747; MIT licence, Zalando SE"
    origin = FASHION
    classes: ClassVar[tuple[str, ...]] = (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal"),
        *("Shirt", "Sneaker", "Bag", "Ankle boot"),
    )
