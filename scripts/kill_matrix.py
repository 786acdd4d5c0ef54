#!/usr/bin/python3
"""Holds the suite against the reference application and its mutants, and fails unless

* the reference application is accused of nothing;
* each mutant is accused of exactly the requirements that it declares (conformance/peers/mutants.def);
* each scenario is failed by at least one mutant: one that can't fail is decoration;
* each must and should that binds the application and can be tested is broken by a mutant.

    kill_matrix.py [--fcgispec PROGRAM] [--mutant NAME]... [--quick] [--report FILE]

With --mutant or --quick only some are played, and what all of them together have to show is not judged. The last line
is "N passed, M failed"; exit code 1 where anything failed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "reports" / "kill-matrix.md"
ACCUSING = {"fail", "crash", "tolerated"}
RUN_SECONDS_MAX = 240
QUICK_STEP = 8  # --quick plays each eighth mutant


@dataclass
class Mutant:
    name: str
    requirement: str = ""
    sentence: str = ""
    origin: str = ""
    consequences: dict[str, str] = field(default_factory=dict)  # requirement -> reason

    @property
    def declared(self) -> set[str]:
        return {self.requirement, *self.consequences} if self.requirement else set()


@dataclass
class Played:
    """What a run accused a mutant of, and the scenarios that it did not pass."""

    mutant: Mutant
    accused: dict[str, list[str]] = field(default_factory=dict)  # requirement -> scenarios
    killers: set[str] = field(default_factory=set)
    scenarios: set[str] = field(default_factory=set)
    inconclusive: list[str] = field(default_factory=list)
    trouble: str = ""
    seconds: float = 0

    @property
    def faults(self) -> list[str]:
        faults = [self.trouble] if self.trouble else []
        for requirement in sorted(set(self.accused) - self.mutant.declared):
            faults.append(f"accused of {requirement} too ({', '.join(self.accused[requirement][:4])})")
        for requirement in sorted(self.mutant.declared - set(self.accused)):
            faults.append(f"not accused of {requirement}")
        if self.inconclusive:
            faults.append(f"inconclusive: {', '.join(self.inconclusive[:3])}")
        return faults


def plain_name(scenario: str) -> str:
    """Without the case: a table is one scenario."""
    return re.sub(r"(\[[^]]*\])+$", "", scenario)


def list_mutants(program: str) -> list[Mutant]:
    command = [program, "peer", "application", "--list-mutants"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True)
    mutants = []
    for line in lines.stdout.splitlines():
        entry = json.loads(line)
        reasons = {one["requirement"]: one["reason"] for one in entry["consequences"]}
        mutants.append(Mutant(entry["name"], entry["requirement"], entry["sentence"], entry["origin"], reasons))
    return mutants


def play(program: str, mutant: Mutant) -> Played:
    played = Played(mutant)
    peer = [program, "peer", "application", *(["--mutant", mutant.name] if mutant.requirement else [])]
    command = [program, "app", "--json", "-", "-q", "-j", "8", "--timeout", "150", "--spawn", "--", *peer]
    begin = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS_MAX, check=False)
        results = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        played.trouble = f"not done in {RUN_SECONDS_MAX} seconds"
        return played
    except json.JSONDecodeError:
        played.trouble = f"no results: {done.stderr.strip()[-200:]}"
        return played
    played.seconds = time.monotonic() - begin
    for finding in results["findings"]:
        if finding["verdict"] in ACCUSING:
            scenarios = finding.get("scenarios") or [finding["scenario"]]
            played.accused[finding["requirement"]] = sorted({plain_name(one) for one in scenarios})
    for result in results["results"]:
        name = plain_name(result["scenario"])
        played.scenarios.add(name)
        if result["verdict"] in ACCUSING:
            played.killers.add(name)
        if result["verdict"] == "inconclusive":
            played.inconclusive.append(name)
    return played


def testable_requirements() -> list[str]:
    register = tomllib.loads((ROOT / "conformance" / "requirements.toml").read_text())
    return [
        one["id"]
        for one in register["requirement"]
        if one["binds"] == "application" and one["level"] in ("must", "should") and one["proof"] != "none"
    ]


def write_report(
    path: Path, reference: Played, all_played: list[Played], alive: list[str], unbroken: list[str]
) -> None:
    lines = [
        "# The kill matrix of the application side",
        "",
        "Made by `scripts/kill_matrix.py`. A mutant is the reference application with one defect "
        "(`conformance/peers/mutants.def`); it is accused of what it breaks, of what follows from that, and of "
        "nothing else.",
        "",
        f"{len(all_played)} mutants, {len(reference.scenarios)} scenarios; "
        f"{sum(not played.faults for played in all_played)} mutants are accused of exactly what they declare. "
        f"Scenarios that no mutant fails: {len(alive)}. Testable requirements that no mutant breaks: {len(unbroken)}.",
        "",
        "| mutant | breaks | and so | scenarios | what it does |",
        "|---|---|---|---:|---|",
    ]
    for played in all_played:
        mutant = played.mutant
        also = "; ".join(f"{requirement}: {reason}" for requirement, reason in mutant.consequences.items())
        sentence = mutant.sentence + (f" ({mutant.origin})" if mutant.origin else "")
        lines.append(f"| {mutant.name} | {mutant.requirement} | {also} | {len(played.killers)} | {sentence} |")
    for title, names in (("Scenarios that no mutant fails", alive), ("Requirements that no mutant breaks", unbroken)):
        if names:
            lines += ["", f"## {title}", "", *(f"* {name}" for name in names)]
    faults = [(played.mutant.name, fault) for played in all_played for fault in played.faults]
    if faults:
        lines += ["", "## Accusations that differ from what is declared", ""]
        lines += [f"* {name}: {fault}" for name, fault in faults]
    path.write_text("\n".join(lines) + "\n")


def show(played: Played) -> None:
    verdict = "ok  " if not played.faults else "FAIL"
    mutant = played.mutant
    kills = f"{len(played.killers):4} scenarios {played.seconds:6.1f} s"
    print(f"{verdict} {mutant.name:42} {mutant.requirement:9} {kills}", flush=True)
    for fault in played.faults:
        print(f"       {fault}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fcgispec", default=str(ROOT / "build" / "fcgispec"), metavar="PROGRAM")
    parser.add_argument("--mutant", action="append", default=[], metavar="NAME", help="only this one; repeatable")
    parser.add_argument("--quick", action="store_true", help=f"each {QUICK_STEP}th mutant")
    parser.add_argument("--report", type=Path, default=REPORT, metavar="FILE", help="written when all are played")
    parser.add_argument("-j", "--jobs", type=int, default=2 * (os.cpu_count() or 1), help="mutants at once")
    options = parser.parse_args()
    begin = time.monotonic()

    mutants = list_mutants(options.fcgispec)
    unknown = set(options.mutant) - {mutant.name for mutant in mutants}
    if unknown:
        parser.error(f"no such mutant: {', '.join(sorted(unknown))}")
    asked = [one for one in mutants if not options.mutant or one.name in options.mutant]
    if options.quick:
        asked = asked[::QUICK_STEP]

    reference = play(options.fcgispec, Mutant("(reference application)"))
    show(reference)
    all_played = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for played in pool.map(lambda mutant: play(options.fcgispec, mutant), asked):
            all_played.append(played)
            if not played.faults:
                show(played)
    # Beside others on a busy machine a silence may be nobody's fault: what differs is played again alone, and that
    # counts.
    for index, played in enumerate(all_played):
        if played.faults:
            all_played[index] = play(options.fcgispec, played.mutant)
            show(all_played[index])

    failed = sum(bool(played.faults) for played in [reference, *all_played])
    passed = 1 + len(all_played) - failed
    if not options.mutant and not options.quick:
        killed = set().union(*(played.killers for played in all_played))
        alive = sorted(reference.scenarios - killed)
        testable = testable_requirements()
        broken = {mutant.requirement for mutant in mutants}
        unbroken = [requirement for requirement in testable if requirement not in broken]
        for name in alive:
            print(f"FAIL no mutant fails {name}")
        for requirement in unbroken:
            print(f"FAIL no mutant breaks {requirement}")
        failed += len(alive) + len(unbroken)
        passed += len(reference.scenarios) - len(alive) + len(testable) - len(unbroken)
        write_report(options.report, reference, all_played, alive, unbroken)
    print(f"{time.monotonic() - begin:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
