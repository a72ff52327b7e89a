"""Generated data sets: points in the plane, and clouds in any number of dimensions."""

from __future__ import annotations

import math
import zlib
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from tuiml.data.base import Dataset, datasets
from tuiml.data.kinds import Normalize

if TYPE_CHECKING:
    from numpy.random import Generator

    from tuiml.data.arrays import Points, PoolAndTest

MOST_VALUES = 100_000_000
"""The most values generated: 400 MB of float32."""


def size_field(default: int) -> Any:
    text = "examples; a further quarter of them is the test part"
    return Field(default, ge=20, le=1_000_000, description=text)


def noise_field(default: float, added_to: str = "each coordinate") -> Any:
    text = f"standard deviation of what is added to {added_to}"
    return Field(default, ge=0, le=10, description=text)


class Seeded(Dataset):
    """A data set that comes from a seed and its options: the same ones give the same examples."""

    kind = "generated"
    if TYPE_CHECKING:  # each set declares its own, with its usual value, at its place in the form
        size: int

    @property
    def pool(self) -> int:
        return self.size

    @property
    def test_examples(self) -> int:
        return self.size // 4

    @abstractmethod
    def generate(self, seed: int) -> PoolAndTest:
        """Every example, in new arrays."""

    def rng(self, seed: int) -> Generator:
        """Random numbers of the set's own: another set's are others with the same seed."""
        import numpy as np

        return np.random.Generator(np.random.PCG64([seed, zlib.crc32(self.name.encode())]))

    def problems(self) -> list[tuple[str, str]]:
        features = math.prod(self.shape)
        values = (self.pool + self.test_examples) * features
        if values > MOST_VALUES:
            text = f"{self.pool} examples, and a quarter, of {features} features are {values} values"
            return [("size", f"{text}: at most {MOST_VALUES}"), *super().problems()]
        return super().problems()


class Generated(Seeded):
    """Points of classes that take turns."""

    normalize: Normalize = Field(
        "none", description="none: as generated, about −1…1; unit: to 0…1; standard: zero mean, unit variance"
    )
    size: int = size_field(2000)
    noise: float = noise_field(0.1)

    @property
    def shape(self) -> tuple[int, ...]:
        return (2,)

    @abstractmethod
    def points(self, rng: Generator, label: Any) -> Points:
        """Points without their noise, (n, features), of the classes ``label`` (n,); it may change them."""

    def generate(self, seed: int) -> PoolAndTest:
        import numpy as np

        from tuiml.data.arrays import Part, PoolAndTest

        rng, n = self.rng(seed), self.pool + self.test_examples
        label = (np.arange(n) % len(self.classes)).astype(np.uint8)
        inputs = self.points(rng, label).astype(np.float32, copy=False)
        step = max(1, (1 << 20) // inputs.shape[1])
        for rows in (inputs[start : start + step] for start in range(0, n, step)):
            rows += np.float32(self.noise) * rng.standard_normal(rows.shape, dtype=np.float32)
        return PoolAndTest.cut(Part(inputs, label), self.pool)


@datasets.add
class Spiral(Generated):
    """Arms of an Archimedean spiral, one a class, the points spread evenly along each."""

    name = "spiral"
    formula = "r (cos φ, sin φ) with φ = 2π (turns · r + arm / arms), r from 0.1 to 1"
    advice = "needs a hidden layer or two: the boundary has to wind itself up"
    source = "after K. J. Lang, M. J. Witbrock (1988), Learning to tell two spirals apart"

    noise: float = noise_field(0.03)
    arms: int = Field(2, ge=2, le=12, description="arms, one a class")
    turns: float = Field(1.5, gt=0, le=5, description="how often an arm goes round")

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(f"arm {i + 1}" for i in range(self.arms))

    def points(self, rng: Generator, label: Any) -> Points:
        import numpy as np

        # The length of arm up to r grows about as r², hence the root.
        r = np.sqrt(rng.uniform(0.1**2, 1, len(label)))
        angle = 2 * np.pi * (self.turns * r + label / self.arms)
        return np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)


@datasets.add
class Moons(Generated):
    """Two half circles that interlock: scikit-learn's ``make_moons``, moved and scaled to −1…1."""

    name = "moons"
    formula = "(cos φ, sin φ) and (1 − cos φ, ½ − sin φ), φ from 0 to π, less (½, ¼), over 1.5"
    advice = "a boundary with two bends: a small hidden layer does"

    classes: ClassVar[tuple[str, ...]] = ("upper", "lower")

    def points(self, rng: Generator, label: Any) -> Points:
        import numpy as np

        angle = rng.uniform(0, np.pi, len(label))
        side = 1.0 - 2.0 * label
        x = side * np.cos(angle) + label
        y = side * np.sin(angle) + label / 2
        return np.stack([x - 0.5, y - 0.25], axis=1) / 1.5


@datasets.add
class Circles(Generated):
    """A circle inside another."""

    name = "circles"
    formula = "r (cos φ, sin φ), r = 1 for the outer circle, inner for the other"
    advice = "no straight line parts them: see what three hidden units add"

    inner: float = Field(0.5, ge=0, lt=1, description="radius of the inner circle")

    classes: ClassVar[tuple[str, ...]] = ("outer", "inner")

    def points(self, rng: Generator, label: Any) -> Points:
        import numpy as np

        angle = rng.uniform(0, 2 * np.pi, len(label))
        r = np.where(label == 0, 1.0, self.inner)
        return np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)


@datasets.add
class Xor(Generated):
    """Points of a square; the class is whether the signs of the two coordinates differ."""

    name = "xor"
    formula = "x, y uniform in −1…1; the class says whether their signs differ (before the noise)"
    advice = "what a network without a hidden layer cannot learn"
    source = "M. Minsky, S. Papert (1969), Perceptrons"

    noise: float = noise_field(0.05)

    classes: ClassVar[tuple[str, ...]] = ("same sign", "other sign")

    def points(self, rng: Generator, label: Any) -> Points:
        import numpy as np

        points = rng.uniform(-1, 1, (len(label), 2))
        points[:, 1] = np.where(label == 0, 1, -1) * np.copysign(points[:, 1], points[:, 0])
        return points


@datasets.add
class Gaussians(Generated):
    """Gaussian clouds, one a class, with centres at one distance from the origin.

    In the plane the centres are evenly round a circle; in more dimensions they are at right angles to
    each other, or in random directions where there are more clouds than features. With noise 1 each
    feature has about unit variance, as experiments on initial values want it.
    """

    name = "gaussians"
    formula = "centre + noise · N(0, I), |centre| = separation"
    advice = "any number of features: for experiments on initial values (noise 1)"

    noise: float = noise_field(0.25)
    clouds: int = Field(3, ge=2, le=100, description="clouds, one a class")
    features: int = Field(2, ge=2, le=10_000, description="values of an example")
    separation: float = Field(1.0, ge=0, le=100, description="distance of the centres from the origin")

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.features,)

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(f"cloud {i + 1}" for i in range(self.clouds))

    def points(self, rng: Generator, label: Any) -> Points:
        import numpy as np

        if self.features == 2:
            angle = 2 * np.pi * np.arange(self.clouds) / self.clouds
            centres = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        else:
            centres = rng.standard_normal((self.clouds, self.features))
            if self.clouds <= self.features:
                centres = np.linalg.qr(centres.T).Q.T
            centres /= np.linalg.norm(centres, axis=1, keepdims=True)
        return np.asarray((self.separation * centres).astype(np.float32)[label])
