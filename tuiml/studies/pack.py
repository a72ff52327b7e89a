"""A run folder as bytes, to be sent to another machine: its files with their names, sizes and hashes.

What arrives is not trusted: only files that a run folder has, of bounded size, whole or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuiml.files import read_regular, write_whole
from tuiml.runs.folder import INITIAL, METRICS, PRESET, PRETRAINED
from tuiml.studies.trials import content

NAMES = re.compile(
    "|".join([*map(re.escape, (PRESET, METRICS, INITIAL, PRETRAINED)), r"checkpoint-\d{1,15}\.safetensors"])
)
"""The files of a run folder."""
MOST_FILES = 20
MOST_BYTES = 1 << 30
"""Of a whole folder."""
_LENGTH = 4
_MOST_HEADER = 100_000


class PackError(ValueError):
    """These bytes are no run folder: why, in one line."""


def pack(folder: Path) -> bytes:
    """The files of a run folder.

    Raises:
        PackError: it is too large to be sent.
        OSError: it cannot be read.
    """
    names = sorted(path.name for path in folder.iterdir() if NAMES.fullmatch(path.name))
    contents, left = [], MOST_BYTES
    for name in names:
        contents.append(read_regular(folder / name, left + 1))
        left -= len(contents[-1])
        if left < 0 or len(contents) > MOST_FILES:
            raise PackError(f"the run folder has more than {MOST_BYTES >> 20} MB or {MOST_FILES} files")
    files = [
        [name, len(content), hashlib.sha256(content).hexdigest()]
        for name, content in zip(names, contents, strict=True)
    ]
    header = json.dumps({"version": 1, "files": files}).encode()
    return b"".join([len(header).to_bytes(_LENGTH, "big"), header, *contents])


def unpack(data: bytes, folder: Path, document: Mapping[str, Any]) -> None:
    """Write the files of a run folder, in place of those that were there.

    Args:
        document: the preset that it must have.

    Raises:
        PackError: the bytes are damaged, or no run folder; nothing was written.
        OSError: it could not be written; the folder that was there is as it was.
    """
    files = _read(data)
    _compare(files[PRESET], document)
    new = folder.with_name(f".{folder.name}.part")
    old = folder.with_name(f".{folder.name}.old.part")
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
    try:
        new.mkdir(parents=True)
        for name, content in files.items():
            write_whole(new / name, content)
        if folder.exists():
            os.rename(folder, old)
        os.rename(new, folder)
    except OSError:
        if old.exists() and not folder.exists():
            with contextlib.suppress(OSError):
                os.rename(old, folder)
        raise
    finally:
        for left in (new, old):
            shutil.rmtree(left, ignore_errors=True)


def _compare(preset: bytes, document: Mapping[str, Any]) -> None:
    try:
        found = content(tomllib.loads(preset.decode()))
    except (ValueError, RecursionError):
        raise PackError(f"its {PRESET} cannot be read") from None
    if found != content(document):
        raise PackError("another preset was trained than was sent")


def _read(data: bytes) -> dict[str, bytes]:
    length = int.from_bytes(data[:_LENGTH], "big")
    if length > _MOST_HEADER or len(data) > MOST_BYTES + _LENGTH + length:
        raise PackError("it is larger than a run folder may be")
    try:
        header: Any = json.loads(data[_LENGTH : _LENGTH + length])
        listed = [(str(name), int(size), str(digest)) for name, size, digest in header["files"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise PackError("it has no list of files") from None
    names = [name for name, _, _ in listed]
    if len(listed) > MOST_FILES or len(set(names)) < len(names) or PRESET not in names:
        raise PackError("its list of files is not that of a run folder")
    found, at = {}, _LENGTH + length
    for name, size, digest in listed:
        content = data[at : at + size]
        if not NAMES.fullmatch(name) or size < 0:
            raise PackError("it has a file that no run folder has")
        if len(content) != size or hashlib.sha256(content).hexdigest() != digest:
            raise PackError(f"{name} is damaged")
        found[name] = content
        at += size
    if at != len(data):
        raise PackError("it is longer than its files")
    return found
