"""Every peer starts, has a version, takes connections, leaves nothing behind; what goes wrong is said clearly."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import peers, processes  # noqa: E402
from harness.processes import processes_of_session  # noqa: E402

RUN = peers.ROOT / "scripts" / "peers" / "run"

# Takes connections on file descriptor 0 and hangs up, in two processes; `{}` comes first.
LISTENER = "import os, signal, socket; {}; s = socket.socket(fileno=0); os.fork()\nwhile True: s.accept()[0].close()"


def installed(name: str) -> peers.Application:
    application = peers.find(name)
    try:
        application.version()
    except peers.PeerError as error:
        pytest.skip(str(error))
    return application


def soon() -> float:
    return time.monotonic() + 10


@pytest.fixture
def stand_in(monkeypatch):
    """Adds a peer to the table: a Python program that is no FastCGI application."""

    def add(program: str, **changes) -> str:
        application = peers.Application(
            "stand-in", "", packages=("python3",), version_argv=("python3", "--version"), version_pattern=r"(\d\S*)",
            launch=peers.launch_command("/usr/bin/python3", "-c", program),
        )  # fmt: skip
        monkeypatch.setitem(peers.APPLICATIONS, "stand-in", dataclasses.replace(application, **changes))
        return "stand-in"

    return add


@pytest.mark.parametrize("transport", ["unix", "tcp"])
@pytest.mark.parametrize("name", peers.APPLICATIONS)
def test_a_peer_starts_is_reachable_and_leaves_no_process(name, transport):
    installed(name)
    with peers.start(name, transport) as peer:
        assert peer.address.startswith(f"{transport}:")
        deadline = soon()
        # Ruby's has just died of being asked whether it is ready.
        while not processes_of_session(session := peer.pid):
            assert time.monotonic() < deadline
        assert peer.hangs_up(deadline)
        folder = peer.log_path.parent
    assert processes_of_session(session) == processes_of_session(peer.pid) == []
    assert not folder.exists()
    with pytest.raises(OSError):
        peers.connect(peer.address)


@pytest.mark.parametrize("name", peers.APPLICATIONS)
def test_a_version_is_a_number(name):
    assert installed(name).version()[0].isdigit()


@pytest.mark.parametrize("name", peers.APPLICATIONS)
def test_the_files_that_params_name_exist(name):
    for value in peers.find(name).params.values():
        assert Path(value).is_file()


def test_several_peers_run_side_by_side(stand_in):
    name = stand_in(LISTENER.format("pass"))
    with peers.start(name) as one, peers.start(name) as other:
        assert one.address != other.address
        assert one.hangs_up(soon()) and other.hangs_up(soon())


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(peers.PeerError, match="no peer 'php-fmp'; there are: php-fpm, "):
        with peers.start("php-fmp"):
            pass


def test_an_unknown_transport_is_named(stand_in):
    with pytest.raises(peers.PeerError, match="no transport 'pigeon'; there are: unix, tcp"):
        with peers.start(stand_in("pass"), "pigeon"):
            pass


def test_a_program_that_is_not_there_is_named_with_its_packages(stand_in):
    name = stand_in("", launch=peers.launch_command("no-such-program"))
    with pytest.raises(peers.PeerError, match="no no-such-program here; it wants the Debian packages python3"):
        with peers.start(name):
            pass


def test_a_peer_that_fails_to_start_shows_its_log(stand_in):
    with pytest.raises(peers.PeerError, match=r"(?s)did not start \(exit status 1\).*out of luck"):
        with peers.start(stand_in("raise SystemExit('out of luck')")):
            pass


def test_a_peer_that_takes_no_connection_is_not_ready(stand_in, monkeypatch):
    monkeypatch.setattr(processes, "READY_WITHIN_S", 0.2)
    with pytest.raises(peers.PeerError, match="(?s)is not ready at unix:.*waiting for nothing"):
        with peers.start(stand_in("print('waiting for nothing', flush=True); import signal; signal.pause()")):
            pass


def test_a_peer_that_dies_is_started_again_and_that_is_told(stand_in, capfd):
    with peers.start(stand_in(LISTENER.format("pass"))) as peer:
        first = peer.pid
        os.kill(first, signal.SIGSEGV)
        deadline = soon()
        while peer.pid == first and time.monotonic() < deadline:
            assert peer.hangs_up(deadline)
        assert peer.pid != first
        assert peer.hangs_up(deadline)
        assert processes_of_session(first) == []
    assert "ended by itself (killed by SIGSEGV: 1)" in capfd.readouterr().err


def test_a_peer_that_ignores_sigterm_is_killed_with_its_children(stand_in, monkeypatch):
    monkeypatch.setattr(processes, "STOP_GRACE_S", 0.1)
    with peers.start(stand_in(LISTENER.format("signal.signal(signal.SIGTERM, signal.SIG_IGN)"))) as peer:
        session = peer.pid
        assert len(processes_of_session(session)) == 2
    assert processes_of_session(session) == []


def test_a_failing_block_stops_its_peer(stand_in):
    with pytest.raises(ZeroDivisionError):
        with peers.start(stand_in(LISTENER.format("pass"))) as peer:
            session = peer.pid
            raise ZeroDivisionError
    assert processes_of_session(session) == []


# The command


def run(*words: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run([str(RUN), *words], capture_output=True, text=True, timeout=60, check=False, **options)


def test_run_fills_in_address_and_params():
    installed("fcgiwrap")
    done = run("fcgiwrap", "--transport", "tcp", "--", "printf", r"%s\n", "at {address}", "{params}")
    at, *params = done.stdout.splitlines()
    assert at.startswith("at tcp:127.0.0.1:")
    assert params == ["--param", f"SCRIPT_FILENAME={peers.CONTRACT / 'cgi' / 'contract.cgi'}"]
    assert done.returncode == 0


@pytest.mark.parametrize("script, expected", [("exit 7", 7), ("kill -9 $$", 128 + 9)])
def test_run_exits_as_its_command(script, expected):
    installed("fcgiwrap")
    assert run("fcgiwrap", "--", "sh", "-c", script).returncode == expected


def test_run_refuses_what_it_does_not_know():
    unknown = run("php-fmp", "--", "true")
    assert (unknown.returncode, "no peer 'php-fmp'" in unknown.stderr) == (2, True)
    nothing = run("php-fpm")
    assert (nothing.returncode, "what to run" in nothing.stderr) == (2, True)


def test_run_tells_its_command_the_peers_name_and_how_to_be_run_again():
    installed("fcgiwrap")
    script = 'echo "$FCGISPEC_AGAIN"; echo "$0"'
    options = ["{name}", "--select", "x", "--param", "A=b c", "--html", "file", "--param=D=e", "{address}"]
    done = run("fcgiwrap", "--transport", "tcp", "--", "sh", "-c", script, *options)
    again, name = done.stdout.splitlines()
    assert again == "scripts/peers/run fcgiwrap --transport tcp -- sh -c --param 'A=b c' --param=D=e {address}"
    assert name == f"fcgiwrap {peers.find('fcgiwrap').version()} ({peers.find('fcgiwrap').about})"


def test_run_names_a_command_that_cannot_be_run():
    installed("fcgiwrap")
    done = run("fcgiwrap", "--", "./no-such-command")
    assert (done.returncode, "cannot run ./no-such-command" in done.stderr) == (2, True)


def test_run_that_is_told_to_stop_stops_its_peer():
    installed("fcgiwrap")
    # The command says the address and then waits for an end of input that does not come.
    words = [str(RUN), "fcgiwrap", "--", "sh", "-c", "echo {address}; exec cat"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().strip()
        peers.connect(address).close()
        process.terminate()
        assert process.wait(timeout=30) == 128 + signal.SIGTERM
    with pytest.raises(OSError):
        peers.connect(address)
