"""The command, as its users meet it: what is wrong is said with what and where, and the exit code tells what became of it."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FCGISPEC = Path(os.environ.get("FCGISPEC", ROOT / "build-dev" / "fcgispec"))
DEADLINE_S = 120  # for what fails
PLAIN = "scenario  A plain request is answered\nproves    R-5.5-1\n\n> request 1\n< response 1\n"


def run(*arguments: str | Path, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [FCGISPEC, *arguments], input=stdin, capture_output=True, check=False, timeout=DEADLINE_S, env={**os.environ, **environment}
    )


def expect(done: subprocess.CompletedProcess, code: int, *said: str) -> str:
    """The exit code, and what must be said on standard error. Gives standard output."""
    error = done.stderr.decode(errors="replace")
    assert done.returncode == code, f"{error}\n{done.stdout.decode(errors='replace')}"
    for part in said:
        assert part in error, error
    return done.stdout.decode(errors="replace")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder for FCGISPEC_DATA with the register and one scenario."""
    folder = tmp_path / "data"
    (folder / "scenarios/application").mkdir(parents=True)
    shutil.copy(ROOT / "conformance/requirements.toml", folder)
    (folder / "scenarios/application/plain.fcs").write_text(PLAIN)
    return folder


@pytest.fixture
def application(tmp_path: Path) -> Iterator[str]:
    """The address of the reference application."""
    address = f"unix:{tmp_path}/socket"
    process = subprocess.Popen([FCGISPEC, "peer", "application", "--listen", address], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline().decode() == f"listening on {address}\n"
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=DEADLINE_S)


# Wrong usage: exit code 2.


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "fcgispec: a subcommand is required, see"),
        (["certify"], "fcgispec: The following argument was not expected: certify"),
        (["app", "--no-such-option"], "fcgispec: The following argument was not expected: --no-such-option"),
        (["app", "--seed", "-1"], "expected a whole number of 0 to 18446744073709551615, this is '-1'"),
        (["replay", "/dev/null", "unix:/a", "--seed", "-1"], "this is '-1'"),
        (["app", "--seed", "18446744073709551616"], "this is '18446744073709551616'"),
        (["app", "--junit", ""], "--junit: expected the name of a file"),
        (["app", "--baseline", ""], "--baseline: expected the name of a file"),
        (["app", "/run/socket"], "'/run/socket': expected unix:/path, tcp:host:port or tcp:[IPv6]:port"),
        (["app", "unix:"], "'unix:': expected a path after unix:"),
        (["app", "tcp:localhost:99999"], "expected tcp:host:port with a port of 0 to 65535"),
        (["app", "unix:/a", "unix:/b"], "expected one ADDRESS"),
        (["app", "--spawn"], "--spawn: expected -- and the command"),
        (["app", "--param", "NAME"], "--param 'NAME': expected NAME=VALUE"),
        (["app", "--param", "=value"], "--param '=value': expected NAME=VALUE"),
        (["app", "--select", "no/such/scenario"], "--select no/such/scenario: there is no such scenario, see"),
        (["app", "--select", "5.4-abort", "--skip", "5.4-abort"], "leave no scenario"),
        (["app", "--select", "5.4-abort", "--skip", "5.4-abrot"], "--skip 5.4-abrot: there is no such scenario"),
        (["app", "--skip", "*"], "leave no scenario"),
        (["app", "--splitting", "halves"], "--splitting"),
        (["app", "-j", "0"], "--jobs"),
        (["app", "--repeat", "many"], "--repeat"),
        (["app", "--timeout", "-1"], "--timeout"),
        (["app", "--timeout", "1"], "--timeout"),
        (["list", "--requirements", "R-0-0"], "'R-0-0' picks no requirement"),
        (["app", "--json", "/no/such/folder/results.json"], "--json /no/such/folder/results.json: there is no folder /no/such/folder"),
        (["app", "--html", "/"], "--html /: expected a file, this is a folder"),
        (["app", "--json", "-", "--tap", "-"], "--tap -: standard output is taken by --json"),
        (["app", "--baseline", "/no/such/baseline"], "/no/such/baseline"),
        (["explain"], "ID is required"),
        (["explain", "nonsense"], "'nonsense' is neither a requirement (R-5.5-2) nor a scenario"),
        (["explain", "R-99-1"], "'R-99-1' is neither a requirement"),
        (["replay", "/no/such/file", "unix:/a"], "/no/such/file is neither a file nor a scenario"),
        (["replay", "/dev/null"], "expected the ADDRESS of an application, or --listen ADDRESS and --http URL for a Web server"),
        (["replay", "/dev/null", "nowhere"], "'nowhere': expected unix:/path"),
        (["decode", "/no/such/file"], "can't open /no/such/file"),
        (["encode", "/no/such/file"], "can't open /no/such/file"),
        (["peer"], "subcommand"),
        (["peer", "application", "--listen", "nowhere"], "'nowhere': expected unix:/path"),
        (["server", "--listen", "unix:/a"], "expected --listen ADDRESS (or --handed-over) and --http URL"),
        (["server", "--http", "http://localhost/"], "expected --listen ADDRESS (or --handed-over) and --http URL"),
        (["server", "--listen", "unix:/a", "--handed-over", "unix:/b", "--http", "http://localhost/"], "expected --listen or --handed-over, not both"),
        (["server", "--listen", "unix:/a", "--http", "http://localhost/", "--stop", "true"], "--stop: only the application that the Web server starts can see it"),
        (["server", "--listen", "nowhere", "--http", "http://localhost/"], "'nowhere': expected unix:/path"),
        (["server", "--listen", "unix:/a", "--http", "localhost"], "--http 'localhost': expected http://host:port/path"),
        (["server", "--listen", "unix:/a", "--http", "http://a:0/"], "--http 'http://a:0/': expected http://host:port/path with a port of 1 to 65535"),
        (["server", "--select", "no/such/scenario"], "there is no such scenario"),
        (["tap"], "is required"),
        (["tap", "--listen", "unix:/a"], "--connect is required"),
        (["tap", "--listen", "nowhere", "--connect", "unix:/a"], "'nowhere': expected unix:/path"),
        (["tap", "--listen", "unix:/a", "--connect", "nowhere"], "'nowhere': expected unix:/path"),
        (["tap", "--listen", "unix:/a", "--connect", "unix:/b", "--record", "/no/such/folder/f"], "--record /no/such/folder/f: can't be written"),
        (["handover"], "ADDRESS is required"),
        (["handover", "nowhere"], "'nowhere': expected unix:/path"),
        (["replay", "/dev/null", "--listen", "unix:/a"], "expected the ADDRESS of an application, or --listen ADDRESS and --http URL for a Web server"),
        (["replay", "/dev/null", "--http", "http://localhost/"], "--http URL: expected --listen ADDRESS too"),
        (["replay", "/dev/null", "unix:/a", "--http", "http://localhost/"], "expected the ADDRESS of an application, or"),
        (["replay", "/dev/null", "--listen", "unix:/a", "--http", "ftp://x"], "--http 'ftp://x': expected http://host:port/path"),
        (["peer", "web-server"], "--connect ADDRESS is needed"),
    ],
)
def test_wrong_usage(arguments: list[str], said: str) -> None:
    output = expect(run(*arguments), 2, said)
    assert output == ""


def test_a_broken_scenario_is_shown_with_its_place(data: Path) -> None:
    broken = data / "scenarios/application/broken.fcs"
    broken.write_text(PLAIN + "> rekuest 2\n")
    expect(
        run("app", FCGISPEC_DATA=str(data)), 2, "scenarios that can't be read",
        f"{broken}:6:3: expected a record, raw, request, connect, close, half-close or reset\n    > rekuest 2\n      ^",
    )  # fmt: skip
    expect(run("list", FCGISPEC_DATA=str(data)), 2, f"{broken}:6:3:")


def test_a_data_folder_that_is_none(tmp_path: Path) -> None:
    expect(run("app", FCGISPEC_DATA=str(tmp_path)), 3, str(tmp_path / "requirements.toml"))


def test_an_unreadable_baseline_is_shown_with_its_place(tmp_path: Path) -> None:
    baseline = tmp_path / "baseline"
    baseline.write_text("# known\nR-5.5-2\n")
    expect(run("app", "--baseline", baseline), 2, f"{baseline}:2:")
    baseline.write_text("R-5.5-2222: misspelt\n")
    expect(run("app", "--baseline", baseline), 2, f"--baseline {baseline}:1: R-5.5-2222 is not in the register")


def test_a_baseline_of_scenarios_that_are_not_there_is_told(tmp_path: Path) -> None:
    baseline = tmp_path / "baseline"
    baseline.write_text("R-5.5-2 in application/5.5-end-request/not-there: misspelt\n")
    expect(run("app", "--baseline", baseline), 2, "there is no scenario application/5.5-end-request/not-there, see fcgispec list")


def test_nobody_is_accused_of_what_is_not_in_the_register(data: Path) -> None:
    scenario = data / "scenarios/application/unknown.fcs"
    scenario.write_text(PLAIN.replace("R-", "R-99", 1))
    expect(run("app", FCGISPEC_DATA=str(data)), 2, f"{scenario}: proves R-99", "which is not in the register")


# Not reachable: exit code 3.


def test_an_application_that_is_not_there(tmp_path: Path, data: Path) -> None:
    for address in (f"unix:{tmp_path}/nobody", "tcp:127.0.0.1:1"):
        done = run("app", address, "--json", "-", FCGISPEC_DATA=str(data))
        results = json.loads(expect(done, 3))
        assert results["results"] == []
        assert address in done.stderr.decode()
        expect(run("replay", data / "scenarios/application/plain.fcs", address), 3, address)
        known = tmp_path / "known"
        known.write_text("R-5.5-2: as before\n")
        expect(run("app", address, "--write-baseline", known, FCGISPEC_DATA=str(data)), 3, f"--write-baseline {known}: not written, for the peer was not reached")
        assert known.read_text() == "R-5.5-2: as before\n"


def test_a_command_that_is_not_there(data: Path) -> None:
    expect(run("app", "--spawn", "--", "/no/such/command", FCGISPEC_DATA=str(data)), 3, "/no/such/command: No such file or directory")


# What is tested, and what it means.


def test_list() -> None:
    lines = expect(run("list"), 0).splitlines()
    names = lines[::2]
    assert len(names) > 300
    assert len(set(names)) == len(names)
    assert all(re.match(r"(application|web-server)/\S", name) for name in names)
    assert all(title.startswith("    ") for title in lines[1::2])
    assert set(expect(run("list", "application/"), 0).splitlines()[::2]) <= set(names)
    some = expect(run("list", names[0]), 0).splitlines()
    assert some[0] == names[0]
    assert expect(run("list", "application/5.4-abort"), 0) and "application/5.4-abort" in expect(run("list", "5.4-abort"), 0)
    expect(run("list", "no-such-folder"), 2, "'no-such-folder' picks no scenario")


def test_list_requirements() -> None:
    lines = expect(run("list", "--requirements"), 0).splitlines()
    assert len(lines) > 100
    assert expect(run("list", "--requirements", "R-5.5-1"), 0).splitlines() == [line for line in lines if line.startswith("R-5.5-1 ")]
    assert expect(run("list", "--requirements", "5.5"), 0).splitlines() == [line for line in lines if line.startswith("R-5.5-")]
    assert 0 < len(expect(run("list", "--requirements", "*FCGI_STDERR*"), 0).splitlines()) < len(lines)
    assert all(re.match(r"R-[\dAB.]+-\d+ +(application|web-server) +(must|should|may) +(scenario|checker|none) ", line) for line in lines)


def test_lint_finds_what_scenarios_and_register_say_of_each_other(data: Path) -> None:
    assert re.search(r"^\d+ cases, 0 faults$", expect(run("list", "--lint"), 0), re.MULTILINE)
    # With one scenario and those in C++ most requirements are proved by none.
    assert re.search(r"^no scenario proves R-\S+ \(must\): ", expect(run("list", "--lint", FCGISPEC_DATA=str(data)), 1), re.MULTILINE)
    (data / "scenarios/application/wrong.fcs").write_text(PLAIN.replace("R-5.5-1", "R-5.5-99"))
    assert "application/wrong: proves the unknown requirement R-5.5-99\n" in expect(run("list", "--lint", FCGISPEC_DATA=str(data)), 1)


def test_explain() -> None:
    requirement = expect(run("explain", "R-5.5-1"), 0)
    assert "R-5.5-1" in requirement.splitlines()[0]
    assert "Scenarios that prove it:" in requirement
    name = expect(run("list", "application/"), 0).splitlines()[0]
    scenario = expect(run("explain", name), 0)
    assert scenario.splitlines()[0] == name
    assert re.search(r"^    \w*> ", scenario, re.MULTILINE)
    assert re.search(r"^R-", scenario, re.MULTILINE)
    expect(run("explain", "application/3.3-framing"), 2, "'application/3.3-framing' is more than one scenario, see fcgispec list application/3.3-framing")


def test_explain_takes_a_table_for_its_cases() -> None:
    case = next(name for name in expect(run("list", "application/"), 0).splitlines() if name.endswith("]"))
    table = case.partition("[")[0]
    cases = expect(run("list", table), 0).splitlines()[::2]
    assert len(cases) > 1
    assert [line.strip() for line in expect(run("explain", table), 0).splitlines() if line.strip().startswith(table)] == cases
    assert [line.strip() for line in expect(run("explain", case), 0).splitlines() if line.strip().startswith(table)] == [case]
    requirement = re.findall(r"^R-\S+", expect(run("explain", table), 0), re.MULTILINE)[0]
    assert f"    {table} ({len(cases)} cases)" in expect(run("explain", requirement), 0).splitlines()


def test_who_stops_reading_is_not_told_of_it() -> None:
    process = subprocess.Popen([FCGISPEC, "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert (process.stderr.read(), process.wait(DEADLINE_S)) == (b"", 0)


# Bytes to notation and back.


def test_decode_and_encode_are_inverses(tmp_path: Path) -> None:
    source = random.Random(20261123)
    record = bytes((1, 6, 0, 1, 0, 3, 5, 0)) + b"abc" + bytes(5)
    samples = [b"", record, record * 3 + b"\1", b"{FCGI_STDIN, 1}\n", bytes(range(256)) * 20]
    samples += [source.randbytes(source.randrange(2000)) for _ in range(30)]
    samples += [bytes((1, source.randrange(13), 0, 1)) + source.randbytes(200) for _ in range(30)]
    for number, sample in enumerate(samples):
        file = tmp_path / str(number)
        file.write_bytes(sample)
        notation = run("decode", file)
        assert notation.stdout == run("decode", stdin=sample).stdout
        done = run("encode", stdin=notation.stdout)
        expect(done, 0)
        assert done.stdout == sample


def test_decode_says_what_it_reads() -> None:
    assert run("decode", "-", stdin=bytes((1, 5, 0, 1, 0, 2, 0, 0)) + b"on").stdout == b'{FCGI_STDIN, 1, "on"}\n'


def test_encode_says_what_it_cannot_read(tmp_path: Path) -> None:
    text = '{FCGI_STDIN, 1, "a"}\n  {FCGI_STDIN 1}\n'
    file = tmp_path / "text"
    file.write_text(text)
    message = ":2:15: expected ','\n      {FCGI_STDIN 1}\n                  ^"
    assert expect(run("encode", stdin=text.encode()), 2, "standard input" + message) == ""
    assert expect(run("encode", file), 2, str(file) + message) == ""


# Replay.


def test_replay_of_a_scenario(application: str, data: Path) -> None:
    output = expect(run("replay", data / "scenarios/application/plain.fcs", application), 0)
    assert "> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}\n" in output
    assert output.endswith("# afterwards a plain request is answered\n")


def test_replay_does_not_send_what_was_meant_otherwise(application: str, tmp_path: Path) -> None:
    file = tmp_path / "copied"
    for text, message in (
        ("scenario  Without what it proves\n\n> request 1\n< response 1\n", f"{file}:3:1: expected 'proves'"),
        ('! < {FCGI_END_REQUEST, 1, {0, 0}}\n', f"{file}:1:1: expected"),
    ):
        file.write_text(text)
        expect(run("replay", file, application), 2, message)
    file.write_bytes(b"\0" * 100)
    expect(run("replay", file, "--listen", f"unix:{tmp_path}/listen", "--http", "http://127.0.0.1:1/"), 2, "is neither a scenario nor a recording")


def test_replay_by_name(application: str) -> None:
    table = expect(run("replay", "6.2-responder/app-status", application), 0)
    assert [line for line in table.splitlines() if line.startswith("# application/")] == [
        f"# application/6.2-responder/app-status[N={number}]" for number in (0, 1, 7, 127, 128, 255)
    ]
    case = expect(run("replay", "application/6.2-responder/app-status[N=7]", application), 0)
    assert "FCGI_END_REQUEST, 1, {7, FCGI_REQUEST_COMPLETE}" in case
    expect(run("replay", "web-server/5.5-end-request", application), 2, "is a scenario for a Web server: expected --listen")


def test_replay_of_its_own_trace(application: str, data: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    trace.write_text(expect(run("replay", data / "scenarios/application/plain.fcs", application), 0))
    for splitting in ("whole", "bytes", "header"):
        again = expect(run("replay", trace, application, "--splitting", splitting), 0)
        assert [line for line in again.splitlines() if not line.startswith("#")] == [
            line for line in trace.read_text().splitlines() if not line.startswith("#")
        ]


def test_replay_of_bytes(application: str, tmp_path: Path) -> None:
    file = tmp_path / "crash"
    for content in (b"\0" * 100, b"\1\1\0\1\0\x08\0\0\0\1\0", random.Random(1).randbytes(5000)):
        file.write_bytes(content)
        output = expect(run("replay", file, application), 0)
        assert f"# {len(content)} bytes, sent as they are\n" in output
        assert "# afterwards a plain request is answered\n" in output
    file.write_bytes(b"")
    expect(run("replay", file, application), 2, f"{file} is empty: there is nothing to play")


def test_replay_of_records_awaits_their_answers(tmp_path: Path) -> None:
    """To some applications our end is that of the client: what is wrong in their answer would not be seen."""
    file = tmp_path / "requests"
    file.write_text("".join(
        f"{{FCGI_BEGIN_REQUEST, {number}, {{FCGI_RESPONDER, FCGI_KEEP_CONN}}}}\n"
        f'{{FCGI_PARAMS, {number}, [SCRIPT_NAME="/a" REQUEST_METHOD="GET"]}}\n{{FCGI_PARAMS, {number}, ""}}\n{{FCGI_STDIN, {number}, ""}}\n'
        for number in (1, 2)
    ))  # fmt: skip
    address = f"unix:{tmp_path}/app"
    with started("peer", "application", "--listen", address, "--mutant", "leaves_std_out_open") as process:
        assert process.stdout.readline().decode() == f"listening on {address}\n"
        output = expect(run("replay", file, address), 1)
    assert output.count("< {FCGI_END_REQUEST, ") == 2, output
    assert output.rindex("< {FCGI_END_REQUEST, ") < output.index("> half-close"), output
    assert "# fail R-3.3-34: wanted " in output


def test_replay_about_what_the_register_lacks(application: str, tmp_path: Path) -> None:
    file = tmp_path / "own.fcs"
    file.write_text("scenario Mine\nproves R-99-9\n\n> request 1\n< response 1\n")
    output = expect(run("replay", file, application), 0)
    assert "# as expected: R-99-9 (not in the register)\n" in output


def test_replay_of_what_decode_prints(application: str, tmp_path: Path) -> None:
    file = tmp_path / "records"
    file.write_text('{FCGI_GET_VALUES, 0, [FCGI_MPXS_CONNS=""]}\n')
    output = expect(run("replay", file, application), 0)
    assert "# 25 bytes of records\n" in output and "< {FCGI_GET_VALUES_RESULT, 0, " in output
    file.write_text('{FCGI_GET_VALUES, 0, [FCGI_MPXS_CONNS=""}\n')
    expect(run("replay", file, application), 2, f"begins like records, and can't be read: {file}:1:")


def test_replay_that_is_contradicted(application: str, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    file.write_text('> request 1\n\n< {FCGI_END_REQUEST, 1, {9, FCGI_OVERLOADED}}\n')
    output = expect(run("replay", file, application), 1)
    assert "# fail: line 3: wanted < {FCGI_END_REQUEST, 1, {9, FCGI_OVERLOADED}}, got {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}" in output


def test_replay_says_what_the_scenario_says(application: str, tmp_path: Path) -> None:
    file = tmp_path / "one.fcs"
    for lines, code, verdict in (
        ("< response 1", 0, "# as expected: R-6.2-13\n"),
        ("< response 1 status=999", 1, "# fail R-6.2-13: line 4: wanted < response 1 status=999, got CGI status 200 in "),
        ("either good\n< close\nor tolerated poor\n< response 1\nend", 0, "# tolerated R-6.2-13: wanted good (< close), got poor (< response 1)\n"),
    ):
        file.write_text(f"scenario A sentence\nproves R-6.2-13\n> request 1\n{lines}\n")
        assert verdict in expect(run("replay", file, application), code)


def test_replay_of_a_scenario_of_the_other_side(application: str, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "web.fcs"
    file.write_text("scenario A sentence\nproves R-6.2-2\nhttp> GET /\n> request 1\n< response 1\nhttp< 200\n")
    expect(run("replay", file, application), 2, f"{file} is a scenario for a Web server: expected --listen ADDRESS and --http URL")


def test_replay_of_what_cannot_be_read(application: str, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    file.write_text("> request 1\n> rekuest 2\n")
    expect(run("replay", file, application), 2, f"{file}:2:3: expected a record, raw, request")


# Certify.


def test_the_reference_application_conforms() -> None:
    output = expect(run("app", "--select", "application/3.3-padding", "--select", "application/6.4-filter"), 0)
    assert "conforms" in output


def test_a_command_that_is_started() -> None:
    done = run("app", "--select", "R-5.5-1", "--json", "-", "--spawn", "--", str(FCGISPEC), "peer", "application")
    results = json.loads(expect(done, 0))
    assert results["summary"]["pass"] > 0
    assert results["summary"]["fail"] == results["summary"]["crash"] == 0
    assert results["peer"]["address"] == f"{FCGISPEC} peer application"


def test_one_that_fails_is_not_conforming(data: Path) -> None:
    (data / "scenarios/application/plain.fcs").write_text(PLAIN.replace("< response 1", '< response 1 "no application says this"'))
    done = run("app", "--timeout", "2000", "--json", "-", FCGISPEC_DATA=str(data))
    results = json.loads(expect(done, 1))
    assert [finding["requirement"] for finding in results["findings"]] == ["R-5.5-1"]
    failed = [result for result in results["results"] if result["verdict"] == "fail"]
    assert [result["scenario"] for result in failed] == ["application/plain"]
    assert failed[0]["again"] == results["findings"][0]["again"] == f"{FCGISPEC} app --timeout 2000 --select application/plain"
    # Whoever starts the peer for us says how that is done again.
    done = run("app", "--timeout", "2000", "--json", "-", FCGISPEC_DATA=str(data), FCGISPEC_AGAIN="./start it")
    assert json.loads(expect(done, 1))["findings"][0]["again"] == "./start it --timeout 2000 --select application/plain"


def test_a_baseline_makes_it_known(data: Path, tmp_path: Path) -> None:
    (data / "scenarios/application/plain.fcs").write_text(PLAIN.replace("< response 1", '< response 1 "no application says this"'))
    baseline = tmp_path / "baseline"
    expect(run("app", "--select", "application/plain", "--write-baseline", baseline, FCGISPEC_DATA=str(data)), 1)
    assert baseline.read_text().count("R-5.5-1") >= 1
    expect(run("app", "--select", "application/plain", "--baseline", baseline, FCGISPEC_DATA=str(data)), 0)


def test_json_on_standard_output_is_nothing_but_json(application: str) -> None:
    done = run("app", application, "--select", "application/3.3-padding", "--verbose", "--json", "-")
    results = json.loads(expect(done, 0, "conforms"))
    assert results["tool"] == "fcgispec"
    assert results["peer"]["address"] == application


def test_no_colour_without_a_terminal_or_where_it_is_not_wanted(data: Path) -> None:
    assert "\033" not in expect(run("app", "--select", "application/plain", FCGISPEC_DATA=str(data)), 0)
    for no_color, coloured in (("", True), ("1", False)):
        assert ("\033[" in on_a_terminal("app", "--quiet", "--select", "application/plain", NO_COLOR=no_color, FCGISPEC_DATA=str(data))) == coloured


def on_a_terminal(*arguments: str, **environment: str) -> str:
    """What is said where standard output is a terminal."""
    ours, theirs = os.openpty()
    process = subprocess.Popen([FCGISPEC, *arguments], stdout=theirs, stderr=subprocess.DEVNULL, env={**os.environ, **environment})
    os.close(theirs)
    said = b""
    try:
        while piece := os.read(ours, 65536):
            said += piece
    except OSError:
        pass  # the other end was closed: so a terminal ends
    finally:
        os.close(ours)
    assert process.wait(timeout=DEADLINE_S) == 0
    return said.decode()


# Web servers.

WEB = 'scenario  A plain request is passed on\nproves    R-B-2\n\nhttp> GET /hello\n> request 1\n< response 1 "hello"\nhttp< 200 "hello"\n'


@contextmanager
def web_server(application: str) -> Iterator[str]:
    """The reference Web server, in front of whoever listens there: its URL."""
    process = subprocess.Popen([FCGISPEC, "peer", "web-server", "--connect", application, "--http", "127.0.0.1:0"], stdout=subprocess.PIPE)
    try:
        line = process.stdout.readline().decode()
        assert line.startswith("listening on http://127.0.0.1:")
        yield line.removeprefix("listening on ").strip()
    finally:
        process.terminate()
        process.communicate(timeout=DEADLINE_S)


@pytest.fixture
def web_data(data: Path) -> Path:
    """The folder for FCGISPEC_DATA, with a scenario of Web servers too."""
    (data / "scenarios/web-server").mkdir()
    (data / "scenarios/web-server/plain.fcs").write_text(WEB)
    return data


def test_the_reference_web_server_conforms(web_data: Path) -> None:
    done = run("server", "--json", "-", FCGISPEC_DATA=str(web_data))
    results = json.loads(expect(done, 0))
    assert results["peer"]["side"] == "web-server"
    assert results["summary"]["pass"] > 0
    assert not results["findings"]


def test_a_web_server_that_runs(web_data: Path, tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/ours"
    with web_server(address) as url:
        arguments = ("server", "--select", "web-server/plain", "--listen", address, "--http", url, "--json", "-")
        results = json.loads(expect(run(*arguments, FCGISPEC_DATA=str(web_data)), 0))
        assert results["peer"]["address"].startswith("http://127.0.0.1:")
        assert results["summary"]["pass"] == 1
        (web_data / "scenarios/web-server/plain.fcs").write_text(WEB.replace("http< 200", "http< 404"))
        results = json.loads(expect(run(*arguments, FCGISPEC_DATA=str(web_data)), 1))
        assert [finding["requirement"] for finding in results["findings"]] == ["R-B-2"]
        again = results["results"][0]["again"]
        assert f"--listen {address} --http {url.rstrip('/')}" in again
        assert "--select web-server/plain" in again


def test_a_web_server_that_is_not_there_or_does_not_ask_us(web_data: Path, tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/ours"
    done = run("server", "--listen", address, "--http", "http://127.0.0.1:1/", "--json", "-", FCGISPEC_DATA=str(web_data))
    assert json.loads(expect(done, 3, "127.0.0.1:1"))["results"] == []
    with web_server(f"unix:{tmp_path}/elsewhere") as url:
        done = run("server", "--listen", address, "--http", url, "--json", "-", FCGISPEC_DATA=str(web_data))
        assert json.loads(expect(done, 3, "no FastCGI request came"))["results"] == []


def test_replay_with_a_web_server(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/ours"
    file = tmp_path / "scenario.fcs"
    with web_server(address) as url:
        file.write_text(WEB)
        output = expect(run("replay", file, "--listen", address, "--http", url), 0)
        assert "http> GET /hello\n" in output
        assert 'http< 200 "hello"\n' in output
        assert output.endswith("# afterwards a plain request is answered\n")
        file.write_text(WEB.replace('http< 200 "hello"', 'http< 200 "other"'))
        output = expect(run("replay", file, "--listen", address, "--http", url), 1)
        assert '# fail R-B-2: line 7: wanted http< 200 "other", got 200 "hello"' in output
        file.write_text(WEB.replace("http< 200", "http< nonsense"))
        expect(run("replay", file, "--listen", address, "--http", url), 2, f"{file}:7:7: ")
    expect(run("replay", file, "--listen", address, "--http", "http://127.0.0.1:1/"), 2)
    file.write_text(WEB)
    expect(run("replay", file, "--listen", address, "--http", "http://127.0.0.1:1/"), 3, "tcp:127.0.0.1:1")


def test_a_tap_records_what_replays_both_ways(application: str, tmp_path: Path) -> None:
    between = f"unix:{tmp_path}/between"
    recording = tmp_path / "recording"
    with started("tap", "--listen", between, "--connect", application, "--record", str(recording)) as tap:
        assert tap.stdout.readline().decode() == f"listening on {between}\n"
        with web_server(between) as url, urllib.request.urlopen(f"{url}echo?fcgispec.echo", data=b"two\nlines", timeout=DEADLINE_S) as response:
            assert response.status == 200
            assert b"two\nlines" in response.read()
        tap.send_signal(signal.SIGINT)
        output, error = tap.communicate(timeout=DEADLINE_S)
    assert tap.returncode == 0, output.decode() + error.decode()
    assert re.search(r"^1 connections, \d+ records, 0 accusations of 0 kinds$", output.decode(), re.MULTILINE), output.decode()
    lines = recording.read_text()
    assert 'c1> {FCGI_STDIN, 1, "two\\nlines"' in lines
    assert "c1< {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}" in lines
    expect(run("replay", recording, application), 0)
    address = f"unix:{tmp_path}/ours"
    with web_server(address) as url:
        output = expect(run("replay", recording, "--listen", address, "--http", url), 0)
    assert "http1> POST /echo?fcgispec.echo" in output
    assert '> {FCGI_STDIN, 1, "two\\nlines"' in output
    assert "< {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}" in output
    assert output.endswith("# afterwards a plain request is answered\n")


def test_a_tap_accuses_whoever_is_wrong(application: str, tmp_path: Path) -> None:
    between = f"unix:{tmp_path}/between"
    with started("tap", "--listen", between, "--connect", application) as tap:
        assert tap.stdout.readline().decode() == f"listening on {between}\n"
        file = tmp_path / "wrong"
        file.write_text('> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}, reserved=9}\n> {FCGI_ABORT_REQUEST, 1}\n< {FCGI_END_REQUEST, 1, *}\n')
        run("replay", file, between)
        tap.send_signal(signal.SIGINT)
        output = tap.communicate(timeout=DEADLINE_S)[0].decode()
    assert re.search(r"^(fail|tolerated) +R-\S+  Web server, connection c1: wanted ", output, re.MULTILINE), output
    assert "application, connection" not in output


def test_a_tap_before_nobody(tmp_path: Path) -> None:
    between = f"unix:{tmp_path}/between"
    with started("tap", "--listen", between, "--connect", f"unix:{tmp_path}/nobody") as tap:
        assert tap.stdout.readline().decode() == f"listening on {between}\n"
        file = tmp_path / "plain"
        file.write_text("> request 1\n< response 1\n")
        run("replay", file, between)
        tap.send_signal(signal.SIGINT)
        output, error = tap.communicate(timeout=DEADLINE_S)
    assert f"fcgispec tap: the application does not take a connection: unix:{tmp_path}/nobody: No such file or directory" in error.decode()
    assert tap.returncode == 3
    assert " 0 records, 0 accusations of 0 kinds" in output.decode()


def test_a_tap_without_descriptors_goes_on(application: str, tmp_path: Path) -> None:
    between = f"unix:{tmp_path}/between"
    command = ["prlimit", "--nofile=16:16", FCGISPEC, "tap", "--listen", between, "--connect", application]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tap:
        assert tap.stdout is not None and tap.stderr is not None
        assert tap.stdout.readline().decode() == f"listening on {between}\n"
        clients = [socket.socket(socket.AF_UNIX) for _ in range(20)]
        for client in clients:
            client.connect(f"{tmp_path}/between")
        assert b"Too many open files" in tap.stderr.readline()
        for client in clients:
            client.close()
        file = tmp_path / "plain"
        file.write_text("> request 1\n< response 1\n")
        expect(run("replay", file, between), 0)
        tap.send_signal(signal.SIGINT)
        assert tap.wait(DEADLINE_S) == 0


def test_an_application_that_hands_its_socket_over(web_data: Path, tmp_path: Path) -> None:
    # As a Web server starts it: its listening socket on descriptor 0, the other standard descriptors closed [§2.2].
    state = 'scenario  The initial state\nproves    R-B-2\nneeds     starts-application\n\nhttp> GET /hello\n> request 1\n> process [descriptor-0="listening" arguments="1"]\n< response 1 "hello"\nhttp< 200 "hello"\n'
    (web_data / "scenarios/web-server/state.fcs").write_text(state)
    meeting = f"unix:{tmp_path}/meeting"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{tmp_path}/served")
        listening.listen(16)
        with web_server(f"unix:{tmp_path}/served") as url, handed_over(meeting, listening):
            selected = ("--select", "web-server/plain", "--select", "web-server/state")
            done = run("server", *selected, "--handed-over", meeting, "--http", url, "--json", "-", FCGISPEC_DATA=str(web_data))
    verdicts = {result["scenario"]: result["verdict"] for result in json.loads(expect(done, 0))["results"]}
    assert verdicts == {"web-server/plain": "pass", "web-server/state": "pass"}


UNTIL_ENDED = "until grep -q '^State:.Z' /proc/{pid}/status; do :; done"


@pytest.mark.parametrize(
    ("stop", "seen"),
    [("kill {pid}", "yes"), ("kill -KILL {pid}", "no: it ends without"), ("kill -INT {pid}", "no: it ends without"), (f"kill {{pid}}; {UNTIL_ENDED}; false", "yes"), ("false", "not seen: --stop failed"), (None, "")],
)
def test_how_a_web_server_ends_its_application_is_told(stop: str | None, seen: str, web_data: Path, tmp_path: Path) -> None:
    meeting = f"unix:{tmp_path}/meeting"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{tmp_path}/served")
        listening.listen(16)
        with web_server(f"unix:{tmp_path}/served") as url, handed_over(meeting, listening) as process:
            words = ["--stop", stop.format(pid=process.pid)] if stop else []
            done = run("server", "--handed-over", meeting, "--http", url, "--json", "-", *words, FCGISPEC_DATA=str(web_data))
            if stop and stop.startswith("kill"):
                process.wait(timeout=DEADLINE_S)  # its connections end before it does
    told = {each["name"]: each["observed"] for each in json.loads(expect(done, 0))["capabilities"]}
    assert told["asks its application to exit (SIGTERM)"] == seen


def test_our_web_server_ends_its_application_by_sigterm(web_data: Path) -> None:
    results = json.loads(expect(run("server", "--json", "-", FCGISPEC_DATA=str(web_data)), 0))
    assert results["capabilities"][-1] == {"name": "asks its application to exit (SIGTERM)", "claimed": "", "observed": "yes"}


@contextmanager
def handed_over(meeting: str, listening: socket.socket) -> Iterator[subprocess.Popen]:
    """`fcgispec handover`, which waits for whoever it shall meet, and goes when it is told to."""
    process = subprocess.Popen([FCGISPEC, "handover", meeting], stdin=listening.fileno(), stdout=subprocess.DEVNULL)
    try:
        yield process
        if process.poll() is not None:
            return
        process.terminate()
        assert process.wait(timeout=DEADLINE_S) == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=DEADLINE_S)


# Interruption.


@contextmanager
def started(*arguments: str, **environment: str) -> Iterator[subprocess.Popen]:
    process = subprocess.Popen(
        [FCGISPEC, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **environment}, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=DEADLINE_S)


def test_an_interrupt_ends_the_run_with_the_results_so_far(data: Path, tmp_path: Path) -> None:
    # The last scenario begins with what tells us that those before are done, and waits for what doesn't come: whether the
    # application lives behind the one before it isn't known.
    mark = tmp_path / "mark"
    os.mkfifo(mark)
    scenario = 'scenario  Waits\nproves    R-5.5-1\n\n> request 1 [QUERY_STRING="waits"]\n< {FCGI_STDERR, 1, "never"}\n'
    (data / "scenarios/application/z-waits.fcs").write_text(scenario)
    plain = (data / "scenarios/application/plain.fcs").read_text()
    (data / "scenarios/application/plain-2.fcs").write_text(plain)
    program = PERL_APPLICATION.replace("MARK", str(mark))
    with started("app", "--select", "application/plain*", "--select", "application/z-waits", "--timeout", "600000", "--json", "-", "--spawn", "--", "perl", "-e", program, FCGISPEC_DATA=str(data)) as process:
        mark.read_text()  # until the application has the request
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 3, error
    results = json.loads(output)
    verdicts = {result["scenario"]: result["verdict"] for result in results["results"]}
    assert verdicts == {"application/plain": "pass", "application/plain-2": "inconclusive", "application/z-waits": "inconclusive"}


def test_an_interrupted_replay_accuses_nobody(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{tmp_path}/silent")
        silent.listen()
        silent.settimeout(DEADLINE_S)
        file = tmp_path / "plain"
        file.write_text("> request 1\n< response 1\n")
        with started("replay", str(file), f"unix:{tmp_path}/silent", "--timeout", "600000") as process:
            with silent.accept()[0] as connection:
                assert connection.recv(1)  # the request has been said: its answer is waited for
                process.send_signal(signal.SIGINT)
                output, error = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 3, error
    assert output.endswith(b"# interrupted\n"), output
    assert b"wanted" not in output and b"afterwards" not in output


# Answers a request, but one that has "waits" in it: then the file MARK is written.
PERL_APPLICATION = r"""
$SIG{PIPE} = 'IGNORE';
sub take { my $all = ''; while (length $all < $_[0]) { sysread(C, $all, $_[0] - length $all, length $all) or return } $all }
while (accept(C, STDIN)) {
    my ($said, $keep) = ('', 0);
    while (defined(my $header = take(8))) {
        my ($version, $type, $id, $length, $padding) = unpack('CCnnC', $header);
        my $content = take($length + $padding);
        $keep = vec($content, 2, 8) & 1 if $type == 1;
        $said .= $content;
        next if $type != 5 || $length;
        if ($said =~ /waits/) { open(M, '>', 'MARK'); close M; next }
        my $out = "Content-Type: text/plain\r\n\r\ngood";
        syswrite(C, pack('CCnnCx', 1, 6, $id, length $out, 0) . $out . pack('CCnnCx', 1, 6, $id, 0, 0) . pack('CCnnCxNCx3', 1, 3, $id, 8, 0, 0, 0));
        last if !$keep;
        $said = '';
    }
    close C;
}
"""
