"""Runs the steps of scripts/test one after the other, some side by side, shows their progress and counts what they tested.

A step's output goes to build-test/<step>.log and is printed where the step fails. A step that says it tested nothing
has failed.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import BinaryIO

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / "build-test"
PYTEST = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider"]


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0


def count_boost(output: str) -> Counts:
    """From Boost.Test's report: "80 test cases out of 82 passed", or "Running 82 test cases" and no errors."""
    counts = Counts()
    for program in re.split(r"(?=Running \d+ test case)", output):
        running = re.match(r"Running (\d+) test case", program)
        if not running:
            continue
        failures = re.search(r"\*\*\* (\d+) failures? (?:is|are) detected", program)
        failed_cases = len(set(re.findall(r'error: in "([^"]+)"', program))) if failures else 0
        counts.passed += int(running[1]) - failed_cases
        counts.failed += failed_cases
    return counts


def count_pytest(output: str) -> Counts:
    counts = Counts()
    for line in output.splitlines():
        if not re.search(r" in [\d.]+s", line):
            continue
        for number, what in re.findall(r"(\d+) (passed|failed|errors?|skipped)", line):
            name = "failed" if what.startswith("error") else what
            setattr(counts, name, getattr(counts, name) + int(number))
    return counts


def count_plain(output: str) -> Counts:
    """From lines like "12 passed, 0 failed"."""
    counts = Counts()
    for passed, failed in re.findall(r"^(\d+) passed, (\d+) failed$", output, re.MULTILINE):
        counts.passed += int(passed)
        counts.failed += int(failed)
    return counts


@dataclass
class Step:
    name: str
    about: str
    commands: list[list[str]]
    count: Callable[[str], Counts] | None  # nothing: it builds, and tests nothing
    # Only of steps that start no real application: some show theirs among the parameters of a request.
    environment: dict[str, str] = field(default_factory=dict)
    beside_next: bool = False  # run together with the step that follows: one of them waits more than it works


def build(preset: str, about: str, *targets: str) -> Step:
    return Step(
        f"build-{preset}",
        about,
        [["cmake", "--preset", preset], ["cmake", "--build", f"build-{preset}", "--target", *(targets or ("all",))]],
        None,
    )


UNIT_TESTS = ("fcgispec_codec_test", "fcgispec_engine_test", "fcgispec_peers_test")


def unit_tests(preset: str, beside_next: bool = False) -> Step:
    programs = [[f"build-{preset}/{program}", "--report_level=short", "--color_output=no"] for program in UNIT_TESTS]
    return Step(f"unit-{preset}", f"unit tests, {preset}", programs, count_boost, beside_next=beside_next)


STEPS = [
    build("dev", "build with GCC, warnings as errors"),
    Step("lint", "scenarios and register against each other", [["build-dev/fcgispec", "list", "--lint"]], None),
    unit_tests("dev", beside_next=True),
    Step("check", "scripts/check: format, clang-tidy, Python's lint and types, README files, quick tests", [["scripts/check", "--no-build"]], count_plain, beside_next=True),
    Step(
        "python",
        "codec in Python, second judge, command, reports, harness",
        [[*PYTEST, "-n", str(os.cpu_count() or 1), "scripts/codec", "conformance/command", "reports", "scripts/judge", "scripts/test_no_flakes.py",
          "scripts/test_kill_matrix.py", "scripts/harness/test_run_tests.py", "scripts/harness/test_peers.py", "scripts/harness/test_web_servers.py"]],
        count_pytest,
        {"FCGISPEC_CODEC_ORACLE": str(ROOT / "build-dev" / "codec_oracle")},
    ),
    Step("reference", "the reference application, in every splitting, under load", [[*PYTEST, "scripts/harness/test_reference.py"]], count_pytest),
    Step("real-peers", "real applications against their known deviations", [[*PYTEST, "scripts/harness/test_real_peers.py"]], count_pytest),
    Step("real-servers", "real Web servers against their known deviations", [[*PYTEST, "scripts/harness/test_real_web_servers.py"]], count_pytest),
    Step("kill-matrix", "every mutant accused of what it declares, every scenario failed by one", [["scripts/kill_matrix.py", "--fcgispec", "build-dev/fcgispec"]], count_plain),
    Step("no-flakes", "whole runs of both sides under changing conditions", [["scripts/no_flakes"]], count_plain),
    Step("two-hosts", "verdicts across a network with a delay and short packets", [[*PYTEST, "scripts/harness/test_two_hosts.py"]], count_pytest, beside_next=True),
    build("asan", "build with AddressSanitizer and UndefinedBehaviorSanitizer", *UNIT_TESTS),
    unit_tests("asan", beside_next=True),
    Step("fuzz", "every fuzz target for a moment, the canary, the whole corpus", [["scripts/fuzz_smoke"]], count_plain),
]


def run_command(command: list[str], step: Step, out: BinaryIO) -> tuple[int, float]:
    """Its exit code, and the seconds of CPU that it and what it started have taken."""
    out.write(f"$ {' '.join(command)}\n".encode())
    out.flush()
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | step.environment, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used.ru_utime + used.ru_stime


@dataclass
class Outcome:
    step: Step
    ok: bool
    counts: Counts
    said: str  # in a few words
    output: str


interrupted = Event()


def run_step(step: Step) -> Outcome:
    log = LOGS / f"{step.name}.log"
    begin, cpu_seconds = time.monotonic(), 0.0
    ok = True
    with log.open("wb") as out:
        for command in step.commands:
            if interrupted.is_set():
                break
            exit_code, used = run_command(command, step, out)
            cpu_seconds += used
            if exit_code != 0:
                ok = False
                if step.count is None:
                    break  # what follows stands on it
    output = log.read_text(errors="replace")
    counts = step.count(output) if step.count else Counts()
    if counts.failed or (step.count and counts.passed == 0):
        ok = False
    tested = f"{counts.passed} passed, {counts.failed} failed, " if step.count else ""
    tested += f"{counts.skipped} skipped, " if counts.skipped else ""
    said = f"{'ok' if ok else 'FAILED'} ({tested}{time.monotonic() - begin:.0f} s, {cpu_seconds:.0f} s of CPU)"
    if not ok:
        counts.failed = max(counts.failed, 1)
    return Outcome(step, ok, counts, said, output)


def run_together(steps: list[Step]) -> list[Outcome]:
    """One step, or several side by side; says how each ends when it does."""
    alone = len(steps) == 1
    for step in steps:
        print(f"{step.name:<14} {step.about} ... ", end="" if alone else "begun\n", flush=True)
    outcomes = []
    with ThreadPoolExecutor(len(steps)) as pool:
        running = [pool.submit(run_step, step) for step in steps]
        try:
            for ended in as_completed(running):
                outcome = ended.result()
                outcomes.append(outcome)
                print(outcome.said if alone else f"{outcome.step.name:<14} {outcome.said}", flush=True)
                if not outcome.ok:
                    print("\n".join(outcome.output.splitlines()[-80:]))
                    print(f"{outcome.step.name} failed; the whole log is {LOGS / outcome.step.name}.log", flush=True)
        except KeyboardInterrupt:
            interrupted.set()  # the command that runs has got Ctrl-C itself
            raise
    return outcomes


def groups_of(steps: list[Step], names: list[str]) -> list[list[Step]]:
    """What is run side by side, of the named ones; of all where none is named."""
    groups: list[list[Step]] = []
    joins = False
    for step in steps:
        if joins:
            groups[-1].append(step)
        else:
            groups.append([step])
        joins = step.beside_next
    chosen = [[step for step in group if not names or step.name in names] for group in groups]
    return [group for group in chosen if group]


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/test", description="Runs every test, or the named steps.")
    parser.add_argument("steps", nargs="*", metavar="STEP")
    parser.add_argument("--list", action="store_true", help="name the steps")
    arguments = parser.parse_args()
    if arguments.list:
        for step in STEPS:
            print(f"{step.name:<14} {step.about}")
        return 0
    unknown = set(arguments.steps) - {step.name for step in STEPS}
    if unknown:
        print(f"scripts/test: no step {', '.join(sorted(unknown))}; see scripts/test --list", file=sys.stderr)
        return 2
    LOGS.mkdir(exist_ok=True)
    total = Counts()
    all_ok = True
    for group in groups_of(STEPS, arguments.steps):
        outcomes = run_together(group)
        for outcome in outcomes:
            all_ok = all_ok and outcome.ok
            total.passed += outcome.counts.passed
            total.failed += outcome.counts.failed
            total.skipped += outcome.counts.skipped
        if any(not outcome.ok and outcome.step.count is None for outcome in outcomes):
            break  # what follows stands on it
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 0 if all_ok else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
