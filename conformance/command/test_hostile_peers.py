"""The whole command before peers that do wrong on purpose, and on a machine that fails it: each conduct gets the verdict that
is its own, soon enough and in little memory, and never passes; our own trouble is never called the peer's, and no
report is left half-written.

Rows of a table are played side by side: most of them wait.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from hostile_peers import (
    MARK,
    Conduct,
    Visit,
    address_of,
    always,
    answers_after,
    answers_and_says_for_ever,
    answers_by_bytes,
    at_the_mark,
    closes,
    connects_a_thousand_times,
    floods_beyond,
    from_the_mark_on,
    hand_on,
    hosting,
    is_silent,
    listening_on,
    never_reads,
    never_reads_the_answer,
    random_bytes,
    resets,
    says,
    says_and_is_silent,
    says_beyond,
    says_for_ever,
    swaps_answers,
    vanishes,
    where,
)

ROOT = Path(__file__).resolve().parents[2]
FCGISPEC = Path(os.environ.get("FCGISPEC", ROOT / "build-dev" / "fcgispec"))
HOSTILE = Path(__file__).with_name("hostile_peers.py")
DEADLINE_S = 60  # for what needs no bound of its own
MEMORY_MAX_KIB = 64 << 10
NUM_SIDE_BY_SIDE = 12
SHORT_MS = 500  # of silence
SANITIZERS_FACTOR = 5  # what a sanitizer takes more time

# Starts what is behind its first argument, a descriptor; writes there the process's id, then its peak memory in KiB and its
# status. It is small: the peak of a process that has begun as a copy of another counts from that one's size.
MEASURE = """
import os, sys
report, command = int(sys.argv[1]), sys.argv[2:]
pid = os.posix_spawn(command[0], command, os.environ)
os.write(report, b"%d\\n" % pid)
_, status, usage = os.wait4(pid, 0)
os.write(report, b"%d %d\\n" % (usage.ru_maxrss, os.waitstatus_to_exitcode(status)))
"""


@cache
def is_sanitized() -> bool:
    """A sanitizer's own memory is counted with the rest."""
    program = FCGISPEC.read_bytes()
    return any(name in program for name in (b"__asan_init", b"__tsan_init"))


@cache
def encoded(notation: str) -> bytes:
    return subprocess.run([FCGISPEC, "encode"], input=notation.encode(), capture_output=True, check=True, timeout=DEADLINE_S).stdout


def of_notation(make: Callable[..., Conduct], notation: str, **options: bool) -> Conduct:
    """Made when it is needed: the command may not be built while tests are being looked for."""
    return lambda visit: make(encoded(notation), **options)(visit)


# Scenarios: before the one in which the conduct shows, that one, and after it.


def scenario(side: str, lines: str) -> str:
    # R-3.3-24: nothing comes of a request that has ended, so that a flood behind the answer is what it is about too.
    return f"scenario  What comes is judged\nproves    {'R-5.5-1, R-3.3-24' if side == 'application' else 'R-B-2'}\n\n{lines}"


PLAIN = "> request 1\n< response 1\n"
MARKED = '> request 1 [X_CONDUCT="hostile"]\n< response 1\n'
EIGHT = "".join(f"{name}> {{FCGI_BEGIN_REQUEST, 1, {{FCGI_RESPONDER, FCGI_KEEP_CONN}}}}\n" for name in "abcdefgh") + MARKED
LONG = '> request 1 [X_CONDUCT="hostile"] stdin="x"*10485760\n< response 1\n'
TWO = (
    '> request 1 [QUERY_STRING="fcgispec.echo" X_CONDUCT="hostile"] stdin="one"\n'
    'b> request 1 [QUERY_STRING="fcgispec.echo" X_CONDUCT="hostile"] stdin="two"\n'
    '< response 1 "one"\nb< response 1 "two"\n'
)
QUERY = '> {FCGI_GET_VALUES, 0, [FCGI_MAX_CONNS="" hostile=""]}\n< {FCGI_GET_VALUES_RESULT, 0, [FCGI_MAX_CONNS=* ...]}\n'
HTTP_PLAIN = 'http> GET /plain\n> request 1\n< response 1 "hello"\nhttp< 200 "hello"\n'
HTTP_MARKED = 'http> GET /hostile\n> request 1\n< response 1 "hello"\nhttp< 200 "hello"\n'
HTTP_LONG = 'http> GET /hostile\n> request 1\n< response 1 "x"*10485760\nhttp< 200 "x"*10485760\n'
HTTP_TWO = (
    'http> GET /hostile1\n> request 1 [REQUEST_METHOD="GET"]\nhttpb> GET /hostile2\n> request 2\n'
    '< response 1 "one"\n< response 2 "two"\nhttp< 200 "one"\nhttpb< 200 "two"\n'
)


def data_folder(folder: Path, side: str, **scenarios: str) -> Path:
    """For FCGISPEC_DATA, with the register and these scenarios, and beside it the page's template."""
    (folder / "scenarios" / side).mkdir(parents=True)
    shutil.copy(ROOT / "conformance/requirements.toml", folder)
    (folder.parent / "reports").mkdir()
    shutil.copy(ROOT / "reports/report.html", folder.parent / "reports")
    for name, text in scenarios.items():
        (folder / "scenarios" / side / f"{name}.fcs").write_text(scenario(side, text))
    return folder


def around(folder: Path, side: str, marked: str) -> Path:
    plain = PLAIN if side == "application" else HTTP_PLAIN
    return data_folder(folder, side, **{"1-before": plain, "2-marked": marked, "3-after": plain})


ALL_OF_OURS = [word for name in ("1-before", "2-marked", "3-after") for word in ("--select", f"*/{name}*")]


# The command, measured.


@dataclass
class Done:
    code: int
    output: str
    error: str
    seconds: float
    memory_kib: int

    def results(self) -> dict:
        return json.loads(self.output)


def measured(*arguments: str, within_s: float, **environment: str) -> Done:
    """AssertionError where it takes longer."""
    begin = time.monotonic()
    within_s *= SANITIZERS_FACTOR if is_sanitized() else 1
    ours, theirs = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-S", "-E", "-c", MEASURE, str(theirs), str(FCGISPEC), *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=(theirs,), env={**os.environ, **environment},
    )  # fmt: skip
    os.close(theirs)
    with open(ours) as report:
        pid = int(report.readline())
        try:
            output, error = process.communicate(timeout=within_s)
        except subprocess.TimeoutExpired:
            os.kill(pid, signal.SIGTERM)
            try:
                output, error = process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                os.kill(pid, signal.SIGKILL)
                output, error = process.communicate(timeout=10)
            raise AssertionError(f"not done within {within_s} s: {error.decode()} {output.decode()[:5000]}") from None
        memory_kib, code = map(int, report.readline().split())
    return Done(code, output.decode(errors="replace"), error.decode(errors="replace"), time.monotonic() - begin, memory_kib)


@contextmanager
def peer(*arguments: str) -> Iterator[str]:
    """A reference peer, and where it listens."""
    process = subprocess.Popen([FCGISPEC, "peer", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        line = process.stdout.readline().decode()
        assert line.startswith("listening on ")
        yield line.removeprefix("listening on ").strip()
    finally:
        process.terminate()
        process.communicate(timeout=DEADLINE_S)


# Rows


@dataclass(frozen=True)
class Row:
    """`verdicts`: of the scenarios before, marked and after, or of the plain request that was not answered."""

    name: str
    conduct: Conduct
    verdicts: str
    said: str  # part of the reason, or of standard error
    code: int = 1
    marked: str = MARKED
    arguments: tuple[str, ...] = ("--timeout", str(SHORT_MS))
    within_s: float = 20
    tcp: bool = False
    behind: bool = False  # of a Web server: the conduct is towards the application, not towards the HTTP client

    def check(self, done: Done) -> None:
        shown = f"{done.error}\n{done.output[:5000]}"
        results = done.results()
        verdicts = " ".join(result["verdict"] for result in results["results"])
        reasons = [result["reason"] for result in results["results"] if result["verdict"] != "pass"]
        assert verdicts == self.verdicts, shown
        assert done.code == self.code, shown
        assert any(self.said in reason for reason in [*reasons, done.error]), shown
        assert ("-> conforms" in done.error) == (self.code == 0), shown  # standard output is the JSON's
        assert is_sanitized() or done.memory_kib <= MEMORY_MAX_KIB, f"{done.memory_kib} KiB"


PASS = "pass pass pass"
FAIL = "pass fail pass"
DEAD = "pass crash inconclusive"
NONE = "crash"
GONE = "a plain request on a fresh connection is not answered any more"
BACK_MAX_S = 60  # whoever has gone is waited for twenty seconds

FLOODS = {
    "errors": '{FCGI_STDERR, 1, "x"*65000}',
    "output": '{FCGI_STDOUT, 1, "x"*65000}',
    "empty records": '{FCGI_STDERR, 1, ""}',
    "single bytes": '{FCGI_STDERR, 1, "x"}',
    "answers to no question": '{FCGI_GET_VALUES_RESULT, 0, ""}',
    "unknown types": "{200, 0, \"\"}",
    "ends": "{FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}",
    "records of other requests": '{FCGI_STDOUT, 999, "x"}',
    "padding": '{FCGI_STDERR, 1, "x", padding=255}',
}
HUGE_PAIRS = {
    "a name of 2 GiB less a byte": r'{FCGI_GET_VALUES_RESULT, 0, "\377\377\377\377\001FCGI_MAX_CONNS"}',
    "a value of 2 GiB less a byte": r'{FCGI_GET_VALUES_RESULT, 0, "\016\377\377\377\377FCGI_MAX_CONNS1"}',
    "both of 2 GiB": r'{FCGI_GET_VALUES_RESULT, 0, "\377\377\377\377\377\377\377\377FCGI_MAX_CONNS1"}',
    "0x7fffffff, its first bit not set": r'{FCGI_GET_VALUES_RESULT, 0, "\177\377\377\377FCGI_MAX_CONNS1"}',
}


def floods_what_is_begun(data: bytes) -> Conduct:
    """All connections on which no more comes than a record that begins a request, while the marked one waits for its answer."""

    def conduct(visit: Visit) -> None:
        if len(visit.heard) == BEGIN_SIZE:
            visit.say_for_ever(data)
        if MARK in visit.heard:
            visit.stay(1)
        visit.hand_on()

    return conduct


def application_rows() -> list[Row]:
    says_errors = of_notation(says_for_ever, FLOODS["errors"])
    rows = [
        # Slow, and right.
        Row("answers slowly", at_the_mark(answers_after(0.2)), PASS, "", 0, arguments=("--timeout", "2000")),
        Row("answers within a second look", at_the_mark(answers_after(1.2)), PASS, "", 0, arguments=("--timeout", "1000")),
        Row("answers byte by byte", at_the_mark(answers_by_bytes(0.005)), PASS, "", 0, arguments=("--timeout", "2000")),
        # Never an answer.
        Row("always closes", always(closes), NONE, "the peer ended the connection"),
        Row("always resets", always(resets), NONE, "the peer ended the connection", tcp=True),
        Row("always silent", always(is_silent), NONE, "the peer was silent"),
        Row("never reads, never answers", always(never_reads), NONE, "the peer was silent"),
        Row("always a byte a second", always(answers_by_bytes(1)), NONE, "the peer was silent"),
        Row("always floods", always(says_errors), NONE, "the peer floods"),
        Row("always random bytes", always(says(random_bytes(3000))), NONE, "the peer "),
        Row("always random bytes for ever", always(says_for_ever(random_bytes(65536))), NONE, "the peer "),
        Row("always 65,535 bytes that never come", always(of_notation(says_and_is_silent, '{FCGI_STDOUT, 1, "", length=65535}')), NONE, "the peer was silent"),
        # For a moment.
        Row("closes", at_the_mark(closes), FAIL, "the peer ended the connection"),
        Row("resets", at_the_mark(resets), FAIL, "the peer reset the connection", tcp=True),
        Row("falls silent", at_the_mark(is_silent), FAIL, "the peer was silent"),
        Row("never reads what is written", at_the_mark(never_reads), FAIL, "the peer was silent", marked=LONG),
        Row("answers too slowly", at_the_mark(answers_after(4)), FAIL, "the peer was silent"),
        Row("a byte a second", at_the_mark(answers_by_bytes(1)), FAIL, "the peer was silent"),
        Row("drips for ever", at_the_mark(says_for_ever(b"\0", 0.05)), FAIL, "the peer was silent", arguments=("--timeout", "300"), within_s=40),
        Row("random bytes", at_the_mark(says(random_bytes(3000))), FAIL, "the peer "),
        Row("random bytes for ever", at_the_mark(says_for_ever(random_bytes(65536))), FAIL, "the peer "),
        Row("zeros for ever", at_the_mark(says_for_ever(bytes(65536))), FAIL, "the peer "),
        Row("claims 65,535 bytes and closes", at_the_mark(of_notation(says, '{FCGI_STDOUT, 1, "abc", length=65535}')), FAIL, "the peer ended the connection"),
        Row("claims 65,535 bytes", at_the_mark(of_notation(says_and_is_silent, '{FCGI_STDOUT, 1, "abc", length=65535}')), FAIL, "the peer was silent"),
        Row("answers the wrong connection", at_the_mark(swaps_answers()), FAIL, "the peer said something else", marked=TWO),
        Row("answers and floods", at_the_mark(of_notation(answers_and_says_for_ever, FLOODS["errors"])), FAIL, "R-3.3-24"),
        Row("floods eight connections at once", of_notation(floods_what_is_begun, FLOODS["errors"]), FAIL, "the peer floods", marked=EIGHT, arguments=("--timeout", "2000")),
        # From a moment on.
        Row("closes from then on", from_the_mark_on(closes), DEAD, GONE, within_s=BACK_MAX_S),
        Row("silent from then on", from_the_mark_on(is_silent), DEAD, GONE, within_s=BACK_MAX_S),
        Row("floods from then on", from_the_mark_on(says_errors), DEAD, GONE, within_s=BACK_MAX_S),
        Row("vanishes", at_the_mark(vanishes), DEAD, GONE, within_s=BACK_MAX_S),
        Row("away for a moment", from_the_mark_on(closes, times=5), "pass crash pass", GONE),
    ]
    rows += [
        Row(f"floods: {what}", at_the_mark(of_notation(says_for_ever, notation)), FAIL, "R-5.5-1" if what == "ends" else "the peer floods", arguments=("--timeout", "2000"))
        for what, notation in FLOODS.items()
    ]
    rows += [Row(f"claims {what}", at_the_mark(of_notation(says_and_is_silent, notation)), FAIL, "the peer ", marked=QUERY) for what, notation in HUGE_PAIRS.items()]
    rows += [
        Row(f"claims {what} of the probe", where(b"FCGI_MPXS_CONNS")(of_notation(says_and_is_silent, notation)), PASS, "", 0)
        for what, notation in HUGE_PAIRS.items()
    ]
    return rows


SPAWNED_ROWS = [
    # How it ends, at once or at the mark, verdicts, part of the reason.
    ("exit status 0 at once", "0", True, NONE, "the peer ended with exit status 0"),
    ("exit status 1 at once", "1", True, NONE, "the peer ended with exit status 1"),
    ("a signal at once", "SIGSEGV", True, NONE, "the peer ended with signal 11 (SIGSEGV)"),
    ("exit status 0", "0", False, FAIL, "the peer ended with exit status 0"),
    ("exit status 1", "1", False, FAIL, "the peer ended with exit status 1"),
    ("a signal", "SIGSEGV", False, "pass crash pass", "the peer ended by signal 11 (SIGSEGV)"),
    ("killed", "SIGKILL", False, "pass crash pass", "the peer ended by signal 9 (SIGKILL)"),
]

BEGIN_SIZE = 16
HTTP_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
BEGIN = "{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}\n"
HUGE_REQUEST = BEGIN + r'{FCGI_PARAMS, 1, "\377\377\377\377\377\377\377\377abc"}' + '\n{FCGI_PARAMS, 1, ""}\n{FCGI_STDIN, 1, ""}'


def web_server_rows() -> list[Row]:
    got_none = "no FastCGI request came"
    floods = {
        "FCGI_STDIN": BEGIN + '{FCGI_STDIN, 1, "x"*65000}',
        "FCGI_PARAMS": BEGIN + r'{FCGI_PARAMS, 1, "\003\003abcdef"}',
        "queries": '{FCGI_GET_VALUES, 0, ""}',
        "queries of a name": '{FCGI_GET_VALUES, 0, [FCGI_MAX_CONNS="" FCGI_MAX_REQS="" FCGI_MPXS_CONNS=""]}',
        "beginnings": BEGIN,
        "requests under many ids": "".join(
            f'{{FCGI_BEGIN_REQUEST, {number}, {{FCGI_FILTER, 0}}}}\n{{FCGI_PARAMS, {number}, ""}}\n{{FCGI_STDIN, {number}, ""}}\n' for number in range(1, 4001)
        ),
        "unknown types": "{200, 0, \"\"}",
    }
    rows = [
        Row("answers slowly", at_the_mark(answers_after(0.2)), PASS, "", 0, HTTP_MARKED, ("--timeout", "2000")),
        # Never a request for us: it may not be set up to make one.
        Row("always closes", always(closes), "", got_none, 3),
        Row("always resets", always(resets), "", got_none, 3),
        Row("always silent", always(is_silent), "", got_none, 3),
        Row("always random bytes", always(says(random_bytes(3000))), "", got_none, 3),
        Row("always floods", always(says_for_ever(b"x" * 65536)), "", got_none, 3),
        # Towards the HTTP client.
        Row("closes", at_the_mark(closes), FAIL, "no request; the Web server answered the HTTP client: no response, the Web server closed", marked=HTTP_MARKED),
        Row("resets", at_the_mark(resets), FAIL, "no request; the Web server answered the HTTP client: no response, the Web server reset", marked=HTTP_MARKED),
        Row("falls silent", at_the_mark(is_silent), FAIL, "the peer was silent", marked=HTTP_MARKED),
        Row("drips for ever", at_the_mark(says_for_ever(b"H", 0.03)), FAIL, "the peer ", marked=HTTP_MARKED, arguments=("--timeout", "300"), within_s=50),
        Row("random bytes", at_the_mark(says(random_bytes(3000))), FAIL, "the peer ", marked=HTTP_MARKED),
        Row("a body without end", at_the_mark(says_for_ever_behind(HTTP_HEAD + b"\r\n", b"x" * 65536)), FAIL, "the peer ", marked=HTTP_MARKED),
        Row("a body without end, asked", at_the_mark(asks_and(says_for_ever_behind(HTTP_HEAD + b"\r\n", b"x" * 65536))), FAIL, "the peer ", marked=HTTP_MARKED),
        Row("chunks without end", at_the_mark(asks_and(says_for_ever_behind(HTTP_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"))), FAIL, "the peer ", marked=HTTP_MARKED),
        Row("fields without end", at_the_mark(asks_and(says_for_ever_behind(HTTP_HEAD, b"X-A: b\r\n"))), FAIL, "the peer ", marked=HTTP_MARKED),
        Row("a field without end", at_the_mark(asks_and(says_for_ever_behind(HTTP_HEAD + b"X-A: ", b"x" * 65536))), FAIL, "the peer ", marked=HTTP_MARKED),
        Row("interim responses without end", at_the_mark(asks_and(says_for_ever(b"HTTP/1.1 100 Continue\r\n\r\n"))), FAIL, "the peer ", marked=HTTP_MARKED),
        Row("claims 4 GiB", at_the_mark(asks_and(says_and_is_silent(HTTP_HEAD + b"Content-Length: 4294967295\r\n\r\nhello"))), FAIL, "the peer ", marked=HTTP_MARKED),
        Row("claims a TiB", at_the_mark(asks_and(says_and_is_silent(HTTP_HEAD + b"Content-Length: 1099511627776\r\n\r\nhello"))), FAIL, "the peer ", marked=HTTP_MARKED),
        Row("claims 16 EiB", at_the_mark(asks_and(says(HTTP_HEAD + b"Content-Length: 18446744073709551615\r\n\r\nhello"))), FAIL, "the peer ", marked=HTTP_MARKED),
        Row("a chunk of 16 EiB", at_the_mark(asks_and(says(HTTP_HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nhello"))), FAIL, "the peer ", marked=HTTP_MARKED),
        Row("answers the wrong client", at_the_mark(swaps_answers()), FAIL, "the peer said something else", marked=HTTP_TWO),
        # Towards the application.
        Row("begins and is silent", at_the_mark(of_notation(says_beyond, BEGIN)), FAIL, "the peer ", marked=HTTP_MARKED, behind=True),
        Row("claims 65,535 bytes", at_the_mark(of_notation(says_beyond, BEGIN + '{FCGI_PARAMS, 1, "abc", length=65535}')), FAIL, "the peer ", marked=HTTP_MARKED, behind=True),
        Row("claims 2 GiB", at_the_mark(of_notation(says_beyond, HUGE_REQUEST)), FAIL, "the peer ", marked=HTTP_MARKED.replace("request 1", 'request 1 [REQUEST_METHOD="GET"]'), behind=True),
        Row("says random bytes", at_the_mark(says_beyond(random_bytes(3000))), FAIL, "the peer ", marked=HTTP_MARKED, behind=True),
        Row("says random bytes for ever", at_the_mark(floods_beyond(random_bytes(65536))), FAIL, "the peer ", marked=HTTP_MARKED, behind=True),
        Row("connects a thousand times", at_the_mark(connects_a_thousand_times), FAIL, "the peer ", marked=HTTP_MARKED, behind=True),
        Row("never reads the answer", at_the_mark(never_reads_the_answer), FAIL, "the peer ", marked=HTTP_LONG, behind=True),
        # From a moment on.
        Row("closes from then on", from_the_mark_on(closes), DEAD, GONE, marked=HTTP_MARKED, within_s=BACK_MAX_S),
        Row("vanishes", at_the_mark(vanishes), DEAD, GONE, marked=HTTP_MARKED, within_s=BACK_MAX_S),
        Row("connects again and again from then on", from_the_mark_on(connects_a_thousand_times), DEAD, GONE, marked=HTTP_MARKED, within_s=BACK_MAX_S, behind=True),
    ]
    rows += [Row(f"floods: {what}", at_the_mark(of_notation(floods_beyond, notation)), FAIL, "the peer ", marked=HTTP_MARKED, behind=True) for what, notation in floods.items()]
    rows += [Row(f"floods behind its request: {what}", at_the_mark(of_notation(floods_beyond, notation, begun=True)), FAIL, "the peer ", marked=HTTP_MARKED, behind=True) for what, notation in floods.items()]
    return rows


def says_for_ever_behind(head: bytes, data: bytes) -> Conduct:
    def conduct(visit: Visit) -> None:
        visit.say(head)
        visit.say_for_ever(data)

    return conduct


def asks_and(then: Conduct) -> Conduct:
    """Hands the request on, and answers otherwise than it is told."""

    def conduct(visit: Visit) -> None:
        visit.answer()
        then(visit)

    return conduct


# Playing them


def play_application(row: Row, folder: Path, reference: str) -> Done:
    data = around(folder / "data", "application", row.marked)
    address = "tcp:127.0.0.1:0" if row.tcp else f"unix:{folder}/hostile"
    with hosting(address, reference, row.conduct) as host:
        arguments = ("app", address_of(host.listening), *ALL_OF_OURS, *row.arguments, "--json", "-")
        return measured(*arguments, within_s=row.within_s, FCGISPEC_DATA=str(data))


def play_web_server(row: Row, folder: Path) -> Done:
    """The reference Web server, and we on the side of it on which the conduct shows."""
    data = around(folder / "data", "web-server", row.marked)
    ours, asked = f"unix:{folder}/ours", f"unix:{folder}/asked"
    with ExitStack() as stack:
        stack.enter_context(hosting(asked, ours, row.conduct if row.behind else hand_on))
        url = stack.enter_context(peer("web-server", "--connect", asked, "--http", "127.0.0.1:0"))
        there = "tcp:" + url.removeprefix("http://").rstrip("/")
        front = stack.enter_context(hosting("tcp:127.0.0.1:0", there, hand_on if row.behind else row.conduct))
        http = "http://" + address_of(front.listening).removeprefix("tcp:") + "/"
        arguments = ("server", "--listen", ours, "--http", http, *ALL_OF_OURS, *row.arguments, "--json", "-")
        return measured(*arguments, within_s=row.within_s, FCGISPEC_DATA=str(data))


class SideBySide:
    """Plays rows as soon as it is there; each is waited for by its own test."""

    def __init__(self, folder: Path, reference: str, rows: list[tuple[str, Row]]) -> None:
        self.pool = ThreadPoolExecutor(NUM_SIDE_BY_SIDE)
        # Who waits longest begins first.
        self.played: dict[tuple[str, str], Future] = {}
        for number, (side, row) in enumerate(sorted(rows, key=lambda one: -one[1].within_s)):
            own = folder / f"row-{number}"
            own.mkdir()
            if side == "application":
                self.played[side, row.name] = self.pool.submit(play_application, row, own, reference)
            else:
                self.played[side, row.name] = self.pool.submit(play_web_server, row, own)

    def done(self, side: str, row: Row) -> Done:
        return self.played[side, row.name].result()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the reference application."""
    with peer("application", "--listen", f"unix:{tmp_path_factory.mktemp('reference')}/socket") as address:
        yield address


@pytest.fixture(scope="module", autouse=True)
def side_by_side(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, reference: str) -> SideBySide:
    """Begins with the first test, and plays rows while others run."""
    parameters = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    wanted = [(one["side"], one["row"]) for one in parameters if isinstance(one.get("row"), Row)]
    return SideBySide(tmp_path_factory.mktemp("rows"), reference, wanted)


@pytest.mark.parametrize(("how", "at_once", "verdicts", "said"), [pytest.param(*row[1:], id=row[0]) for row in SPAWNED_ROWS])
def test_an_application_that_ends(how: str, at_once: bool, verdicts: str, said: str, tmp_path: Path, reference: str) -> None:
    if at_once:
        kill = f"kill -{how.removeprefix('SIG')} $$" if how.startswith("SIG") else f"exit {how}"
        command = ["/bin/sh", "-c", kill]
    else:
        command = [sys.executable, "-S", "-E", str(HOSTILE), reference, how]
    data = around(tmp_path / "data", "application", MARKED)
    done = measured("app", *ALL_OF_OURS, "--timeout", "2000", "--json", "-", "--spawn", "--", *command, within_s=20, FCGISPEC_DATA=str(data))
    Row("", closes, verdicts, said).check(done)


def test_many_cases_of_much_are_bounded_together(tmp_path: Path, reference: str) -> None:
    """Each failing case has a trace of some hundred KiB, and accusations with long records."""
    cases = MARKED.replace('"hostile"]', '"hostile" X_CASE="\\(N)"]')
    data = data_folder(tmp_path / "data", "application")
    (data / "scenarios/application/many.fcs").write_text(scenario("application", cases).replace("\n\n", "\neach N in 1..400\n\n", 1))
    strange = encoded('{FCGI_STDOUT, 999, random(4000)}\n{200, 0, random(4000)}\n' * 16)
    with hosting(f"unix:{tmp_path}/hostile", reference, at_the_mark(says(strange))) as host:
        done = measured("app", address_of(host.listening), "--select", "application/many", "--json", "-", within_s=40, FCGISPEC_DATA=str(data))
    results = done.results()
    assert done.code == 1
    assert results["summary"]["fail"] == 400
    assert all(finding["records"] for finding in results["findings"])
    assert is_sanitized() or done.memory_kib <= MEMORY_MAX_KIB


# Our own trouble


def limited(name: str, soft: int) -> list[str]:
    """Words before a command, which set a limit for it."""
    if is_sanitized() and name in ("nofile", "nproc"):
        pytest.skip("a sanitizer needs descriptors and processes of its own")
    return ["prlimit", f"--{name}={soft}:", "--"]


def run(*arguments: str | Path, before: list[str] = [], program: str | Path = FCGISPEC, **options) -> subprocess.CompletedProcess:  # noqa: B006
    environment = {**os.environ, **options.pop("environment", {})}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run([*before, program, *arguments], stdin=subprocess.DEVNULL, timeout=DEADLINE_S, env=environment, check=False, **options)


def said_by(done: subprocess.CompletedProcess) -> str:
    return (done.stderr or b"").decode(errors="replace")


@pytest.fixture
def data(tmp_path: Path) -> dict[str, str]:
    """The environment for scenarios that a good application passes."""
    return {"FCGISPEC_DATA": str(around(tmp_path / "data", "application", MARKED))}


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_an_address_in_use(kind: str, tmp_path: Path) -> None:
    with listening_on(f"unix:{tmp_path}/taken" if kind == "unix" else "tcp:127.0.0.1:0") as taken:
        address = address_of(taken)
        for arguments in (
            ["server", "--listen", address, "--http", "http://127.0.0.1:1/"],
            ["peer", "application", "--listen", address],
            ["tap", "--listen", address, "--connect", "unix:/nobody"],
            ["replay", "/dev/null", "--listen", address, "--http", "http://127.0.0.1:1/"],
        ):
            done = run(*arguments)
            assert done.returncode == 3, said_by(done)
            assert f"{address}: Address already in use" in said_by(done)
        if kind == "unix":
            assert Path(f"{tmp_path}/taken").is_socket()


def test_an_address_that_cannot_be() -> None:
    for address in ("unix:/no/such/folder/socket", "tcp:192.0.2.1:9000", "tcp:no-such-host.invalid:9000"):
        done = run("server", "--listen", address, "--http", "http://127.0.0.1:1/")
        assert done.returncode == 3, said_by(done)
        assert address in said_by(done)


def nothing_is_the_peers(done: subprocess.CompletedProcess) -> str:
    """Exit code 3 with an error or inconclusive cases, or there was enough: then all is well. Gives what was said."""
    error = said_by(done)
    results = json.loads(done.stdout) if done.stdout else {"results": [], "findings": []}
    verdicts = {result["verdict"] for result in results["results"]}
    assert verdicts <= {"pass", "inconclusive", "skipped"}, (verdicts, error)
    assert results["findings"] == []
    enough = verdicts and "inconclusive" not in verdicts
    assert done.returncode == (0 if enough else 3), error
    return error


@pytest.mark.parametrize("limit", [4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32])
def test_too_few_descriptors_for_an_application(limit: int, tmp_path: Path, reference: str) -> None:
    many = "".join(f"c{number}> connect\n" for number in range(24)) + PLAIN
    environment = {"FCGISPEC_DATA": str(around(tmp_path / "data", "application", many))}
    done = run("app", reference, *ALL_OF_OURS, "--json", "-", before=limited("nofile", limit), environment=environment)
    if nothing_is_the_peers(done) and done.stdout:
        verdicts = [result["verdict"] for result in json.loads(done.stdout)["results"]]
        assert verdicts in (["pass", "inconclusive", "pass"], ["pass", "pass", "pass"])
    else:
        assert "Too many open files" in said_by(done)


@pytest.mark.parametrize("limit", [4, 5, 6, 7, 8, 9, 10])
def test_too_few_descriptors_for_a_web_server(limit: int, tmp_path: Path) -> None:
    data = around(tmp_path / "data", "web-server", HTTP_TWO)
    ours = f"unix:{tmp_path}/ours"
    with peer("web-server", "--connect", ours, "--http", "127.0.0.1:0") as url:
        arguments = ("server", "--listen", ours, "--http", url, *ALL_OF_OURS, "--json", "-")
        nothing_is_the_peers(run(*arguments, before=limited("nofile", limit), environment={"FCGISPEC_DATA": str(data)}))
    assert not Path(f"{tmp_path}/ours").exists()


def test_too_few_descriptors_to_start_an_application(tmp_path: Path, data: dict[str, str]) -> None:
    sockets = tmp_path / "sockets"
    sockets.mkdir()
    for limit in (4, 5, 6, 7, 8):
        done = run("app", "--json", "-", "--spawn", "--", "/bin/true", before=limited("nofile", limit), environment={**data, "TMPDIR": str(sockets)})
        assert files_in(sockets) == []
        if done.returncode != 1:  # else it was started, and did not answer
            assert "Too many open files" in nothing_is_the_peers(done)


def test_no_thread_more(reference: str, data: dict[str, str]) -> None:
    """One whose stack has no room in the address space."""
    done = run("app", reference, *ALL_OF_OURS, "-j", "8", "--json", "-", before=limited("stack", 1 << 46), environment=data)
    assert done.returncode == 0, said_by(done)
    assert json.loads(done.stdout)["summary"]["pass"] == 3


def test_no_process_more(tmp_path: Path, data: dict[str, str]) -> None:
    if os.geteuid() != 0:
        pytest.skip("another user's limit is set, which only root may")
    program = shutil.copy(FCGISPEC, tmp_path)  # another user may not come to where it was built
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    arguments = ["app", "--json", "-", "--spawn", "--", "/bin/true"]
    done = run(*arguments, before=limited("nproc", 0), program=program, environment={**data, "TMPDIR": "/tmp"}, user=65534, group=65534, extra_groups=[])
    assert "fork: Resource temporarily unavailable" in nothing_is_the_peers(done)


# Reports

FORMS = ["json", "junit", "tap", "markdown", "html", "write-baseline"]


def report_arguments(folder: Path) -> list[str]:
    return [word for form in FORMS for word in (f"--{form}", str(folder / form))]


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("there", [False, True])
def test_a_report_that_may_not_grow(form: str, there: bool, tmp_path: Path, reference: str, data: dict[str, str]) -> None:
    folder = tmp_path / "written"
    folder.mkdir()
    path = folder / form
    if there:
        path.write_text("old")
    done = run("app", reference, *ALL_OF_OURS, f"--{form}", path, before=limited("fsize", 10), environment=data)
    assert done.returncode == 3, said_by(done)
    assert f"can't write {path}: File too large" in said_by(done)
    assert files_in(folder) == ([form] if there else [])
    assert not there or path.read_text() == "old"


def test_a_disk_that_is_full(tmp_path: Path, reference: str, data: dict[str, str]) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", folder], stderr=subprocess.DEVNULL, check=False).returncode == 0
    if not mounted:
        pytest.skip("no file system can be mounted here")
    try:
        (folder / "old").write_bytes(bytes(10000))
        (folder / "json").write_text("old")
        done = run("app", reference, *ALL_OF_OURS, "--html", folder / "html", environment=data)
        assert done.returncode == 3, said_by(done)
        assert f"can't write {folder}/html: No space left on device" in said_by(done)
        assert files_in(folder) == ["json", "old"]
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_report_that_cannot_be_written_does_not_keep_others(tmp_path: Path, reference: str, data: dict[str, str]) -> None:
    whole = tmp_path / "junit"
    done = run("app", reference, *ALL_OF_OURS, "--json", "/dev/full", "--junit", whole, environment=data)
    assert done.returncode == 3
    assert "can't write /dev/full: No space left on device" in said_by(done)
    assert whole.read_text().endswith("</testsuites>\n")


@pytest.mark.parametrize("arguments", [["list"], ["explain", "R-5.5-1"], ["app", "ADDRESS", "--select", "application/1-before"], ["app", "ADDRESS", "--json", "-"], ["encode", "FILE"], ["decode", "FILE"]])
def test_standard_output_that_takes_nothing(arguments: list[str], tmp_path: Path, reference: str, data: dict[str, str]) -> None:
    file = tmp_path / "file"
    file.write_text('{FCGI_STDIN, 1, "abc"}\n')
    words = [reference if word == "ADDRESS" else str(file) if word == "FILE" else word for word in arguments]
    with open("/dev/full", "wb") as full:
        done = run(*words, environment=data, stdout=full)
    assert done.returncode == 3
    assert "standard output: No space left on device" in said_by(done)
    done = run(*words, environment=data, before=["/bin/sh", "-c", 'exec "$@" >&-', "sh"])
    assert done.returncode == 3
    assert "standard output: Bad file descriptor" in said_by(done)


def test_closed_standard_streams_are_not_taken_by_what_we_open(tmp_path: Path, reference: str, data: dict[str, str]) -> None:
    report = tmp_path / "report"
    heard: list[bytes] = []

    def listens(visit: Visit) -> None:
        heard.append(visit.heard)
        visit.hand_on()

    with hosting(f"unix:{tmp_path}/between", reference, listens) as host:
        arguments = ("app", address_of(host.listening), *ALL_OF_OURS, "--verbose", "--json", report)
        done = run(*arguments, environment=data, before=["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"])
    assert done.returncode == 3  # what should have been said there was not
    assert json.loads(report.read_text())["summary"]["pass"] == 3
    assert not any(b"fcgispec 0" in one for one in heard)


def test_a_reader_that_has_enough_is_no_failure() -> None:
    done = subprocess.run(["/bin/sh", "-c", '{ "$0" list; echo $? >&2; } | head -1', FCGISPEC], capture_output=True, timeout=DEADLINE_S, check=False)
    assert done.stderr == b"0\n"


# Data


@pytest.mark.parametrize(
    ("broken", "code", "said"),
    [
        ("nothing", 3, "requirements.toml"),
        ("no scenarios", 2, "scenarios/application: No such file or directory"),
        ("the register is a folder", 3, "requirements.toml"),
        ("a scenario is a folder", 2, "folder.fcs"),
        ("a scenario leads nowhere", 2, "nowhere.fcs"),
        ("a scenario is no text", 2, "bytes.fcs:1:1: "),
        ("a scenario is empty", 2, "empty.fcs"),
    ],
)
def test_data_that_cannot_be_read(broken: str, code: int, said: str, tmp_path: Path, reference: str, data: dict[str, str]) -> None:
    folder = Path(data["FCGISPEC_DATA"])
    scenarios = folder / "scenarios/application"
    if broken == "nothing":
        shutil.rmtree(folder)
    elif broken == "no scenarios":
        shutil.rmtree(scenarios)
    elif broken == "the register is a folder":
        (folder / "requirements.toml").unlink()
        (folder / "requirements.toml").mkdir()
    elif broken == "a scenario is a folder":
        (scenarios / "folder.fcs").mkdir()
    elif broken == "a scenario leads nowhere":
        (scenarios / "nowhere.fcs").symlink_to("nobody")
    elif broken == "a scenario is no text":
        (scenarios / "bytes.fcs").write_bytes(bytes(range(256)))
    else:
        (scenarios / "empty.fcs").touch()
    report = tmp_path / "report"
    done = run("app", reference, "--json", report, environment=data)
    assert done.returncode == code, said_by(done)
    assert said in said_by(done)
    assert done.stdout == b""
    assert not report.exists()


# An end half-way


@contextmanager
def half_way(tmp_path: Path, reference: str, data: dict[str, str], *arguments: str | Path) -> Iterator[subprocess.Popen]:
    """The command, while it waits for what doesn't come in the second scenario."""
    ours, theirs = os.pipe()

    def tells_and_is_silent(visit: Visit) -> None:
        os.write(theirs, b".")
        visit.read_to_end()

    with hosting(f"unix:{tmp_path}/hostile", reference, at_the_mark(tells_and_is_silent)) as host:
        command = [FCGISPEC, "app", address_of(host.listening), *ALL_OF_OURS, "--timeout", "600000", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env={**os.environ, **data})
        try:
            assert select.select([ours], [], [], DEADLINE_S)[0]
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=DEADLINE_S)
            os.close(ours)
            os.close(theirs)


def test_killed_half_way_nothing_is_written(tmp_path: Path, reference: str, data: dict[str, str]) -> None:
    folder = tmp_path / "written"
    folder.mkdir()
    (folder / "json").write_text("old")
    with half_way(tmp_path, reference, data, *report_arguments(folder)) as process:
        process.kill()
        process.communicate(timeout=DEADLINE_S)
    assert files_in(folder) == ["json"]
    assert (folder / "json").read_text() == "old"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_half_way_reports_are_whole(number: signal.Signals, tmp_path: Path, reference: str, data: dict[str, str]) -> None:
    folder = tmp_path / "written"
    folder.mkdir()
    with half_way(tmp_path, reference, data, *report_arguments(folder)) as process:
        process.send_signal(number)
        output, error = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 3, error
    assert b"interrupted" in output
    # What a run hasn't come to would be missing from the baseline, which would look like a peer that has been mended.
    assert b"write-baseline: not written, for the run was interrupted" in error
    assert files_in(folder) == sorted(set(FORMS) - {"write-baseline"})
    results = json.loads((folder / "json").read_text())
    assert {result["scenario"]: result["verdict"] for result in results["results"]}["application/1-before"] == "pass"
    assert not {result["verdict"] for result in results["results"]} & {"fail", "crash"}
    assert results["findings"] == []
    for form, end in {"junit": "</testsuites>\n", "html": "</html>\n"}.items():
        assert (folder / form).read_text().endswith(end), form


def test_killed_while_it_writes_nothing_is_half_written(tmp_path: Path, reference: str) -> None:
    """Again and again, at another moment each time: what then stands in the folder is whole."""
    data = data_folder(tmp_path / "data", "application")
    (data / "scenarios/application/many.fcs").write_text(scenario("application", PLAIN).replace("\n\n", "\neach N in 1..500\n\n", 1))
    folder = tmp_path / "written"
    folder.mkdir()
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_WRONLY))
    except OSError:
        pytest.skip("files without a name are not to be had here: what is left behind then has another name than the report")
    path = folder / "json"
    command = [FCGISPEC, "app", reference, "--json", path, "--quiet"]
    environment = {**os.environ, "FCGISPEC_DATA": str(data)}
    num_killed = 0
    for number in range(25):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=environment)
        process.stdout.read(1)  # what is said comes before what is written
        time.sleep(number * 0.0002)
        process.kill()
        process.communicate(timeout=DEADLINE_S)
        num_killed += process.returncode == -signal.SIGKILL
        for file in folder.iterdir():
            assert len(json.loads(file.read_text())["results"]) >= 500, file
    assert num_killed > 0


# The rows: by now most have been played.


@pytest.mark.parametrize(
    ("side", "row"),
    [pytest.param(side, row, id=f"{side} {row.name}") for side, rows in (("application", application_rows()), ("web-server", web_server_rows())) for row in rows],
)
def test_hostile_conduct(side: str, row: Row, side_by_side: SideBySide) -> None:
    row.check(side_by_side.done(side, row))
