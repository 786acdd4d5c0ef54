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
    results = [{"scenario": "a/b[N=1]", "verdict": "fail", "duration_ms": 1}, {"scenario": "a/c", "verdict": "pass", "duration_ms": 1}]
    for perhaps in ([], [finding("R-1-3", "tolerated")]):
        one = played(tmp_path, MUTANT, results, [finding("R-1-1"), finding("R-1-2", "crash"), *perhaps], 1)
        assert one.faults == []
        assert (one.killers, one.scenarios) == ({"a/b"}, {"a/b", "a/c"})


def test_what_differs_is_told(tmp_path: Path) -> None:
    results = [{"scenario": "a/b", "verdict": "fail", "duration_ms": 1}, {"scenario": "a/c", "verdict": "inconclusive", "duration_ms": 1}]
    assert played(tmp_path, MUTANT, results, [finding("R-1-1"), finding("R-9-9")], 1).faults == [
        "accused of R-9-9 too (a/b)", "not accused of R-1-2", "inconclusive: a/c",
    ]  # fmt: skip
    assert played(tmp_path, REFERENCE, results[:1], [finding("R-1-1")], 1).faults == ["accused of R-1-1 too (a/b)"]


@pytest.mark.parametrize(("results", "exit_status"), [([], 3), ([], 0), ([{"scenario": "a/b", "verdict": "pass", "duration_ms": 1}], 3), ([{"scenario": "a/b", "verdict": "pass", "duration_ms": 1}], 139)])
def test_a_reference_peer_of_which_nothing_is_known_is_not_flawless(results: list[dict], exit_status: int, tmp_path: Path) -> None:
    assert played(tmp_path, REFERENCE, results, [], exit_status).faults == [f"{len(results)} cases, exit status {exit_status}: "]


def test_what_is_no_results_is_told(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho why >&2\nexit 2\n")
    program.chmod(0o755)
    assert kill_matrix.play(str(program), REFERENCE, []).faults == ["no results: why"]


def test_the_first_and_the_last_quick_case_of_a_scenario_are_played() -> None:
    long = kill_matrix.QUICK_MS_MAX + 0.1
    cases = {"a/b[N=0]": 0, "a/b[N=65536]": 1, "a/b[N=65537]": long, "a/b[N=9]": 0, "a/only[N=1]": 2 * long, "a/only[N=2]": long, "a/only[N=3]": 2 * long,
             "a/c": long, "a/n[N=1]": 0, "a/n[N=4294967295]": 0,
             "a/two[N=1,M=1]": 0, "a/two[N=1,M=2]": 0, "a/two[N=10,M=1]": 0, "a/two[N=9,M=1]": 0, "a/two[N=100000,M=1]": long}  # fmt: skip
    assert kill_matrix.left_out(cases) == ["a/b[N=65537]", "a/b[N=9]", "a/only[N=1]", "a/only[N=3]", "a/two[N=1,M=2]", "a/two[N=100000,M=1]", "a/two[N=9,M=1]"]


TOLD = {"results": [{"scenario": "a/b[N=1]", "verdict": "fail", "duration_ms": 1, "requirements": ["R-1-1"]}], "findings": [finding("R-1-1"), finding("R-1-2")]}
UNTOLD = {"results": [{"scenario": "a/b[N=1]", "verdict": "pass", "duration_ms": 1, "requirements": ["R-1-1"]}], "findings": []}
TOO_MUCH = {"results": TOLD["results"], "findings": [finding("R-1-1"), finding("R-1-2"), finding("R-9-9")]}


def program_that(folder: Path, skipping: dict, otherwise: dict) -> str:
    """Its results where cases are skipped, and where not."""
    program = folder / "program"
    program.write_text(f"#!/bin/sh\ncase \"$*\" in *--skip*) echo '{json.dumps(skipping)}';; *) echo '{json.dumps(otherwise)}';; esac\nexit 1\n")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(
    ("skipping", "otherwise", "faults", "shown"),
    [
        (TOLD, UNTOLD, 0, ["ok"]),
        (UNTOLD, TOLD, 0, ["more", "ok"]),  # by other cases
        (TOO_MUCH, TOLD, 0, ["more", "ok"]),  # alone
        (UNTOLD, UNTOLD, 2, ["more", "more", "more", "FAIL"]),
        (TOO_MUCH, TOO_MUCH, 1, ["more", "FAIL"]),
    ],
)
def test_what_differs_is_played_again(skipping: dict, otherwise: dict, faults: int, shown: list[str], tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    program = program_that(tmp_path, skipping, otherwise)
    [played] = kill_matrix.play_all(program, [MUTANT], {APPLICATION: ["--skip", "a/b[N=2]"]}, 2)
    assert len(played.faults) == faults
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines() if MUTANT.name in line] == shown


def test_a_scenario_that_is_alive_is_played_all_cases(tmp_path: Path) -> None:
    program = program_that(tmp_path, UNTOLD, TOLD)
    reference, played = kill_matrix.play(program, REFERENCE, ["--skip", "x"]), kill_matrix.play(program, MUTANT, ["--skip", "x"])
    matrix = kill_matrix.Matrix(APPLICATION, reference, [played])
    assert matrix.alive == ["a/b"]
    kill_matrix.kill_the_rest(program, matrix)
    assert matrix.alive == []
