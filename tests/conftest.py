"""Every test has folders of its own and no network; arithmetic is on one thread, so bits repeat."""

import ipaddress
import os
import socket

import pytest
from hypothesis import HealthCheck, settings

for _library in ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM"):  # read when numpy is imported, which is later
    os.environ[f"{_library}_NUM_THREADS"] = "1"

SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile(
    "house", max_examples=60, deadline=None, derandomize=True, suppress_health_check=SLOW
)
# pytest --hypothesis-profile=long: new examples each time, for an hour's hunt
settings.register_profile("long", max_examples=2500, deadline=None, suppress_health_check=SLOW)
settings.load_profile("house")


def pytest_configure(config):
    """What numba compiles is kept from one test to the next."""
    if hasattr(config, "cache"):  # pytest's plugin may be switched off
        os.environ.setdefault("NUMBA_CACHE_DIR", str(config.cache.mkdir("numba")))


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory, monkeypatch):
    """``TUIML_HOME`` in a fresh folder; whatever data the machine has is out of sight."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("TUIML_HOME", str(home))
    monkeypatch.delenv("TUIML_DATA", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)  # pytest-xdist sets it
    monkeypatch.setenv("TUIML_THREADS", "1")  # what a command of one test chose is not the next one's
    return home


@pytest.fixture
def machine_code(monkeypatch):
    """Plans run as machine code, whatever the environment says of it."""
    monkeypatch.delenv("TUIML_FAST", raising=False)


def _is_local(address):
    if not isinstance(address, tuple):  # a Unix socket's path
        return True
    host = address[0]
    if host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Connections and look-ups beyond this machine are refused, as on a machine without a network."""
    connect, connect_ex, look_up = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def refuse(address):
        if not _is_local(address):
            raise ConnectionRefusedError(f"tests have no network: {address!r}")

    def guarded_connect(self, address):
        refuse(address)
        return connect(self, address)

    def guarded_connect_ex(self, address):
        refuse(address)
        return connect_ex(self, address)

    def guarded_look_up(host, *args, **kwargs):
        if host is not None:
            refuse((host.decode() if isinstance(host, bytes) else host,))
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)
