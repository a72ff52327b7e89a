"""Folders of images: which of them are classes or parts, and the files in them. Nothing is decoded."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuiml.data.own.facts import Wrong
from tuiml.data.own.location import signature as file_signature
from tuiml.data.own.passed_over import HIDDEN, PassedOver, left_over
from tuiml.data.own.split import said
from tuiml.text import plain_text

ENDINGS = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".pjp", ".bmp", ".dib", ".gif", ".webp"),
    *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"),
)
MOST_IMAGES = 1_000_000
MOST_CLASSES = 1000
ROLES = {
    **dict.fromkeys(("train", "training"), "training"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""What a folder's name says that it is for."""
Files = tuple[tuple[Path, int], ...]
"""Each file and its class."""


@dataclass(frozen=True)
class Listing:
    """The files of each part, with their classes."""

    names: list[str]
    training: Files
    validation: Files
    test: Files
    notes: tuple[str, ...]


def _folders(path: Path, over: PassedOver | None = None) -> list[Path]:
    """The folders in a folder, sorted; links are followed unless they lead to what is read anyway."""
    over = over or PassedOver()
    own: list[str] = []
    linked: list[str] = []
    with os.scandir(path) as entries:
        for entry in entries:
            if not entry.is_dir():
                continue
            if entry.name.startswith("."):
                over.add(HIDDEN, entry.name)
            else:
                (linked if entry.is_symlink() else own).append(entry.name)
    here = os.path.realpath(path)
    known = {here, *map(str, Path(here).parents), *(os.path.join(here, name) for name in own)}
    for name in sorted(linked):
        target = os.path.realpath(path / name)
        if target in known:
            over.add("links to folders that are read anyway", name)
        else:
            known.add(target)
            own.append(name)
    return [path / name for name in sorted(own)]


def _has_images(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(e.name.lower().endswith(ENDINGS) and not left_over(e.name) for e in entries)


def _parts(path: Path) -> dict[str, Path]:
    """The folder of each part; of the training part alone where the folders are classes.

    A class may be called ``train``: beside other classes it is no part.
    """
    parts: dict[str, Path] = {}
    others = []
    for folder in _folders(path):
        role = ROLES.get(folder.name.lower(), "")
        if role and role not in parts:
            parts[role] = folder
        else:
            others.append(folder)
    if "training" not in parts:
        return {"training": path}
    train = parts["training"]
    alone = len(parts) == 1 and any(map(_has_images, others))
    if others and (alone or _has_images(train) or not _folders(train)):
        return {"training": path}
    return parts


def signature(path: Path) -> tuple[Any, ...]:
    """What changes when an image comes or goes: the times of the folders."""
    found = [file_signature(path)]
    try:
        for root in _parts(path).values():
            found += [file_signature(folder) for folder in (root, *_folders(root)[: MOST_CLASSES + 1])]
    except OSError:
        pass
    return tuple(found)


def listing(title: str, path: Path) -> Listing:
    """The classes of a folder, the files of its parts, and what is odd.

    Raises:
        Wrong: these are no two classes, or there are too many.
    """
    over = PassedOver()
    parts = _parts(path)
    root = parts["training"]
    folders = _folders(root, over)
    if len(folders) > MOST_CLASSES:
        text = f"{title} has {len(folders):,} folders; at most {MOST_CLASSES:,} classes are read"
        raise Wrong("path", text)
    listed = {folder.name: _files(folder, over) for folder in folders}
    names = [name for name, files in listed.items() if files]
    if len(names) < 2:
        where = title if root is path else f"{_name(root)} in {title}"
        raise _no_classes(where, names, [folder.name for folder in folders if _folders(folder)], over)
    if root is not path:
        for folder in _folders(path, over):
            if folder not in parts.values():
                over.add("folders beside the parts", folder.name)
    for place in dict.fromkeys((path, *parts.values())):
        _beside(place, over)
    training = _with_classes(names, listed)
    held: list[Files] = []
    notes: list[str] = []
    for role in ("validation", "test"):
        held.append(_held_out(title, names, root, parts.get(role), over))
        if role in parts and not held[-1]:
            notes.append(f"{_name(parts[role])} has no folders of classes: it is not the {role} part")
    if root is not path:
        used = {"training": training, "validation": held[0], "test": held[1]}
        notes += said({role: (_name(parts[role]), len(files)) for role, files in used.items() if files})
    empty = [name for name, files in listed.items() if not files]
    notes += [f"folders without images: {few(empty)}"] if empty else []
    return Listing(names, training, held[0], held[1], (*notes, *over.notes()))


def _no_classes(where: str, names: list[str], deeper: list[str], over: PassedOver) -> Wrong:
    if names:
        text = (
            f"{where} has images of one class only, '{plain_text(names[0])[:60]}': a second folder is needed"
        )
        return Wrong("path", text)
    text = f"{where} has no folders with images in them (one for each class: cats/1.png, dogs/2.png)"
    text += f"; the folder may be {few(deeper)} in it" if deeper else ""
    return Wrong("path", "; ".join((text, *over.notes())))


def _name(folder: Path) -> str:
    return f"{plain_text(folder.name)[:60]}/"


def _held_out(title: str, names: list[str], root: Path, place: Path | None, over: PassedOver) -> Files:
    """The files of a part that has a folder of its own."""
    if place is None:
        return ()
    found = {folder.name: _files(folder, over) for folder in _folders(place, over)[: MOST_CLASSES + 1]}
    odd = [name for name, files in found.items() if files and name not in names]
    if odd:
        raise Wrong("path", f"{title}: {few(odd)} in {plain_text(place.name)} has no folder in {root.name}")
    return _with_classes(names, found)


def _with_classes(names: list[str], listed: dict[str, list[Path]]) -> Files:
    return tuple((file, index) for index, name in enumerate(names) for file in listed.get(name, ()))


def _beside(folder: Path, over: PassedOver) -> None:
    """Count the files that lie beside folders."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.is_dir():
                over.add(left_over(entry.name) or "files beside the folders", entry.name)


def _files(folder: Path, over: PassedOver) -> list[Path]:
    """The images in a folder by their names, sorted; links are followed to what is a file."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            shown, kind = f"{folder.name}/{entry.name}", left_over(entry.name)
            if kind:
                over.add(kind, shown)
            elif entry.is_dir():
                over.add("folders inside a class's folder", shown)
            elif not entry.name.lower().endswith(ENDINGS):
                over.add("files with no image's ending", shown)
            elif not _is_file(entry):
                over.add("links that lead to no file, or no files at all", shown)
            else:
                found.append(entry.name)
            if len(found) > MOST_IMAGES:
                raise Wrong("path", f"{plain_text(folder.name)} has more than {MOST_IMAGES:,} images")
    return [folder / name for name in sorted(found)]


def images_in(path: Path) -> tuple[list[Path], tuple[str, ...]]:
    """The images in a folder, else those in the folders in it; and what is passed over, a line.

    Raises:
        Wrong: there are none, or too many.
    """
    over = PassedOver()
    found = _files(path, over) if _has_images(path) else []
    if not found:
        over = PassedOver()
        found = [file for folder in _folders(path, over) for file in _files(folder, over)]
    if not found:
        raise Wrong("path", f"{_name(path)} has no images in it")
    return found, over.notes()


def labelled_images(path: Path) -> tuple[list[Path], tuple[str, ...]]:
    """The images in the folders of a folder, which are classes, or of its test part; a line of what is odd.

    Raises:
        Wrong: there are none, or too many.
    """
    over = PassedOver()
    parts = _parts(path)
    root = parts.get("test", parts["training"])
    found = [file for folder in _folders(root, over) for file in _files(folder, over)]
    if not found:
        text = f"{_name(path)} has no labels: put the images of each class into a folder of its name"
        raise Wrong("path", text)
    _beside(root, over)
    notes = [f"{_name(root)} is evaluated"] if root is not path else []
    return found, (*notes, *over.notes())


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return stat.S_ISREG(entry.stat().st_mode)
    except OSError:
        return False


def few(names: list[str]) -> str:
    return ", ".join(plain_text(name)[:30] for name in names[:5]) + (", …" if len(names) > 5 else "")
