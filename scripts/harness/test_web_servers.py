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
# {0}: as much as it takes to see the role. Connections on which nothing is said don't count: lighttpd tries whether
# somebody listens.
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

SILENT = ["/usr/bin/python3", "-c", "import signal; signal.pause()"]


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
    for name in web_servers.WEB_SERVERS:
        installed(name)
    with ExitStack() as stack:
        listener, address = processes.listening_socket("tcp", tmp_path)
        stack.enter_context(listener)
        servers = []
        for name, entry in web_servers.WEB_SERVERS.items():
            silent = {"spawns": SILENT} if entry.spawns else {"application": address}
            servers.append(stack.enter_context(web_servers.start(name, **silent)))
        with ThreadPoolExecutor(len(servers)) as pool:
            answers = list(pool.map(lambda server: request(f"{server.url}/hello")[0], servers))
    assert {server.name: status for server, status in zip(servers, answers) if status not in (500, 502, 503, 504)} == {}


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


def test_a_server_that_dies_is_started_again_and_that_is_told(tmp_path, capfd):
    with running("haproxy", REFERENCE, "unix", tmp_path) as server:
        first = server.pid
        os.kill(first, signal.SIGSEGV)
        deadline = time.monotonic() + ANSWER_WITHIN_S
        while server.pid == first or not server.answers(deadline):
            assert time.monotonic() < deadline
        assert request(f"{server.url}/hello?fcgispec.echo", b"again") == (200, b"again")
    assert "haproxy ended by itself (killed by SIGSEGV: 1)" in capfd.readouterr().err


def test_a_configuration_that_the_server_refuses_is_shown(monkeypatch):
    entry = installed("nginx")
    settings = {**entry.settings, "KEEP_CONN": "perhaps"}
    monkeypatch.setitem(web_servers.WEB_SERVERS, "nginx", dataclasses.replace(entry, settings=settings))
    with pytest.raises(processes.PeerError, match=r"(?s)nginx did not start \(exit status 1\).*perhaps"):
        with web_servers.start("nginx", application="unix:/nowhere"):
            pass


def test_a_template_that_names_what_there_is_not(tmp_path):
    template = tmp_path / "template"
    template.write_text("listen @PORT@ @PROT@")
    with pytest.raises(processes.PeerError, match="@PROT@ stands for nothing; there are: PORT"):
        web_servers.filled(template, {"PORT": "80"})


@pytest.mark.parametrize(
    "name, wanted, told",
    [
        ("ngnix", {"application": "unix:/x"}, "no Web server 'ngnix'; there are: nginx, "),
        ("nginx", {}, "wants an address and no command"),
        ("nginx", {"application": "unix:/x", "spawns": ["true"]}, "wants an address and no command"),
        ("nginx", {"application": "127.0.0.1:80"}, "'127.0.0.1:80' is no address"),
        ("apache-fcgid", {"application": "unix:/x"}, "wants a command and no address"),
        ("apache-fcgid", {"spawns": []}, "wants a command and no address"),
        ("apache-authnz", {"application": "unix:/x"}, "no transport 'unix'; it has: tcp"),
    ],
)
def test_what_a_server_cannot_take_is_refused(name, wanted, told):
    with pytest.raises(processes.PeerError, match=told):
        with web_servers.start(name, **wanted):
            pass


# The command

RUN = processes.ROOT / "scripts" / "peers" / "run"

# Listens at the address as the application and asks the Web server one thing, before it ends.
SERVE_AND_ASK = """
"{application}" peer application --listen "$1" &
trap 'kill $!' EXIT
/usr/bin/python3 -c '{ask}' "$2" "$1"
"""
# Until the application listens, the Web server answers with an error.
ASK = """
import sys, time, urllib.error, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler(dict()))
end = time.monotonic() + 10
while True:
    try:
        print(sys.argv[2], opener.open(sys.argv[1] + "/hello?fcgispec.echo", b"through", timeout=10).read().decode())
        break
    except urllib.error.HTTPError:
        if time.monotonic() > end: raise
"""


def run(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run([str(RUN), *words], capture_output=True, text=True, timeout=60, check=False)


# One that starts its application itself: test_real_web_servers.py.
@pytest.mark.parametrize("name", ["nginx", "apache-authnz"])
def test_run_gives_the_command_an_address_and_the_url(name):
    transport = installed(name).transports[0]
    script = SERVE_AND_ASK.format(application=FCGISPEC, ask=ASK)
    done = run(name, "--", "sh", "-c", script, "sh", "{address}", "{http}")
    assert done.returncode == 0, done.stderr
    address, _, answer = done.stdout.splitlines()[-1].partition(" ")
    assert (address.partition(":")[0], answer) == (transport, "through")


def test_run_lists_applications_and_web_servers_apart():
    words = [line.split()[0] for line in run("--list").stdout.splitlines()]
    assert words.index("Applications:") < words.index("php-fpm") < words.index("Web") < words.index("nginx")
    assert set(web_servers.WEB_SERVERS) < set(words[words.index("Web") :])


def test_run_says_what_the_server_cannot_take():
    done = run("apache-authnz", "--transport", "unix", "--", "true")
    assert (done.returncode, "no transport 'unix'" in done.stderr) == (3, True)
