"""``python -m tuiml`` is ``tuiml``."""

import sys

from tuiml.cli import main

if __name__ == "__main__":
    sys.exit(main())
