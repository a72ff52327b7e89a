"""Into how many shards a batch is split; nothing is imported, since the screen asks too."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuiml.nn.network import Network

WORTH_SPLITTING = 1e7
"""Multiplications and additions that a shard must have: handing it over costs tens of microseconds."""
FEWEST = 16
"""Examples that a shard must have: narrower matrix products are slow."""


def shards(network: Network, size: int, most: int) -> int:
    """How many shards a batch is split into: known before the run, since its bits depend on it."""
    if any(node.layer.mixes_examples for node in network.nodes):
        return 1
    work = 6 * size * sum(node.multiply_adds for node in network.nodes)
    return max(1, min(most, size // FEWEST, int(work / WORTH_SPLITTING)))
