"""A small FastCGI codec, written from the specification alone: records [§3.3], name-value pairs [§3.4] and the fixed
bodies [§4.2, §5.1, §5.5]. It is held against the C++ codec by a test, and re-reads recorded bytes. It never speaks to a
peer and never judges: a value is what the wire holds, legal or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Iterator

HEADER_LEN = 8  # FCGI_HEADER_LEN [§8]
VERSION_1 = 1  # FCGI_VERSION_1 [§8]
BODY_LEN = 8  # of each of the three fixed bodies [§8]

# [§8], and for each the three columns of [§A].
TYPES = {
    1: "FCGI_BEGIN_REQUEST",
    2: "FCGI_ABORT_REQUEST",
    3: "FCGI_END_REQUEST",
    4: "FCGI_PARAMS",
    5: "FCGI_STDIN",
    6: "FCGI_STDOUT",
    7: "FCGI_STDERR",
    8: "FCGI_DATA",
    9: "FCGI_GET_VALUES",
    10: "FCGI_GET_VALUES_RESULT",
    11: "FCGI_UNKNOWN_TYPE",
}


class Incomplete(Exception):
    """The bytes end before the value does; `missing` is how many it lacks at least."""

    def __init__(self, missing: int) -> None:
        super().__init__(f"at least {missing} bytes are missing")
        self.missing = missing


@dataclass(frozen=True)
class Record:
    """One record [§3.3]."""

    type: int
    request_id: int = 0
    content: bytes = b""
    padding: bytes = b""
    version: int = VERSION_1
    reserved: int = 0


@dataclass(frozen=True)
class Pair:
    """One name-value pair [§3.4]; a form is the number of bytes that a length is written in, 1 or 4."""

    name: bytes
    value: bytes
    name_form: int = 1
    value_form: int = 1


def usual_form(length: int) -> int:
    return 1 if length <= 127 else 4


def encode_record(record: Record) -> bytes:
    """ValueError or OverflowError where a field doesn't fit its bytes."""
    return (
        bytes([record.version, record.type])
        + record.request_id.to_bytes(2, "big")
        + len(record.content).to_bytes(2, "big")
        + bytes([len(record.padding), record.reserved])
        + record.content
        + record.padding
    )


def decode_record(data: bytes) -> tuple[Record, int]:
    """The first record and its size; raises Incomplete."""
    if len(data) < HEADER_LEN:
        raise Incomplete(HEADER_LEN - len(data))
    content_end = HEADER_LEN + int.from_bytes(data[4:6], "big")
    end = content_end + data[6]
    if len(data) < end:
        raise Incomplete(end - len(data))
    record = Record(
        version=data[0],
        type=data[1],
        request_id=int.from_bytes(data[2:4], "big"),
        reserved=data[7],
        content=bytes(data[HEADER_LEN:content_end]),
        padding=bytes(data[content_end:end]),
    )
    return record, end


def decode_records(data: bytes) -> tuple[list[Record], bytes]:
    """All whole records, and the bytes behind them."""
    records = []
    try:
        while True:
            record, size = decode_record(data)
            records.append(record)
            data = data[size:]
    except Incomplete:
        return records, data


def encode_length(length: int, form: int) -> bytes:
    if form == 1:
        if length > 127:
            raise ValueError(f"{length} has no one-byte form [§3.4]")
        return bytes([length])
    if length >= 1 << 31:
        raise ValueError(f"{length} has no four-byte form [§3.4]")
    return (length | 1 << 31).to_bytes(4, "big")


def decode_length(data: bytes) -> tuple[int, int]:
    """A length and its form."""
    if not data:
        raise Incomplete(1)
    if data[0] < 0x80:
        return data[0], 1
    if len(data) < 4:
        raise Incomplete(1)
    return int.from_bytes(data[:4], "big") - (1 << 31), 4


def encode_pair(pair: Pair) -> bytes:
    return (
        encode_length(len(pair.name), pair.name_form)
        + encode_length(len(pair.value), pair.value_form)
        + pair.name
        + pair.value
    )


def decode_pair(data: bytes) -> tuple[Pair, int]:
    """The first pair and its size; raises Incomplete."""
    name_length, name_form = decode_length(data)
    value_length, value_form = decode_length(data[name_form:])
    begin = name_form + value_form
    end = begin + name_length + value_length
    if len(data) < end:
        raise Incomplete(end - len(data))
    name_end = begin + name_length
    return Pair(bytes(data[begin:name_end]), bytes(data[name_end:end]), name_form, value_form), end


def decode_pairs(data: bytes) -> tuple[list[Pair], bytes]:
    """All whole pairs, and the bytes behind them."""
    pairs = []
    try:
        while True:
            pair, size = decode_pair(data)
            pairs.append(pair)
            data = data[size:]
    except Incomplete:
        return pairs, data


# The fields of each fixed body and their sizes in bytes.
BODY_FIELDS = {
    "begin_request": (("role", 2), ("flags", 1), ("reserved", 5)),  # [§5.1]
    "end_request": (("app_status", 4), ("protocol_status", 1), ("reserved", 3)),  # [§5.5]
    "unknown_type": (("type", 1), ("reserved", 7)),  # [§4.2]
}


def decode_body(kind: str, content: bytes) -> dict[str, int | bytes] | None:
    """The fields, `reserved` as bytes; None where the content hasn't exactly the body's size."""
    if len(content) != BODY_LEN:
        return None
    fields: dict[str, int | bytes] = {}
    for name, size in BODY_FIELDS[kind]:
        part, content = content[:size], content[size:]
        fields[name] = bytes(part) if name == "reserved" else int.from_bytes(part, "big")
    return fields


def encode_body(kind: str, fields: dict[str, int | bytes]) -> bytes:
    parts = []
    for name, size in BODY_FIELDS[kind]:
        value = fields[name]
        part = value if isinstance(value, bytes) else value.to_bytes(size, "big")
        if len(part) != size:
            raise ValueError(f"{name} has {size} bytes, not {len(part)}")
        parts.append(part)
    return b"".join(parts)


Event = dict[str, object]


def _whole_and_missing(data: bytes, offset: int, parts: Iterable[tuple[str, int]]) -> Iterator[Event]:
    """The events of parts that follow each other, as far as `data` holds them; then `end`, or `missing`."""
    left = sum(size for _, size in parts)
    for name, size in parts:
        piece = data[:size]
        if piece:
            yield {"offset": offset, "event": name, "bytes": bytes(piece)}
        data, offset, left = data[size:], offset + len(piece), left - len(piece)
    if left:
        yield {"offset": offset, "event": "missing", "size": left}
    else:
        yield {"offset": offset, "event": "end"}


def record_events(data: bytes) -> Iterator[Event]:
    """What a reader comes upon in a stream of records, in order: header, content, padding, end of each; at last
    `missing`, with the number of bytes that an unfinished record lacks at least."""
    offset = 0
    while len(data) - offset >= HEADER_LEN:
        header = data[offset : offset + HEADER_LEN]
        content_length = int.from_bytes(header[4:6], "big")
        yield {
            "offset": offset,
            "event": "header",
            "version": header[0],
            "type": header[1],
            "request_id": int.from_bytes(header[2:4], "big"),
            "content_length": content_length,
            "padding_length": header[6],
            "reserved": header[7],
        }
        offset += HEADER_LEN
        for event in _whole_and_missing(data[offset:], offset, (("content", content_length), ("padding", header[6]))):
            yield event
            offset = event["offset"]
            if event["event"] == "missing":
                return
    rest = len(data) - offset
    yield {"offset": len(data), "event": "missing", "size": HEADER_LEN - rest if rest else 0}


def pair_events(data: bytes) -> Iterator[Event]:
    """As record_events, for the pairs of a stream: lengths, name, value, end of each."""
    offset = 0
    while offset < len(data):
        try:
            name_length, name_form = decode_length(data[offset:])
            value_length, value_form = decode_length(data[offset + name_form :])
        except Incomplete as incomplete:
            yield {"offset": len(data), "event": "missing", "size": incomplete.missing}
            return
        yield {
            "offset": offset,
            "event": "lengths",
            "name_length": name_length,
            "name_form": name_form,
            "value_length": value_length,
            "value_form": value_form,
        }
        offset += name_form + value_form
        for event in _whole_and_missing(data[offset:], offset, (("name", name_length), ("value", value_length))):
            yield event
            offset = event["offset"]
            if event["event"] == "missing":
                return
    yield {"offset": len(data), "event": "missing", "size": 0}
