"""Whether the bytes bear out what a scenario accuses a peer of: that what was `wanted` did not come, and that what it
`got` instead did. An accusation is a sentence of fcgispec's; each sentence that is understood here has its own test on
the bytes. One that isn't is never taken for true: the answer then is that the judge can't tell.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from codec.fcgi_codec import TYPES, Pair, Record, decode_body, decode_pairs

from judge import http_answer
from judge.evidence import (
    APPLICATION, BEGIN_REQUEST, DATA, END_REQUEST, GET_VALUES, GET_VALUES_RESULT, PARAMS, REQUEST_COMPLETE, STDERR,
    STDIN, STDOUT, UNKNOWN_TYPE, WEB_SERVER, Connection, Conversation, Request, record_of,
)  # fmt: skip
from judge.notation import NotationError, Numbers, Pairs, RecordPattern, Scanner, Text

STREAMS = (PARAMS, STDIN, DATA, STDOUT, STDERR)


class CannotTell(Exception):
    """The bytes, or the sentence, say too little."""


@dataclass
class Expected:
    """What a scenario waited for, as its line says: `kind` is response, request, record, close or http."""

    kind: str
    connection: str = ""
    request_id: int | None = None
    status: str = ""
    text: Text | None = None
    pairs: Pairs | None = None
    record: RecordPattern | None = None
    plain: bool = True  # there is nothing in the line that is not read here


def read_expected(line: str) -> Expected:
    """CannotTell for a line of another kind, NotationError for one that is no line."""
    match = re.match(r"(\w*)[<>] ", line)
    if match is None:
        raise CannotTell(f"not a line that is read here: {line[:60]}")
    scanner = Scanner(line[match.end() :])
    expected = Expected("", match[1])
    if match[1].startswith("http"):
        expected.kind = "http"
        expected.status = scanner.expect(r"\d{3}|\dxx|\*|failure")
        if scanner.take(r"(?=\[)") is not None:
            expected.pairs = scanner.pairs()
    elif scanner.take("response"):
        expected.kind, expected.request_id = "response", scanner.number()
        if scanner.take("status="):
            expected.status = scanner.expect(r"\d+")
    elif scanner.take("request"):
        expected.kind, expected.request_id = "request", scanner.number()
        expected.pairs = scanner.pairs() if scanner.take(r"(?=\[)") is not None else None
    elif scanner.take("close"):
        expected.kind = "close"
    else:
        expected.kind, expected.record = "record", scanner.record()
        expected.request_id = expected.record.request_id
    if scanner.take(r'(?=")') is not None:
        expected.text = scanner.text_pattern()
    expected.plain = scanner.take(r"$") is not None
    return expected


# What the peer said, seen in the light of what was expected


@dataclass
class Scope:
    """The part of a conversation that an expectation is about. Where it names none, all of it."""

    conversation: Conversation
    peer: str  # the side under test
    expected: Expected | None

    @property
    def connections(self) -> list[Connection]:
        every = self.conversation.connections
        # A Web server chooses its connections: names in a scenario are not those of the evidence.
        if self.peer == WEB_SERVER or self.expected is None or self.expected.connection not in every:
            return list(every.values())
        return [every[self.expected.connection]]

    @property
    def requests(self) -> list[Request]:
        if self.peer == WEB_SERVER:
            return [request for connection in self.connections for request in connection.requests]
        wanted = None if self.expected is None else self.expected.request_id
        every = [answer for connection in self.connections for answer in answers_of(connection)]
        return [answer for answer in every if wanted in (None, answer.request_id)]

    def records(self, record_type: int) -> list[Record]:
        return [record for one in self.connections for _, record in one.said(self.peer, record_type)]

    def ended(self, *how: str) -> bool:
        return any(end.end in how for one in self.connections for end in one.ends(self.peer))


def answers_of(connection: Connection) -> list[Request]:
    """What the application says under each id, up to each FCGI_END_REQUEST, whether asked for or not: nothing may come
    before what is expected. Of each request that was begun there is one, though it be empty."""
    answers: list[Request] = []
    for request_id in sorted({step.record.request_id for step in connection.steps if step.record is not None} - {0}):
        own = [Request(request_id)]
        num_begun = 0
        for step in connection.steps:
            if step.record is None or step.record.request_id != request_id:
                continue
            if step.source == WEB_SERVER:
                num_begun += step.record.type == BEGIN_REQUEST
                continue
            own[-1].steps.append(step)
            if step.record.type == END_REQUEST:
                own.append(Request(request_id))
        while len(own) < num_begun:
            own.append(Request(request_id))
        if not own[-1].steps and len(own) > num_begun:
            own.pop()
        answers += own
    return answers


def cgi_status(std_out: bytes) -> int | None:
    """Of a CGI response [CGI §6.3.3]: 200 where it says none; None without a whole header block."""
    head, body = split_header(std_out)
    if body is None:
        return None
    match = re.search(rb"^status:[ \t]*(\d+)", head, re.IGNORECASE | re.MULTILINE)
    return int(match[1]) if match else 200


def split_header(std_out: bytes) -> tuple[bytes, bytes | None]:
    """The header block of a CGI response, and what is behind it: None where the block has no end."""
    match = re.match(rb"(?s)(?:\r?\n|.*?\n\r?\n)", std_out)
    return (match[0], std_out[match.end() :]) if match else (std_out, None)


def numbers_of(record: Record) -> Numbers | None:
    kinds = {END_REQUEST: "end_request", BEGIN_REQUEST: "begin_request", UNKNOWN_TYPE: "unknown_type"}
    body = decode_body(kinds[record.type], record.content)
    return None if body is None else tuple(value for value in body.values() if isinstance(value, int))


def fit_numbers(pattern: Numbers, record: Record) -> bool:
    numbers = numbers_of(record)
    return numbers is not None and all(one in (None, other) for one, other in zip(pattern, numbers))


def fit_pairs(pattern: Pairs, content: bytes) -> bool:
    left: list[Pair] = decode_pairs(content)[0]
    for name, value in pattern.pairs:
        found = next((pair for pair in left if pair.name == name and value.fits(pair.value)), None)
        if found is None:
            return False
        left.remove(found)
    return pattern.open or not left


def fits(pattern: RecordPattern, record: Record) -> bool:
    if pattern.type != record.type or pattern.request_id not in (None, record.request_id):
        return False
    if isinstance(pattern.content, Text):
        return pattern.content.fits(record.content)
    if isinstance(pattern.content, Pairs):
        return fit_pairs(pattern.content, record.content)
    return fit_numbers(pattern.content, record)


# Did it come?


def came(scope: Scope, expected: Expected) -> bool | None:
    """Whether the bytes hold what was expected: None where they don't decide it. A scenario may expect the same more
    than once, so of requests it is said of all that have this id; of answers, of as many as were asked for."""
    if expected.kind == "close":
        return scope.ended("close", "reset")
    if expected.kind == "http":
        return http_came(scope, expected)
    if expected.kind == "request":
        return request_came(scope, expected)
    requests = scope.requests
    if expected.kind == "response":
        responded = bool(requests) and all(is_response(request, expected) for request in requests)
        return None if responded and not expected.plain else responded
    pattern = expected.record
    assert pattern is not None, "an expected record has a pattern"
    if pattern.type in STREAMS:
        return stream_came(scope, pattern)
    if pattern.type == END_REQUEST:
        numbers = pattern.content if isinstance(pattern.content, tuple) else ()
        ends = [request.said(APPLICATION, END_REQUEST) for request in requests]
        return bool(ends) and all(end and fit_numbers(numbers, record_of(end[0])) for end in ends)
    if pattern.type in (GET_VALUES_RESULT, UNKNOWN_TYPE) and scope.peer == APPLICATION:
        return len([one for one in scope.records(pattern.type) if fits(pattern, one)]) >= num_asked(scope, pattern.type)
    return None


def is_response(request: Request, expected: Expected) -> bool:
    ends = request.said(APPLICATION, END_REQUEST)
    if not ends or not fit_numbers((None, REQUEST_COMPLETE), record_of(ends[0])):
        return False
    std_out = request.stream_value(APPLICATION, STDOUT)
    if expected.status and cgi_status(std_out) != int(expected.status):
        return False
    body = split_header(std_out)[1]
    return expected.text is None or (body is not None and expected.text.fits(body))


def stream_came(scope: Scope, pattern: RecordPattern) -> bool | None:
    """A line of a stream is a part of its value: where that part is nowhere in it, it did not come."""
    values = [request.stream_value(scope.peer, pattern.type) for request in scope.requests]
    if not isinstance(pattern.content, Text) or not pattern.content.value:
        return None
    return None if any(pattern.content.is_part_of(value) for value in values) else False


def num_asked(scope: Scope, answer: int) -> int:
    """How many such answers the other side's records call for: one at least, since it was waited for."""
    if answer == GET_VALUES_RESULT:
        asked = [record for one in scope.connections for _, record in one.said(WEB_SERVER, GET_VALUES)]
    else:
        asked = [record for one in scope.connections for _, record in one.said(WEB_SERVER) if record.type not in TYPES]
    return max(1, len(asked))


def request_came(scope: Scope, expected: Expected) -> bool | None:
    """Whether each HTTP request has brought a FastCGI request with these variables."""
    if not expected.plain or expected.text is not None:
        return None
    pairs = Pairs(expected.pairs.pairs if expected.pairs else (), True)
    fitting = [
        request
        for request in scope.requests
        if request.stream_end(WEB_SERVER, PARAMS) is not None
        and fit_pairs(pairs, request.stream_value(WEB_SERVER, PARAMS))
        and input_came(request)
    ]
    if not fitting:
        return False
    return True if len(fitting) >= max(len(scope.conversation.http), expected.request_id or 0) else None


def input_came(request: Request) -> bool:
    return all(request.stream_end(WEB_SERVER, one) is not None for one in (PARAMS, STDIN))


def http_came(scope: Scope, expected: Expected) -> bool | None:
    connection = scope.conversation.http.get(expected.connection)
    if connection is None:
        raise CannotTell(f"the evidence has no HTTP connection {expected.connection}")
    answer = http_answer.last_response(connection)
    if expected.status == "failure":
        return not answer.broken and (answer.status is None or not answer.whole or answer.status >= 500)
    if answer.status is None or not http_answer.status_fits(expected.status, answer.status):
        return False
    if not answer.whole and (expected.text is None or not expected.text.open_end):
        return False
    if expected.text is not None and not expected.text.fits(answer.body):
        return False
    return True if expected.plain and expected.pairs is None else None


# Did that come which it is said to have got?

Claim = Callable[[Scope], bool]


def read_claims(got: str) -> list[tuple[str, Claim]]:
    """The sentences of `got`, each with its test; CannotTell at the first that is not understood. How long was waited is no
    claim: the bytes have no times."""
    claims = []
    rest = got
    while True:
        for pattern, make in SENTENCES:
            match = re.match(rf"(?s){pattern}(?:{WAITED})?(?=$|; |, then )", rest)
            if match is not None:
                break
        else:
            raise CannotTell(f"not a sentence that is understood here: {rest[:80]}")
        claims.append((match[0], make(match)))
        rest = rest[match.end() :]
        if not rest:
            return claims
        rest = rest.removeprefix("; ").removeprefix(", then ")


WAITED = r" \(waited \d+ ms\)"


def got_end(*how: str) -> Claim:
    return lambda scope: scope.ended(*how)


def got_nothing(scope: Scope) -> bool:
    """Something of what could be expected stays unanswered, and the peer has not closed instead."""
    if not scope.connections:
        return scope.peer == WEB_SERVER
    if all(connection.ends(scope.peer) for connection in scope.connections):
        return False
    expected = scope.expected
    if expected is not None and expected.record is not None and expected.record.type in (GET_VALUES_RESULT, UNKNOWN_TYPE):
        return len(scope.records(expected.record.type)) < num_asked(scope, expected.record.type)
    if scope.peer == WEB_SERVER:
        return expected is None or came(scope, expected) is not True
    if expected is not None and expected.kind in ("response", "record"):
        return any(is_silent(request, expected) for request in scope.requests)
    unanswered = any(request.ended_at is None for request in scope.requests)
    return unanswered or any(not list(one.said(APPLICATION)) for one in scope.connections)


def is_silent(request: Request, expected: Expected) -> bool:
    """For a stream: none of it came. Else: neither output nor an end."""
    if expected.record is not None and expected.record.type in STREAMS:
        return not request.stream_value(APPLICATION, expected.record.type)
    return request.ended_at is None and not request.stream_value(APPLICATION, STDOUT)


def got_streams_alone(scope: Scope) -> bool:
    return any(request.ended_at is None and request.said(APPLICATION, STDOUT, STDERR) for request in scope.requests)


def got_text(match: re.Match[str]) -> Claim:
    """A part of a stream's value; what is empty is a whole one, or all of a response behind its header block."""
    text = Scanner(match["text"]).text_pattern()

    def is_it(value: bytes, stream: int) -> bool:
        if text.value:
            return text.is_part_of(value)
        return not (split_header(value)[1] if stream == STDOUT else value)

    return lambda scope: any(
        is_it(request.stream_value(scope.peer, stream), stream)
        for request in scope.requests
        for stream in streams_in_question(scope)
    )


def got_body(match: re.Match[str]) -> Claim:
    """A part of what is behind the header block of a response; what is empty is all of it."""
    text = Scanner(match["text"]).text_pattern()

    def is_it(body: bytes | None) -> bool:
        return body is not None and (text.is_part_of(body) if text.value else not body)

    return lambda scope: any(is_it(split_header(request.stream_value(APPLICATION, STDOUT))[1]) for request in scope.requests)


def streams_in_question(scope: Scope) -> tuple[int, ...]:
    if scope.expected is not None and scope.expected.record is not None and scope.expected.record.type in STREAMS:
        return (scope.expected.record.type,)
    return (STDOUT,) if scope.peer == APPLICATION else (PARAMS, STDIN, DATA)


def got_cgi_status(match: re.Match[str]) -> Claim:
    text = got_text(match)
    status = int(match["status"])
    values = lambda scope: (request.stream_value(APPLICATION, STDOUT) for request in scope.requests)  # noqa: E731
    return lambda scope: text(scope) and any(cgi_status(value) == status for value in values(scope))


def got_no_header(match: re.Match[str]) -> Claim:
    text = got_text(match)
    values = lambda scope: (request.stream_value(APPLICATION, STDOUT) for request in scope.requests)  # noqa: E731
    return lambda scope: text(scope) and any(cgi_status(value) is None for value in values(scope))


def got_record(match: re.Match[str]) -> Claim:
    try:
        pattern = Scanner(match[0]).record()
    except NotationError as error:
        raise CannotTell(f"not a record that is read here: {error}") from error
    if pattern.type in STREAMS:
        return got_stream(pattern)
    return lambda scope: any(fits(pattern, record) for record in scope.records(pattern.type))


def got_stream(pattern: RecordPattern) -> Claim:
    """The value of a whole stream, shown as if one record held it; its id says nothing."""
    content = pattern.content

    def is_it(value: bytes) -> bool:
        if isinstance(content, Pairs):
            return fit_pairs(content, value)
        return isinstance(content, Text) and content.fits(value)

    return lambda scope: any(is_it(request.stream_value(scope.peer, pattern.type)) for request in scope.requests)


def got_http(match: re.Match[str]) -> Claim:
    def look(scope: Scope) -> bool:
        answers = [http_answer.last_response(one) for one in asked_here(scope)]
        return any(http_is(answer, match) for answer in answers)

    return look


def asked_here(scope: Scope) -> list[http_answer.HttpConnection]:
    every = scope.conversation.http
    if scope.expected is not None and scope.expected.connection in every:
        return [every[scope.expected.connection]]
    return list(every.values())


def http_is(answer: http_answer.Response, match: re.Match[str]) -> bool:
    if match["status"] is None:
        is_it = answer.status is None
    else:
        text = Scanner(match["text"]).text_pattern()
        is_it = answer.status == int(match["status"]) and text.is_part_of(answer.body)
        is_it = is_it and answer.whole != bool(match["cut"])
    ends = {"closed": "close", "reset": "reset", None: answer.end}
    return is_it and answer.end == ends[match["end"]]


def got_request_with(match: re.Match[str]) -> Claim:
    """A request whose variable NAME has this value, or is none."""
    scanner = Scanner(match["value"]) if match["value"] is not None else None
    name = (match["name"] or match["missing"]).encode()
    value = scanner.text_pattern() if scanner else None

    def look(scope: Scope) -> bool:
        for request in scope.requests:
            found = [pair.value for pair in decode_pairs(request.stream_value(WEB_SERVER, PARAMS))[0] if pair.name == name]
            if (value is None and not found) or (value is not None and any(value.is_part_of(one) for one in found)):
                return True
        return False

    return look


def got_request_cut(scope: Scope) -> bool:
    return any(not input_came(request) for request in scope.requests)


def got_no_request(scope: Scope) -> bool:
    """Fewer requests came than were asked for over HTTP, or, where the Web server itself has to ask again [CGI §6.2.2],
    than the alternatives or the number of the one that is waited for let expect."""
    if scope.expected is None:
        return len(scope.requests) <= len(scope.conversation.http)
    return len(scope.requests) < max(1, len(scope.conversation.http), scope.expected.request_id or 0)


TEXT = r'(?P<text>"(?:[^"\\]|\\.)*"(?:\*\d+)?(?: \+ "(?:[^"\\]|\\.)*"(?:\*\d+)?)*)(?: \(\d+ bytes\))?'
SENTENCES: list[tuple[str, Callable[[re.Match[str]], Claim]]] = [
    ("nothing", lambda match: got_nothing),
    ("the peer closed the connection", lambda match: got_end("close")),
    ("the peer reset the connection", lambda match: got_end("reset")),
    ("the connection stays open", lambda match: lambda scope: any(not one.ends(scope.peer) for one in scope.connections)),
    ("streams, but no FCGI_END_REQUEST", lambda match: got_streams_alone),
    (f"the stream so far: {TEXT}", got_text),
    (f"body {TEXT}", got_body),
    (f"no CGI header block in {TEXT}", got_no_header),
    (rf"CGI status (?P<status>\d+) in {TEXT}", got_cgi_status),
    (r"\{FCGI_\w+, (?:\d+|\*)(?:, .*?)?\}", got_record),
    (
        r"(?:the Web server answered the HTTP client: )?"
        rf"(?:no response|(?P<status>\d{{3}}) {TEXT})(?P<cut>, which is not whole)?"
        r"(?:, the Web server (?P<end>closed|reset) the HTTP connection)?",
        got_http,
    ),
    (
        rf"a request with (?:no (?P<missing>\w+)|(?P<name>\w+)=(?P<value>{TEXT}))(?:, not \[.*?\])?",
        got_request_with,
    ),
    (f"a request whose input isn't complete, FCGI_STDIN so far *{TEXT}", lambda match: got_request_cut),
    ("a request without FCGI_PARAMS' end", lambda match: got_request_cut),
    ("no request", lambda match: got_no_request),
    (TEXT, got_text),
]
