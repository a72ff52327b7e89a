"""The formats, one in each module: its constant ``FORMAT`` is all that registers it."""
