"""Real Web servers deviate as reports/known/<server>.txt says, no more and no less, and no second judge disagrees.
With FCGISPEC_UNSTEADY=1 HAProxy's runs are whole."""

from __future__ import annotations

import os
import sys
from concurrent.futures import Future
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from harness import real_runs, web_servers  # noqa: E402
from judge.judge import CONTRADICTED, judge_results  # noqa: E402

AT_ONCE = 4
CONCLUSIVE_MIN = 600
WHOLE = bool(os.environ.get("FCGISPEC_UNSTEADY"))

# Options that a server's own conduct asks for; the heads of the lists tell more.
PATIENT = ["--timeout", "5000"]
OPTIONS = {
    # What it put on a connection that broke is answered only when it gives the application up, after 2 s.
    "haproxy": PATIENT,
    "haproxy-mpxs": PATIENT,
    "haproxy-get-values": PATIENT,
    # One of two requests for its one free process waits a second; where there are several, some are given up.
    "apache-fcgid": [*PATIENT, "--skip", "web-server/3.5-several-at-once/*", "--skip", "web-server/3.5-connections/many-clients-at-once"],
}

# What is not played every time: HAProxy's conduct there differs from run to run, or it is the same, after 2 s in each of some
# twenty cases, with another of its set-ups that does play it.
A_MATTER_OF_TIME = "web-server/6.2-early-output/errors-before-the-body-is-sent"
LEFT_OUT = {
    "haproxy": [A_MATTER_OF_TIME, "web-server/5.5-end-request/*", "web-server/7-robustness/errors-without-end-within-the-body"],
    # When it sees that a client has left depends on what else it has to do.
    "haproxy-mpxs": [A_MATTER_OF_TIME, "web-server/5.4-client-leaves/within-the-response-by-*", "web-server/7-robustness/*"],
    "haproxy-get-values": [A_MATTER_OF_TIME, "web-server/5.5-end-request/*", "web-server/7-robustness/*"],
}

# Those with a list. What takes longest begins first.
LISTED = sorted((path.stem for path in real_runs.KNOWN.glob("*.txt") if path.stem in web_servers.WEB_SERVERS), key=lambda name: (name not in OPTIONS, name))


def run(name: str) -> real_runs.Certified:
    options = OPTIONS.get(name, [])
    if not WHOLE:
        options = options + [word for pattern in LEFT_OUT.get(name, []) for word in ("--skip", pattern)]
    if web_servers.WEB_SERVERS[name].spawns:
        options = options + ["--stop", "{stop}"]
    return real_runs.certify(name, ["server", "{server}", *options])


runs = real_runs.runs_of(run, LISTED, AT_ONCE)


@pytest.mark.parametrize("name", LISTED)
def test_deviates_as_known(name: str, runs: dict[str, Future]) -> None:
    results = real_runs.results_of(runs[name])
    if not WHOLE or name not in LEFT_OUT:
        assert results["stale"] == []
    if web_servers.WEB_SERVERS[name].spawns:  # [§7]
        assert results["capabilities"][-1] == {"name": "asks its application to exit (SIGTERM)", "claimed": "", "observed": "yes"}
    assert [str(one) for one in judge_results(results) if one.verdict == CONTRADICTED] == []
    summary = results["summary"]
    assert summary["inconclusive"] == 0
    assert sum(summary[verdict] for verdict in ("pass", "tolerated", "fail", "crash")) >= CONCLUSIVE_MIN


def test_a_list_belongs_to_a_web_server() -> None:
    assert set(LISTED) == set(web_servers.WEB_SERVERS)
    assert set(LEFT_OUT) | set(OPTIONS) <= set(LISTED)
