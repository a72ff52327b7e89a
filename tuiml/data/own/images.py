"""A folder of images per class as a data set. Pillow (the extra ``images``) decodes them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuiml.data.kinds import Progress
from tuiml.data.own.byte_range import PIXELS, top_of
from tuiml.data.own.facts import MOST_VALUES, Column, Facts, Wrong
from tuiml.data.own.image_folders import Files, few, listing
from tuiml.data.own.split import test_count
from tuiml.installation import hint
from tuiml.text import plain_text

if TYPE_CHECKING:
    from PIL.Image import Image

    from tuiml.data.arrays import Part, PoolAndTest
    from tuiml.data.own.entries import Images

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
"""Of Pillow's formats those that images are in; others start programs, or are seldom tried."""
MOST_PIXELS = 50_000_000
"""Of one image as it lies in its file."""
MOST_FILE = 100_000_000
"""Bytes of one image's file."""
LOOKED_AT = 500
"""Images at least, if all are dark, by which it is decided whether they are of pixels from 0 to 255."""
SIDE = 64
"""Pixels on the longer side, at most, where nobody says how large."""


@dataclass(frozen=True)
class Plan:
    """Which files are read, and the size they are made."""

    pool: Files
    test: Files | None
    width: int
    height: int


def library() -> Any:
    """Pillow's module of images.

    Raises:
        Wrong: it is not installed.
    """
    try:
        import PIL.Image
        import PIL.ImageOps
    except ImportError:
        raise Wrong("path", f"folders of images need Pillow: {hint('images')}") from None
    PIL.Image.MAX_IMAGE_PIXELS = None  # _opened has a limit of its own, and says it with the size
    return PIL.Image


def find(dataset: Images) -> Facts:
    """The facts of a folder: its classes, how many images each has, their size, and what their bytes reach.

    Raises:
        Wrong: it has no such folders, or Pillow is not here.
    """
    title, path = dataset.title, Path(dataset.path)
    if not path.is_dir():
        raise Wrong("path", f"{title} is no folder of images")
    library()
    found = listing(title, path)
    names, pool, held = found.names, found.training + found.validation, found.test
    height, width = _size(dataset, pool[0][0])
    channels = 1 if dataset.grey else 3
    total = (len(pool) + len(held)) * width * height * channels
    if total > MOST_VALUES:
        text = f"{title} makes {total:,} values; at most {MOST_VALUES:,}: give a smaller width and height"
        raise Wrong("width", text)
    test = len(held) or test_count(len(found.training), dataset.test)
    counts = [0] * len(names)
    for _, label in (*pool, *held):
        counts[label] += 1
    plan = Plan(pool, held or None, width, height)
    largest = _largest(plan, dataset.grey)
    top, scaled = top_of((height, width), largest)
    colours = "grey" if channels == 1 else "in colour"
    return Facts(
        kind=f"a folder of images per class, made {width}×{height} {colours}",
        shape=(height, width) if channels == 1 else (3, height, width),
        pool=len(pool) if held else len(pool) - test,
        test=test,
        validation=len(found.validation),
        classes=tuple(plain_text(name)[:60] for name in names),
        counts=tuple(counts),
        top=top,
        itemsize=1,
        columns=(Column("pixels", "number", 0, top), Column("folder", "label", values=len(names))),
        notes=found.notes + scaled,
        how=plan,
    )


def _largest(plan: Plan, grey: bool) -> int:
    """The largest byte of some images from all over the folder, up to one that only pixels have."""
    files = plan.pool + (plan.test or ())
    found = 0
    for file, _ in files[:: max(1, len(files) // LOOKED_AT)]:
        with suppress(Wrong):  # said when all are read
            found = max(found, int(_pixels(file, plan, grey).max()))
        if found >= PIXELS:
            break
    return found


def _size(dataset: Images, first: Path) -> tuple[int, int]:
    """Height and width that every image is made."""
    if dataset.width and dataset.height:
        return dataset.height, dataset.width
    with _opened(first) as image:
        width, height = image.size
        if image.getexif().get(0x0112, 1) >= 5:  # lies on its side
            width, height = height, width
    if dataset.width or dataset.height:
        scale = dataset.width / width if dataset.width else (dataset.height or height) / height
    else:
        scale = min(1.0, SIDE / max(width, height))
    sides = (min(1024, max(1, round(side * scale))) for side in (height, width))
    found = next(sides), next(sides)
    return dataset.height or found[0], dataset.width or found[1]


def _opened(path: Path) -> Image:
    """A image, its header read.

    Raises:
        Wrong: it is none, or too large.
    """
    images = library()
    name = plain_text(f"{path.parent.name}/{path.name}")
    try:
        if path.stat().st_size > MOST_FILE:
            raise Wrong("path", f"{name} has more than {MOST_FILE:,} bytes, too many for an image")
        found: Image = images.open(path, formats=FORMATS)
    except (Wrong, MemoryError):
        raise
    except Exception as problem:  # a decoder's, whatever it is
        raise _unreadable(name, problem) from None
    if found.width * found.height > MOST_PIXELS:
        text = f"{name} has {found.width:,}×{found.height:,} pixels; at most {MOST_PIXELS:,} are read"
        found.close()
        raise Wrong("path", text)
    return found


def _unreadable(name: str, problem: Exception) -> Wrong:
    why = plain_text(str(problem).splitlines()[0])[:80] if str(problem) else type(problem).__name__
    if "cannot identify" in why:
        why = "it is in no format that is known"
    return Wrong("path", f"{name} cannot be read as an image: {why}; replace or remove it")


def read(dataset: Images, progress: Progress | None = None) -> Part | PoolAndTest:
    """Every image, decoded and made the same size.

    Raises:
        Wrong: some cannot be read; it says how many, and names the first ones.
    """
    from tuiml.data.arrays import Part, PoolAndTest

    plan: Plan = dataset.facts.how
    total = len(plan.pool) + len(plan.test or ())
    done = 0
    parts, failed = [], []
    for listed in (plan.pool, plan.test):
        if listed is None:
            continue
        inputs, labels = _arrays(dataset, len(listed))
        for row, (file, label) in enumerate(listed):
            try:
                inputs[row] = _pixels(file, plan, dataset.grey)
            except Wrong as wrong:
                failed.append((f"{file.parent.name}/{file.name}", wrong))
            labels[row] = label
            done += 1
            if progress is not None and (done % 32 == 0 or done == total):
                progress(dataset.title, done * inputs.shape[1], total * inputs.shape[1])
        parts.append(Part(inputs, labels))
    if len(failed) > 1:
        text = f"{failed[0][1]}; {len(failed):,} of {total:,} images cannot be read"
        raise Wrong("path", f"{text}: {few([name for name, _ in failed])}")
    if failed:
        raise failed[0][1]
    return PoolAndTest(*parts) if len(parts) > 1 else parts[0]


def decode(files: Sequence[Path], shape: tuple[int, ...]) -> Any:
    """Images as (n, features) bytes, for a network whose examples have this shape.

    Raises:
        Wrong: one cannot be read; or Pillow is not here.
    """
    import numpy as np

    height, width = shape[-2:]
    plan = Plan((), None, width, height)
    return np.stack([_pixels(file, plan, shape[:-2] in ((), (1,))) for file in files])


def _arrays(dataset: Images, count: int) -> tuple[Any, Any]:
    import math

    import numpy as np

    kind = np.uint8 if len(dataset.classes) <= 256 else np.int32
    return np.empty((count, math.prod(dataset.shape)), np.uint8), np.empty(count, kind)


def _pixels(file: Path, plan: Plan, grey: bool) -> Any:
    """A image's bytes, channels first: upright, on white where it is see-through, of the common size."""
    import numpy as np
    import PIL.ImageOps

    images = library()
    name = plain_text(f"{file.parent.name}/{file.name}")
    with _opened(file) as image:
        try:
            if not grey or image.mode != "P":
                image.draft(
                    "L" if grey else "RGB", (2 * plan.width, 2 * plan.height)
                )  # JPEG: fewer to decode
            upright: Image = PIL.ImageOps.exif_transpose(image)
            if upright.mode.startswith("I") or upright.mode == "F":
                upright = _sixteen(images, upright)
            if upright.has_transparency_data:
                white = images.new("RGBA", upright.size, "white")
                white.alpha_composite(upright.convert("RGBA"))
                upright = white
            made = upright.convert("L" if grey else "RGB")
            if made.size != (plan.width, plan.height):
                made = made.resize((plan.width, plan.height), images.Resampling.BILINEAR)
            pixels = np.asarray(made, np.uint8)
        except MemoryError:
            raise
        except Exception as problem:  # a decoder's, whatever it is
            raise _unreadable(name, problem) from None
    return pixels.reshape(-1) if grey else pixels.transpose(2, 0, 1).reshape(-1)


def _sixteen(images: Any, image: Image) -> Image:
    """A image of 16-bit or floating grey as one of bytes, its largest value white where it is above 255."""
    import numpy as np

    values = np.nan_to_num(np.asarray(image, np.float64))
    top = 65535.0 if values.max(initial=0) > 255 else 255.0
    found: Image = images.fromarray(np.clip(values * (255 / top), 0, 255).astype(np.uint8))
    return found
