"""What scripts/test runs side by side, and how it counts."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from harness import run_tests  # noqa: E402


def names_of(names: list[str]) -> list[list[str]]:
    return [[step.name for step in group] for group in run_tests.groups_of(run_tests.STEPS, names)]


def test_only_what_belongs_together_is_run_side_by_side() -> None:
    assert names_of(["two-hosts", "build-asan"]) == [["two-hosts", "build-asan"]]
    assert names_of(["two-hosts", "fuzz"]) == [["two-hosts"], ["fuzz"]]
    assert names_of(["unit-dev", "no-flakes"]) == [["unit-dev"], ["no-flakes"]]
    assert sum(names_of([]), []) == [step.name for step in run_tests.STEPS]


def test_a_step_that_fails_is_counted(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(run_tests, "LOGS", tmp_path)
    says = "echo 2 passed, 1 failed"
    table = (
        ([["sh", "-c", "echo 2 passed, 0 failed"]], True, 0),
        ([["sh", "-c", says]], False, 1),
        ([["sh", "-c", f"{says}; exit 1"]], False, 1),
        ([["true"]], False, 1),
        ([["false"]], False, 1),
    )
    for commands, ok, failed in table:
        outcome = run_tests.run_step(run_tests.Step("one", "about", commands, run_tests.count_plain))
        assert (outcome.ok, outcome.counts.failed) == (ok, failed)
    assert (tmp_path / "one.log").read_text() == "$ false\n"
