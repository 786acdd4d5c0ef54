"""Handmade evidence for every rule and every sentence, both ways: what bears an accusation out, and what doesn't."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from codec.fcgi_codec import Pair, Record, encode_pair, encode_record  # noqa: E402
from judge import http_answer  # noqa: E402
from judge.evidence import (  # noqa: E402
    ABORT_REQUEST, APPLICATION, BEGIN_REQUEST, DATA, END_REQUEST, GET_VALUES, GET_VALUES_RESULT, PARAMS, STDERR, STDIN,
    STDOUT, UNKNOWN_TYPE, WEB_SERVER, EvidenceError,
)  # fmt: skip
from judge.judge import BORNE_OUT, CONTRADICTED, judge, judge_results  # noqa: E402
from judge.notation import ANY, NotationError, Pairs, RecordPattern, Scanner, Text  # noqa: E402
from judge.rules import CANNOT_TELL, RULES  # noqa: E402

Piece = dict[str, str]


def said(source: str, data: bytes, connection: str = "") -> Piece:
    return {"connection": connection, "from": source, "end": "", "bytes": data.hex()}


def ends(source: str, how: str = "close", connection: str = "") -> Piece:
    return {"connection": connection, "from": source, "end": how, "bytes": ""}


def w(record_type: int, content: bytes = b"", request_id: int = 1, **fields: Any) -> Piece:
    """The web server says a record, padded as it is recommended."""
    return said(WEB_SERVER, encode_record(padded(Record(record_type, request_id, content, **fields))))


def a(record_type: int, content: bytes = b"", request_id: int = 1, **fields: Any) -> Piece:
    """The application does."""
    return said(APPLICATION, encode_record(padded(Record(record_type, request_id, content, **fields))))


def padded(record: Record) -> Record:
    if record.padding:
        return record
    return Record(
        record.type, record.request_id, record.content, b"\0" * (-len(record.content) % 8), record.version, record.reserved
    )


def pairs(**values: str) -> bytes:
    return b"".join(encode_pair(Pair(name.encode(), value.encode())) for name, value in values.items())


def begin(role: int = 1, request_id: int = 1, flags: int = 1, reserved: bytes = b"\0" * 5) -> Piece:
    return w(BEGIN_REQUEST, bytes([role >> 8, role & 255, flags]) + reserved, request_id)


def end(app_status: int = 0, protocol_status: int = 0, request_id: int = 1, reserved: bytes = b"\0" * 3) -> Piece:
    return a(END_REQUEST, app_status.to_bytes(4, "big") + bytes([protocol_status]) + reserved, request_id)


PARAMS_SENT = [begin(), w(PARAMS, pairs(A="1")), w(PARAMS)]
ASKED = [*PARAMS_SENT, w(STDIN)]  # a whole request, as the Web server says it
FILTERED = [begin(role=3), w(PARAMS), w(STDIN), w(DATA, b"file"), w(DATA)]
BODY = b"Content-Type: text/plain\r\n\r\nabc"
ANSWER = [a(STDOUT, BODY), a(STDOUT), end()]
WHOLE = [*ASKED, *ANSWER]
UNKNOWN = [w(100, b"", 0), w(101, b"", 0)]
HALF_RECORD = b"\x01\x06\0\x01\0\x08\0\0abc"

# Of each rule: evidence that shows a breach, and evidence that shows none though it comes near.
EVIDENCE: dict[str, tuple[list[list[Piece]], list[list[Piece]]]] = {
    "R-3.3-1": (
        [[*ASKED, said(APPLICATION, HALF_RECORD), ends(APPLICATION)], [said(APPLICATION, b"\1"), ends(APPLICATION)]],
        [
            [*WHOLE, ends(APPLICATION)],
            [*ASKED, said(APPLICATION, HALF_RECORD), ends(APPLICATION, "reset")],
            [*ASKED, ends(WEB_SERVER), said(APPLICATION, HALF_RECORD), ends(APPLICATION)],
            [*ASKED, said(APPLICATION, HALF_RECORD)],
        ],
    ),
    "R-3.3-2": ([[*WHOLE, said(WEB_SERVER, HALF_RECORD), ends(WEB_SERVER)]], [[*ASKED, ends(WEB_SERVER)], [*WHOLE, said(WEB_SERVER, HALF_RECORD)]]),
    "R-3.3-7": ([[*ASKED, a(STDOUT, version=2)]], [WHOLE, [w(STDIN, version=2)]]),
    "R-3.3-8": ([[begin(), w(PARAMS, version=0)]], [WHOLE, [a(STDOUT, version=0)]]),
    "R-3.3-9": ([[a(12)], [a(0, b"", 0)]], [WHOLE, [a(STDIN)], [w(12)]]),
    "R-3.3-10": ([[w(12)], [w(0, b"", 0)]], [WHOLE, [w(12, b"", 0)], [a(12)]]),
    "R-3.3-18": ([[said(APPLICATION, encode_record(Record(STDOUT, 1, b"abc")))]], [WHOLE]),
    "R-3.3-19": ([[w(PARAMS, b"abc", padding=b"\0")]], [WHOLE, [said(APPLICATION, encode_record(Record(STDOUT, 1, b"abc")))]]),
    "R-3.3-21": ([[begin(), begin()], [*ASKED, *ASKED, end()]], [[*WHOLE, *WHOLE], [begin(request_id=1), begin(request_id=2)]]),
    "R-3.3-22": (
        [[w(STDIN)], [begin(request_id=1), w(ABORT_REQUEST, b"", 2)], [*WHOLE, begin(request_id=2), end(request_id=2), begin(request_id=2), w(STDIN)]],
        [WHOLE, [*WHOLE, begin(), w(STDIN)], [w(GET_VALUES, b"", 0)]],
    ),
    "R-3.3-23": ([[*ASKED, a(STDOUT, b"", 2)], [end(), *ASKED]], [WHOLE, [a(GET_VALUES_RESULT, b"", 3)], [a(STDOUT, b"", 0)]]),
    "R-3.3-24": ([[*WHOLE, a(STDOUT)], [*WHOLE, a(STDERR, b"x")]], [WHOLE, [*WHOLE, *WHOLE], [*WHOLE, end()]]),
    "R-3.3-27": ([[begin(request_id=256)]], [[begin(request_id=255)], [begin(request_id=n) for n in range(1, 257)]]),
    "R-3.3-29": ([[a(UNKNOWN_TYPE, b"\0" * 8, 1)]], [[a(UNKNOWN_TYPE, b"\0" * 8, 0)], [a(STDOUT)]]),
    "R-3.3-30": ([[w(GET_VALUES, b"", 1)]], [[w(GET_VALUES, b"", 0)], [w(STDIN)]]),
    "R-3.3-31": ([[end(request_id=0)], [a(STDOUT, b"", 0), w(STDIN, b"", 0)]], [WHOLE, [w(STDIN, b"", 0), end(request_id=0)]]),
    "R-3.3-32": ([[begin(request_id=0)], [w(ABORT_REQUEST, b"", 0)]], [WHOLE, [w(GET_VALUES, b"", 0)], [a(STDOUT, b"", 0)]]),
    "R-3.3-34": (
        [[*ASKED, a(STDOUT, BODY), end()], [*ASKED, a(STDOUT, BODY), end(), a(STDOUT)]],
        [WHOLE, [*ASKED, end()], [*ASKED, a(STDOUT, BODY), end(protocol_status=2)], [*ASKED, w(ABORT_REQUEST), a(STDOUT, BODY), end()]],
    ),
    "R-3.3-35": (
        [[*ASKED, a(STDERR, b"x"), *ANSWER]],
        [WHOLE, [*ASKED, a(STDERR, b"x"), a(STDERR), *ANSWER], [*ASKED, a(STDERR, b"x"), end(protocol_status=1)]],
    ),
    "R-3.3-36": (
        [[begin(), w(PARAMS, pairs(A="1"))], [*PARAMS_SENT, w(STDIN, b"abc"), ends(APPLICATION), ends(WEB_SERVER)]],
        [
            ASKED,
            [begin()],
            [*PARAMS_SENT, w(STDIN, b"abc"), w(ABORT_REQUEST)],
            [*PARAMS_SENT, w(STDIN, b"abc"), end()],
            [*PARAMS_SENT, w(STDIN, b"abc"), ends(WEB_SERVER)],
        ],
    ),
    "R-3.3-37": ([[*ASKED, a(STDOUT), a(STDOUT), end()], [*ASKED, a(STDERR), a(STDERR, b"x")]], [WHOLE, [*WHOLE, a(STDOUT)], [*WHOLE, *WHOLE]]),
    "R-3.3-38": ([[*ASKED, w(STDIN)], [*PARAMS_SENT, w(PARAMS, pairs(B="2"))]], [ASKED, [*WHOLE, *WHOLE]]),
    "R-4.1-2": (
        [[w(GET_VALUES, b"\5\0FCGI", 0)], [w(GET_VALUES, pairs(FCGI_MAX_REQS="1"), 0)]],
        [[w(GET_VALUES, pairs(FCGI_MAX_REQS=""), 0)], [a(GET_VALUES, b"\5\0FCGI", 0)]],
    ),
    "R-4.1-4": (
        [[a(GET_VALUES_RESULT, b"", 0), w(GET_VALUES, b"", 0)], [w(GET_VALUES, b"", 0), a(GET_VALUES_RESULT, b"", 0), a(GET_VALUES_RESULT, b"", 0)]],
        [[w(GET_VALUES, b"", 0), a(GET_VALUES_RESULT, b"", 0)], [w(GET_VALUES, b"", 0)]],
    ),
    "R-4.1-5": ([[a(GET_VALUES_RESULT, b"\1\1A", 0)]], [[a(GET_VALUES_RESULT, pairs(A="1"), 0)], [a(GET_VALUES_RESULT, b"", 0)]]),
    "R-4.2-2": (
        [[a(UNKNOWN_TYPE, b"\x64" + b"\0" * 7, 0)], [w(100, b"", 0), *[a(UNKNOWN_TYPE, b"\x64" + b"\0" * 7, 0)] * 2], [w(GET_VALUES, b"", 0), a(GET_VALUES_RESULT, b"", 0), a(UNKNOWN_TYPE, b"\x09" + b"\0" * 7, 0)]],
        [[w(GET_VALUES, b"", 0), a(UNKNOWN_TYPE, b"\x09" + b"\0" * 7, 0)], [w(100, b"", 0), a(UNKNOWN_TYPE, b"\x64" + b"\0" * 7, 0)], [w(100, b"", 7), a(UNKNOWN_TYPE, b"\x64" + b"\0" * 7, 0)]],
    ),
    "R-4.2-3": ([[a(UNKNOWN_TYPE, b"\x64", 0)], [a(UNKNOWN_TYPE, b"\x64" + b"\0" * 8, 0)]], [[a(UNKNOWN_TYPE, b"\x64" + b"\0" * 7, 0)], [end()]]),
    "R-4.2-4": ([[a(UNKNOWN_TYPE, b"\x64" + b"\0" * 6 + b"\1", 0)]], [[a(UNKNOWN_TYPE, b"\x64" + b"\0" * 7, 0)], [a(UNKNOWN_TYPE, b"\x64", 0)]]),
    "R-4.2-5": (
        [[*UNKNOWN, a(UNKNOWN_TYPE, b"\x66" + b"\0" * 7, 0)]],
        [[*UNKNOWN, a(UNKNOWN_TYPE, b"\x65" + b"\0" * 7, 0), a(UNKNOWN_TYPE, b"\x64" + b"\0" * 7, 0)], [a(UNKNOWN_TYPE, b"\x66" + b"\0" * 7, 0)]],
    ),
    "R-5.1-1": ([[w(BEGIN_REQUEST, b"\0\1\1")], [w(BEGIN_REQUEST, b"\0\1" + b"\0" * 7)]], [[begin()], [end()]]),
    "R-5.1-2": ([[begin(reserved=b"\0\0\0\0\1")], [begin(reserved=b"\1\0\0\0\0")]], [[begin(flags=255)], [w(BEGIN_REQUEST, b"\0\1\1\1")]]),
    "R-5.1-4": ([[begin(role=0)], [begin(role=4)], [begin(role=256)]], [[begin(role=n)] for n in (1, 2, 3)]),
    "R-5.1-6": ([[begin(flags=2)], [begin(flags=129)]], [[begin(flags=0)], [begin(flags=1)]]),
    "R-5.2-1": (
        [[begin(), w(PARAMS, b"\1\2A1"), w(PARAMS)], [begin(), w(PARAMS, b"\1"), w(PARAMS)]],
        [[begin(), w(PARAMS, b"\1"), w(PARAMS, b"\2A1"), w(PARAMS, b"2"), w(PARAMS)], [begin(), w(PARAMS, b"\1\2A1")]],
    ),
    "R-5.5-1": (
        [[*WHOLE, end()], [*ASKED, a(STDOUT, BODY), ends(APPLICATION)]],
        [
            [*WHOLE, *WHOLE, ends(APPLICATION)],
            [*ASKED, ends(APPLICATION)],
            [*ASKED, a(STDOUT, BODY), ends(APPLICATION, "reset")],
            [*ASKED, a(STDOUT, BODY), ends(WEB_SERVER), ends(APPLICATION)],
        ],
    ),
    "R-5.5-3": ([[*ASKED, a(END_REQUEST, b"")], [*ASKED, a(END_REQUEST, b"\0" * 9)]], [WHOLE, [begin()]]),
    "R-5.5-4": ([[*ASKED, end(reserved=b"\0\0\1")], [*ASKED, end(reserved=b"\1\0\0")]], [[*ASKED, end(app_status=1 << 31, protocol_status=3)]]),
    "R-5.5-5": ([[*ASKED, end(protocol_status=4)], [*ASKED, end(protocol_status=255)]], [[*ASKED, end(protocol_status=n)] for n in range(4)]),
    "R-6.1-2": (
        [[begin(), w(STDIN)], [begin(), w(PARAMS, pairs(A="1")), w(STDIN, b"x"), w(PARAMS)]],
        [ASKED, [begin(request_id=1), *PARAMS_SENT, w(STDIN)]],
    ),
    "R-6.1-7": (
        [[*ASKED, end()], [*ASKED, end(), a(STDOUT)]],
        [WHOLE, [*ASKED, a(STDOUT), end()], [*ASKED, end(protocol_status=1)], [*ASKED, w(ABORT_REQUEST), end()]],
    ),
    "R-6.1-8": (
        [PARAMS_SENT, [begin(), w(STDIN)], [begin(role=3), w(PARAMS), w(DATA)], [begin(role=2)]],
        [ASKED, FILTERED, [begin(role=2), w(PARAMS)], [*PARAMS_SENT, w(ABORT_REQUEST)], [*PARAMS_SENT, ends(WEB_SERVER)]],
    ),
    "R-6.1-10": ([[begin(), w(PARAMS, b"\1\2A1\0"), w(PARAMS)]], [ASKED, [begin(), w(PARAMS, b"\2\1A\x001"), w(PARAMS)]]),
    "R-6.2-10": (
        [[begin(), a(STDOUT)], [begin(), w(PARAMS, pairs(A="1")), a(STDERR, b"x")]],
        [WHOLE, [*PARAMS_SENT, a(STDOUT)], [begin(), end(protocol_status=2)], [begin(), w(ABORT_REQUEST), a(STDOUT), end()], [begin(role=2), a(STDOUT)]],
    ),
    "R-6.3-3": ([[begin(role=2), a(STDOUT)]], [[begin(role=2), w(PARAMS), a(STDOUT)], [begin(role=1), a(STDOUT)]]),
    "R-6.4-3": ([[begin(role=3), w(PARAMS), w(STDIN, b"x"), w(DATA), w(STDIN)]], [FILTERED, [begin(role=1), w(PARAMS), w(DATA)]]),
    "R-6.4-5": ([[*PARAMS_SENT, w(DATA)]], [FILTERED, [*ASKED, a(DATA)]]),
    "R-6.4-9": ([[begin(role=3), w(PARAMS), a(STDOUT)]], [[*FILTERED, *ANSWER], [begin(role=3), w(PARAMS), w(STDIN), a(STDOUT)], [*PARAMS_SENT, a(STDOUT)]]),
    "R-8-1": ([[*ASKED, a(STDOUT, reserved=1)]], [[*ASKED, w(STDIN, reserved=1)]]),
    "R-8-2": ([[begin(), w(PARAMS, reserved=255)]], [[a(STDOUT, reserved=255)]]),
    "R-A-1": ([[a(STDIN)], [a(GET_VALUES, b"", 0)]], [WHOLE, [a(12)]]),
    "R-A-2": ([[w(STDOUT)], [w(UNKNOWN_TYPE, b"\0" * 8, 0)]], [WHOLE, [w(GET_VALUES, b"", 0)], [w(12)]]),
}  # fmt: skip

# Where bytes can mean a breach, and can mean none.
UNDECIDED = {
    "R-3.3-2": [*ASKED, said(WEB_SERVER, HALF_RECORD), ends(WEB_SERVER)],
    "R-3.3-22": [*PARAMS_SENT, end(protocol_status=2), w(STDIN)],
    "R-6.1-8": [*PARAMS_SENT, *ANSWER],
}


def finding(requirement: str, evidence: list[Piece], wanted: str = "", got: str = "", cut: bool = False) -> dict[str, Any]:
    return {
        "requirement": requirement, "scenario": "made/up", "wanted": wanted, "got": got, "evidence": evidence,
        "evidence_cut": cut,
    }  # fmt: skip


def cases(which: int) -> list[Any]:
    return [pytest.param(name, pieces, id=f"{name}-{n}") for name, both in EVIDENCE.items() for n, pieces in enumerate(both[which])]


@pytest.mark.parametrize("requirement, evidence", cases(0))
def test_a_breach_is_borne_out(requirement: str, evidence: list[Piece]) -> None:
    judgement = judge(finding(requirement, evidence), APPLICATION)
    assert judgement.verdict == BORNE_OUT, judgement


@pytest.mark.parametrize("requirement, evidence", cases(1))
def test_what_is_no_breach_is_contradicted(requirement: str, evidence: list[Piece]) -> None:
    judgement = judge(finding(requirement, evidence), APPLICATION)
    assert judgement.verdict == CONTRADICTED, judgement


@pytest.mark.parametrize("requirement", UNDECIDED)
def test_what_may_be_a_breach_is_left_undecided(requirement: str) -> None:
    assert judge(finding(requirement, UNDECIDED[requirement]), APPLICATION).verdict == CANNOT_TELL


def test_each_requirement_of_the_checker_has_a_rule_and_evidence() -> None:
    register = tomllib.loads((ROOT / "conformance" / "requirements.toml").read_text())["requirement"]
    proved = {entry["id"] for entry in register if entry["proof"] == "checker"}
    assert set(RULES) == proved
    assert set(EVIDENCE) == proved


def test_a_flawless_conversation_breaks_no_rule() -> None:
    for requirement in RULES:
        assert judge(finding(requirement, [*WHOLE, *WHOLE, ends(WEB_SERVER)]), APPLICATION).verdict == CONTRADICTED, requirement


def test_records_are_read_wherever_they_are_cut() -> None:
    data = bytes.fromhex("".join(piece["bytes"] for piece in ASKED))
    late = bytes.fromhex("".join(piece["bytes"] for piece in [a(STDOUT, BODY), end()]))
    evidence = [said(WEB_SERVER, data[i : i + 1]) for i in range(len(data))]
    evidence += [said(APPLICATION, late[i : i + 1]) for i in range(len(late))]
    assert judge(finding("R-3.3-34", evidence), APPLICATION).verdict == BORNE_OUT
    assert judge(finding("R-6.2-10", evidence), APPLICATION).verdict == CONTRADICTED


def test_connections_are_apart() -> None:
    evidence = [begin(), {**end(), "connection": "b"}]
    assert judge(finding("R-3.3-23", evidence), APPLICATION).verdict == BORNE_OUT
    assert judge(finding("R-3.3-23", [begin(), end()]), APPLICATION).verdict == CONTRADICTED


def test_a_death_is_not_in_the_bytes() -> None:
    accused = finding("R-6.2-10", ASKED, "the peer goes on serving", "the peer ended by signal 9 (SIGKILL)")
    assert judge(accused, APPLICATION).verdict == CANNOT_TELL


def test_what_is_cut_contradicts_nothing_but_may_bear_out() -> None:
    assert judge(finding("R-3.3-34", ASKED, cut=True), APPLICATION).verdict == CANNOT_TELL
    assert judge(finding("R-3.3-34", [*ASKED, a(STDOUT, BODY), end()], cut=True), APPLICATION).verdict == BORNE_OUT
    silence = finding("R-5.5-6", ASKED, "< response 1", "nothing", cut=True)
    assert judge(silence, APPLICATION).verdict == CANNOT_TELL


# What scenarios accuse of

REFUSED = [*PARAMS_SENT, end(protocol_status=1)]
QUERY = w(GET_VALUES, pairs(FCGI_MAX_REQS=""), 0)
RESULT = a(GET_VALUES_RESULT, pairs(FCGI_MAX_REQS="7"), 0)
SENT_BACK = [*ASKED, a(STDOUT, b"Status: 404\r\n\r\nno such"), end()]

# wanted, got, evidence that bears it out, evidence that doesn't.
SENTENCES: list[tuple[str, str, list[Piece], list[Piece]]] = [
    ("< response 1", "nothing", ASKED, WHOLE),
    ("< response 1", "nothing; the connection stays open (waited 1500 ms)", ASKED, WHOLE),
    ("< response 1", "nothing", ASKED, [*ASKED, ends(APPLICATION)]),
    ("< response 1", "nothing", ASKED, [*ASKED, a(STDOUT, BODY)]),
    ("< response 1", "the peer closed the connection", [*ASKED, ends(APPLICATION)], ASKED),
    ("< response 1", "the peer closed the connection", [*ASKED, ends(APPLICATION)], [*WHOLE, ends(APPLICATION)]),
    ("< response 1", "the peer reset the connection", [*ASKED, ends(APPLICATION, "reset")], [*ASKED, ends(APPLICATION)]),
    ('< response 1 "abcd"', 'body "abc"', WHOLE, [*ASKED, a(STDOUT, BODY + b"d"), end()]),
    ('< response 1 "abcd"', '"ab"', WHOLE, [*ASKED, a(STDOUT, b"\r\nxyz"), end()]),
    ('< response 1 "abc"', 'body ""', [*ASKED, a(STDOUT, b"A: b\r\n\r\n"), end()], [*ASKED, a(STDOUT, b"A: b\r\n\r\nx"), end()]),
    ('< response 1 "a"*3', '"b"*30', [*ASKED, a(STDOUT, b"\r\n" + b"b" * 30), end()], [*ASKED, a(STDOUT, b"\r\n" + b"b" * 29), end()]),
    ("< response 1 status=200", 'CGI status 404 in "Status: 404\\r\\n\\r\\nno..."', SENT_BACK, [*ASKED, a(STDOUT, b"Status: 200\r\n\r\n"), end()]),
    ("< response 1 status=200", 'no CGI header block in "Status"', [*ASKED, a(STDOUT, b"Status"), end()], SENT_BACK),
    ("< response 1", "{FCGI_END_REQUEST, *, {0, FCGI_CANT_MPX_CONN}}", REFUSED, [*PARAMS_SENT, end(protocol_status=2)]),
    ("< {FCGI_END_REQUEST, 1, {*, FCGI_UNKNOWN_ROLE}}", "{FCGI_END_REQUEST, *, {0, FCGI_REQUEST_COMPLETE}}", WHOLE, [begin(), end(protocol_status=3)]),
    ("< {FCGI_END_REQUEST, 1, *}", "streams, but no FCGI_END_REQUEST", [*ASKED, a(STDOUT)], ASKED),
    ("< {FCGI_END_REQUEST, 1, *}", "nothing", ASKED, WHOLE),
    ('< {FCGI_STDOUT, 1, "abd"}', '"abc"', WHOLE, [*ASKED, a(STDOUT, b"xyz")]),
    ('< {FCGI_STDERR, 1, "x"}', "nothing", WHOLE, [*WHOLE, ends(APPLICATION)]),
    ('< {FCGI_STDOUT, 1, "x"}', '"abc", then {FCGI_END_REQUEST, *, {0, FCGI_REQUEST_COMPLETE}}', WHOLE, [*ASKED, a(STDOUT, BODY)]),
    ('< {FCGI_STDOUT, 1, ""}', 'the stream so far: "...abc"', [*ASKED, a(STDOUT, BODY)], [*ASKED, a(STDOUT, b"ab")]),
    ("< {FCGI_GET_VALUES_RESULT, 0, *}", "nothing", [QUERY], [QUERY, RESULT]),
    ("< {FCGI_GET_VALUES_RESULT, 0, *}", "nothing", [QUERY, QUERY, RESULT], [QUERY, QUERY, RESULT, RESULT]),
    ('< {FCGI_GET_VALUES_RESULT, 0, [FCGI_MAX_REQS="1"]}', '{FCGI_GET_VALUES_RESULT, 0, [FCGI_MAX_REQS="7"]}', [QUERY, RESULT], [QUERY]),
    ("< {FCGI_UNKNOWN_TYPE, 0, {100}}", "{FCGI_UNKNOWN_TYPE, 0, {101}}", [w(100, b"", 0), a(UNKNOWN_TYPE, b"\x65" + b"\0" * 7, 0)], [w(100, b"", 0), a(UNKNOWN_TYPE, b"\x64" + b"\0" * 7, 0)]),
    ("< response 1 random(9)", '"abc"', WHOLE, ASKED),
    ("< close", "the connection stays open", WHOLE, [*WHOLE, ends(APPLICATION)]),
    ('< response 1 ""', 'no CGI header block in ""', [*ASKED, a(STDOUT), end()], [*ASKED, a(STDOUT, b"\r\n"), a(STDOUT), end()]),
    # Nobody asked for the first one.
    ('< response 1 "abc"', 'no CGI header block in ""', [w(STDIN), end(), *WHOLE], WHOLE),
    ("either ended or closed", "nothing; the connection stays open", ASKED, [*ASKED, ends(APPLICATION)]),
    ("either one or other", 'body "abc"; {FCGI_END_REQUEST, *, {0, FCGI_OVERLOADED}}', [*ASKED, a(STDOUT, BODY), end(protocol_status=2)], WHOLE),
]  # fmt: skip


@pytest.mark.parametrize("wanted, got, true, untrue", SENTENCES)
def test_what_a_scenario_says_of_an_application(wanted: str, got: str, true: list[Piece], untrue: list[Piece]) -> None:
    assert judge(finding("R-5.5-6", true, wanted, got), APPLICATION).verdict == BORNE_OUT
    assert judge(finding("R-5.5-6", untrue, wanted, got), APPLICATION).verdict == CONTRADICTED


def test_the_named_connection_is_looked_at() -> None:
    on_b = [{**piece, "connection": "b"} for piece in WHOLE]
    assert judge(finding("R-5.5-6", [*ASKED, *on_b], "b< response 1", "nothing"), APPLICATION).verdict == CONTRADICTED
    on_b = on_b[: len(ASKED)]
    assert judge(finding("R-5.5-6", [*WHOLE, *on_b], "b< response 1", "nothing"), APPLICATION).verdict == BORNE_OUT


def test_a_scenario_s_accusation_of_what_the_checker_proves_is_judged_as_the_scenario_s() -> None:
    accused = finding("R-5.5-1", [*ASKED, ends(APPLICATION, "reset")], "< {FCGI_END_REQUEST, 1, *}", "the peer reset the connection")
    assert judge(accused, APPLICATION).verdict == BORNE_OUT


@pytest.mark.parametrize(
    "wanted, got",
    [
        ("< response 1", "somehow not"),
        ("What is not required is done", "all (< response 1; < close)"),
        ("< response 1", "nothing; a plain request on a fresh connection is not answered any more"),
        ("process exits 0", "exit status 1"),
        ("< {FCGI_END_REQUEST, 1, *}", "nothing; exit status 1"),
    ],
)
def test_what_is_not_understood_is_not_agreed_to(wanted: str, got: str) -> None:
    assert judge(finding("R-5.5-6", ASKED, wanted, got), APPLICATION).verdict == CANNOT_TELL


def http(answer: bytes, end_of_it: str = "", request: bytes = b"GET / HTTP/1.1\r\n\r\n") -> list[Piece]:
    pieces = [said("http-client", request, "http"), said("web-server-http", answer, "http")]
    return [*pieces, ends("web-server-http", end_of_it, "http")] if end_of_it else pieces


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\noops"

WEB_SERVER_SENTENCES: list[tuple[str, str, list[Piece], list[Piece]]] = [
    ('http< 200 "hello"', '502 "oops"', http(BAD_GATEWAY), http(OK)),
    ('http< 200 "hello"', '200 "hell", which is not whole', http(OK[:-1]), http(OK)),
    ("http< failure", '200 "hello"', http(OK), http(BAD_GATEWAY)),
    ("http< 2xx", "no response", http(b""), http(OK)),
    ("http< 200", "no response, the Web server closed the HTTP connection", http(b"", "close"), http(b"")),
    ('http< 200 "x"', '200 "hello", the Web server reset the HTTP connection', http(OK, "reset"), http(OK, "close")),
    ("> request 1", "no request", http(b""), [*ASKED, *http(OK)]),
    ("> request 1", "no request; the Web server answered the HTTP client: 502 \"oops\"", http(BAD_GATEWAY), http(OK)),
    ("> request 2", "no request", [*ASKED, *http(b"")], [*ASKED, *ANSWER, *ASKED, *http(b"")]),
    ("either one or other", "no request", [*ASKED, *http(b"")], [*ASKED, *ANSWER, *ASKED, *http(b"")]),
    ('> {FCGI_PARAMS, 1, [B="2"]}', '{FCGI_PARAMS, 0, [A="1"]}', [*ASKED, *http(b"")], [begin(), w(PARAMS, pairs(A="2")), w(PARAMS)]),
    ('> request 1 [A="2"]', 'a request with A="1", not [A="2"]', [*ASKED, *http(b"")], [begin(), w(PARAMS, pairs(A="2")), w(PARAMS), w(STDIN), *http(b"")]),
    ('> request 1 [B="2"]', 'a request with no B, not [B="2"]', [*ASKED, *http(b"")], [begin(), w(PARAMS, pairs(B="3")), w(PARAMS), w(STDIN), *http(b"")]),
    ("> request 1", "a request whose input isn't complete, FCGI_STDIN so far \"\"", [*PARAMS_SENT, *http(b"")], [*ASKED, *http(b"")]),
    ("> request 1", "a request without FCGI_PARAMS' end", [begin(), *http(b"")], [*ASKED, *http(b"")]),
    ('> {FCGI_STDIN, 1, "abc"}', '"abd"', [*PARAMS_SENT, w(STDIN, b"abd")], [*PARAMS_SENT, w(STDIN, b"abc")]),
]  # fmt: skip


@pytest.mark.parametrize("wanted, got, true, untrue", WEB_SERVER_SENTENCES)
def test_what_a_scenario_says_of_a_web_server(wanted: str, got: str, true: list[Piece], untrue: list[Piece]) -> None:
    assert judge(finding("R-6.2-1", true, wanted, got), WEB_SERVER).verdict == BORNE_OUT
    assert judge(finding("R-6.2-1", untrue, wanted, got), WEB_SERVER).verdict == CONTRADICTED


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "answer, end_of_it, status, body, whole",
    [
        (OK, "", 200, b"hello", True),
        (OK[:-1], "", 200, b"hell", False),
        (OK[:30], "", None, b"", False),
        (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", "", 200, b"hello", True),
        (CHUNKED + b"5\r\nhello\r\n0\r\nA: b\r\n\r\n", "", 200, b"hello", True),
        (CHUNKED + b"5\r\nhello\r\n", "close", 200, b"hello", False),
        (CHUNKED + b"5\r\nhel", "", 200, b"hel", False),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", "close", 200, b"hello", True),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", "reset", 200, b"hello", False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "", 204, b"", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, "", 200, b"hello", True),
        (OK + BAD_GATEWAY, "", 502, b"oops", True),
        (OK + b" and more", "close", 200, b"hello", True),
    ],
)
def test_http_answers(answer: bytes, end_of_it: str, status: int | None, body: bytes, whole: bool) -> None:
    connection = http_answer.HttpConnection("http", b"GET / HTTP/1.1\r\n\r\n", answer, end_of_it)
    read = http_answer.last_response(connection)
    assert (read.status, read.body, read.whole) == (status, body, whole)


def test_an_answer_to_head_has_no_body() -> None:
    head = OK.removesuffix(b"hello")
    read = http_answer.last_response(http_answer.HttpConnection("http", b"HEAD / HTTP/1.1\r\n\r\n", head))
    assert (read.status, read.body, read.whole) == (200, b"", True)


def test_what_is_no_http_is_told_from_what_is_to_come() -> None:
    for answer, broken in ((b"HTT", False), (b"hello", True)):
        assert http_answer.last_response(http_answer.HttpConnection("http", b"", answer)).broken is broken


# The notation


@pytest.mark.parametrize(
    "text, value",
    [
        ('"abc"', Text(b"abc")),
        (r'"\r\n\t\"\\\377"', Text(b'\r\n\t"\\\xff')),
        ('"a"*3 + "b..."', Text(b"aaab", False, True)),
        ('"...ab"', Text(b"ab", True)),
        ('"..."', Text(b"", True)),
        ('"a"*30 + "..."', Text(b"a" * 30, False, True)),
        (r'"\056.."', Text(b"...")),
    ],
)
def test_texts(text: str, value: Text) -> None:
    assert Scanner(text).text_pattern() == value


def test_records() -> None:
    assert Scanner("{FCGI_END_REQUEST, *, {0, FCGI_OVERLOADED}}").record() == RecordPattern(3, None, (0, 2))
    pattern = Scanner('{FCGI_GET_VALUES_RESULT, 0, [A="1" "b c"=* ...]}').record()
    assert pattern.content == Pairs(((b"A", Text(b"1")), (b"b c", ANY)), True)
    assert Scanner("{12, 0x10}").record() == RecordPattern(12, 16, Text(b""))


@pytest.mark.parametrize("text", ["{FCGI_STDIN, 1", "{FCGI_NONE, 1}", '{FCGI_STDIN, 1, "a", padding=3}', '{FCGI_STDIN, 1, "\\9"}', "{*, 1}"])
def test_what_is_no_record(text: str) -> None:
    with pytest.raises(NotationError):
        Scanner(text).record()


# The command, and what is wrong with its input


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = ["/usr/bin/python3", ROOT / "scripts" / "judge" / "judge.py", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def write(path: Path, *findings: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"peer": {"side": "application"}, "findings": findings}))
    return path


def test_the_command_counts_and_fails_on_disagreement(tmp_path: Path) -> None:
    right = finding("R-3.3-34", [*ASKED, a(STDOUT, BODY), end()])
    unknown = finding("R-5.5-6", ASKED, "< response 1", "somehow not")
    done = run(write(tmp_path / "a", right, unknown), write(tmp_path / "b", right))
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "2 borne out, 0 contradicted, 1 can't tell"
    done = run(write(tmp_path / "c", right, finding("R-3.3-34", WHOLE)))
    assert done.returncode == 1
    assert re.search(r"^contradicted R-3\.3-34 .*there is no breach", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    "piece",
    [
        {"connection": "", "from": "nobody", "end": "", "bytes": ""},
        {"connection": "", "from": APPLICATION, "end": "", "bytes": "0"},
        {"connection": "", "from": APPLICATION, "end": "leaves", "bytes": ""},
        {"connection": "", "from": APPLICATION, "end": ""},
        {"connection": "", "from": APPLICATION, "end": "", "bytes": 1},
    ],
)
def test_what_is_no_evidence_is_refused(piece: Any) -> None:
    with pytest.raises(EvidenceError, match="piece 1"):
        judge(finding("R-3.3-7", [begin(), piece]), APPLICATION)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"peer": {"side": "application"}, "findings": [{}]}'])
def test_what_is_no_results_file_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(text)
    done = run(tmp_path / "results.json")
    assert done.returncode == 2 and "results.json" in done.stderr


def test_judging_nothing_finds_nothing() -> None:
    assert judge_results({"peer": {"side": "application"}, "findings": []}) == []
