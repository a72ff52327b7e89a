"""Counter-based random numbers: the same on every backend, with no state to save.

A mask of dropout or RReLU is a hash of (seed, layer, step, element), so a resumed run, or one on another
backend, draws what it would have drawn.
"""

from __future__ import annotations

from typing import Any

MASK = 0xFFFFFFFF


def key(seed: int, layer: int, step: int) -> int:
    """One 32-bit number for a layer's mask at a step (SplitMix64; Steele, Lea & Flood 2014, fig. 15)."""
    z = (
        seed * 0x9E3779B97F4A7C15 + (layer + 1) * 0xD1B54A32D192ED03 + (step + 1) * 0x8CB92BA72F3D8DD7
    ) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return (z ^ (z >> 31)) & MASK


def uniform(xp: Any, counter: Any, key: Any) -> Any:
    """Numbers uniform in [0, 1), float32 with 24 random bits, one for each ``counter``.

    Args:
        counter: uint32 array of distinct numbers, the elements' positions.
        key: uint32 scalar from :func:`key`.

    The mixing function is lowbias32 (Wellons 2018, "Prospecting for hash functions"), applied twice around
    the key so that neighbouring keys share no structure.
    """
    h = mix(xp, counter ^ key)
    h = mix(xp, h + key)
    return xp.astype(h >> 8, xp.float32) * 2.0**-24


def mix(xp: Any, h: Any) -> Any:
    """A bijection of 32-bit numbers with nearly no bias between input and output bits."""
    h = (h ^ (h >> 16)) * 0x7FEB352D
    h = (h ^ (h >> 15)) * 0x846CA68B
    return h ^ (h >> 16)
