"""What an HTTP client was answered, as the bytes say: so much of HTTP/1.1 [RFC 9112] as a response's end takes. Judges
nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from judge.evidence import HttpConnection

__all__ = ["HttpConnection", "Response", "last_response", "status_fits"]


@dataclass
class Response:
    status: int | None = None  # none where no whole head came
    body: bytes = b""
    whole: bool = False
    broken: bool = False  # it isn't HTTP
    end: str = ""  # how the Web server ended the connection


def status_fits(pattern: str, status: int) -> bool:
    """A number, a class like "4xx", or "*"."""
    return pattern == "*" or all(one in ("x", other) for one, other in zip(pattern, str(status)))


def last_response(connection: HttpConnection) -> Response:
    """The last of those on the connection that is no interim one. What is behind the response to the last request, and isn't
    HTTP, is no response: a body that is longer than its Content-Length says."""
    methods = re.findall(rb"(?m)^([A-Z]+) \S+ HTTP/1\.[01]\r?$", connection.asked)
    data = connection.answered
    answer = Response(end=connection.end)
    number = 0
    while data:
        without_body = number < len(methods) and methods[number] == b"HEAD"
        answer, data = first_response(data, connection.end, without_body)
        if answer.status is None or not answer.whole:
            break
        number += answer.status >= 200
        if number >= len(methods) > 0 and not data.startswith(b"HTTP/1."):
            break
    return answer


def first_response(data: bytes, end: str, without_body: bool) -> tuple[Response, bytes]:
    answer = Response(end=end)
    head = re.match(rb"(?s)HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?\r\n(.*?\r\n)??\r\n", data)
    if head is None:
        answer.broken = not b"HTTP/1.".startswith(data[:7])
        return answer, b""
    answer.status = int(head[1])
    fields = head[2] or b""
    rest = data[head.end() :]
    length = re.search(rb"(?im)^content-length:[ \t]*(\d+)", fields)
    if without_body or answer.status < 200 or answer.status in (204, 304):
        answer.whole = True
    elif re.search(rb"(?im)^transfer-encoding:.*chunked", fields):
        answer.body, answer.whole, rest = read_chunks(rest)
    elif length:
        answer.body, rest = rest[: int(length[1])], rest[int(length[1]) :]
        answer.whole = len(answer.body) == int(length[1])
    else:  # its end is the connection's
        answer.body, answer.whole, rest = rest, end == "close", b""
    return answer, rest


def read_chunks(data: bytes) -> tuple[bytes, bool, bytes]:
    """The body, whether it is whole, and what is behind it."""
    body = b""
    while True:
        head = re.match(rb"([0-9a-fA-F]+)[^\r\n]*\r\n", data)
        if head is None:
            return body, False, b""
        size = int(head[1], 16)
        data = data[head.end() :]
        if size == 0:
            trailer = re.match(rb"(?s)(?:.*?\r\n)??\r\n", data)
            return body, trailer is not None, data[trailer.end() :] if trailer else b""
        body += data[:size]
        if len(data) < size + 2:
            return body, False, b""
        data = data[size + 2 :]
