"""TensorBoard: scalars and histograms as an event file.

Written by hand, after TensorFlow's ``event.proto`` and ``summary.proto`` and its TFRecord format: forty lines
for what has not changed since 2016. A library would bring protobuf, in a version that others pin differently.
TensorBoard's own reader checks the file in the tests.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from tuiml.export.exported_run import Source
from tuiml.export.formats import Files, Order
from tuiml.runs import timeline
from tuiml.runs.errors import RunError
from tuiml.runs.folder import Line
from tuiml.runs.run_lines import number
from tuiml.training.events import Scalars, Snapshot
from tuiml.training.layer_statistics import HISTOGRAMS, Histogram

KINDS = {"train_": "train", "val_": "validation", "test_": "test"}
NOT_SCALARS = ("event", "epoch", "step", "seconds_left", *HISTOGRAMS)


# -- protocol buffers: a field is its number and kind, then its value ---------------------------------------


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _doubles(field: int, values: Sequence[float]) -> bytes:
    return _bytes(field, struct.pack(f"<{len(values)}d", *values))


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC = _crc_table()


def _masked_crc(data: bytes) -> bytes:
    """CRC-32C (Castagnoli), rotated and shifted as TFRecord does."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC[(crc ^ byte) & 255] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _record(event: bytes) -> bytes:
    length = struct.pack("<Q", len(event))
    return length + _masked_crc(length) + event + _masked_crc(event)


# -- events ------------------------------------------------------------------------------------------------


def _event(when: float, step: int, values: list[bytes]) -> bytes:
    summary = b"".join(_bytes(1, value) for value in values)
    return _record(_double(1, when) + _varint(2 << 3) + _varint(step) + _bytes(5, summary))


def _scalar(tag: str, value: float) -> bytes:
    return _bytes(1, tag.encode()) + _varint(2 << 3 | 5) + struct.pack("<f", max(-3e38, min(3e38, value)))


def _histogram(tag: str, found: Histogram) -> bytes:
    """What lies outside of the axis is counted in its first and last bins."""
    edges, counts = found.edges(), [float(count) for count in found.counts]
    counts[0] += found.below
    counts[-1] += found.above
    middles = [(low + high) / 2 for low, high in itertools.pairwise(edges)]
    total, square = (sum(c * m**power for c, m in zip(counts, middles, strict=True)) for power in (1, 2))
    proto = _double(1, edges[0]) + _double(2, edges[-1]) + _double(3, sum(counts))
    proto += _double(4, total) + _double(5, square) + _doubles(6, edges) + _doubles(7, [0.0, *counts])
    return _bytes(1, tag.encode()) + _bytes(5, proto)


def _tag(name: str) -> str:
    """``loss/train`` for ``train_loss``: TensorBoard draws what is before the slash in one group."""
    for start, part in KINDS.items():
        if name.startswith(start):
            return f"{name.removeprefix(start)}/{part}"
    return name


def _scalars(figures: Mapping[str, Any], group: str = "") -> list[bytes]:
    return [
        _scalar(group + _tag(name), value)
        for name in figures
        if name not in NOT_SCALARS and not math.isnan(value := number(dict(figures), name))
    ]


def _layers(snapshot: Snapshot) -> list[bytes]:
    found: list[bytes] = []
    for at, layer in enumerate(snapshot.layers):
        group = f"layer_{at:02}/"
        found += _scalars(vars(layer), group)
        histograms = ((kind, getattr(layer, kind)) for kind in HISTOGRAMS)
        found += [_histogram(group + kind, one) for kind, one in histograms if one is not None]
    return found


def _events(source: Source) -> Iterator[bytes]:
    """An event for each epoch, snapshot and line about batches, at the time when it was."""
    began = seconds = 0.0
    for line in source.lines():
        if line.get("event") == "start":
            began = _time(line) - seconds  # a run that is resumed counts on
        seconds = number(line, "seconds") if "seconds" in line else seconds
        values: list[bytes] = []
        if line.get("event") in ("epoch", "batch"):
            values = _scalars(line, "batches/" if line["event"] == "batch" else "")
        elif line.get("event") == "end":
            values = _scalars({name: value for name, value in line.items() if name.startswith("test_")})
        elif line.get("event") == Scalars.event and isinstance(line.get("values"), dict):
            values = _scalars(line["values"])
        elif (snapshot := source.snapshot(line)) is not None:
            values = _layers(snapshot)
        if values:
            yield _event(began + seconds, timeline.integer(line, "step"), values)


def _time(line: Line) -> float:
    try:
        return datetime.fromisoformat(str(line.get("time"))).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def make(source: Source, order: Order) -> Files:
    """One event file in a folder for ``tensorboard --logdir``."""
    events = list(_events(source))
    if not events:
        raise RunError(f"{source.name} has no figures yet")
    first = _record(_double(1, 0.0) + _bytes(3, b"brain.Event:2"))
    return {"/events.out.tfevents.0000000000.tuiml": first + b"".join(events)}
