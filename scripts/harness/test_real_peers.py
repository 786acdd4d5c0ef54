"""Real applications deviate as reports/known/<peer>.txt says, no more and no less; and the bytes of each deviation bear it
out, as a second judge reads them."""

from __future__ import annotations

import sys
from concurrent.futures import Future
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from harness import peers, real_runs, web_servers  # noqa: E402
from judge.judge import BORNE_OUT, CONTRADICTED, judge_results  # noqa: E402

AT_ONCE = 3  # on two cores: a run works half of the time
LISTED = sorted(path.stem for path in real_runs.KNOWN.glob("*.txt") if path.stem in peers.APPLICATIONS)


def run(name: str) -> real_runs.Certified:
    return real_runs.certify(name, ["app", "{address}", "{params}", "-j", "4"])


runs = real_runs.runs_of(run, LISTED, AT_ONCE)


@pytest.mark.parametrize("name", LISTED)
def test_deviates_as_known(name: str, runs: dict[str, Future]) -> None:
    results = real_runs.results_of(runs[name])
    assert results["stale"] == []
    assert results["summary"]["inconclusive"] == 0
    assert results["summary"]["pass"] > 100
    judgements = judge_results(results)
    assert [str(judgement) for judgement in judgements if judgement.verdict == CONTRADICTED] == []
    assert sum(judgement.verdict == BORNE_OUT for judgement in judgements) > len(judgements) / 2


def test_every_application_has_its_known_deviations() -> None:
    known = {path.stem for path in real_runs.KNOWN.glob("*.txt")} - set(web_servers.WEB_SERVERS)  # test_real_web_servers.py has those
    assert known == set(peers.APPLICATIONS)
