"""As much of the notation [§3.3, §B] as findings are written in: texts, pair lists, records. A reader of its own, beside
the one in codec/. NotationError where something else stands there, random(N) among it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from codec.fcgi_codec import TYPES

NUMBERS = {name: number for number, name in TYPES.items()} | {
    "FCGI_NULL_REQUEST_ID": 0, "FCGI_KEEP_CONN": 1, "FCGI_RESPONDER": 1, "FCGI_AUTHORIZER": 2, "FCGI_FILTER": 3,
    "FCGI_REQUEST_COMPLETE": 0, "FCGI_CANT_MPX_CONN": 1, "FCGI_OVERLOADED": 2, "FCGI_UNKNOWN_ROLE": 3,
}  # fmt: skip
ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", '"': b'"', "\\": b"\\"}


class NotationError(Exception):
    """At this place stands something that is none, or more than is read here."""


@dataclass(frozen=True)
class Text:
    """A byte string whose ends may be open."""

    value: bytes
    open_start: bool = False
    open_end: bool = False

    def fits(self, other: bytes) -> bool:
        if self.open_start and self.open_end:
            return self.value in other
        if self.open_start:
            return other.endswith(self.value)
        return other.startswith(self.value) if self.open_end else other == self.value

    def is_part_of(self, other: bytes) -> bool:
        return self.value in other


ANY = Text(b"", True, True)


@dataclass(frozen=True)
class Pairs:
    pairs: tuple[tuple[bytes, Text], ...]
    open: bool = False


Numbers = tuple[int | None, ...]  # None for "*"


@dataclass(frozen=True)
class RecordPattern:
    type: int
    request_id: int | None
    content: Text | Numbers | Pairs


class Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def done(self) -> bool:
        return self.at == len(self.text)

    def take(self, pattern: str) -> str | None:
        """What matches here; blanks before it are skipped, and those alone where nothing does."""
        while self.text[self.at : self.at + 1] == " ":
            self.at += 1
        match = re.compile(pattern, re.DOTALL).match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match[0]

    def expect(self, pattern: str) -> str:
        found = self.take(pattern)
        if found is None:
            raise NotationError(f"no {pattern} at {self.text[self.at : self.at + 40]!r}")
        return found

    def text_pattern(self) -> Text:
        parts = [self._factor()]
        while self.take(r"\+"):
            parts.append(self._factor())
        if len(parts) > 1 and parts[-1] == Text(b"", open_start=True):
            parts[-1] = Text(b"", open_end=True)  # three dots alone: behind something they are an open end
        if any(part.open_start for part in parts[1:]) or any(part.open_end for part in parts[:-1]):
            raise NotationError("an open end within a text")
        return Text(b"".join(part.value for part in parts), parts[0].open_start, parts[-1].open_end)

    def _factor(self) -> Text:
        inner = self.expect(r'"(?:[^"\\]|\\.)*"')[1:-1]
        open_start = inner.startswith("...")
        open_end = inner.endswith("...") and len(inner) >= (6 if open_start else 3)
        value = unescape(inner[3 if open_start else 0 : -3 if open_end else None])
        if self.take(r"\*"):
            value *= int(self.expect(r"\d+"))
        return Text(value, open_start, open_end)

    def text_or_any(self) -> Text:
        return ANY if self.take(r"\*") else self.text_pattern()

    def number(self) -> int | None:
        """None for "*"."""
        word = self.expect(r"\*|0x[0-9a-fA-F]+|\d+|\w+")
        if word == "*":
            return None
        if word in NUMBERS:
            return NUMBERS[word]
        if not word[0].isdigit():
            raise NotationError(f"no number: {word}")
        return int(word, 0) if word.startswith("0x") else int(word)

    def pairs(self) -> Pairs:
        self.expect(r"\[")
        pairs = []
        is_open = False
        while not self.take(r"\]"):
            if self.take(r"\.\.\."):
                is_open = True
                continue
            self.take(r"long\b")
            name = unescape(self.expect(r"\w+|\"(?:[^\"\\]|\\.)*\"").strip('"'))
            self.expect("=")
            self.take(r"long\b")
            pairs.append((name, self.text_or_any()))
        return Pairs(tuple(pairs), is_open)

    def record(self) -> RecordPattern:
        self.expect(r"\{")
        record_type = self.number()
        self.expect(",")
        request_id = self.number()
        content = self._content() if self.take(",") else Text(b"")
        self.expect(r"\}")  # version, padding and so on: more than is read here
        if record_type is None:
            raise NotationError("a record of any type")
        return RecordPattern(record_type, request_id, content)

    def _content(self) -> Text | Numbers | Pairs:
        if self.take(r"\{"):
            numbers = [self.number()]
            while self.take(","):
                numbers.append(self.number())
            self.expect(r"\}")
            return tuple(numbers)
        if self.take(r"(?=\[)") is not None:
            return self.pairs()
        return self.text_or_any()


def unescape(text: str) -> bytes:
    result = bytearray()
    at = 0
    while at < len(text):
        if text[at] != "\\":
            result += text[at].encode()
            at += 1
        elif text[at + 1 : at + 2] in ESCAPES and at + 1 < len(text):
            result += ESCAPES[text[at + 1]]
            at += 2
        else:
            octal = text[at + 1 : at + 4]
            if not re.fullmatch("[0-3][0-7]{2}", octal):
                raise NotationError(f"no escape: \\{octal}")
            result.append(int(octal, 8))
            at += 4
    return bytes(result)
