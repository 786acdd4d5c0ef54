#!/usr/bin/python3
"""Holds the suite against our reference peers, application and Web server, and their mutants, and fails unless

* neither reference peer is accused of anything;
* each mutant is accused of exactly the requirements that it declares (conformance/peers/mutants*.def), in the cases it is played;
* each scenario is failed by at least one mutant: one that can't fail is decoration;
* each must and should that can be tested is broken by a mutant;
* each bug of the field that is listed below is some mutant's origin.

    kill_matrix.py [--fcgispec PROGRAM] [--side SIDE] [--mutant NAME]... [--quick] [--whole] [--report FILE]

A scenario with tables is many cases. Mutants are played the first and the last of each scenario that don't take the reference
peer long, and all where those don't show what the mutant declares, or fail the scenario; with --whole, all. The reference peers
are always played all.

With --side, --mutant or --quick only some are played, and what all of them together have to show is not judged. The
last line is "N passed, M failed"; exit code 1 where anything failed.
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
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "reports" / "kill-matrix.md"
REPORT_OF_SOME = ROOT / "build-test" / "kill-matrix.md"
ACCUSING = {"fail", "crash", "tolerated"}
RUN_SECONDS_MAX = 240
QUICK_STEP = 8  # --quick plays each eighth mutant
TIMEOUT_MS = 100
CASES_AT_ONCE = 2  # of one mutant, where the command can do more than one
LONG_ONES = ("hangs_", "waits_", "ignores_")  # so the names begin of most that wait for deadlines: a guess, for speed alone
QUICK_MS_MAX = 4  # some twenty times what most cases take


@dataclass(frozen=True)
class Side:
    """One of the two that are certified."""

    name: str  # as the register has it
    command: str  # of fcgispec, that certifies it
    peer: str
    title: str


SIDES = (
    Side("application", "app", "application", "application"),
    Side("web-server", "server", "web-server", "Web server"),
)


# Bugs that implementations really had, as their projects number them. Each has the mutant that re-creates it. Not among
# them is h2o #621, which waits for FCGI_END_REQUEST when FCGI_STDOUT has ended: so does our reference Web server, for
# only FCGI_END_REQUEST says that the response is complete [§5.5].
FIELD_BUGS = """
nginx 6ae731d07, h2o #3204, monkey #278, HAProxy 96286b2a8, HAProxy 0aeae2305, twisted #1915, adoy's PHP client,
ten libraries, IIS CVE-2010-2730, nginx aad0a1dba, cfc8c2825, HAProxy 52fd8a1b7, h2o #951, HHVM PR 2933,
Apache httpd d6d845cfcd, HAProxy #2499, e8c7fb358, hiawatha PR 22, php bug 67583, nginx 1c5fce751,
HAProxy 3b3096ede, HAProxy #3358, Apache httpd: bogus version/rid, HHVM #2522, HAProxy d9fc12818, PHP #10335,
php bug 76922, HAProxy #743, nginx 7e3fdc4e8, 2573f71e1, h2o, lighttpd: FCGI_STDERR in the response, HHVM #2240,
HHVM #4077, cherokee #84, Go #6934, cherokee #1240, libfcgi 5d51317, HHVM #4951, Caddy #5420, #6637, PHP #7509,
httpd PR 57087, nginx d2744ad26, e1ca98512, lighttpd 2bf81d41, lighttpd 6e45cff0, lighttpd CVE-2022-41556,
Apache httpd CVE-2014-3583, HAProxy CVE-2023-0836, hollodotme #78
"""
FIELD_BUGS = [" ".join(one.split()) for one in FIELD_BUGS.split(",")]


@dataclass(eq=False)
class Mutant:
    side: Side
    name: str
    requirement: str = ""
    sentence: str = ""
    origin: str = ""
    consequences: dict[str, str] = field(default_factory=dict)  # requirement -> reason
    unsure: set[str] = field(default_factory=set)  # those that are seen or not

    @property
    def declared(self) -> set[str]:
        return {self.requirement, *self.consequences} if self.requirement else set()

    @property
    def arguments(self) -> list[str]:
        return ["--mutant", self.name] if self.requirement else []


@dataclass
class Played:
    """What a run accused a mutant of, and the scenarios that it did not pass."""

    mutant: Mutant
    accused: dict[str, list[str]] = field(default_factory=dict)  # requirement -> scenarios
    killers: set[str] = field(default_factory=set)
    cases: dict[str, float] = field(default_factory=dict)  # -> milliseconds
    proves: dict[str, set[str]] = field(default_factory=dict)  # scenario -> requirements
    inconclusive: list[str] = field(default_factory=list)
    trouble: str = ""
    seconds: float = 0

    @property
    def scenarios(self) -> set[str]:
        return set(self.proves)

    @property
    def lacking(self) -> list[str]:
        return sorted(self.mutant.declared - self.mutant.unsure - set(self.accused))

    @property
    def only_lacks(self) -> bool:
        return bool(self.lacking) and len(self.faults) == len(self.lacking)

    def add(self, more: Played) -> None:
        """What the same mutant is accused of in other cases."""
        self.killers |= more.killers
        self.trouble = self.trouble or more.trouble
        self.inconclusive += more.inconclusive
        self.seconds += more.seconds
        for requirement, scenarios in more.accused.items():
            self.accused[requirement] = sorted({*self.accused.get(requirement, []), *scenarios})

    @property
    def faults(self) -> list[str]:
        faults = [self.trouble] if self.trouble else []
        for requirement in sorted(set(self.accused) - self.mutant.declared):
            faults.append(f"accused of {requirement} too ({', '.join(self.accused[requirement][:4])})")
        faults += [f"not accused of {requirement}" for requirement in self.lacking]
        if self.inconclusive:
            faults.append(f"inconclusive: {', '.join(self.inconclusive[:3])}")
        return faults


def plain_name(scenario: str) -> str:
    """Without the case: a table is one scenario."""
    return re.sub(r"(\[[^]]*\])+$", "", scenario)


def list_mutants(program: str, side: Side) -> list[Mutant]:
    command = [program, "peer", side.peer, "--list-mutants"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True)
    mutants = []
    for line in lines.stdout.splitlines():
        entry = json.loads(line)
        reasons = {one["requirement"]: one["reason"] for one in entry["consequences"]}
        unsure = {one["requirement"] for one in entry["consequences"] if not one["sure"]}
        names = (entry["name"], entry["requirement"], entry["sentence"], entry["origin"])
        mutants.append(Mutant(side, *names, reasons, unsure))
    return mutants


def values_of(case: str) -> list[int]:
    """The values of a case's tables, as in [N=1,M=4]."""
    return [int(value) for value in re.findall(r"=(\d+)(?=[],])", case)]


def left_out(cases: dict[str, float]) -> list[str]:
    """All but the first and the last of each scenario, among those cases that took the reference peer a few milliseconds; where
    all take longer, all but the quickest. The cases with their milliseconds."""
    scenarios: dict[str, list[str]] = {}
    for case in sorted(cases, key=values_of):
        scenarios.setdefault(plain_name(case), []).append(case)
    result = []
    for rows in scenarios.values():
        quick = [case for case in rows if cases[case] <= QUICK_MS_MAX] or [min(rows, key=cases.__getitem__)]
        result += [case for case in rows if case not in (quick[0], quick[-1])]
    return sorted(result)


def play(program: str, mutant: Mutant, selection: list[str]) -> Played:
    """`selection`: words for fcgispec; without them it plays all cases."""
    played = Played(mutant)
    command = [program, mutant.side.command, "--json", "-", "-q", "--timeout", str(TIMEOUT_MS), *mutant.arguments]
    if mutant.side.name == "application":
        command += ["-j", str(CASES_AT_ONCE)]
    command += selection
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
    if not results["results"] or done.returncode not in (0, 1):
        cases = len(results["results"])
        played.trouble = f"{cases} cases, exit status {done.returncode}: {done.stderr.strip()[-200:]}"
    for finding in results["findings"]:
        if finding["verdict"] in ACCUSING:
            scenarios = finding.get("scenarios") or [finding["scenario"]]
            played.accused[finding["requirement"]] = sorted({plain_name(one) for one in scenarios})
    for result in results["results"]:
        name = plain_name(result["scenario"])
        played.cases[result["scenario"]] = result["duration_ms"]
        played.proves[name] = set(result.get("requirements", []))
        if result["verdict"] in ACCUSING:
            played.killers.add(name)
        if result["verdict"] == "inconclusive":
            played.inconclusive.append(name)
    return played


def testable_requirements(side: Side) -> list[str]:
    register = tomllib.loads((ROOT / "conformance" / "requirements.toml").read_text())
    return [
        one["id"]
        for one in register["requirement"]
        if one["binds"] == side.name and one["level"] in ("must", "should") and one["proof"] != "none"
    ]


@dataclass
class Matrix:
    """All of one side: its reference peer, and its mutants."""

    side: Side
    reference: Played
    played: list[Played]

    @property
    def alive(self) -> list[str]:
        """Scenarios that no mutant fails."""
        return sorted(self.reference.scenarios - set().union(*(one.killers for one in self.played)))

    @property
    def unbroken(self) -> list[str]:
        broken = {one.mutant.requirement for one in self.played}
        return [requirement for requirement in testable_requirements(self.side) if requirement not in broken]

    @property
    def num_exact(self) -> int:
        return sum(not one.faults for one in self.played)


def table(matrix: Matrix) -> list[str]:
    alive, unbroken = matrix.alive, matrix.unbroken
    lines = [
        "",
        f"## The {matrix.side.title}",
        "",
        f"{len(matrix.played)} mutants, {len(matrix.reference.scenarios)} scenarios; {matrix.num_exact} mutants are "
        f"accused of exactly what they declare. Scenarios that no mutant fails: {len(alive)}. Testable requirements "
        f"that no mutant breaks: {len(unbroken)}.",
        "",
        "| mutant | breaks | and so | scenarios | what it does |",
        "|---|---|---|---:|---|",
    ]
    for one in matrix.played:
        mutant = one.mutant
        also = "; ".join(
            f"{requirement}{' perhaps' if requirement in mutant.unsure else ''}: {reason}"
            for requirement, reason in mutant.consequences.items()
        )
        sentence = mutant.sentence + (f" ({mutant.origin})" if mutant.origin else "")
        lines.append(f"| {mutant.name} | {mutant.requirement} | {also} | {len(one.killers)} | {sentence} |")
    for title, names in (("Scenarios that no mutant fails", alive), ("Requirements that no mutant breaks", unbroken)):
        if names:
            lines += ["", f"### {title}", "", *(f"* {name}" for name in names)]
    faults = [(one.mutant.name, fault) for one in matrix.played for fault in one.faults]
    if faults:
        lines += ["", "### Accusations that differ from what is declared", ""]
        lines += [f"* {name}: {fault}" for name, fault in faults]
    return lines


WHICH_CASES = {
    True: "Every mutant was played every case.",
    False: "Mutants were played the first and the last case of each scenario that don't take long, and all where those don't show it; the reference peers all.",
}


def write_report(path: Path, matrices: list[Matrix], whole: bool) -> None:
    lines = [
        "# The kill matrix",
        "",
        "Made by `scripts/kill_matrix.py`. A mutant is a reference peer with one defect "
        "(`conformance/peers/mutants.def`, `mutants_web_server.def`); it is accused of what it breaks, of what "
        "follows from that, and of nothing else. "
        "In brackets stands whose bug it re-creates. " + WHICH_CASES[whole],
    ]
    for matrix in matrices:
        lines += table(matrix)
    path.write_text("\n".join(lines) + "\n")


def show(played: Played, counts: bool = True) -> None:
    verdict = "ok  " if not played.faults else "FAIL" if counts else "more"
    mutant = played.mutant
    kills = f"{len(played.killers):4} scenarios {played.seconds:6.1f} s"
    print(f"{verdict} {mutant.name:46} {mutant.requirement:9} {kills}", flush=True)
    for fault in played.faults:
        print(f"       {fault}", flush=True)


def play_all(program: str, mutants: list[Mutant], selections: dict[Side, list[str]], jobs: int) -> list[Played]:
    """In the order of `mutants`. One that only lacks an accusation is played all cases of the scenarios that prove it, and if that
    doesn't show it, all that there are. What differs then, or otherwise, is played again alone, and that counts: beside others on
    a busy machine a silence may be nobody's fault. What is not counted is shown."""
    counted: dict[Mutant, Played] = {}
    others: list[Mutant] = []

    def play_beside_others(mutant: Mutant) -> list[Played]:
        attempts = [play(program, mutant, selections.get(mutant.side, []))]
        if selections and attempts[0].only_lacks:
            more = play(program, mutant, [word for requirement in attempts[0].lacking for word in ("--select", requirement)])
            more.add(attempts[0])
            attempts.append(more)
        if selections and attempts[-1].only_lacks:
            attempts.append(play(program, mutant, []))
        return attempts

    def keep(attempts: list[Played], last: bool = False) -> None:
        mutant, counts = attempts[-1].mutant, last or not attempts[-1].faults
        for attempt in attempts:
            show(attempt, counts=counts and attempt is attempts[-1])
        if counts:
            counted[mutant] = attempts[-1]
        else:
            others.append(mutant)

    # Those that take long mostly wait.
    with ThreadPoolExecutor(jobs) as waiting, ThreadPoolExecutor(jobs) as working:
        futures = [(waiting if one.name.startswith(LONG_ONES) else working).submit(play_beside_others, one) for one in mutants]
        for future in as_completed(futures):
            keep(future.result())
    for mutant in others:
        keep([play(program, mutant, [])], last=True)
    return [counted[one] for one in mutants]


def kill_the_rest(program: str, matrix: Matrix) -> None:
    """Scenarios that no mutant has failed are played all cases, by the mutants of what they prove; what else is seen there counts."""
    for scenario in matrix.alive:
        for one in matrix.played:
            if one.mutant.declared & matrix.reference.proves[scenario]:
                one.add(play(program, one.mutant, ["--select", scenario]))


def judge_whole(matrices: list[Matrix]) -> tuple[int, int]:
    """What all mutants together have to show; how much passed, and failed."""
    passed = failed = 0
    for matrix in matrices:
        for name in matrix.alive:
            print(f"FAIL no mutant fails {name}")
        for requirement in matrix.unbroken:
            print(f"FAIL no mutant breaks {requirement}")
        num_all = len(matrix.reference.scenarios) + len(testable_requirements(matrix.side))
        num_failed = len(matrix.alive) + len(matrix.unbroken)
        passed, failed = passed + num_all - num_failed, failed + num_failed
    origins = " ".join(one.mutant.origin for matrix in matrices for one in matrix.played)
    for bug in FIELD_BUGS:
        if re.search(re.escape(bug) + r"(?!\w)", origins):
            passed += 1
        else:
            failed += 1
            print(f"FAIL no mutant re-creates {bug}")
    return passed, failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fcgispec", default=str(ROOT / "build-dev" / "fcgispec"), metavar="PROGRAM", help="by default what scripts/test has built")
    parser.add_argument("--side", choices=[side.name for side in SIDES], help="only this one")
    parser.add_argument("--mutant", action="append", default=[], metavar="NAME", help="only this one; repeatable")
    parser.add_argument("--quick", action="store_true", help=f"each {QUICK_STEP}th mutant")
    parser.add_argument("--whole", action="store_true", help="with every mutant all cases of each scenario")
    parser.add_argument("--report", type=Path, metavar="FILE", help=f"written when all are played; {REPORT.relative_to(ROOT)} with --whole, else {REPORT_OF_SOME.relative_to(ROOT)}")
    parser.add_argument("-j", "--jobs", type=int, default=5 * (os.cpu_count() or 1), help="mutants at once, in each of two pools: one is of those that mostly wait")
    options = parser.parse_args()
    if not os.access(options.fcgispec, os.X_OK):
        parser.error(f"no program at {options.fcgispec}: scripts/test builds one")
    begin = time.monotonic()

    sides = [side for side in SIDES if options.side in (None, side.name)]
    mutants = {side: list_mutants(options.fcgispec, side) for side in sides}
    unknown = set(options.mutant) - {mutant.name for side in sides for mutant in mutants[side]}
    if unknown:
        parser.error(f"no such mutant: {', '.join(sorted(unknown))}")
    asked = [one for side in sides for one in mutants[side] if not options.mutant or one.name in options.mutant]
    if options.quick:
        asked = asked[::QUICK_STEP]
    sides = [side for side in sides if any(one.side == side for one in asked)]
    references = [play(options.fcgispec, Mutant(side, f"(reference {side.title})"), []) for side in sides]  # alone, and once
    skipped: dict[Side, list[str]] = {}
    for one in references:
        show(one)
        if not options.whole:
            left = left_out(one.cases)
            print(f"     of its {len(one.cases)} cases mutants are played {len(one.cases) - len(left)}")
            skipped[one.mutant.side] = [word for case in left for word in ("--skip", case)]
    played = play_all(options.fcgispec, asked, skipped, options.jobs)
    matrices = [Matrix(one.mutant.side, one, [other for other in played if other.mutant.side == one.mutant.side]) for one in references]

    all_played = not (options.mutant or options.quick or options.side)
    if all_played:
        for matrix in matrices:
            kill_the_rest(options.fcgispec, matrix)
    passed = sum(matrix.num_exact + (not matrix.reference.faults) for matrix in matrices)
    failed = sum(1 + len(matrix.played) for matrix in matrices) - passed
    if all_played:
        passed_whole, failed_whole = judge_whole(matrices)
        passed, failed = passed + passed_whole, failed + failed_whole
        report = options.report or (REPORT if options.whole else REPORT_OF_SOME)
        report.parent.mkdir(exist_ok=True)
        write_report(report, matrices, options.whole)
    print(f"{time.monotonic() - begin:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
