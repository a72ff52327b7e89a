"""Words that data sets declare themselves with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Progress = Callable[[str, int, int], None]
"""Called with a file's name, the bytes done, and the bytes in all (0 where the server does not say)."""

Normalize = Literal["none", "unit", "standard"]
Kind = Literal["bundled", "files", "generated", "own"]
Target = Literal["classes", "regression"]
Scaling = Literal["none", "standard"]
