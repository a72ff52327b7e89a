"""Presets that were made to harm whoever opens them: each is refused, or shown as what it is, at little cost.

``python -m tests.spec.hostile_presets`` opens each with ``tuiml show`` in a process of its own and prints
a JSON line for it: exit code, output, seconds, and megabytes more than before.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

HEAD = 'version = 1\nname = "x"\ndata = { name = "digits" }\n'
END = '[[layers]]\ntype = "dense"\nactivation = "softmax"\n'
FLAT = '[[layers]]\ntype = "flatten"\n'
K = 1024
MARKUP = "[@click=app.quit]x[/] [bold [/] [red]"
ESCAPES = r"\u001b]0;pwned\u0007\u001b[31m\u009b31m\u001b[2J"
BIDI = r"\u202e\u2066evil\u2069\u200f\u061c"


def with_layer(**fields: str) -> str:
    given = "".join(f"{name} = {value}\n" for name, value in {"type": '"dense"', **fields}.items())
    return f"{HEAD}{FLAT}[[layers]]\n{given}{END}"


def wide(units: int) -> str:
    return f'[[layers]]\ntype = "dense"\nunits = {units}\n'


def trained(line: str) -> str:
    return f"{HEAD}training = {{ {line} }}\n{FLAT}{END}"


def named(text: str) -> str:
    return f'version = 1\nname = "{text}"\nnote = "{text}"\ndata = {{ name = "digits" }}\n{FLAT}{END}'


TEXTS: dict[str, str | bytes] = {
    # made to exhaust the reader
    "dotted key": "a." * 30_000 + "a = 1",
    "dotted key with blanks": "a . " * 15_000 + "a = 1",
    "dotted header": "[" + "a." * 30_000 + "a]",
    "dotted key behind a tricky string": 'x = """a"""" # \\\n' + "a." * 20_000 + 'a = 1 #"\n',
    "many dotted keys": "".join(f"a{i}.b.c.d.e.f = 1\n" for i in range(3200)),
    "lists in lists": "x = " + "[" * 60_000,
    "closed lists in lists": "x = " + "[" * 30_000 + "]" * 30_000,
    "tables in tables": "x = " + "{a=" * 15_000 + "1" + "}" * 15_000,
    "nested layers": HEAD + "layers = " + "[" * 900 + "]" * 900,
    "digits": HEAD + "x = " + "9" * 60_000,
    "hexadecimal digits": HEAD + "x = 0x" + "f" * 60_000,
    "an exponent": trained("learning_rate = 1e400"),
    "many exponents": HEAD + "x = [" + "1e999999," * 6000 + "]",
    "quotes": '"' * 65_000,
    "unterminated escapes": 'x = "' + '\\"' * 32_000,
    "a comment of 64 KiB": "#" * 65_000,
    "unknown keys": HEAD + "[training]\n" + "".join(f"a{i}=1\n" for i in range(7000)),
    "misspelt keys": HEAD + "[training]\n" + "".join(f"learning_rat{i:05}=1\n" for i in range(490)),
    "unknown layers": HEAD + '[[layers]]\ntype="densee"\n' * 2000,
    "two hundred unknown layers": HEAD + '[[layers]]\ntype="densee"\n' * 200,
    "empty tables": "version = 1\n" + "[[layers]]\n" * 5900,
    "a name of 60,000 characters": named("a" * 29_000),
    "a long choice": with_layer(activation='"' + "relu" * 10_000 + '"'),
    # too large to be built
    "units of 10**18": with_layer(units="1000000000000000000"),
    "units of 10**40": with_layer(units="1" + "0" * 40),
    "a layer of 400 GB": HEAD
    + FLAT
    + "".join(f'[[layers]]\ntype = "dense"\nunits = {n}\n' for n in (1_000_000, 100_000))
    + END,
    "300 layers": HEAD + FLAT + '[[layers]]\ntype = "dense"\nunits = 1\n' * 300 + END,
    "2,000 layers": HEAD + FLAT + '[[layers]]\ntype="dense"\nunits=1\n' * 1900 + END,
    "200 layers of a million": HEAD + FLAT + '[[layers]]\ntype="dense"\nunits=1000000\n' * 190 + END,
    "a batch of 10**12": trained("batch_size = 1000000000000"),
    "data of 10**15": HEAD.replace('name = "digits"', 'name = "moons", size = 1000000000000000') + END,
    "epochs of 10**30": trained("epochs = 1" + "0" * 30),
    # numbers that are none
    "negative units": with_layer(units="-5"),
    "nan": trained("learning_rate = nan"),
    "inf": trained("learning_rate = inf"),
    "a date": trained("learning_rate = 1979-05-27T07:32:00Z"),
    "a boolean": with_layer(units="true"),
    "a list": with_layer(units="[1, 2, 3]"),
    # not text
    "a NUL": HEAD + "x = 1\0",
    "a byte order mark": "\ufeff" + HEAD,
    "invalid UTF-8": HEAD.encode() + b'note = "\xff\xfe"\n',
    "UTF-16": (HEAD + FLAT + END).encode("utf-16"),
    "a surrogate": HEAD.encode() + b'note = "\xed\xa0\x80"\n',
    "an escaped surrogate": HEAD + 'note = "\\ud800"\n',
    "bytes of a picture": bytes(range(256)) * 200,
    "a pickle": b"\x80\x04\x95cposix\nsystem\n(S'touch pwned'\ntR.",
    "nothing": "",
    # not one thing
    "twice the same key": HEAD + 'name = "y"\n' + FLAT + END,
    "twice the same table": HEAD + "[training]\n[training]\n",
    "no version": HEAD.replace("version = 1\n", "") + FLAT + END,
    "a version of 10**9": HEAD.replace("version = 1", "version = 1000000000") + FLAT + END,
    # made for the screen
    "markup": named(MARKUP),
    "escapes": named(ESCAPES),
    "bidi": named(BIDI),
    "piled marks": named("a" + "\u0301" * 1000),
    "markup as a key": HEAD + f'"{MARKUP}" = 1\n' + FLAT + END,
    "escapes as a key": HEAD + f'"{ESCAPES}" = 1\n' + FLAT + END,
    "escapes as a type": HEAD + f'[[layers]]\ntype = "{ESCAPES}"\n',
    "escapes raw": HEAD + 'note = "\x1b[31m"\n' + FLAT + END,
}


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10**10)


def _growing(path: Path) -> None:
    """Somebody writes to it faster than it is read."""

    def grow() -> None:
        with path.open("ab") as file:
            while True:
                file.write(b"# more\n" * 1000)
                if file.tell() > 3 * 10**7:
                    return

    path.write_bytes(b"# a\n")
    threading.Thread(target=grow, daemon=True).start()


FILES: dict[str, Callable[[Path], object]] = {
    "a pipe that nobody writes to": _fifo,
    "a device without end": lambda path: path.symlink_to("/dev/zero"),
    "a terminal": lambda path: path.symlink_to("/dev/tty"),
    "a folder": lambda path: path.mkdir(),
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to nothing": lambda path: path.symlink_to("/nowhere/at/all"),
    "ten gigabytes": _sparse,
    "a file that grows": _growing,
}
CASES: dict[str, str | bytes | Callable[[Path], object]] = {**TEXTS, **FILES}


def open_one(folder: Path, made: str | bytes | Callable[[Path], object]) -> dict[str, object]:
    """Open a case with ``tuiml show`` and measure."""
    from tuiml.cli import main

    path = folder / "preset.toml"
    if callable(made):
        made(path)
    else:
        path.write_bytes(made.encode() if isinstance(made, str) else made)
    out, err = io.StringIO(), io.StringIO()
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["show", str(path)])
    seconds = time.process_time() - began
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return {
        "code": code,
        "out": out.getvalue(),
        "err": err.getvalue(),
        "seconds": seconds,
        "megabytes": more / unit,
        "left": sorted(os.listdir(folder)),
    }


def main() -> None:
    """Each case in a child of this process, which has imported all there is to import."""
    with tempfile.TemporaryDirectory() as warm:
        open_one(Path(warm), HEAD + FLAT + END)
    for name, made in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            sys.stdout.flush()
            child = os.fork()
            if child == 0:
                signal.alarm(20)  # a pipe that is waited for would hold all of them up
                os.chdir(folder)
                try:
                    found = open_one(Path(folder), made)
                except BaseException as error:
                    found = {"code": -1, "err": repr(error)}
                print(json.dumps({"name": name, **found}), flush=True)
                os._exit(0)
            status = os.waitpid(child, 0)[1]
            if status:
                print(json.dumps({"name": name, "code": -1, "err": f"died: {status}"}), flush=True)


if __name__ == "__main__":
    main()
