"""Downloads: https only, verified before they bear their name, resumed after a passing fault.

What arrives is written to a file of its own (``.NAME.xxxx.part``), so that two downloads of one file
do not meet, and is moved to its name once ``check`` accepts it. Nothing else stays behind.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

from tuiml import files
from tuiml.data.errors import DataError
from tuiml.data.kinds import Progress

ATTEMPTS = 3
"""Tries at one mirror."""
TIMEOUT = 20.0
"""Seconds without a byte after which a try is given up."""
PATIENCE = 30.0
"""Seconds after which a try must have brought :data:`SLOWEST` bytes a second."""
SLOWEST = 1000
_CHUNK = 1 << 16
_STALE = 3600.0
"""Seconds after which a partial file must be one that a killed download left."""


class Response(Protocol):
    """What is used of :class:`http.client.HTTPResponse`."""

    status: int

    @property
    def headers(self) -> Mapping[str, str] | Any: ...
    def read1(self, amount: int, /) -> bytes: ...
    def close(self) -> None: ...


Opener = Callable[[str, Mapping[str, str], float], Response]
"""Opens a URL with headers and a timeout in seconds; raises as :func:`urllib.request.urlopen` does."""


class Unreachable(DataError):
    """No mirror gave the file."""


class _Fault(Exception):
    """This mirror cannot give the file."""


class _Passing(_Fault):
    """Another try may succeed."""


class _PastEnd(_Passing):
    """What is here already is more than the mirror has."""


class _NotSecure(urllib.error.URLError):
    """An address or a redirect that is not https."""


class HttpsRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to https only."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme.lower() != "https":
            fp.close()
            raise _NotSecure("redirects to an address that is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def open_https(url: str, headers: Mapping[str, str], timeout: float) -> Response:
    """Open an https address, through the system's proxy if it names one."""
    if urlsplit(url).scheme.lower() != "https":
        raise _NotSecure("is not an https address")
    opener = urllib.request.build_opener(HttpsRedirects)
    response: Response = opener.open(urllib.request.Request(url, headers=dict(headers)), timeout=timeout)
    return response


def download(
    urls: Iterable[str],
    path: Path,
    *,
    at_most: int,
    check: Callable[[Path], object],
    progress: Progress | None = None,
    opener: Opener | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Download a file to ``path`` from the first of ``urls`` that gives it.

    Args:
        urls: mirrors of the same file, the preferred one first.
        path: where it goes; a file that was there is replaced, or kept where the download fails.
        at_most: bytes; a mirror that sends more is given up.
        check: raises :class:`DataError` where the file it is given is not the one wanted.
        progress: called after each piece; may raise to stop.
        opener: opens an address (default :func:`open_https`).
        pause: waits so many seconds before another try.

    Raises:
        Unreachable: no mirror gave the file; the message says of each why.
        DataError: it could not be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        with files.replacing(path) as (handle, temporary), os.fdopen(handle, "wb", closefd=False) as file:
            transfer = _Transfer(file, path.name, at_most, progress, opener or open_https, pause)
            _from_any(urls, transfer, lambda: check(temporary))
        files.sync_folder(path.parent)
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise DataError(
            f"{path} cannot be written: {reason}; make room or set TUIML_HOME to another folder"
        ) from None


def _from_any(urls: Iterable[str], transfer: _Transfer, check: Callable[[], object]) -> None:
    """The file from the first mirror that gives it."""
    reasons = []
    for url in urls:
        try:
            transfer.run(url)
            check()
            return
        except _Fault as problem:
            reasons.append(f"{urlsplit(url).hostname}: {problem}")
        except DataError:
            reasons.append(f"{urlsplit(url).hostname}: sends another file or a damaged one")
    raise Unreachable("; ".join(reasons))


def _sweep(path: Path) -> None:
    """Remove what downloads of ``path`` left that were killed."""
    for left in path.parent.glob(f".{path.name[:40]}.*.part"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE:
                left.unlink()


@contextlib.contextmanager
def _network() -> Iterator[None]:
    """Turns what a connection raises into a :class:`_Fault`; a server's own words are left out."""
    try:
        yield
    except urllib.error.HTTPError as problem:
        problem.close()
        again = problem.code in (408, 429) or problem.code >= 500
        kind = _PastEnd if problem.code == 416 else _Passing if again else _Fault
        raise kind(f"HTTP status {problem.code}") from None
    except urllib.error.URLError as problem:
        again = isinstance(problem.reason, TimeoutError | ConnectionResetError)
        raise (_Passing if again else _Fault)(
            getattr(problem.reason, "strerror", None) or str(problem.reason)
        ) from None
    except TimeoutError:
        raise _Passing(f"no byte for {TIMEOUT:g} seconds") from None
    except (OSError, http.client.HTTPException):
        raise _Passing("the connection broke") from None
    except ValueError:
        raise _Fault("sends an answer that is not HTTP") from None


@dataclass
class _Transfer:
    """Downloads into ``file``; raises :class:`_Fault` where a mirror fails."""

    file: IO[bytes]
    name: str
    at_most: int
    progress: Progress | None
    opener: Opener
    pause: Callable[[float], None]

    def run(self, url: str) -> None:
        """The whole file from one mirror, in up to :data:`ATTEMPTS` tries."""
        self._restart()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._attempt(url)
                self.file.flush()
                return
            except _Passing as problem:
                if attempt == ATTEMPTS:
                    raise
                if isinstance(problem, _PastEnd):
                    self._restart()
                self.pause(0.5 * 2 ** (attempt - 1))

    def _restart(self) -> None:
        self.file.seek(0)
        self.file.truncate()

    def _attempt(self, url: str) -> None:
        have = self.file.tell()
        headers = {"User-Agent": "tuiml", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        with _network():
            response = self.opener(url, headers, TIMEOUT)
        with contextlib.closing(response):
            range_sent = response.headers.get("Content-Range") or ""
            if have and not (response.status == 206 and range_sent.startswith(f"bytes {have}-")):
                self._restart()
                have = 0
            length = response.headers.get("Content-Length") or ""
            total = have + int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0
            if total > self.at_most:
                raise _Fault(f"sends {total} bytes, more than the file can have")
            self._receive(response, have, total)

    def _receive(self, response: Response, have: int, total: int) -> None:
        began, before = time.monotonic(), have
        while True:
            with _network():
                piece = response.read1(_CHUNK)  # what is there: a later fault does not take it back
            if not piece:
                break
            have += len(piece)
            if have > self.at_most:
                raise _Fault(f"sends more than the {self.at_most} bytes that the file can have")
            self.file.write(piece)
            passed = time.monotonic() - began
            if passed > PATIENCE and have - before < SLOWEST * passed:
                raise _Passing(f"is slower than {SLOWEST:,} bytes a second")
            if self.progress:
                self.progress(self.name, have, total)
        if have < total:
            raise _Passing(f"the connection ended after {have} of {total} bytes")
