"""Generated data sets whose target is a number: what there is to fit is known, and so is the noise."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from tuiml.data.base import datasets
from tuiml.data.generated_points import Seeded, noise_field, size_field
from tuiml.data.kinds import Normalize, Scaling, Target

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from tuiml.data.arrays import PoolAndTest


def _scaling_field(default: Scaling) -> Any:
    text = "of the target; none: as it is; standard: (t - mean) / σ, and so are the losses"
    return Field(default, description=text)


class Function(Seeded):
    """A seeded data set: inputs evenly spread, the target a function of them plus normal noise."""

    normalize: Normalize = Field(
        "none", description="none: as generated; unit: to 0…1; standard: zero mean, unit variance"
    )
    normalize_target: Scaling = _scaling_field("none")
    size: int = size_field(400)
    noise: float = noise_field(0.1, "the target")

    target: ClassVar[Target] = "regression"
    classes: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[int] = 1

    def target_scaling(self) -> Scaling:
        return self.normalize_target

    @abstractmethod
    def inputs(self, rng: Generator, n: int) -> NDArray[Any]:
        """``n`` inputs, (n, features)."""

    @abstractmethod
    def function(self, x: Any) -> NDArray[Any]:
        """The target without its noise, (n,), of inputs as :meth:`inputs` gives them."""

    def generate(self, seed: int) -> PoolAndTest:
        import numpy as np

        from tuiml.data.arrays import Part, PoolAndTest

        rng = self.rng(seed)
        x = self.inputs(rng, self.pool + self.test_examples)
        target = self.function(x) + self.noise * rng.standard_normal(len(x))
        both = Part(x.astype(np.float32), target.astype(np.float32)[:, None])
        return PoolAndTest.cut(both, self.pool)


@datasets.add
class Sine(Function):
    """A noisy sine: one input, one number, so that the fit can be drawn."""

    name = "sine"
    formula = "sin(2π · waves · x) + noise, x in -1…1"
    advice = "one input, one number: see the curve bend to the points"

    waves: float = Field(1.0, gt=0, le=20, description="periods on either side of 0")
    shape: ClassVar[tuple[int, ...]] = (1,)

    def inputs(self, rng: Generator, n: int) -> NDArray[Any]:
        return rng.uniform(-1, 1, (n, 1))

    def function(self, x: Any) -> NDArray[Any]:
        import numpy as np

        found: NDArray[Any] = np.sin(2 * np.pi * self.waves * x[:, 0])
        return found


@datasets.add
class Hills(Function):
    """Hills and hollows over the plane."""

    name = "hills"
    formula = "sin(π x) · cos(π y) + noise, x and y in -1…1"
    advice = "two inputs, one number: the chart 'map' shows its heights"

    size: int = size_field(2000)
    shape: ClassVar[tuple[int, ...]] = (2,)

    def inputs(self, rng: Generator, n: int) -> NDArray[Any]:
        return rng.uniform(-1, 1, (n, 2))

    def function(self, x: Any) -> NDArray[Any]:
        import numpy as np

        found: NDArray[Any] = np.sin(np.pi * x[:, 0]) * np.cos(np.pi * x[:, 1])
        return found


@datasets.add
class Friedman1(Function):
    """Five features that count and others that do not: the target is about 14 ± 5."""

    name = "friedman1"
    formula = "10 sin(π x₁x₂) + 20 (x₃ - ½)² + 10 x₄ + 5 x₅ + noise, all in 0…1"
    advice = "any number of features, of which five count; its target is not near 0"
    source = "Friedman 1991, Multivariate adaptive regression splines, eq. 61"

    normalize_target: Scaling = _scaling_field("standard")
    size: int = size_field(2000)
    noise: float = noise_field(1.0, "the target")
    features: int = Field(10, ge=5, le=10_000, description="values of an example; the first five count")

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.features,)

    def inputs(self, rng: Generator, n: int) -> NDArray[Any]:
        return rng.random((n, self.features))

    def function(self, x: Any) -> NDArray[Any]:
        import numpy as np

        bent = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2
        found: NDArray[Any] = bent + 10 * x[:, 3] + 5 * x[:, 4]
        return found
