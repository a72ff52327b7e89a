"""Downloads against a server that misbehaves: only what is right gets its name, nothing else stays."""

import email
import errno
import hashlib
import http.server
import io
import os
import socket
import struct
import threading
import time
import urllib.error
import urllib.request
import urllib.response
from typing import ClassVar

import pytest

from tuiml.data import DataError, download
from tuiml.data.download import HttpsRedirects, Unreachable, open_https

BODY = bytes(range(256)) * 1000
AT_MOST = len(BODY) + 1000
ONE, TWO = "https://one.test/file.gz", "https://two.test/file.gz"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers each request with the next step of the server's script for that mirror."""

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers.get("Range")))
        server.script[self.path].pop(0)(self)
        self.close_connection = True

    def log_message(self, *args):
        pass

    def start(self, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that hangs up is what many of these tests are about."""


def good(handler):
    handler.start(Content_Length=len(BODY))
    handler.wfile.write(BODY)


def without_length(handler):
    handler.start()
    handler.wfile.write(BODY)


def other(handler):
    handler.start(Content_Length=len(BODY))
    handler.wfile.write(BODY[::-1])


def half(handler):
    handler.start(Content_Length=len(BODY))
    handler.wfile.write(BODY[: len(BODY) // 2])


def half_without_length(handler):
    handler.start()
    handler.wfile.write(BODY[: len(BODY) // 2])


def rest(handler):
    if not handler.headers["Range"]:  # a reset may take back all that was sent
        return good(handler)
    start = int(handler.headers["Range"].removeprefix("bytes=").removesuffix("-"))
    size = len(BODY)
    handler.start(206, Content_Range=f"bytes {start}-{size - 1}/{size}", Content_Length=size - start)
    handler.wfile.write(BODY[start:])


def another_rest(handler):
    handler.start(206, Content_Range=f"bytes 0-{len(BODY) - 1}/{len(BODY)}", Content_Length=len(BODY))
    handler.wfile.write(BODY)


def reset(handler):
    handler.start(Content_Length=len(BODY))
    handler.wfile.write(BODY[:1000])
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def stall(handler):
    handler.start(Content_Length=len(BODY))
    handler.wfile.write(BODY[:1000])
    handler.wfile.flush()
    handler.server.over.wait()


def endless(handler):
    handler.start()
    for _ in range(100):
        handler.wfile.write(BODY)


def too_long(handler):
    handler.start(Content_Length=AT_MOST + 1)


def senseless(handler):
    handler.wfile.write(b"\0\1\2 what is this\r\n\r\n")


def page(handler):
    """What a captive portal sends: 200, and a page to log in."""
    body = b"<html><body>Please log in</body></html>"
    handler.start(Content_Type="text/html", Content_Length=len(body))
    handler.wfile.write(body)


def other_rest(handler):
    """The rest that was asked for by its announcement, but of another file."""
    start = int(handler.headers["Range"].removeprefix("bytes=").removesuffix("-"))
    size = len(BODY)
    handler.start(206, Content_Range=f"bytes {start}-{size - 1}/{size}", Content_Length=size - start)
    handler.wfile.write(BODY[start:][::-1])


def rest_that_was_not_asked_for(handler):
    handler.start(206, Content_Range=f"bytes 5-{len(BODY) - 1}/{len(BODY)}", Content_Length=len(BODY) - 5)
    handler.wfile.write(BODY[5:])


def drip(handler):
    """A byte now and then, always before the client gives up."""
    handler.start(Content_Length=len(BODY))
    while not handler.server.over.wait(0.02):
        handler.wfile.write(b"x")
        handler.wfile.flush()


def status(code):
    return lambda handler: handler.start(code, Content_Length=0)


def redirect(handler):
    host, port = handler.server.server_address
    handler.start(302, Location=f"http://{host}:{port}/two.test", Content_Length=0)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.3)
    monkeypatch.setattr(download, "PATIENCE", 0.3)
    server = Server(("127.0.0.1", 0), Handler)
    server.asked, server.script, server.over = [], {}, threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def get(server, tmp_path):
    """Download the file from mirrors that do what two lists of steps say."""

    def opener(url, headers, timeout):
        host, port = server.server_address
        address = f"http://{host}:{port}/{url.split('/')[2]}"
        request = urllib.request.Request(address, headers=dict(headers))
        return urllib.request.build_opener(HttpsRedirects).open(request, timeout=timeout)

    def run(one, two=(), **options):
        server.script.update({"/one.test": list(one), "/two.test": list(two)})
        path = tmp_path / "data" / "file.gz"
        urls = [ONE, TWO] if two else [ONE]
        options = {"at_most": AT_MOST, "check": check, "opener": opener, "pause": lambda s: None} | options
        download.download(urls, path, **options)
        return path

    return run


def check(path):
    if hashlib.sha256(path.read_bytes()).digest() != hashlib.sha256(BODY).digest():
        raise DataError("not it")


def left(tmp_path):
    folder = tmp_path / "data"
    return sorted(os.listdir(folder)) if folder.exists() else []


@pytest.mark.parametrize("step", [good, without_length])
def test_a_file_arrives_whole_under_its_name(get, tmp_path, step):
    seen = []
    path = get([step], progress=lambda *said: seen.append(said))
    assert path.read_bytes() == BODY
    assert left(tmp_path) == ["file.gz"]
    assert seen[-1] == ("file.gz", len(BODY), len(BODY) if step is good else 0)
    done = [said[1] for said in seen]
    assert done == sorted(done)
    assert len(done) > 1
    assert path.stat().st_mode & 0o777 == 0o644


# Faults that another try may mend, with the number of tries they take.
PASSING = {
    "500": [status(500), status(503), good],
    "429": [status(429), good],
    "cut": [half, half, rest],
    "resumed": [half, rest],
    "resumed by a server that starts again": [half, good],
    "resumed with the wrong bytes announced": [half, another_rest],
    "reset": [reset, rest],
    "stalled": [stall, rest],
    "not HTTP": [senseless, good],
}


@pytest.mark.parametrize("steps", PASSING.values(), ids=PASSING)
def test_passing_faults_are_tried_again_at_the_same_mirror(get, server, tmp_path, steps):
    pauses = []
    path = get(steps, pause=pauses.append)
    assert path.read_bytes() == BODY
    assert left(tmp_path) == ["file.gz"]
    assert len(server.asked) == len(steps) == len(pauses) + 1
    assert pauses == sorted(pauses)
    assert sum(pauses) < 5


def test_a_second_try_asks_for_the_rest_only(get, server):
    get([half, rest])
    assert server.asked == [("/one.test", None), ("/one.test", f"bytes={len(BODY) // 2}-")]


def test_a_mirror_that_has_less_than_is_here_is_asked_for_the_whole(get, server):
    assert get([half, status(416), good]).read_bytes() == BODY
    assert [wanted for _, wanted in server.asked] == [None, f"bytes={len(BODY) // 2}-", None]


FINAL = {
    "wrong hash": ([other], "another file or a damaged one"),
    "cut unnoticed": ([half_without_length], "another file or a damaged one"),
    "404": ([status(404)], "HTTP status 404"),
    "403": ([status(403)], "HTTP status 403"),
    "redirect to http": ([redirect], "not https"),
    "announced too long": ([too_long], f"sends {AT_MOST + 1} bytes"),
    "a page to log in": ([page], "another file or a damaged one"),
    "the rest of another file": ([half, other_rest], "another file or a damaged one"),
    "a rest that was not asked for": ([rest_that_was_not_asked_for], "another file or a damaged one"),
    "byte by byte": ([drip] * 3, "slower than"),
    "endless": ([endless], f"more than the {AT_MOST} bytes"),
    "500 for ever": ([status(500)] * 3, "HTTP status 500"),
    "cut for ever": ([half, status(500), status(500)], "HTTP status 500"),
    "stalled for ever": ([stall] * 3, "no byte for"),
    "reset for ever": ([reset] * 3, "connection broke"),
}
faults = pytest.mark.parametrize(("steps", "reason"), FINAL.values(), ids=FINAL)


@faults
def test_a_fault_leaves_nothing_behind_and_is_reported_in_one_line(get, server, tmp_path, steps, reason):
    with pytest.raises(Unreachable, match=reason) as caught:
        get(steps)
    assert left(tmp_path) == []
    assert len(server.asked) == len(steps)
    assert str(caught.value).startswith("one.test: ")
    assert str(caught.value).isprintable()


@faults
def test_the_next_mirror_is_asked_afresh(get, server, tmp_path, steps, reason):
    path = get(steps, [good])
    assert path.read_bytes() == BODY
    assert left(tmp_path) == ["file.gz"]
    assert server.asked[-1] == ("/two.test", None)


def test_a_failed_download_keeps_the_file_that_was_there(get, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file.gz").write_bytes(b"before")
    with pytest.raises(Unreachable):
        get([other])
    assert (tmp_path / "data" / "file.gz").read_bytes() == b"before"
    assert left(tmp_path) == ["file.gz"]


def test_a_full_disk_is_reported_and_nothing_stays(monkeypatch, get, tmp_path):
    class Full(io.FileIO):
        def write(self, piece, /):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(download.os, "fdopen", Full)
    with pytest.raises(DataError, match=r"file.gz cannot be written: No space left on device") as caught:
        get([good], [good])
    assert not isinstance(caught.value, Unreachable)
    monkeypatch.undo()
    assert left(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_reported(get, tmp_path):
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(DataError, match="cannot be written"):
        get([good])


def test_a_stop_from_the_progress_callback_leaves_nothing(get, tmp_path):
    def stop(name, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get([good], progress=stop)
    assert left(tmp_path) == []


def test_what_a_killed_download_left_is_removed_and_a_running_ones_is_not(get, tmp_path):
    (tmp_path / "data").mkdir()
    old, running = tmp_path / "data" / ".file.gz.old.part", tmp_path / "data" / ".file.gz.new.part"
    for path in (old, running):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    get([good])
    assert left(tmp_path) == [".file.gz.new.part", "file.gz"]


class Answer(io.BytesIO):
    """A response that does not come from a socket."""

    status = 200
    headers: ClassVar = {"Content-Length": str(len(BODY))}


def test_two_downloads_at_once_do_not_meet(tmp_path):
    both = threading.Barrier(2, timeout=10)

    class Slow(Answer):
        def read1(self, amount=-1, /):
            if self.tell() < 3 * amount:
                both.wait()  # each has its own partial file by now
            return super().read1(amount)

    path, seen, failed = tmp_path / "data" / "file.gz", [], []

    def run():
        try:
            download.download(
                [ONE],
                path,
                at_most=AT_MOST,
                check=lambda file: (seen.append(file.name), check(file)),
                opener=lambda *_: Slow(BODY),
            )
        except BaseException as problem:
            failed.append(problem)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(set(seen)) == 2
    assert path.read_bytes() == BODY
    assert left(tmp_path) == ["file.gz"]


@pytest.mark.parametrize("url", ["http://one.test/file.gz", "ftp://one.test/file.gz", "file:///etc/passwd"])
def test_only_https_is_opened(url, tmp_path):
    with pytest.raises(urllib.error.URLError, match="not an https address"):
        open_https(url, {}, 1.0)
    with pytest.raises(Unreachable, match="not an https address"):
        download.download([url], tmp_path / "data" / "file.gz", at_most=AT_MOST, check=check)


def test_no_network_is_reported_at_once(tmp_path):
    asked = []

    def offline(url, headers, timeout):
        asked.append(url)
        raise urllib.error.URLError(socket.gaierror(-2, "Name or service not known"))

    with pytest.raises(Unreachable) as caught:
        download.download(
            [ONE, TWO], tmp_path / "f", at_most=9, check=check, opener=offline, pause=pytest.fail
        )
    assert str(caught.value) == ("one.test: Name or service not known; two.test: Name or service not known")
    assert asked == [ONE, TWO]


def test_a_redirect_to_itself_is_not_followed_for_ever(tmp_path):
    asked = []

    class Loop(urllib.request.HTTPSHandler):
        def https_open(self, request):
            asked.append(request.full_url)
            headers = email.message_from_string(f"Location: {ONE}\n\n")
            answer = urllib.response.addinfourl(io.BytesIO(b""), headers, request.full_url, 302)
            answer.msg = "Found"
            return answer

    def opener(url, headers, timeout):
        return urllib.request.build_opener(Loop, HttpsRedirects).open(url, timeout=timeout)

    with pytest.raises(Unreachable, match=r"one\.test: HTTP status 302"):
        download.download([ONE], tmp_path / "data" / "file.gz", at_most=9, check=check, opener=opener)
    assert len(asked) < 20
    assert left(tmp_path) == []


def test_a_server_without_tls_is_not_believed(server, tmp_path):
    """Whoever answers in the place of the mirror cannot prove to be it."""
    server.script["/file.gz"] = [good] * 3
    host, port = server.server_address
    with pytest.raises(Unreachable, match=f"^{host}: "):
        download.download(
            [f"https://{host}:{port}/file.gz"],
            tmp_path / "data" / "file.gz",
            at_most=AT_MOST,
            check=check,
            pause=lambda seconds: None,
        )
    assert server.asked == []
    assert left(tmp_path) == []
