"""scripts/check notices what it is there for."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


def load_check() -> ModuleType:
    """A command without ending."""
    loader = importlib.machinery.SourceFileLoader("fcgispec_check", str(ROOT / "scripts" / "check"))
    spec = importlib.util.spec_from_loader("fcgispec_check", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fcgispec_check"] = module
    loader.exec_module(module)
    return module


check = load_check()


@pytest.mark.parametrize(
    "data, faults",
    [
        (b"", []),
        (b"a\n\nb\n", []),
        (b"a", [": no newline at its end"]),
        (b"a\n\tb\n", [":2: a tab"]),
        (b"a \n", [":1: blanks at the end of the line"]),
        (b"a\r\n", [":1: blanks at the end of the line"]),
        (b"a" * 241 + b"\n", [":1: longer than 240 characters"]),
    ],
)
def test_text(data: bytes, faults: list[str]) -> None:
    assert list(check.faults_of_text(data, True)) == faults


def test_lines_of_prose_may_be_long() -> None:
    assert list(check.faults_of_text(b"a" * 241 + b"\n", False)) == []


def test_links(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# A heading: with `code` (and more)\n")
    page = tmp_path / "page.md"
    page.write_text(
        "# Own\n[a](other.md) [b](other.md#a-heading-with-code-and-more) [c](#own) [d](https://example.org/none)\n`[e](none.md)`\n"
    )
    assert list(check.faults_of_links(page)) == []
    page.write_text("# Own\n[a](none.md) [b](other.md#none) [c](#none)\n")
    assert [fault.partition(": ")[2].split()[-1] for fault in check.faults_of_links(page)] == ["none.md", "#none", "#none"]


@pytest.mark.parametrize(
    "line, faults",
    [
        ("app ADDRESS --baseline known.txt --junit report.xml   # in CI", []),
        ("app --spawn -- ./application --its-option", []),
        ("app ADDRESS -j 4 | less --none", []),
        ("peer application --listen unix:/tmp/a", []),
        ("app ADDRESS --none", ["no option --none"]),
        ("app ADDRESS --spaw", ["no option --spaw"]),
        ("none ADDRESS", ["there is no subcommand none"]),
        ("--none", ["no option --none"]),
    ],
)
def test_command_lines(line: str, faults: list[str]) -> None:
    assert list(check.faults_of_words(" " + line)) == faults


def test_commands_in_prose() -> None:
    assert list(check.faults_of_commands("`scripts/test` and `scripts/peers/SERVER/`\n\n    ./scripts/certify --none\n", "x")) == []
    assert list(check.faults_of_commands("    fcgispec 0.1.0: application\n", "x")) == []
    assert list(check.faults_of_commands("see scripts/none\n", "x")) == ["x: there is no scripts/none"]
    found = list(check.faults_of_commands("So:\n\n    ./build/fcgispec app --none\n", "x"))
    assert found == ["x: fcgispec app --none: no option --none"]


def test_a_program_that_fails_or_is_not_there_is_told() -> None:
    assert check.run(["true"]) == []
    assert check.run(["sh", "-c", "echo why; exit 3"]) == ["$ sh -c 'echo why; exit 3': exit status 3", "why"]
    assert check.run(["no-such-program"]) == ["there is no no-such-program here; scripts/install test"]


def test_python_files_are_found_by_their_first_line_too() -> None:
    assert {"scripts/check", "scripts/judge/judge.py"} <= set(check.python_files())
    assert "scripts/test" not in check.python_files()


def test_what_is_found_fails_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(check, "CHECKS", {"one": lambda: [], "two": lambda: ["a fault"]})
    monkeypatch.setattr(sys, "argv", ["check", "--no-build"])
    assert check.main() == 1
    assert capsys.readouterr().out.splitlines()[-2:] == ["       a fault", "1 passed, 1 failed"]
    monkeypatch.setattr(sys, "argv", ["check", "--no-build", "one"])
    assert check.main() == 0


def test_an_unknown_check_is_refused() -> None:
    done = subprocess.run([ROOT / "scripts" / "check", "none"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "no check none" in done.stderr
