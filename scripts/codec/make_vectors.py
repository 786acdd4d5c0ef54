#!/usr/bin/python3
"""Writes corpus/vectors/*.json: inputs and what a decoder must find in them. What is expected comes from the values that
an input is put together from, never from a decoder, so that no codec is its own judge.

    make_vectors.py            write the files
    make_vectors.py --check    exit 1 where a file is not what would be written
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

VECTORS = Path(__file__).resolve().parents[2] / "corpus" / "vectors"

FLAGS = {
    "Plain": "Nothing unusual: who fails here has not begun.",
    "CutHeader": "The bytes end within a header: it is read before it is there.",
    "CutRecord": "The bytes end within content or padding: a record is taken for whole before it is.",
    "CutPair": "The bytes end within a length, a name or a value: pairs are read past the end.",
    "Padding": "Padding is not skipped, taken for content, or its length read as a signed number [§3.3].",
    "ContentSize": "A content length at the edge of one byte or two is truncated or read as a signed number [§3.3].",
    "EmptyContent": "A record without content is taken for the end of the input, or its padding is forgotten [§3.3].",
    "UnknownType": "A type that the specification does not define breaks the framing [§4.2].",
    "OtherVersion": "A version other than 1 changes how the header is read [§3.3].",
    "Reserved": "A reserved byte is read as part of its neighbour [§3.3].",
    "RequestId": "A request id above 255 loses its upper byte [§3.3].",
    "ShortLengthEdge": "127 and 128 are mixed up: the longest length in one byte is 127 [§3.4].",
    "FourByteForm": "A short length in four bytes is legal, and refused or misread [§3.4].",
    "LengthsDiffer": "The length of the value is taken from the name's, or the reverse [§3.4].",
    "HugeLength": "A length near 2^31 overflows, or memory is taken before the bytes are there [§3.4].",
    "EmptyNameOrValue": "An empty name or value is taken for the end of the pairs [§3.4].",
    "SeveralPairs": "A decoder advances by a wrong length behind a pair [§3.4].",
    "BodySize": "A body of another size than eight bytes is read past its end, or accepted [§5.1, §5.5, §4.2].",
    "ByteOrder": "A number of two or four bytes is read in the machine's order [§3.1].",
    "SignedStatus": "An application status above 2^31 - 1 changes its value [§5.5].",
    "OpenDots": "Three dots in a string are taken for an open end, or the reverse.",
    "Escape": "A byte that can't be written as itself, or an escape, is misread.",
    "Run": "A repeated string is not what it stands for.",
    "BodyAsText": "A body that its numbers don't say wholly is printed as if they did.",
    "PairsAsText": "A content that is not wholly pairs is printed as pairs.",
    "Raw": "Bytes that are no whole record are lost.",
    "Syntax": "A wrong text is accepted, or refused at a wrong place.",
}


def packed(data: bytes) -> str | list[dict[str, object]]:
    """Bytes as hex; runs of 64 and more of one byte as {"hex", "times"}."""
    parts: list[dict[str, object]] = []
    plain = bytearray()
    at = 0
    while at < len(data):
        size = len(data) - at - len(data[at:].lstrip(data[at : at + 1]))
        if size >= 64:
            if plain:
                parts.append({"hex": plain.hex(), "times": 1})
                plain.clear()
            parts.append({"hex": data[at : at + 1].hex(), "times": size})
        else:
            plain += data[at : at + size]
        at += size
    if not parts:
        return plain.hex()
    if plain:
        parts.append({"hex": plain.hex(), "times": 1})
    return parts


class Input:
    """Bytes and the events that they are put together from."""

    def __init__(self) -> None:
        self.data = b""
        self.events: list[dict[str, object]] = []
        self.missing = 0

    def _event(self, name: str, **more: object) -> None:
        self.events.append({"offset": len(self.data), "event": name, **more})

    def _piece(self, name: str, data: bytes) -> None:
        if data:
            self._event(name, bytes=packed(data))
        self.data += data

    def record(self, type: int, request_id: int, content: bytes = b"", padding: bytes = b"", version: int = 1,
               reserved: int = 0, content_length: int | None = None, padding_length: int | None = None) -> Input:
        """A record; a longer length than the bytes that are given makes it a cut one, the last of the input."""
        content_length = len(content) if content_length is None else content_length
        padding_length = len(padding) if padding_length is None else padding_length
        self._event("header", version=version, type=type, request_id=request_id, content_length=content_length,
                    padding_length=padding_length, reserved=reserved)
        self.data += bytes([version, type, request_id >> 8, request_id & 255, content_length >> 8,
                            content_length & 255, padding_length, reserved])
        self._piece("content", content)
        self._piece("padding", padding)
        return self._finish(content_length + padding_length - len(content) - len(padding))

    def pair(self, name: bytes, value: bytes, name_form: int = 0, value_form: int = 0,
             name_length: int | None = None, value_length: int | None = None) -> Input:
        """As record; form 0 is the usual one."""
        name_length = len(name) if name_length is None else name_length
        value_length = len(value) if value_length is None else value_length
        name_form = name_form or (1 if name_length < 128 else 4)
        value_form = value_form or (1 if value_length < 128 else 4)
        self._event("lengths", name_length=name_length, name_form=name_form, value_length=value_length,
                    value_form=value_form)
        for length, form in ((name_length, name_form), (value_length, value_form)):
            self.data += bytes([length]) if form == 1 else bytes(
                [length >> 24 | 0x80, length >> 16 & 255, length >> 8 & 255, length & 255])
        self._piece("name", name)
        self._piece("value", value)
        return self._finish(name_length + value_length - len(name) - len(value))

    def _finish(self, missing: int) -> Input:
        if missing:
            self.missing = missing
        else:
            self._event("end")
        return self

    def rest(self, hex_bytes: str, missing: int) -> Input:
        """Bytes that make no event yet."""
        self.data += bytes.fromhex(hex_bytes)
        self.missing = missing
        return self

    def vector(self, name: str, about: str, *flags: str) -> dict[str, object]:
        return {"name": name, "about": about, "flags": list(flags), "input": packed(self.data), "events": self.events,
                "missing": self.missing}


def record_vectors() -> list[dict[str, object]]:
    tests = [
        Input().vector("nothing", "No bytes: nothing has begun, nothing is missing.", "Plain"),
        Input().record(5, 1, b"abc").vector("stdin-abc", "Three bytes on FCGI_STDIN of request 1.", "Plain"),
        Input().record(1, 1, bytes(8)).record(4, 1).record(5, 1).record(6, 1, b"x").record(6, 1).record(3, 1, bytes(8))
        .vector("a-whole-request", "Six records behind each other, three of them empty.", "Plain", "EmptyContent"),
    ]
    for size in range(1, 8):
        tests.append(Input().rest("0105000100000000"[: 2 * size], 8 - size).vector(
            f"header-cut-at-{size}", f"{size} of the 8 bytes of a header.", "CutHeader"))
    for size in (1, 7, 8, 126, 127, 128, 129, 255, 256, 257, 16383, 32767, 32768, 65534, 65535):
        tests.append(Input().record(6, 1, b"\x5a" * size).record(6, 1).vector(
            f"content-of-{size}-bytes", f"A content of {size} bytes, then the end of the stream.", "ContentSize"))
    for size in (1, 7, 8, 126, 127, 128, 129, 254, 255):
        tests.append(Input().record(7, 1, b"e", b"\xee" * size).record(3, 1, bytes(8)).vector(
            f"padding-of-{size}-bytes", f"{size} bytes of padding, then another record.", "Padding"))
    tests += [
        Input().record(6, 1, b"", b"\x01\x06\x00\x01\x00\x00\x00\x00").record(3, 1, bytes(8)).vector(
            "padding-that-looks-like-a-record", "An empty record whose padding reads as a header.", "Padding",
            "EmptyContent"),
        Input().record(6, 1, b"\x01\x03\x00\x01\x00\x08\x00\x00" + bytes(8)).record(6, 1).vector(
            "content-that-looks-like-a-record", "A content that reads as FCGI_END_REQUEST.", "Plain"),
        Input().record(6, 1, b"z" * 65535, b"\xff" * 255, reserved=255).vector(
            "the-largest-record", "65,798 bytes: full content, full padding, reserved byte set.", "ContentSize",
            "Padding", "Reserved"),
        Input().record(5, 1, b"ab", content_length=3).vector(
            "content-cut", "Two of three bytes of content.", "CutRecord"),
        Input().record(5, 1, content_length=65535, padding_length=255).vector(
            "nothing-behind-the-header", "The largest record, and only its header is there.", "CutRecord"),
        Input().record(5, 1, b"abc", b"", padding_length=5).vector(
            "padding-not-begun", "The content is whole, of the padding nothing is there.", "CutRecord", "Padding"),
        Input().record(5, 1, b"abc", b"\0\0", padding_length=5).vector(
            "padding-cut", "The content is whole, of the padding two of five bytes.", "CutRecord", "Padding"),
        Input().record(5, 1, b"a").rest("01", 7).vector(
            "one-byte-of-the-next-header", "A whole record and one byte more.", "CutHeader"),
    ]
    for request_id in (0, 1, 127, 128, 255, 256, 257, 32767, 32768, 65535):
        tests.append(Input().record(5, request_id, b"r").vector(
            f"request-id-{request_id}", f"A record of request {request_id}.", "RequestId"))
    for type in (0, *range(1, 13), 127, 128, 255):
        flag = "Plain" if 1 <= type <= 11 else "UnknownType"
        tests.append(Input().record(type, 1, bytes(8), b"\0").record(5, 1).vector(
            f"type-{type}", f"Type {type} with eight bytes of content, then FCGI_STDIN.", flag))
    for version in (0, 2, 127, 128, 255):
        tests.append(Input().record(5, 1, b"v", version=version).record(5, 1).vector(
            f"version-{version}", f"Version {version}: framed like any other.", "OtherVersion"))
    for reserved in (1, 128, 255):
        tests.append(Input().record(5, 1, b"v", b"\0", reserved=reserved).record(5, 1).vector(
            f"reserved-{reserved}", f"The reserved byte of the header is {reserved}.", "Reserved"))
    return tests


EDGES = (0, 1, 7, 8, 126, 127, 128, 129, 255, 256)


def pair_vectors() -> list[dict[str, object]]:
    tests = [
        Input().vector("nothing", "No bytes: no pair has begun.", "Plain"),
        Input().pair(b"SERVER_PORT", b"80").pair(b"SERVER_ADDR", b"199.170.183.42").vector(
            "the-pairs-of-appendix-b", "The two pairs that the specification shows [§B].", "Plain", "SeveralPairs"),
    ]
    for name_size in EDGES:
        for value_size in EDGES:
            flags = ["ShortLengthEdge"] if {127, 128} & {name_size, value_size} else []
            flags += ["LengthsDiffer"] if name_size != value_size else []
            flags += ["EmptyNameOrValue"] if 0 in (name_size, value_size) else []
            tests.append(Input().pair(b"n" * name_size, b"v" * value_size).pair(b"A", b"b").vector(
                f"name-of-{name_size}-value-of-{value_size}",
                f"A name of {name_size} and a value of {value_size} bytes, then another pair.",
                *(flags or ["Plain"])))
    for size in (16383, 65535, 65536):
        tests += [
            Input().pair(b"n", b"v" * size).pair(b"A", b"b").vector(
                f"value-of-{size}", f"A value of {size} bytes, then another pair.", "LengthsDiffer"),
            Input().pair(b"n" * size, b"").pair(b"A", b"b").vector(
                f"name-of-{size}-value-empty", f"A name of {size} bytes without a value, then another pair.",
                "LengthsDiffer", "EmptyNameOrValue"),
        ]
    for name_form, value_form in ((1, 4), (4, 1), (4, 4)):
        for size in (0, 1, 127):
            tests.append(Input().pair(b"n" * size, b"vv", name_form, value_form).pair(b"A", b"b").vector(
                f"form-{name_form}{value_form}-name-of-{size}",
                f"Short lengths in {name_form} and {value_form} bytes.", "FourByteForm"))
    for hex_bytes in ("00", "01", "7f", "80", "8000", "800000", "80000001", "0180", "018000", "01800000", "80000001ff",
                      "80000001ff0000"):
        tests.append(Input().rest(hex_bytes, 1).vector(
            f"lengths-cut-{hex_bytes}", "Not both lengths are there.", "CutPair"))
    tests += [
        Input().pair(b"", b"", name_length=3, value_length=4).vector(
            "nothing-behind-the-lengths", "Both lengths, no name.", "CutPair"),
        Input().pair(b"ab", b"", name_length=3, value_length=4).vector(
            "name-cut", "Two of three bytes of the name.", "CutPair"),
        Input().pair(b"abc", b"", value_length=4).vector(
            "value-not-begun", "The name is whole, of the value nothing is there.", "CutPair"),
        Input().pair(b"abc", b"vvv", value_length=4).vector("value-cut", "Three of four bytes of the value.", "CutPair"),
        Input().pair(b"", b"", name_length=0x7FFFFFFF, value_length=0x7FFFFFFF).vector(
            "both-lengths-as-long-as-can-be", "Two lengths of 2^31 - 1: their sum needs 32 bits.", "HugeLength"),
        Input().pair(b"ab", b"", name_length=0x7FFFFFFF, value_length=0).vector(
            "name-longer-than-the-input", "A name of 2^31 - 1 bytes, of which two are there.", "HugeLength"),
        Input().pair(b"A", b"b", value_length=0x7FFFFFFF).vector(
            "value-longer-than-the-input", "A value of 2^31 - 1 bytes, of which one is there.", "HugeLength"),
        Input().pair(b"A", b"b").pair(b"B", b"", value_length=0x10000).vector(
            "second-pair-runs-past-the-end", "The second pair says more than there is.", "SeveralPairs", "CutPair"),
        Input().pair(b"A\0=\n\xff", b"\0\r\n=\x80").vector(
            "any-byte-in-a-name-and-a-value", "Zero, =, line ends and bytes above 127.", "Plain"),
    ]
    return tests


def body_vectors() -> list[dict[str, object]]:
    def vector(body: str, name: str, about: str, input: str, fields: dict[str, object] | None, *flags: str):
        return {"name": f"{body}-{name}", "about": about, "flags": list(flags), "body": body, "input": input,
                "fields": fields}

    tests = []
    for role in (0, 1, 2, 3, 4, 255, 256, 65535):
        for flags in (0, 1, 2, 255):
            tests.append(vector("begin_request", f"role-{role}-flags-{flags}", f"Role {role}, flags {flags} [§5.1].",
                                f"{role:04x}{flags:02x}0000000000",
                                {"role": role, "flags": flags, "reserved": "0000000000"}, "ByteOrder"))
    for status in (0, 1, 255, 256, 938, 65535, 65536, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
        flag = "SignedStatus" if status > 0x7FFFFFFF else "ByteOrder"
        tests.append(vector("end_request", f"app-status-{status}", f"Application status {status} [§5.5].",
                            f"{status:08x}00000000",
                            {"app_status": status, "protocol_status": 0, "reserved": "000000"}, flag))
    for status in (1, 2, 3, 4, 255):
        tests.append(vector("end_request", f"protocol-status-{status}", f"Protocol status {status} [§5.5].",
                            f"00000000{status:02x}000000",
                            {"app_status": 0, "protocol_status": status, "reserved": "000000"}, "Plain"))
    for type in (0, 5, 11, 12, 128, 255):
        tests.append(vector("unknown_type", f"type-{type}", f"Type {type} [§4.2].", f"{type:02x}00000000000000",
                            {"type": type, "reserved": "00000000000000"}, "Plain"))
    tests += [
        vector("begin_request", "reserved", "Reserved bytes that are not zero.", "0001010102030405",
               {"role": 1, "flags": 1, "reserved": "0102030405"}, "Reserved"),
        vector("end_request", "reserved", "Reserved bytes that are not zero.", "0000000000010203",
               {"app_status": 0, "protocol_status": 0, "reserved": "010203"}, "Reserved"),
        vector("unknown_type", "reserved", "Reserved bytes that are not zero.", "0cff000000000001",
               {"type": 12, "reserved": "ff000000000001"}, "Reserved"),
    ]
    for body in ("begin_request", "end_request", "unknown_type"):
        for size in (0, 1, 7, 9, 16, 255, 256, 264):
            tests.append(vector(body, f"of-{size}-bytes", f"{size} bytes are no body.", "00" * size, None, "BodySize"))
    return tests


def notation_vectors() -> list[dict[str, object]]:
    def both(name: str, input: str, text: str, *flags: str) -> dict[str, object]:
        return {"name": name, "flags": list(flags), "input": input.replace(" ", ""), "text": text, "printed": True}

    def read(name: str, text: str, input: str, *flags: str) -> dict[str, object]:
        return {"name": name, "flags": list(flags), "input": input.replace(" ", ""), "text": text, "printed": False}

    def wrong(name: str, text: str, line: int, column: int) -> dict[str, object]:
        return {"name": name, "flags": ["Syntax"], "text": text, "error": {"line": line, "column": column}}

    return [
        both("nothing", "", "", "Plain"),
        both("begin-request", "0101000100080000 0001010000000000",
             "{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}\n", "Plain"),
        both("begin-request-unknown-role", "0101000100080000 0009800000000000", "{FCGI_BEGIN_REQUEST, 1, {9, 128}}\n",
             "Plain"),
        both("begin-request-reserved", "0101000100080000 0001000000000001",
             '{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0, reserved="\\000\\000\\000\\000\\001"}}\n', "Reserved"),
        both("end-request-reserved", "0103000100080000 0000000001f80bc9",
             '{FCGI_END_REQUEST, 1, {0, FCGI_CANT_MPX_CONN, reserved="\\370\\013\\311"}}\n', "Reserved"),
        both("unknown-type-reserved", "010b000000080000 0c00000000000061",
             '{FCGI_UNKNOWN_TYPE, 0, {12, reserved="\\000\\000\\000\\000\\000\\000a"}}\n', "Reserved"),
        both("begin-request-short", "0101000100010000 00", '{FCGI_BEGIN_REQUEST, 1, "\\000"}\n', "BodyAsText"),
        both("abort-request", "0102000700000000", "{FCGI_ABORT_REQUEST, 7}\n", "Plain"),
        both("end-request", "0103000100080000 000003aa00000000", "{FCGI_END_REQUEST, 1, {938, FCGI_REQUEST_COMPLETE}}\n",
             "Plain"),
        both("unknown-type", "010b000000080000 0c00000000000000", "{FCGI_UNKNOWN_TYPE, 0, {12}}\n", "Plain"),
        both("params", "01040001000f0000 0b02 5345525645525f504f5254 3830", '{FCGI_PARAMS, 1, [SERVER_PORT="80"]}\n',
             "Plain"),
        both("params-four-byte-forms", "01040001000a0000 80000001 80000001 4162",
             '{FCGI_PARAMS, 1, [long A=long "b"]}\n', "FourByteForm"),
        both("params-cut", "0104000100030000 0b0253", '{FCGI_PARAMS, 1, "\\013\\002S"}\n', "PairsAsText"),
        both("params-one-and-a-cut-one", "0104000100050000 0100 41 01 00", '{FCGI_PARAMS, 1, "\\001\\000A\\001\\000"}\n',
             "PairsAsText"),
        both("params-name-that-is-no-word", "0104000100040000 0200 412d", '{FCGI_PARAMS, 1, ["A-"=""]}\n', "PairsAsText"),
        both("stdin-empty", "0105000100000000", '{FCGI_STDIN, 1, ""}\n', "Plain"),
        both("stdout-escapes", "0106000100080000 0d0a09225c7f00ff",
             '{FCGI_STDOUT, 1, "\\r\\n\\t\\"\\\\\\177\\000\\377"}\n', "Escape"),
        both("octal-before-a-digit", "0106000100020000 0137", '{FCGI_STDOUT, 1, "\\0017"}\n', "Escape"),
        both("backslash-and-parenthesis", "0106000100030000 5c2831", '{FCGI_STDOUT, 1, "\\\\(1"}\n', "Escape"),
        both("three-dots", "0106000100030000 2e2e2e", '{FCGI_STDOUT, 1, "\\056.."}\n', "OpenDots"),
        both("three-dots-at-the-end", "0106000100040000 612e2e2e", '{FCGI_STDOUT, 1, "a\\056.."}\n', "OpenDots"),
        both("five-dots", "0106000100050000 2e2e2e2e2e", '{FCGI_STDOUT, 1, "\\056\\056\\056.."}\n', "OpenDots"),
        both("run-of-23", "0106000100170000" + "61" * 23, '{FCGI_STDOUT, 1, "' + "a" * 23 + '"}\n', "Run"),
        both("run-of-24", "0106000100180000" + "61" * 24, '{FCGI_STDOUT, 1, "a"*24}\n', "Run"),
        both("run-between", "01060001001a0000 62" + "00" * 24 + "63", '{FCGI_STDOUT, 1, "b" + "\\000"*24 + "c"}\n',
             "Run"),
        both("padding-of-zeros", "0105000100010200 610000", '{FCGI_STDIN, 1, "a", padding=2}\n', "Padding"),
        both("padding-of-other-bytes", "0105000100010200 610001", '{FCGI_STDIN, 1, "a", padding="\\000\\001"}\n',
             "Padding"),
        both("every-field", "0205000100000109 ff", '{FCGI_STDIN, 1, "", version=2, reserved=9, padding="\\377"}\n',
             "OtherVersion", "Reserved"),
        both("type-without-a-name", "01000000000000ff", '{0, 0, "", reserved=255}\n', "UnknownType"),
        both("cut-header", "010500", "raw 01 05 00\n", "Raw"),
        both("cut-record", "01050001000300006162", "raw 01 05 00 01 00 03 00 00 61 62\n", "Raw"),
        both("record-and-cut-header", "0105000100000000 01", '{FCGI_STDIN, 1, ""}\nraw 01\n', "Raw"),
        read("blanks-and-comments", '# first\n\n  { FCGI_STDIN , # here\n 1,"a" } # last', "010500010001000061", "Syntax"),
        read("no-content", "{FCGI_STDIN, 1}", "0105000100000000", "Syntax"),
        read("type-by-number", '{5, 0x10, "a" + "b"*3}', "010500100004000061626262", "Run"),
        read("wrong-length-on-purpose", '{FCGI_STDIN, 1, "a", length=9}', "010500010009000061", "CutRecord"),
        read("random", "{FCGI_STDIN, 1, random(9)}", "0105000100090000c15c0289ec2d0a9167", "Run"),
        read("pair-value-by-number", "{FCGI_PARAMS, 1, [A=7]}", "0104000100040000 0101 4137", "Plain"),
        read("raw-hex-and-text", 'raw 0aFF "a"*2', "0aff6161", "Raw"),
        wrong("no-record", "\n  hello", 2, 3),
        wrong("unknown-name-of-a-type", "{FCGI_NO, 1}", 1, 2),
        wrong("type-too-big", "{256, 1}", 1, 2),
        wrong("request-id-too-big", "{FCGI_STDIN, 65536}", 1, 14),
        wrong("string-not-closed", '{FCGI_STDIN, 1, "a}', 1, 20),
        wrong("unknown-escape", '{FCGI_STDIN, 1, "\\x"}', 1, 19),
        wrong("octal-too-big", '{FCGI_STDIN, 1, "\\400"}', 1, 19),
        wrong("body-the-wrong-way-round", "{FCGI_END_REQUEST, 1, {FCGI_REQUEST_COMPLETE, 0}}", 1, 24),
        wrong("body-where-there-is-none", "{FCGI_STDIN, 1, {0, 0}}", 1, 17),
        wrong("padding-too-long", "{FCGI_STDIN, 1, padding=256}", 1, 25),
        wrong("open-end-cannot-be-sent", 'raw 00\n{FCGI_STDOUT, 1, "a..."}', 2, 1),
        wrong("more-behind-a-record", "{FCGI_STDIN, 1} x", 1, 17),
        wrong("half-a-byte", "raw 00 0", 1, 8),
    ]


KINDS = {
    "records": ("3.3", "A stream of records and the events a reader comes upon, with their byte offsets.",
                record_vectors),
    "pairs": ("3.4", "A stream of name-value pairs and the events a reader comes upon, with their byte offsets.",
              pair_vectors),
    "bodies": ("5.1, 5.5, 4.2", "Contents and the fields of the fixed bodies in them; null where they are none.",
               body_vectors),
    "notation": ("3.3, B", "Texts in our notation and the bytes they stand for; where `printed` is true, the text is also "
                 "what the bytes are printed as.", notation_vectors),
}


def file_text(kind: str) -> str:
    section, about, make = KINDS[kind]
    tests = make()
    names = [test["name"] for test in tests]
    if len(set(names)) != len(names):
        raise SystemExit(f"{kind}: a name occurs twice")
    used = sorted({flag for test in tests for flag in test["flags"]})
    head = {"$schema": "schema.json", "kind": kind, "section": section, "about": about,
            "flags": {flag: FLAGS[flag] for flag in used}}
    lines = json.dumps(head, indent=2)[:-2] + ',\n  "tests": [\n'
    return lines + ",\n".join("    " + json.dumps(test) for test in tests) + "\n  ]\n}\n"


def main() -> int:
    stale = []
    for kind in KINDS:
        path = VECTORS / f"{kind}.json"
        text = file_text(kind)
        if sys.argv[1:] == ["--check"]:
            if not path.exists() or path.read_text() != text:
                stale.append(path.name)
        elif sys.argv[1:]:
            print(__doc__, file=sys.stderr)
            return 2
        else:
            path.write_text(text)
    if stale:
        print(f"not what make_vectors.py writes: {', '.join(stale)}", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
