"""scripts/no_flakes sees a verdict that changes, and its relay hands on bytes, ends and resets, late."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
DEADLINE_S = 10.0  # Only a relay that fails takes this long.
DELAY_MS = 20


def load_no_flakes() -> ModuleType:
    """A command without ending."""
    loader = importlib.machinery.SourceFileLoader("no_flakes", str(ROOT / "scripts" / "no_flakes"))
    spec = importlib.util.spec_from_loader("no_flakes", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["no_flakes"] = module
    loader.exec_module(module)
    return module


no_flakes = load_no_flakes()


def run(number: int, verdicts: dict[str, str], side: str = "app", splitting: str = "whole"):
    return no_flakes.Run(number, no_flakes.Condition(side), 1.0, {(name, splitting): verdict for name, verdict in verdicts.items()})


def faults_of(*runs) -> list[list[str]]:
    comparison = no_flakes.Comparison()
    for one in runs:
        comparison.add(one)
    return [one.faults for one in runs]


def test_equal_runs_have_no_faults() -> None:
    assert faults_of(run(1, {"a": "pass", "b": "skipped"}), run(2, {"a": "pass", "b": "skipped"})) == [[], []]


def test_a_changed_verdict_is_told_with_the_run_before() -> None:
    assert faults_of(run(1, {"a": "pass"}), run(2, {"a": "fail"})) == [[], ["a (whole): fail; it was pass in run 1"]]
    assert faults_of(run(1, {"a": "skipped"}), run(2, {"a": "pass"}))[1] != []


def test_an_accusation_of_a_reference_peer_is_a_fault_at_once() -> None:
    for verdict in ("tolerated", "fail", "crash", "inconclusive"):
        assert faults_of(run(1, {"a": verdict})) == [[f"a (whole): {verdict} of a reference peer"]]


def test_a_case_that_is_gone_is_told() -> None:
    assert faults_of(run(1, {"a": "pass", "b": "pass"}), run(2, {"a": "pass"})) == [[], ["b (whole): not there"]]


def test_sides_and_splittings_are_compared_apart() -> None:
    runs = [run(1, {"a": "pass"}), run(2, {"a": "skipped"}, side="server"), run(3, {"a": "skipped"}, splitting="bytes")]
    assert faults_of(*runs) == [[], [], []]


def test_only_a_delayed_crossing_is_no_fault() -> None:
    crossed = {"verdict": "tolerated", "alternative": "crossed"}
    for condition, verdict in (no_flakes.Condition("server", delay_ms=1), "pass"), (no_flakes.Condition("server"), "tolerated"), (no_flakes.Condition("app", delay_ms=1), "tolerated"):
        assert no_flakes.verdict_of(crossed, condition) == verdict
        assert no_flakes.verdict_of({"verdict": "tolerated", "alternative": "other"}, condition) == "tolerated"


def test_the_rotations_hold_what_they_promise() -> None:
    long = no_flakes.long_rotation()
    assert {one.splitting for one in long} == set(no_flakes.SPLITTINGS)
    assert {one.jobs for one in long} == {1, 4, 16}
    assert {(one.side, one.delay_ms) for one in long} == {(side, delay_ms) for side in ("app", "server") for delay_ms in (0, 1, 20)}
    assert {one.build for one in long} == {"dev", "asan", "tsan"}
    for rotation in (long, no_flakes.short_rotation()):
        assert {one.side for one in rotation} == {"app", "server"}
        assert {one.loaded for one in rotation} == {False, True}
    assert {one.build for one in no_flakes.short_rotation()} == {"dev"}
    assert no_flakes.long_rotation() == long


def test_the_report_counts() -> None:
    runs = [run(1, {"a": "pass"}), run(2, {"a": "fail"})]
    faults_of(*runs)
    text = no_flakes.report(runs, 3)
    assert "2 runs of 3 planned, 2 cases; runs in which a verdict changed, or a reference peer was accused: 1." in text
    assert "| app | whole | 1 | idle | 0 | dev | 2 | 1 | 1.0 | 1 |" in text
    assert "* run 2 (app whole -j 1 idle 0 ms dev): a (whole): fail; it was pass in run 1" in text


def test_a_program_that_gives_no_results_is_a_fault() -> None:
    played = no_flakes.play(1, no_flakes.Condition("app"), Path("/bin/false"))
    assert len(played.faults) == 1 and "exit status 1" in played.faults[0]


def test_a_run_that_plays_nothing_is_a_fault(tmp_path: Path) -> None:
    """As one whose peer was not reached: its results are whole, and hold no case."""
    program = tmp_path / "program"
    for exit_status in (0, 3):
        program.write_text(f"#!/bin/sh\necho '{{\"results\": []}}'\nexit {exit_status}\n")
        program.chmod(0o755)
        played = no_flakes.play(1, no_flakes.Condition("app"), program)
        assert len(played.faults) == 1 and f"0 cases, exit status {exit_status}" in played.faults[0]


# The relay


@contextmanager
def relayed() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The two ends of a connection through it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE_S)
        address = f"tcp:127.0.0.1:{listener.getsockname()[1]}"
        command = [sys.executable, no_flakes.RELAY, "--connect", address, "--delay-ms", str(DELAY_MS)]
        with no_flakes.listening(command) as relay:
            near = socket.create_connection(("127.0.0.1", int(relay.rpartition(":")[2])), DEADLINE_S)
            with near, listener.accept()[0] as far:
                far.settimeout(DEADLINE_S)
                yield near, far


def test_the_relay_hands_on_bytes_late_and_ends() -> None:
    with relayed() as (near, far):
        begin = time.monotonic()
        near.sendall(b"abc")
        assert far.recv(10) == b"abc"
        assert time.monotonic() - begin >= DELAY_MS / 1000
        near.shutdown(socket.SHUT_WR)
        assert far.recv(10) == b""
        far.sendall(b"d" * 100_000)  # The other direction is still open.
        far.close()
        data = b""
        while piece := near.recv(65536):
            data += piece
        assert data == b"d" * 100_000


def test_the_relay_hands_on_resets() -> None:
    with relayed() as (near, far):
        near.sendall(b"abc")
        assert far.recv(10) == b"abc"  # The relay has connected: a reset before that it takes for nobody's listening.
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        far.close()
        with pytest.raises(ConnectionResetError):
            near.recv(10)


def test_the_relay_closes_where_nobody_listens(tmp_path: Path) -> None:
    command: list[str | Path] = [sys.executable, no_flakes.RELAY, "--connect", f"unix:{tmp_path}/none"]
    with no_flakes.listening(command) as relay, socket.create_connection(("127.0.0.1", int(relay.rpartition(":")[2])), DEADLINE_S) as near:
        assert near.recv(10) == b""


def test_what_does_not_listen_is_told() -> None:
    with pytest.raises(RuntimeError, match="does not listen"), no_flakes.listening(["/bin/echo", "no"]):
        pass


# The command


def test_a_short_run_of_the_command(tmp_path: Path) -> None:
    report = tmp_path / "report.md"
    command = [ROOT / "scripts" / "no_flakes", "--runs", "1", "--report", report]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "1 passed, 0 failed"
    assert "| app | whole | 1 | idle | 0 | dev | 1 |" in report.read_text()
