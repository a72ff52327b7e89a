"""``tuiml serve``: the app in a browser."""

from __future__ import annotations

import argparse
import os

from tuiml.cli.output import note
from tuiml.cli.parser import Command, argument

HOST, PORT = "127.0.0.1", 8000
HIGHEST = 65_535


def run(chosen: argparse.Namespace) -> int:
    """Serve the app until ctrl+c."""
    from tuiml.installation import hint

    try:
        from tuiml.cli.web_server import LOOPBACK, WebServer
    except ModuleNotFoundError as error:
        if error.name not in ("textual_serve", "aiohttp", "aiohttp_jinja2"):
            raise
        note(f"tuiml: serve needs textual-serve, which is not installed: {hint('web')}")
        return 2
    import asyncio

    if chosen.host not in LOOPBACK:
        note(f"tuiml: anybody who can reach {chosen.host} may use tuiml here as you, your files included")
    words = [chosen.word] if chosen.word else []
    try:
        asyncio.run(WebServer(words, chosen.host, chosen.port).run())
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or error
        note(f"tuiml: {chosen.host}:{chosen.port} cannot be used: {reason}")
        return 1
    return 0


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= HIGHEST):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a port from 0 to {HIGHEST}")
    return int(text)


COMMAND = Command(
    "serve",
    "open the app in a browser",
    run,
    [
        argument("word", nargs="?", metavar="PRESET", help="what to open: a preset, a run or a study"),
        argument("--host", default=HOST, help=f"address (default: {HOST}, which only this machine reaches)"),
        argument("--port", type=_port, default=PORT, metavar="N", help=f"port (default: {PORT}; 0: any)"),
    ],
    epilog="Each tab has an app of its own, which ends with it. Nothing is fetched from elsewhere.",
)
