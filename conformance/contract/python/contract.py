"""The contract (../README.md) in Python: a WSGI application, for uwsgi's FastCGI socket.

Not offered: stderr, which goes to uwsgi's log; status, wait, exit, and the other roles, of which WSGI has no notion.
uwsgi gives at most CONTENT_LENGTH bytes of FCGI_STDIN, and none without it. Debian 12 has no FastCGI library for Python.
"""

import re

BLOCK_SIZE = 65536


def blocks_of(stdin):
    while block := stdin.read(BLOCK_SIZE):
        yield block


def length(environ):
    return sum(map(len, blocks_of(environ["wsgi.input"])))


def large(size):
    block = b"0123456789abcdef" * (BLOCK_SIZE // 16)
    for _ in range(size // BLOCK_SIZE):
        yield block
    yield block[: size % BLOCK_SIZE]


def early(environ):
    yield b"early\n"
    yield b"%d\n" % length(environ)


def escaped(text, also=""):
    return re.sub(f"[^\x21-\x7e]|[%{also}]", lambda match: f"%{ord(match[0]):02X}", text)


def params(environ, prefix):
    """WSGI has the bytes as Latin-1 characters; what is not a string, or a name of WSGI's or uwsgi's, did not come as
    FCGI_PARAMS."""
    for name, value in sorted(environ.items()):
        if name.startswith(prefix) and isinstance(value, str) and not name.startswith(("wsgi.", "uwsgi.")):
            yield f"{escaped(name, '=')}={escaped(value)}\n".encode()


def update(environ):
    try:
        complete = length(environ) == int(environ.get("CONTENT_LENGTH") or 0)
    except OSError:  # uwsgi's way to say that FCGI_STDIN ended before CONTENT_LENGTH bytes
        complete = False
    return b"complete\n" if complete else b"incomplete\n"


OPERATIONS = {
    "early": lambda environ, _: early(environ),
    "echo": lambda environ, _: blocks_of(environ["wsgi.input"]),
    "hello": lambda *_: [f"fcgispec contract 1: {' '.join(OPERATIONS)}\n".encode()],
    "large": lambda _, size: large(int(size)),
    "length": lambda environ, _: [b"%d\n" % length(environ)],
    "params": params,
    "unread": lambda *_: [b"ok\n"],
    "update": lambda environ, _: [update(environ)],
}


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    match = re.fullmatch(r"fcgispec\.([^=]*)=?(.*)", environ.get("QUERY_STRING", ""), re.DOTALL)
    if not match:
        return [b"hello\n"]
    name, argument = match.groups()
    if name not in OPERATIONS or (name == "large" and not re.fullmatch("[0-9]{1,10}", argument)):
        return [b"unsupported\n"]
    return OPERATIONS[name](environ, argument)
