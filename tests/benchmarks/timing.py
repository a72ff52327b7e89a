"""Several ways of doing a step, timed in turns.

Each way gets a block of some tens of milliseconds, then the next one, and round again: what else the machine
does falls on all of them. The threads of a matrix library and of OpenMP go on spinning for some milliseconds
after their work, and would take a core from whoever comes next. So between two blocks of which one had such
threads there is a pause, and each block begins with steps that are not counted.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

Steps = Callable[[int], object]
"""Does so many steps and returns when the last one is done."""
BLOCK = 0.04
"""Seconds of a block, about."""
PAUSE = 0.06
"""Seconds: OpenBLAS's threads spin for about 2^26 cycles."""
MOST = 2000
"""Steps of a block."""
LONGEST = 10
"""Times the seconds asked for that any way is measured: a step may be far longer than a block."""


@dataclass
class Way:
    """One of the ways.

    Args:
        before: called before each block (sets the matrix library's threads, say).
        spins: whether threads of it may spin after a block.
        unit: steps that cannot be divided: a block is a multiple of so many.
    """

    name: str
    steps: Steps
    before: Callable[[], object] = lambda: None
    spins: bool = False
    block: float = BLOCK
    unit: int = 1


def medians(ways: list[Way], seconds: float) -> dict[str, float]:
    """Median seconds of a step of each way, by name; ``seconds`` of measuring for each, at least 3 blocks.

    Fewer seconds for ways of short blocks, if another one has had :data:`LONGEST` times as many.
    """
    counts = {way.name: _steps_of_a_block(way) for way in ways}
    found: dict[str, list[float]] = {way.name: [] for way in ways}
    spent = {way.name: 0.0 for way in ways}
    while min(map(len, found.values())) < 3 or (
        min(spent.values()) < seconds and max(spent.values()) < LONGEST * seconds
    ):
        for way in ways:
            count = counts[way.name]
            way.before()
            way.steps(max(1, count // way.unit // 5) * way.unit)
            began = time.perf_counter()
            way.steps(count)
            taken = time.perf_counter() - began
            found[way.name].append(taken / count)
            spent[way.name] += taken
            if way.spins:
                time.sleep(PAUSE)
    return {name: statistics.median(values) for name, values in found.items()}


def _steps_of_a_block(way: Way) -> int:
    """How many steps fill a block; compiles and warms up on the way."""
    way.before()
    way.steps(way.unit)
    count = way.unit
    while True:
        began = time.perf_counter()
        way.steps(count)
        taken = time.perf_counter() - began
        if taken > way.block / 3 or count >= MOST:
            break
        count *= 2
    if way.spins:
        time.sleep(PAUSE)
    return max(1, round(min(MOST, count * way.block / taken) / way.unit)) * way.unit
