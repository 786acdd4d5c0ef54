"""The evidence of a finding (results.json: `evidence`) as a conversation: on each transport connection the records of
both sides in the order in which they were whole, and the requests that they belong to [§3.3]. Judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from codec.fcgi_codec import TYPES, Record, decode_body, decode_records

WEB_SERVER = "web-server"
APPLICATION = "application"
# The two sides of an HTTP connection, where a Web server is the peer.
HTTP_SOURCES = ("http-client", "web-server-http")
ENDS = ("close", "half-close", "reset")

(BEGIN_REQUEST, ABORT_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, STDERR, DATA, GET_VALUES, GET_VALUES_RESULT,
 UNKNOWN_TYPE) = TYPES  # fmt: skip
APPLICATION_TYPES = range(BEGIN_REQUEST, DATA + 1)  # those that belong to a request [§A]
RESPONDER, AUTHORIZER, FILTER = 1, 2, 3  # [§8]
REQUEST_COMPLETE = 0  # FCGI_REQUEST_COMPLETE [§8]


class EvidenceError(Exception):
    """What should be evidence has another form."""


@dataclass(frozen=True)
class Step:
    """What one side said: a record, or, as `end`, that it says no more. `index` counts those of the connection."""

    index: int
    source: str
    record: Record | None = None
    end: str = ""


@dataclass
class Request:
    """One life of a request id: from its FCGI_BEGIN_REQUEST up to the next one that finds the id inactive [§3.3].
    `steps` are the records of either side that carry the id, the first of them included."""

    request_id: int
    steps: list[Step] = field(default_factory=list)

    @property
    def begin(self) -> Record:
        return record_of(self.steps[0])

    @property
    def role(self) -> int | None:
        body = decode_body("begin_request", self.begin.content)
        return None if body is None else int(body["role"])  # type: ignore[arg-type]  # a number, as `reserved` is not

    def said(self, source: str, *types: int) -> list[Step]:
        return [step for step in self.steps if step.source == source and record_of(step).type in types]

    def first(self, source: str, record_type: int) -> int | None:
        """The index of the first such record."""
        return next((step.index for step in self.said(source, record_type)), None)

    @cached_property
    def ended_at(self) -> int | None:
        return self.first(APPLICATION, END_REQUEST)

    @cached_property
    def aborted_at(self) -> int | None:
        return self.first(WEB_SERVER, ABORT_REQUEST)

    def stream_end(self, source: str, stream: int) -> int | None:
        """The index of the empty record that ends the stream."""
        return next((step.index for step in self.said(source, stream) if not record_of(step).content), None)

    def stream_value(self, source: str, stream: int) -> bytes:
        return b"".join(record_of(step).content for step in self.said(source, stream))


@dataclass
class Connection:
    """`requests` and what follows from them are asked for when all steps are there."""

    name: str
    steps: list[Step] = field(default_factory=list)
    # Of each side, the bytes behind its last whole record.
    rest: dict[str, bytes] = field(default_factory=lambda: {WEB_SERVER: b"", APPLICATION: b""})

    def said(self, source: str, *types: int) -> Iterator[tuple[int, Record]]:
        """The records of a side; of these types alone, where any are given."""
        for step in self.steps:
            if step.source == source and step.record is not None and (not types or step.record.type in types):
                yield step.index, step.record

    def ends(self, source: str) -> list[Step]:
        return [step for step in self.steps if step.source == source and step.end]

    @cached_property
    def requests(self) -> list[Request]:
        """All lives, in the order in which they began. Records of an id that was never begun are in none."""
        lives: list[Request] = []
        current: dict[int, Request] = {}
        active: set[int] = set()
        for step in self.steps:
            if step.record is None or step.record.request_id == 0:
                continue
            request_id = step.record.request_id
            if (step.source, step.record.type) == (WEB_SERVER, BEGIN_REQUEST) and request_id not in active:
                active.add(request_id)
                current[request_id] = Request(request_id)
                lives.append(current[request_id])
            if request_id in current:
                current[request_id].steps.append(step)
            if (step.source, step.record.type) == (APPLICATION, END_REQUEST):
                active.discard(request_id)
        return lives

    def active_at(self, index: int) -> list[Request]:
        """The requests begun, and not ended, before that step."""
        return [
            request
            for request in self.requests
            if request.steps[0].index < index and (request.ended_at is None or request.ended_at >= index)
        ]


@dataclass
class HttpConnection:
    """What was said on the Web server's other side: all that the client said, and all that it was answered."""

    name: str
    asked: bytes = b""
    answered: bytes = b""
    end: str = ""  # how the Web server ended it


@dataclass
class Conversation:
    connections: dict[str, Connection] = field(default_factory=dict)
    http: dict[str, HttpConnection] = field(default_factory=dict)
    cut: bool = False  # there was more than the evidence holds


def record_of(step: Step) -> Record:
    assert step.record is not None, "a request's steps are records"
    return step.record


def read_evidence(finding: dict[str, Any]) -> Conversation:
    """EvidenceError says which piece is wrong."""
    conversation = Conversation(cut=bool(finding.get("evidence_cut")))
    for number, piece in enumerate(finding["evidence"]):
        try:
            _add_piece(conversation, piece["connection"], piece["from"], piece["end"], bytes.fromhex(piece["bytes"]))
        except (KeyError, TypeError, ValueError) as error:
            raise EvidenceError(f"piece {number} of the evidence: {error!r}") from error
    return conversation


def _add_piece(conversation: Conversation, name: str, source: str, end: str, data: bytes) -> None:
    if end not in ("", *ENDS):
        raise ValueError(f"no such end: {end!r}")
    if source in HTTP_SOURCES:
        _add_http(conversation.http.setdefault(name, HttpConnection(name)), source, end, data)
        return
    connection = conversation.connections.setdefault(name, Connection(name))
    if source not in connection.rest:
        raise ValueError(f"nobody is called {source!r}")
    # A view: what is behind a record is not copied for each of them.
    records, rest = decode_records(memoryview(connection.rest[source] + data))  # type: ignore[arg-type]
    connection.rest[source] = bytes(rest)
    for record in records:
        connection.steps.append(Step(len(connection.steps), source, record))
    if end:
        connection.steps.append(Step(len(connection.steps), source, end=end))


def _add_http(connection: HttpConnection, source: str, end: str, data: bytes) -> None:
    if source == "http-client":
        connection.asked += data
    else:
        connection.answered += data
        connection.end = connection.end or end
