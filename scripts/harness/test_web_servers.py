"""Every Web server starts, forwards to the application, gets over one that hangs up, ends what falls silent, leaves
nothing behind; what goes wrong is said clearly. How they speak FastCGI is for the suite itself to say."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import processes, web_servers  # noqa: E402
from harness.processes import processes_of_session  # noqa: E402

FCGISPEC = processes.ROOT / "build-dev" / "fcgispec"
REFERENCE = [str(FCGISPEC), "peer", "application"]
ANSWER_WITHIN_S = 20.0  # Only a server that fails takes this long.
BODY_SIZE = 100 * 1024 * 1024

# Serves on file descriptor 0 after it has hung up on one connection, once, whose first 16 bytes it leaves in the file
# {0}: as much as it takes to see the role. Connections on which nothing is said (lighttpd tries whether somebody listens)
# don't count.
HANGS_UP_FIRST = """
import os, socket
listener = socket.socket(fileno=0)
begin = b""
while not begin and not os.path.exists({0!r}):
    connection = listener.accept()[0]
    begin = connection.recv(16, socket.MSG_WAITALL)
    if begin:
        with open({0!r}, "wb") as out:
            out.write(begin)
    connection.close()
listener.detach()
os.execv({1!r}, {2!r})
"""


def hangs_up_first(seen: Path) -> list[str]:
    return ["/usr/bin/python3", "-c", HANGS_UP_FIRST.format(str(seen), REFERENCE[0], REFERENCE)]


def installed(name: str) -> web_servers.WebServer:
    web_server = web_servers.find(name)
    try:
        web_server.version()
    except processes.PeerError as error:
        pytest.skip(str(error))
    return web_server


@contextmanager
def running(name: str, argv: list[str], transport: str, folder: Path) -> Iterator[web_servers.Server]:
    """The Web server with an application that serves on file descriptor 0, whoever starts it."""
    if installed(name).spawns:
        with web_servers.start(name, spawns=argv) as server:
            yield server
        return
    listener, address = processes.listening_socket(transport, folder)
    with listener, subprocess.Popen(argv, stdin=listener, stdout=subprocess.DEVNULL) as application:
        try:
            with web_servers.start(name, application=address) as server:
                yield server
        finally:
            application.kill()


def request(url: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Status and body of the answer, whatever the status."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, data=body), timeout=ANSWER_WITHIN_S) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


EACH = [
    pytest.param(name, transport, id=f"{name}-{transport}")
    for name, web_server in web_servers.WEB_SERVERS.items()
    for transport in (web_server.transports[:1] if web_server.spawns else web_server.transports)
]


@pytest.mark.parametrize("name, transport", EACH)
def test_forwards_to_the_application(name, transport, tmp_path):
    with running(name, REFERENCE, transport, tmp_path) as server:
        status, greeting = request(f"{server.url}/hello?fcgispec.hello")
        assert (status, greeting.split(b":")[0]) == (200, b"fcgispec contract 1")
        assert request(f"{server.url}/hello?fcgispec.echo", b"a body") == (200, b"a body")
        status, pairs = request(f"{server.url}/a/b?fcgispec.params=")
        pair_of = dict(line.split(b"=", 1) for line in pairs.splitlines())
        assert pair_of[b"REQUEST_METHOD"] == b"GET"
        # Servers cut the path in two differently [CGI §4.1.5, §4.1.13]; together it is all of it.
        assert pair_of[b"SCRIPT_NAME"] + pair_of.get(b"PATH_INFO", b"") == b"/app/a/b"


@pytest.mark.parametrize("name", web_servers.WEB_SERVERS)
def test_takes_large_bodies_and_fields(name, tmp_path):
    transport = web_servers.find(name).transports[0]
    with running(name, REFERENCE, transport, tmp_path) as server:
        assert request(f"{server.url}/large?fcgispec.length", bytes(BODY_SIZE)) == (200, b"%d\n" % BODY_SIZE)
        status, answer = request(f"{server.url}/large?fcgispec.large={BODY_SIZE}")
        assert (status, len(answer)) == (200, BODY_SIZE)


@pytest.mark.parametrize("name, transport", EACH)
def test_a_request_after_the_application_hung_up_is_served(name, transport, tmp_path):
    seen = tmp_path / "begin"
    with running(name, hangs_up_first(seen), transport, tmp_path) as server:
        request(f"{server.url}/hello?fcgispec.hello")  # lighttpd tries again, and gets an answer.
        assert len(seen.read_bytes()) == 16
        assert request(f"{server.url}/hello?fcgispec.echo", b"again") == (200, b"again")


@pytest.mark.parametrize("name", web_servers.WEB_SERVERS)
def test_the_role_below_authorizer(name, tmp_path):
    web_server, seen = web_servers.find(name), tmp_path / "begin"
    with running(name, hangs_up_first(seen), web_server.transports[-1], tmp_path) as server:
        request(f"{server.url}/authorizer/hello?fcgispec.authorize")
        record_type, role = seen.read_bytes()[1], seen.read_bytes()[8:10]  # [§8]
        if name == "haproxy-get-values":
            assert record_type == 9  # FCGI_GET_VALUES, at the beginning of each connection
        else:
            assert record_type == 1  # FCGI_BEGIN_REQUEST
            assert role == (b"\0\2" if web_server.authorizer else b"\0\1")  # FCGI_AUTHORIZER, FCGI_RESPONDER
        assert request(f"{server.url}/authorizer/hello?fcgispec.authorize")[0] == 200
        assert request(f"{server.url}/authorizer/hello?fcgispec.deny")[0] in (401, 403)


def test_a_silent_application_is_given_up(tmp_path):
    """All servers at once: each waits its 2 s."""
    names = [name for name, entry in web_servers.WEB_SERVERS.items() if not entry.spawns]
    for name in names:
        installed(name)
    with ExitStack() as stack:
        listener, address = processes.listening_socket("tcp", tmp_path)
        stack.enter_context(listener)
        servers = [stack.enter_context(web_servers.start(name, application=address)) for name in names]
        with ThreadPoolExecutor(len(servers)) as pool:
            answers = list(pool.map(lambda server: request(f"{server.url}/hello")[0], servers))
    assert {name: status for name, status in zip(names, answers) if status not in (500, 502, 503, 504)} == {}


@pytest.mark.parametrize("name", web_servers.WEB_SERVERS)
def test_leaves_no_process_and_no_file(name, tmp_path):
    transport = web_servers.find(name).transports[0]
    with running(name, REFERENCE, transport, tmp_path) as server:
        assert request(f"{server.url}/hello?fcgispec.hello")[0] == 200
        session, folder = server.pid, server.log_path.parent
        assert session in processes_of_session(session)
        started = descendants(session)
    assert processes_of_session(session) == []
    assert [pid for pid in started if alive(pid)] == []
    assert not folder.exists()


def descendants(pid: int) -> list[int]:
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += [int(child), *descendants(int(child))]
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("name", web_servers.WEB_SERVERS)
def test_a_version_is_a_number(name):
    assert installed(name).version()[0].isdigit()
