"""``python -m tuiml`` is ``tuiml``."""

import signal
import sys


def main() -> int:
    """Run ``tuiml`` with the process's arguments; the exit code."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # ctrl+c amid an import: an end, not a traceback
    from tuiml.cli import main as run

    signal.signal(signal.SIGINT, usual)
    return run()


if __name__ == "__main__":
    sys.exit(main())
