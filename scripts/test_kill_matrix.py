"""scripts/kill_matrix.py sees what a mutant is accused of too much and too little, and a run that tells nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
import kill_matrix  # noqa: E402

APPLICATION = kill_matrix.SIDES[0]
REFERENCE = kill_matrix.Mutant(APPLICATION, "(reference application)")
MUTANT = kill_matrix.Mutant(APPLICATION, "does_wrong", "R-1-1", "Does wrong.", "", {"R-1-2": "it follows", "R-1-3": "it may"}, {"R-1-3"})


def finding(requirement: str, verdict: str = "fail") -> dict:
    return {"requirement": requirement, "verdict": verdict, "scenario": "a/b[N=1]", "scenarios": ["a/b[N=1]", "a/b[N=2]"]}


def played(folder: Path, mutant: kill_matrix.Mutant, results: list[dict], findings: list[dict], exit_status: int) -> kill_matrix.Played:
    """As if fcgispec had said so."""
    program = folder / "program"
    said = json.dumps({"results": results, "findings": findings})
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{said}\nEND\nexit {exit_status}\n")
    program.chmod(0o755)
    return kill_matrix.play(str(program), mutant, [])


def test_what_is_declared_is_no_fault(tmp_path: Path) -> None:
    results = [{"scenario": "a/b[N=1]", "verdict": "fail"}, {"scenario": "a/c", "verdict": "pass"}]
    for perhaps in ([], [finding("R-1-3", "tolerated")]):
        one = played(tmp_path, MUTANT, results, [finding("R-1-1"), finding("R-1-2", "crash"), *perhaps], 1)
        assert one.faults == []
        assert (one.killers, one.scenarios) == ({"a/b"}, {"a/b", "a/c"})


def test_what_differs_is_told(tmp_path: Path) -> None:
    results = [{"scenario": "a/b", "verdict": "fail"}, {"scenario": "a/c", "verdict": "inconclusive"}]
    assert played(tmp_path, MUTANT, results, [finding("R-1-1"), finding("R-9-9")], 1).faults == [
        "accused of R-9-9 too (a/b)", "not accused of R-1-2", "inconclusive: a/c",
    ]  # fmt: skip
    assert played(tmp_path, REFERENCE, results[:1], [finding("R-1-1")], 1).faults == ["accused of R-1-1 too (a/b)"]


@pytest.mark.parametrize(("results", "exit_status"), [([], 3), ([], 0), ([{"scenario": "a/b", "verdict": "pass"}], 3), ([{"scenario": "a/b", "verdict": "pass"}], 139)])
def test_a_reference_peer_of_which_nothing_is_known_is_not_flawless(results: list[dict], exit_status: int, tmp_path: Path) -> None:
    assert played(tmp_path, REFERENCE, results, [], exit_status).faults == [f"{len(results)} cases, exit status {exit_status}: "]


def test_what_is_no_results_is_told(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho why >&2\nexit 2\n")
    program.chmod(0o755)
    assert kill_matrix.play(str(program), REFERENCE, []).faults == ["no results: why"]


def test_the_first_and_the_last_case_of_a_table_are_played() -> None:
    cases = ["a/b[N=0]", "a/b[N=65536]", "a/b[N=65537]", "a/b[N=9]", "a/only[N=1048576]", "a/only[N=10485760]", "a/c", "a/t[TYPE=GET][N=2097152]", "a/n[N=1]", "a/n[N=4294967295]",
             "a/two[A=1][B=1]", "a/two[A=1][B=2]", "a/two[A=10][B=1]", "a/two[A=9][B=100000]"]  # fmt: skip
    assert kill_matrix.left_out(cases) == ["a/b[N=65537]", "a/b[N=9]", "a/only[N=10485760]", "a/two[A=1][B=2]", "a/two[A=9][B=100000]"]


def test_what_differs_is_played_again_with_all_cases(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """A program that is accused of what it declares only where nothing is skipped."""
    program = tmp_path / "program"
    told = {"results": [{"scenario": "a/b[N=1]", "verdict": "fail"}], "findings": [finding("R-1-1"), finding("R-1-2")]}
    silent = {"results": [{"scenario": "a/b[N=1]", "verdict": "pass"}], "findings": []}
    program.write_text(f"#!/bin/sh\ncase \"$*\" in *--skip*) echo '{json.dumps(silent)}';; *) echo '{json.dumps(told)}'; exit 1;; esac\n")
    program.chmod(0o755)
    again = kill_matrix.play_all(str(program), [MUTANT], {APPLICATION: ["a/b[N=2]"]}, 2)
    assert [one.faults for one in again] == [[]]
    assert capsys.readouterr().out.count("does_wrong") == 1
