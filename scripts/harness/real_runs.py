"""Certifies real applications and Web servers, several at a time: a run mostly waits for the deadlines of what fails."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KNOWN = ROOT / "reports" / "known"
FCGISPEC = ROOT / "build-dev" / "fcgispec"
RUN = ROOT / "scripts" / "peers" / "run"
RUN_SECONDS_MAX = 600

Certified = tuple[subprocess.CompletedProcess, dict]  # the command, and its results.json


def certify(name: str, arguments: list[str]) -> Certified:
    """The peer of scripts/peers/run against its known deviations; `arguments` are fcgispec's, with its words for a peer."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "results.json"
        command = [RUN, name, "--", FCGISPEC, *arguments, "--name", name, "--baseline", KNOWN / f"{name}.txt", "--json", report]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=RUN_SECONDS_MAX)
        return done, json.loads(report.read_text()) if report.exists() else {}


def runs_of(run: Callable[[str], Certified], names: list[str], at_once: int) -> Callable:
    """A fixture for a module: of those `names` that its selected tests have as their parameter `name`, in the order of `names`."""

    @pytest.fixture(scope="module")
    def runs(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Certified]]]:
        selected = {item.callspec.params["name"] for item in request.session.items if item.path == request.path and hasattr(item, "callspec")}
        pool = ThreadPoolExecutor(at_once)
        try:
            yield {name: pool.submit(run, name) for name in names if name in selected}
        finally:
            pool.shutdown(cancel_futures=True)  # of a session that is cut short what has not begun

    return runs


def results_of(certified: Future[Certified]) -> dict:
    """Of one without an unknown deviation."""
    done, results = certified.result()
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return results
