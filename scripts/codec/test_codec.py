"""Holds the independent codec against the vectors, and the C++ codec against the independent one.

Run by ctest, or by hand: FCGISPEC_CODEC_ORACLE=build-dev/codec_oracle /usr/bin/python3 -m pytest scripts/codec
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import fcgi_codec as codec  # noqa: E402
import make_vectors  # noqa: E402

settings.register_profile("project", deadline=None, max_examples=200, database=None)
settings.load_profile("project")


def vectors(kind: str) -> dict:
    return json.loads((make_vectors.VECTORS / f"{kind}.json").read_text())


def cases_of(kind: str) -> list:
    return [pytest.param(test, id=test["name"]) for test in vectors(kind)["tests"]]


def unpacked(data) -> bytes:
    if isinstance(data, str):
        return bytes.fromhex(data)
    return b"".join(bytes.fromhex(piece["hex"]) * piece["times"] for piece in data)


def wanted_events(test: dict) -> list[dict]:
    events = [{**event, "bytes": unpacked(event["bytes"])} if "bytes" in event else event for event in test["events"]]
    return [*events, {"offset": len(unpacked(test["input"])), "event": "missing", "size": test["missing"]}]


def log_line(event: dict) -> str:
    """The event as the C++ codec's log writes it."""
    fields = {key: value for key, value in event.items() if key not in ("offset", "event")}
    words = [str(event["offset"]), event["event"]]
    if "bytes" in fields:
        words.append(fields["bytes"].hex())
    elif "size" in fields:
        words.append(str(fields["size"]))
    else:
        words += [f"{key}={value}" for key, value in fields.items()]
    return " ".join(words)


class Oracle:
    """The C++ codec, asked over a pipe."""

    def __init__(self, program: str) -> None:
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *words: str | bytes) -> list[str]:
        question = " ".join(word if isinstance(word, str) else word.hex() or "-" for word in words)
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()
        lines = []
        while (line := self._process.stdout.readline()) != ".\n":
            if not line:
                raise RuntimeError(f"codec_oracle ended at: {question[:200]}")
            lines.append(line.rstrip("\n"))
        return lines

    def close(self) -> None:
        self._process.stdin.close()
        assert self._process.wait(timeout=30) == 0


@pytest.fixture(scope="session")
def oracle():
    program = os.environ.get("FCGISPEC_CODEC_ORACLE")
    if not program:
        pytest.skip("FCGISPEC_CODEC_ORACLE doesn't name the program codec_oracle of a build")
    asked = Oracle(program)
    yield asked
    asked.close()


# --- the vectors ---


@pytest.mark.parametrize("kind", make_vectors.KINDS)
def test_vector_file_follows_the_schema(kind):
    schema = json.loads((make_vectors.VECTORS / "schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    document = vectors(kind)
    jsonschema.Draft202012Validator(schema).validate(document)
    assert {flag for test in document["tests"] for flag in test["flags"]} == set(document["flags"])


@pytest.mark.parametrize("kind", make_vectors.KINDS)
def test_vector_file_is_what_the_script_writes(kind):
    assert (make_vectors.VECTORS / f"{kind}.json").read_text() == make_vectors.file_text(kind)


@pytest.mark.parametrize("test", cases_of("records"))
def test_records(test):
    data = unpacked(test["input"])
    assert list(codec.record_events(data)) == wanted_events(test)
    records, rest = codec.decode_records(data)
    assert b"".join(map(codec.encode_record, records)) + rest == data
    assert len(records) == sum(event["event"] == "end" for event in test["events"])


@pytest.mark.parametrize("test", cases_of("pairs"))
def test_pairs(test):
    data = unpacked(test["input"])
    assert list(codec.pair_events(data)) == wanted_events(test)
    pairs, rest = codec.decode_pairs(data)
    assert b"".join(map(codec.encode_pair, pairs)) + rest == data
    assert len(pairs) == sum(event["event"] == "end" for event in test["events"])


@pytest.mark.parametrize("test", cases_of("bodies"))
def test_bodies(test):
    data = unpacked(test["input"])
    fields = codec.decode_body(test["body"], data)
    if test["fields"] is None:
        assert fields is None
    else:
        assert fields == {**test["fields"], "reserved": bytes.fromhex(test["fields"]["reserved"])}
        assert codec.encode_body(test["body"], fields) == data


@pytest.mark.parametrize("test", cases_of("notation"))
def test_notation_of_the_cpp_codec(test, oracle):
    answer = oracle.ask("parse", test["text"].encode())
    if "error" in test:
        assert answer == [f"error {test['error']['line']} {test['error']['column']}"]
    else:
        assert answer == [test["input"]]
        if test["printed"]:
            printed = oracle.ask("print", bytes.fromhex(test["input"]))
            assert bytes.fromhex("".join(printed)).decode() == test["text"]


# --- the independent codec against itself ---

RECORDS = st.builds(
    codec.Record,
    type=st.integers(0, 255),
    request_id=st.integers(0, 65535),
    content=st.one_of(st.binary(max_size=300), st.sampled_from([b"c" * 65535, b"c" * 65534])),
    padding=st.binary(max_size=255),
    version=st.integers(0, 255),
    reserved=st.integers(0, 255),
)
TEXTS = st.one_of(st.binary(max_size=20), st.sampled_from([0, 126, 127, 128, 129, 255, 256]).map(lambda n: b"x" * n))


@st.composite
def pairs(draw):
    name, value = draw(TEXTS), draw(TEXTS)
    forms = [draw(st.sampled_from([codec.usual_form(len(text)), 4])) for text in (name, value)]
    return codec.Pair(name, value, *forms)


@given(st.lists(RECORDS, max_size=4), st.binary(max_size=7))
def test_records_come_back(records, rest):
    data = b"".join(map(codec.encode_record, records)) + rest
    assert codec.decode_records(data) == (records, rest)


@given(st.lists(pairs(), max_size=4))
def test_pairs_come_back(all_pairs):
    assert codec.decode_pairs(b"".join(map(codec.encode_pair, all_pairs))) == (all_pairs, b"")


@pytest.mark.parametrize("record", [codec.Record(256), codec.Record(5, 65536), codec.Record(5, 1, b"c" * 65536),
                                    codec.Record(5, 1, b"", b"p" * 256), codec.Record(5, version=256)])
def test_what_does_not_fit_a_record_is_refused(record):
    with pytest.raises((OverflowError, ValueError)):
        codec.encode_record(record)


@pytest.mark.parametrize("length, form", [(128, 1), (1 << 31, 4)])
def test_what_does_not_fit_a_length_is_refused(length, form):
    with pytest.raises(ValueError):
        codec.encode_length(length, form)


# --- the C++ codec against the independent one ---


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted(place % (len(data) + 1) for place in places)
    return [data[begin:end] for begin, end in zip([0, *ends], [*ends, len(data)])]


CUTS = st.lists(st.integers(0, 1000), max_size=6)
STREAMS = st.one_of(
    st.binary(max_size=100),
    st.lists(RECORDS, max_size=3).map(lambda records: b"".join(map(codec.encode_record, records))),
)
PAIR_STREAMS = st.one_of(
    st.binary(max_size=100),
    st.lists(pairs(), max_size=3).map(lambda all_pairs: b"".join(map(codec.encode_pair, all_pairs))),
)


def test_types_have_the_same_names(oracle):
    assert oracle.ask("types") == [f"{number} {name}" for number, name in codec.TYPES.items()]


@given(STREAMS, CUTS, st.integers(0, 20))
def test_cpp_finds_the_same_records_however_cut(oracle, data, places, left_off):
    data = data[: len(data) - left_off] if left_off < len(data) else data
    wanted = [log_line(event) for event in codec.record_events(data)]
    assert oracle.ask("records", *cut(data, places)) == wanted
    records, _ = codec.decode_records(data)
    assert "".join(oracle.ask("records-again", data)) == b"".join(map(codec.encode_record, records)).hex()


@given(PAIR_STREAMS, CUTS, st.integers(0, 20))
def test_cpp_finds_the_same_pairs_however_cut(oracle, data, places, left_off):
    data = data[: len(data) - left_off] if left_off < len(data) else data
    wanted = [log_line(event) for event in codec.pair_events(data)]
    assert oracle.ask("pairs", *cut(data, places)) == wanted
    all_pairs, _ = codec.decode_pairs(data)
    assert "".join(oracle.ask("pairs-again", data)) == b"".join(map(codec.encode_pair, all_pairs)).hex()


@given(st.sampled_from(sorted(codec.BODY_FIELDS)), st.one_of(st.binary(min_size=8, max_size=8), st.binary(max_size=16)))
def test_cpp_finds_the_same_bodies(oracle, body, data):
    fields = codec.decode_body(body, data)
    if fields is None:
        assert oracle.ask("body", body, data) == ["none"]
        return
    words = [f"{name}={value.hex() if isinstance(value, bytes) else value}" for name, value in fields.items()]
    assert oracle.ask("body", body, data) == [" ".join(words), codec.encode_body(body, fields).hex()]


@given(STREAMS)
def test_notation_of_the_cpp_codec_comes_back(oracle, data):
    text = bytes.fromhex("".join(oracle.ask("print", data)))
    assert "".join(oracle.ask("parse", text)) == data.hex()
