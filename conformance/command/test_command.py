"""The command, as its users meet it: what is wrong is said with what and where, and the exit code tells what became of it."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
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
        ([], "A subcommand is required"),
        (["certify"], "subcommand"),
        (["app", "--no-such-option"], "--no-such-option"),
        (["app", "/run/socket"], "'/run/socket': expected unix:/path, tcp:host:port or tcp:[IPv6]:port"),
        (["app", "unix:"], "'unix:': expected a path after unix:"),
        (["app", "tcp:localhost:99999"], "expected tcp:host:port with a port of 0 to 65535"),
        (["app", "unix:/a", "unix:/b"], "expected one ADDRESS"),
        (["app", "--spawn"], "--spawn: expected -- and the command"),
        (["app", "--param", "NAME"], "--param 'NAME': expected NAME=VALUE"),
        (["app", "--param", "=value"], "--param '=value': expected NAME=VALUE"),
        (["app", "--select", "no/such/scenario"], "leave no scenario"),
        (["app", "--skip", "*"], "leave no scenario"),
        (["app", "--splitting", "halves"], "--splitting"),
        (["app", "-j", "0"], "--jobs"),
        (["app", "--repeat", "many"], "--repeat"),
        (["app", "--timeout", "-1"], "--timeout"),
        (["app", "--json", "/no/such/folder/results.json"], "--json /no/such/folder/results.json: there is no folder /no/such/folder"),
        (["app", "--html", "/"], "--html /: expected a file, this is a folder"),
        (["app", "--json", "-", "--tap", "-"], "--tap -: standard output is taken by --json"),
        (["app", "--baseline", "/no/such/baseline"], "/no/such/baseline"),
        (["explain"], "ID is required"),
        (["explain", "nonsense"], "'nonsense' is neither a requirement (R-5.5-2) nor a scenario"),
        (["explain", "R-99-1"], "'R-99-1' is neither a requirement"),
        (["replay", "/no/such/file", "unix:/a"], "can't open /no/such/file: No such file or directory"),
        (["replay", "/dev/null"], "ADDRESS is required"),
        (["replay", "/dev/null", "nowhere"], "'nowhere': expected unix:/path"),
        (["decode", "/no/such/file"], "can't open /no/such/file"),
        (["encode", "/no/such/file"], "can't open /no/such/file"),
        (["peer"], "subcommand"),
        (["peer", "application", "--listen", "nowhere"], "'nowhere': expected unix:/path"),
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
    done = run("app", FCGISPEC_DATA=str(tmp_path))
    assert done.returncode in (2, 3)
    assert str(tmp_path / "requirements.toml") in done.stderr.decode()


def test_an_unreadable_baseline_is_shown_with_its_place(tmp_path: Path) -> None:
    baseline = tmp_path / "baseline"
    baseline.write_text("# known\nR-5.5-2\n")
    expect(run("app", "--baseline", baseline), 2, f"{baseline}:2:")


# Not reachable: exit code 3.


def test_an_application_that_is_not_there(tmp_path: Path, data: Path) -> None:
    for address in (f"unix:{tmp_path}/nobody", "tcp:127.0.0.1:1"):
        done = run("app", address, "--json", "-", FCGISPEC_DATA=str(data))
        results = json.loads(expect(done, 3))
        assert results["results"] == []
        assert address in done.stderr.decode()
        expect(run("replay", data / "scenarios/application/plain.fcs", address), 3, address)


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


def test_list_requirements() -> None:
    lines = expect(run("list", "--requirements"), 0).splitlines()
    assert len(lines) > 100
    assert all(re.match(r"R-[\dAB.]+-\d+ +(application|web-server) +(must|should|may) +(scenario|checker|none) ", line) for line in lines)


def test_explain() -> None:
    requirement = expect(run("explain", "R-5.5-1"), 0)
    assert "R-5.5-1" in requirement.splitlines()[0]
    assert "Scenarios that prove it:" in requirement
    name = expect(run("list", "application/"), 0).splitlines()[0]
    scenario = expect(run("explain", name), 0)
    assert scenario.splitlines()[0] == name
    assert re.search(r"^    \w*> ", scenario, re.MULTILINE)
    assert re.search(r"^R-", scenario, re.MULTILINE)


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
    for content in (b"", b"\0" * 100, b"\1\1\0\1\0\x08\0\0\0\1\0", random.Random(1).randbytes(5000)):
        file.write_bytes(content)
        assert "# afterwards a plain request is answered\n" in expect(run("replay", file, application), 0)


def test_replay_that_is_contradicted(application: str, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    file.write_text('> request 1\n\n< {FCGI_END_REQUEST, 1, {9, FCGI_OVERLOADED}}\n')
    output = expect(run("replay", file, application), 1)
    assert "# line 3: wanted < {FCGI_END_REQUEST, 1, {9, FCGI_OVERLOADED}}, got {FCGI_END_REQUEST, *, {0, FCGI_REQUEST_COMPLETE}}" in output


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
    done = run("app", "--json", "-", FCGISPEC_DATA=str(data))
    results = json.loads(expect(done, 1))
    assert [finding["requirement"] for finding in results["findings"]] == ["R-5.5-1"]
    failed = [result for result in results["results"] if result["verdict"] == "fail"]
    assert [result["scenario"] for result in failed] == ["application/plain"]
    assert "--select application/plain" in failed[0]["again"]


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
    # The second scenario begins with what tells us that the first is done, and waits for what doesn't come.
    mark = tmp_path / "mark"
    os.mkfifo(mark)
    scenario = 'scenario  Waits\nproves    R-5.5-1\n\n> request 1 [QUERY_STRING="waits"]\n< {FCGI_STDERR, 1, "never"}\n'
    (data / "scenarios/application/z-waits.fcs").write_text(scenario)
    program = PERL_APPLICATION.replace("MARK", str(mark))
    with started("app", "--select", "application/plain", "--select", "application/z-waits", "--timeout", "600000", "--json", "-", "--spawn", "--", "perl", "-e", program, FCGISPEC_DATA=str(data)) as process:
        mark.read_text()  # until the application has the request
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 3, error
    results = json.loads(output)
    assert {result["scenario"]: result["verdict"] for result in results["results"]}["application/plain"] == "pass"
    assert not [result for result in results["results"] if result["verdict"] in ("fail", "crash")]


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
