"""The reference application is accused of nothing: in every splitting, again and again, beside others, under load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FCGISPEC = ROOT / "build-dev" / "fcgispec"


@contextmanager
def loaded_machine() -> Iterator[None]:
    """Keeps every core busy."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def run(*arguments: str) -> dict:
    done = subprocess.run([FCGISPEC, "app", "--json", "-", *arguments], capture_output=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
    return json.loads(done.stdout)


def expect_flawless(results: dict) -> None:
    assert results["findings"] == []
    summary = results["summary"]
    assert summary["pass"] > 300
    assert {name: number for name, number in summary.items() if name != "pass" and number} == {}


@pytest.mark.parametrize("splitting", ["whole", "bytes", "header"])
def test_every_splitting(splitting: str) -> None:
    expect_flawless(run("--splitting", splitting))


def test_under_load() -> None:
    with loaded_machine():
        expect_flawless(run("--splitting", "all", "-j", "4"))


def test_repeated_beside_others_under_load() -> None:
    with loaded_machine():
        expect_flawless(run("--repeat", "5", "-j", "4"))


def test_over_tcp(tmp_path: Path) -> None:
    for host in ("127.0.0.1", "[::1]"):
        peer = subprocess.Popen([FCGISPEC, "peer", "application", "--listen", f"tcp:{host}:0"], stdout=subprocess.PIPE, text=True)
        try:
            assert peer.stdout is not None
            address = peer.stdout.readline().removeprefix("listening on ").strip()
            results = run(address)
            assert results["findings"] == []
            assert results["summary"]["pass"] > 300
        finally:
            peer.terminate()
            assert peer.wait(10) == 0
