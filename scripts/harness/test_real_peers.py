"""Real applications deviate as reports/known/<peer>.txt says, no more and no less; and the bytes of each deviation bear it
out, as a second judge reads them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from harness import peers, web_servers  # noqa: E402
from judge.judge import BORNE_OUT, CONTRADICTED, judge_results  # noqa: E402

FCGISPEC = ROOT / "build-dev" / "fcgispec"
KNOWN = ROOT / "reports" / "known"


@pytest.mark.parametrize("name", sorted(path.stem for path in KNOWN.glob("*.txt") if path.stem in peers.APPLICATIONS))
def test_deviates_as_known(name: str, tmp_path: Path) -> None:
    report = tmp_path / "results.json"
    with peers.start(name) as peer:
        command = [FCGISPEC, "app", peer.address, *peer.param_words(), "--name", name, "--baseline", KNOWN / f"{name}.txt", "-j", "4", "--json", report]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    results = json.loads(report.read_text())
    assert results["stale"] == []
    assert results["summary"]["inconclusive"] == 0
    assert results["summary"]["pass"] > 100
    judgements = judge_results(results)
    assert [str(judgement) for judgement in judgements if judgement.verdict == CONTRADICTED] == []
    assert sum(judgement.verdict == BORNE_OUT for judgement in judgements) > len(judgements) / 2


def test_every_application_has_its_known_deviations() -> None:
    known = {path.stem for path in KNOWN.glob("*.txt")} - set(web_servers.WEB_SERVERS)  # test_real_web_servers.py has those
    assert known == set(peers.APPLICATIONS)
