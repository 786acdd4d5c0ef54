"""For each requirement that the lifecycle checker proves, a rule of its own: the breaches that the bytes of a connection
show. Written from the specification and the register (statement, reading, against) alone.

A rule yields a breach as text, or CANNOT_TELL where the bytes may mean one. That nothing is yielded says that the
bytes don't support the accusation; the judge needs no more than one breach.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from codec.fcgi_codec import BODY_LEN, HEADER_LEN, TYPES, VERSION_1, Record, decode_pairs

from judge.evidence import (
    ABORT_REQUEST, APPLICATION, APPLICATION_TYPES, AUTHORIZER, BEGIN_REQUEST, DATA, END_REQUEST, FILTER, GET_VALUES,
    GET_VALUES_RESULT, PARAMS, REQUEST_COMPLETE, RESPONDER, STDERR, STDIN, STDOUT, UNKNOWN_TYPE, WEB_SERVER, Connection,
    Request, Step, record_of,
)  # fmt: skip

CANNOT_TELL = "can't tell"

Rule = Callable[[Connection], Iterator[str]]
RULES: dict[str, Rule] = {}

OUTPUT = (STDOUT, STDERR)
INPUT = (PARAMS, STDIN, DATA)
INPUT_OF_ROLE = {RESPONDER: (PARAMS, STDIN), AUTHORIZER: (PARAMS,), FILTER: (PARAMS, STDIN, DATA)}  # [§6.2, §6.3, §6.4]
# Which types go which way [§A].
FROM_APPLICATION = (END_REQUEST, STDOUT, STDERR, GET_VALUES_RESULT, UNKNOWN_TYPE)
FROM_WEB_SERVER = (BEGIN_REQUEST, ABORT_REQUEST, PARAMS, STDIN, DATA, GET_VALUES)
PROTOCOL_STATUS_AT = 4  # in the body of FCGI_END_REQUEST [§5.5]
ID_SMALL_MAX = 255  # [R-3.3-27]


def rule(requirement: str) -> Callable[[Rule], Rule]:
    def keep(function: Rule) -> Rule:
        assert requirement not in RULES, f"{requirement} has two rules"
        RULES[requirement] = function
        return function

    return keep


def each_record(requirement: str, source: str, breaks: Callable[[Record], bool], *types: int) -> None:
    """A rule about one record of a side at a time."""

    def look(connection: Connection) -> Iterator[str]:
        return (f"record {index}: {record}" for index, record in connection.said(source, *types) if breaks(record))

    rule(requirement)(look)


# Records [§3.3]


@rule("R-3.3-1")
def application_ends_within_a_record(connection: Connection) -> Iterator[str]:
    for end in connection.ends(APPLICATION):
        others = [other for other in connection.ends(WEB_SERVER) if other.index < end.index]
        if end.end != "reset" and not others and connection.rest[APPLICATION]:
            yield f"it closes {len(connection.rest[APPLICATION])} bytes into a record"


@rule("R-3.3-2")
def web_server_ends_within_a_record(connection: Connection) -> Iterator[str]:
    for end in connection.ends(WEB_SERVER):
        if end.end == "reset" or not connection.rest[WEB_SERVER]:
            continue
        # With a request active it may be an abort [§5.4]; whether it then waits for the answer, bytes don't say.
        active = connection.active_at(end.index)
        yield CANNOT_TELL if active else f"it closes {len(connection.rest[WEB_SERVER])} bytes into a record"


def is_odd(record: Record) -> bool:
    return (HEADER_LEN + len(record.content) + len(record.padding)) % 8 != 0


def is_undefined(record: Record) -> bool:
    return record.type not in TYPES


each_record("R-3.3-7", APPLICATION, lambda record: record.version != VERSION_1)
each_record("R-3.3-8", WEB_SERVER, lambda record: record.version != VERSION_1)
each_record("R-3.3-9", APPLICATION, is_undefined)
# A management record of a higher type is what §4.2 provides for.
each_record(
    "R-3.3-10",
    WEB_SERVER,
    lambda record: is_undefined(record) and not (record.request_id == 0 and record.type > UNKNOWN_TYPE),
)
each_record("R-3.3-18", APPLICATION, is_odd)
each_record("R-3.3-19", WEB_SERVER, is_odd)
each_record("R-3.3-29", APPLICATION, lambda record: record.request_id != 0, GET_VALUES_RESULT, UNKNOWN_TYPE)
each_record("R-3.3-30", WEB_SERVER, lambda record: record.request_id != 0, GET_VALUES)
each_record(
    "R-3.3-32", WEB_SERVER, lambda record: record.request_id == 0, BEGIN_REQUEST, ABORT_REQUEST, PARAMS, STDIN, DATA
)
each_record("R-8-1", APPLICATION, lambda record: record.reserved != 0)
each_record("R-8-2", WEB_SERVER, lambda record: record.reserved != 0)
each_record("R-A-1", APPLICATION, lambda record: record.type in FROM_WEB_SERVER)
each_record("R-A-2", WEB_SERVER, lambda record: record.type in FROM_APPLICATION)


@rule("R-3.3-31")
def application_record_with_null_id(connection: Connection) -> Iterator[str]:
    asked_for = next((index for index, record in connection.said(WEB_SERVER, *APPLICATION_TYPES) if not record.request_id), None)
    for index, record in connection.said(APPLICATION, END_REQUEST, STDOUT, STDERR):
        if record.request_id == 0 and (asked_for is None or index < asked_for):
            yield f"record {index}: {record}"


# Request ids [§3.3]


@rule("R-3.3-21")
def begins_an_active_id(connection: Connection) -> Iterator[str]:
    for request in connection.requests:
        for step in request.said(WEB_SERVER, BEGIN_REQUEST)[1:]:
            yield f"record {step.index}: request {request.request_id} is active since record {request.steps[0].index}"


@rule("R-3.3-22")
def sends_under_an_inactive_id(connection: Connection) -> Iterator[str]:
    begun: set[int] = set()
    ended: dict[int, int] = {}  # id -> the index of its end
    read_up_to = -1  # the web server has shown that it had read so far: it began an ended id again
    for step in connection.steps:
        if step.record is None or step.record.request_id == 0:
            continue
        request_id = step.record.request_id
        if (step.source, step.record.type) == (APPLICATION, END_REQUEST):
            ended.setdefault(request_id, step.index)
        elif (step.source, step.record.type) == (WEB_SERVER, BEGIN_REQUEST):
            begun.add(request_id)
            read_up_to = max(read_up_to, ended.pop(request_id, -1))
        elif step.source == WEB_SERVER and step.record.type in (ABORT_REQUEST, *INPUT):
            if request_id not in begun or ended.get(request_id, step.index) < read_up_to:
                yield f"record {step.index}: request {request_id} isn't active"
            elif request_id in ended:
                yield CANNOT_TELL  # The two may have crossed on their way.


@rule("R-3.3-23")
def answers_an_id_never_begun(connection: Connection) -> Iterator[str]:
    begun: set[int] = set()
    for step in connection.steps:
        if step.record is None:
            continue
        if (step.source, step.record.type) == (WEB_SERVER, BEGIN_REQUEST):
            begun.add(step.record.request_id)
        elif step.source == APPLICATION and step.record.type in (END_REQUEST, *OUTPUT):
            if step.record.request_id not in begun | {0}:
                yield f"record {step.index}: request {step.record.request_id} was never begun"


@rule("R-3.3-24")
def output_after_the_end(connection: Connection) -> Iterator[str]:
    for request in connection.requests:
        for step in request.said(APPLICATION, *OUTPUT):
            if request.ended_at is not None and step.index > request.ended_at:
                yield f"record {step.index}: request {request.request_id} ended with record {request.ended_at}"


@rule("R-3.3-27")
def begins_a_large_id(connection: Connection) -> Iterator[str]:
    for index, record in connection.said(WEB_SERVER, BEGIN_REQUEST):
        if record.request_id > ID_SMALL_MAX and len(connection.active_at(index)) < ID_SMALL_MAX:
            yield f"record {index}: id {record.request_id}"


# Streams [§3.3, §6.1]


def is_completed(request: Request) -> bool:
    """Ended by FCGI_END_REQUEST with FCGI_REQUEST_COMPLETE, and not aborted before."""
    if request.ended_at is None or is_before(request.aborted_at, request.ended_at):
        return False
    body = record_of(request.said(APPLICATION, END_REQUEST)[0]).content
    return body[PROTOCOL_STATUS_AT : PROTOCOL_STATUS_AT + 1] == bytes([REQUEST_COMPLETE])


def is_before(index: int | None, other: int | None) -> bool:
    """Whether the one has happened, and the other not before it."""
    return index is not None and (other is None or index < other)


def leaves_output_open(stream: int) -> Rule:
    def look(connection: Connection) -> Iterator[str]:
        for request in connection.requests:
            said = [step for step in request.said(APPLICATION, stream) if is_before(step.index, request.ended_at)]
            if is_completed(request) and said and all(record_of(step).content for step in said):
                yield f"record {request.ended_at} ends request {request.request_id} with {TYPES[stream]} open"

    return look


rule("R-3.3-34")(leaves_output_open(STDOUT))
rule("R-3.3-35")(leaves_output_open(STDERR))


@rule("R-3.3-36")
def leaves_input_open(connection: Connection) -> Iterator[str]:
    for request in connection.requests:
        for stream in INPUT:
            if not request.said(WEB_SERVER, stream) or request.stream_end(WEB_SERVER, stream) is not None:
                continue
            if request.aborted_at is not None or request.ended_at is not None:
                continue
            # Closing is a way to abort [§5.4]: one that still waits is not closing.
            if not connection.ends(WEB_SERVER) or connection.ends(APPLICATION):
                yield f"{TYPES[stream]} of request {request.request_id} never ends"


def goes_on_behind_the_end(source: str, *streams: int) -> Rule:
    def look(connection: Connection) -> Iterator[str]:
        for request in connection.requests:
            for stream in streams:
                end = request.stream_end(source, stream)
                for step in request.said(source, stream):
                    # What the application says behind its FCGI_END_REQUEST is another matter [R-3.3-24].
                    late = source == APPLICATION and is_before(request.ended_at, step.index)
                    if is_before(end, step.index) and not late:
                        yield f"record {step.index}: {TYPES[stream]} of request {request.request_id} ended with record {end}"

    return look


rule("R-3.3-37")(goes_on_behind_the_end(APPLICATION, *OUTPUT))
rule("R-3.3-38")(goes_on_behind_the_end(WEB_SERVER, *INPUT))


@rule("R-6.1-2")
def stdin_before_the_end_of_params(connection: Connection) -> Iterator[str]:
    return begins_early(connection, STDIN, PARAMS, (RESPONDER, AUTHORIZER, FILTER, None))


@rule("R-6.4-3")
def data_before_the_end_of_stdin(connection: Connection) -> Iterator[str]:
    return begins_early(connection, DATA, STDIN, (FILTER,))


def begins_early(connection: Connection, stream: int, before: int, roles: tuple[int | None, ...]) -> Iterator[str]:
    for request in connection.requests:
        end = request.stream_end(WEB_SERVER, before)
        for step in request.said(WEB_SERVER, stream):
            if request.role in roles and not is_before(end, step.index):
                yield f"record {step.index}: {TYPES[before]} of request {request.request_id} has not ended"


@rule("R-6.4-5")
def data_to_another_role(connection: Connection) -> Iterator[str]:
    for request in connection.requests:
        if request.role != FILTER and request.said(WEB_SERVER, DATA):
            yield f"request {request.request_id} has the role {request.role}"


@rule("R-6.1-7")
def completes_without_stdout(connection: Connection) -> Iterator[str]:
    for request in connection.requests:
        if is_completed(request) and not any(is_before(step.index, request.ended_at) for step in request.said(APPLICATION, STDOUT)):
            yield f"record {request.ended_at} completes request {request.request_id} without any FCGI_STDOUT"


@rule("R-6.1-8")
def leaves_an_input_out(connection: Connection) -> Iterator[str]:
    for request in connection.requests:
        streams = INPUT_OF_ROLE.get(request.role or 0, ())
        for position, stream in enumerate(streams):
            if request.said(WEB_SERVER, stream) or request.aborted_at is not None:
                continue
            if any(request.said(WEB_SERVER, later) for later in streams[position + 1 :]):
                yield f"request {request.request_id} has no {TYPES[stream]}, and goes on"
            elif request.ended_at is not None:
                yield CANNOT_TELL  # It may have been about to come.
            elif not connection.ends(WEB_SERVER) or connection.ends(APPLICATION):
                yield f"request {request.request_id} has no {TYPES[stream]}"


def speaks_before_the_end_of(stream: int, role: int) -> Rule:
    def look(connection: Connection) -> Iterator[str]:
        for request in connection.requests:
            if request.role != role:
                continue
            end = request.stream_end(WEB_SERVER, stream)
            for step in request.said(APPLICATION, *OUTPUT):
                # What comes behind an abort ends the request; what comes behind its end is another matter [R-3.3-24].
                over = is_before(request.aborted_at, step.index) or is_before(request.ended_at, step.index)
                if not over and not is_before(end, step.index):
                    yield f"record {step.index}: {TYPES[stream]} of request {request.request_id} has not ended"

    return look


rule("R-6.2-10")(speaks_before_the_end_of(PARAMS, RESPONDER))
rule("R-6.3-3")(speaks_before_the_end_of(PARAMS, AUTHORIZER))
rule("R-6.4-9")(speaks_before_the_end_of(STDIN, FILTER))


# Name-value pairs [§3.4]


@rule("R-5.2-1")
def params_are_no_pairs(connection: Connection) -> Iterator[str]:
    for request in connection.requests:
        if request.stream_end(WEB_SERVER, PARAMS) is not None:
            rest = decode_pairs(request.stream_value(WEB_SERVER, PARAMS))[1]
            if rest:
                yield f"FCGI_PARAMS of request {request.request_id} ends {len(rest)} bytes into a pair"


@rule("R-6.1-10")
def value_with_a_null_byte(connection: Connection) -> Iterator[str]:
    for request in connection.requests:
        for pair in decode_pairs(request.stream_value(WEB_SERVER, PARAMS))[0]:
            if b"\0" in pair.value:
                yield f"request {request.request_id}: the value of {pair.name!r} is {pair.value!r}"


def is_no_query(record: Record) -> bool:
    pairs, rest = decode_pairs(record.content)
    return bool(rest) or any(pair.value for pair in pairs)


each_record("R-4.1-2", WEB_SERVER, is_no_query, GET_VALUES)
each_record("R-4.1-5", APPLICATION, lambda record: bool(decode_pairs(record.content)[1]), GET_VALUES_RESULT)


# Management records [§4]


@rule("R-4.1-4")
def result_without_a_query(connection: Connection) -> Iterator[str]:
    num_open = 0
    for step in connection.steps:
        if step.record is None:
            continue
        if (step.source, step.record.type) == (WEB_SERVER, GET_VALUES):
            num_open += 1
        elif (step.source, step.record.type) == (APPLICATION, GET_VALUES_RESULT):
            if num_open == 0:
                yield f"record {step.index}: every query so far is answered already"
            num_open = max(num_open - 1, 0)


def unknown_type_answers(connection: Connection) -> Iterator[tuple[Step, list[int]]]:
    """Each FCGI_UNKNOWN_TYPE, and the undefined types that were sent before it and are not yet answered. One that names
    FCGI_GET_VALUES declines a query, and isn't among them."""
    waiting: list[int] = []
    num_queries = num_declined = 0
    for step in connection.steps:
        if step.record is None:
            continue
        if step.source == WEB_SERVER and is_undefined(step.record):
            waiting.append(step.record.type)
        elif (step.source, step.record.type) == (WEB_SERVER, GET_VALUES):
            num_queries += 1
        elif (step.source, step.record.type) == (APPLICATION, GET_VALUES_RESULT):
            num_queries = max(num_queries - 1, 0)
            num_declined = min(num_declined, num_queries)
        elif (step.source, step.record.type) == (APPLICATION, UNKNOWN_TYPE):
            named = step.record.content[0] if step.record.content else None
            if named == GET_VALUES and len(step.record.content) == BODY_LEN and num_declined < num_queries:
                num_declined += 1
                continue
            yield step, list(waiting)
            if waiting:
                waiting.remove(named if named in waiting else waiting[0])  # type: ignore[arg-type]  # then it is a number


@rule("R-4.2-2")
def unknown_type_without_cause(connection: Connection) -> Iterator[str]:
    for step, waiting in unknown_type_answers(connection):
        if not waiting:
            yield f"record {step.index}: there is no record that it answers"


@rule("R-4.2-5")
def unknown_type_names_another(connection: Connection) -> Iterator[str]:
    for step, waiting in unknown_type_answers(connection):
        content = record_of(step).content
        if waiting and content and content[0] not in waiting:
            yield f"record {step.index}: it names {content[0]}, and {waiting} wait"


# Bodies [§4.2, §5.1, §5.5]


def has_another_size(record: Record) -> bool:
    return len(record.content) != BODY_LEN


def reserved_from(offset: int) -> Callable[[Record], bool]:
    """Whether one of the reserved bytes, which are the last of a body, is other than zero."""
    return lambda record: len(record.content) == BODY_LEN and any(record.content[offset:])


each_record("R-4.2-3", APPLICATION, has_another_size, UNKNOWN_TYPE)
each_record("R-4.2-4", APPLICATION, reserved_from(1), UNKNOWN_TYPE)
each_record("R-5.1-1", WEB_SERVER, has_another_size, BEGIN_REQUEST)
each_record("R-5.1-2", WEB_SERVER, reserved_from(3), BEGIN_REQUEST)
each_record(
    "R-5.1-4",
    WEB_SERVER,
    lambda record: len(record.content) == BODY_LEN and int.from_bytes(record.content[:2], "big") not in INPUT_OF_ROLE,
    BEGIN_REQUEST,
)
each_record(
    "R-5.1-6", WEB_SERVER, lambda record: len(record.content) == BODY_LEN and record.content[2] > 1, BEGIN_REQUEST
)
each_record("R-5.5-3", APPLICATION, has_another_size, END_REQUEST)
each_record("R-5.5-4", APPLICATION, reserved_from(5), END_REQUEST)
each_record(
    "R-5.5-5",
    APPLICATION,
    lambda record: len(record.content) == BODY_LEN and record.content[PROTOCOL_STATUS_AT] > 3,
    END_REQUEST,
)


@rule("R-5.5-1")
def ends_not_once(connection: Connection) -> Iterator[str]:
    for request in connection.requests:
        for step in request.said(APPLICATION, END_REQUEST)[1:]:
            yield f"record {step.index} ends request {request.request_id} again"
    for end in connection.ends(APPLICATION):
        gone = any(other.end != "half-close" and other.index < end.index for other in connection.ends(WEB_SERVER))
        for request in connection.active_at(end.index):
            if end.end != "reset" and not gone and request.said(APPLICATION, *OUTPUT):
                yield f"it closes in the middle of the answer to request {request.request_id}"
