"""Peers that do wrong on purpose, for tests of the whole command. They speak no protocol: they hand bytes on between the
command and a reference peer, until they see a mark among them, and then do what they are told with the socket.

    hostile_peers.py ADDRESS HOW

is such an application, started by the command with its listening socket on descriptor 0: before ADDRESS, the reference
application, and at the mark it ends by HOW: an exit status, or a signal's name.
"""

from __future__ import annotations

import os
import random
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

CHUNK_SIZE = 65536
MARK = b"hostile"


class Stopped(Exception):
    """The test is over, or has been for the other end."""


class Visit:
    """One connection that somebody has made to us: what has come on it first, and where to hand it on to."""

    def __init__(self, near: socket.socket, heard: bytes, host: Host) -> None:
        self.near = near
        self.heard = heard
        self.host = host

    def say(self, data: bytes) -> None:
        """Blocks while the other end reads nothing."""
        self.near.sendall(data)

    def say_for_ever(self, data: bytes, pause_s: float = 0) -> None:
        data = data * max(1, CHUNK_SIZE // len(data)) if pause_s == 0 else data
        while not self.host.stopping.wait(pause_s):
            self.say(data)

    def stay(self, seconds: float = 3600) -> None:
        """Neither reads nor writes."""
        if self.host.stopping.wait(seconds):
            raise Stopped

    def read_to_end(self) -> None:
        while self.near.recv(CHUNK_SIZE):
            pass

    def reset(self) -> None:
        reset(self.near)

    def go_on(self) -> socket.socket:
        """A connection to where we stand before, where what was heard has been said."""
        far = self.host.keep(connected(self.host.beyond))
        far.sendall(self.heard)
        return far

    def hand_on(self) -> None:
        carry_both_ways(self.near, self.go_on())

    def answer(self) -> bytes:
        """What the one beyond says to what was heard, until it ends the connection or nothing comes for a moment."""
        far = self.go_on()
        far.settimeout(0.3)
        said = b""
        with suppress(TimeoutError), far:
            while piece := far.recv(CHUNK_SIZE):
                said += piece
        return said


Conduct = Callable[[Visit], None]


def hand_on(visit: Visit) -> None:
    visit.hand_on()


class Host:
    """Listens, and does with every connection as `conduct` says; `beyond` is where connections are handed on to."""

    def __init__(self, listening: socket.socket, beyond: str, conduct: Conduct) -> None:
        self.stopping = threading.Event()
        self.beyond = beyond
        self.conduct = conduct
        self.listening = listening
        self.kept: list[socket.socket] = []
        self.threads = [threading.Thread(target=self.accept_all, daemon=True)]
        self.threads[0].start()

    def keep(self, one: socket.socket) -> socket.socket:
        """To be shut when we stop."""
        self.kept.append(one)
        if len(self.kept) > 100:
            self.kept = [other for other in self.kept if other.fileno() >= 0]
        return one

    def accept_all(self) -> None:
        while not self.stopping.is_set():
            try:
                near, _ = self.listening.accept()
            except OSError:
                return  # nobody shall come any more
            thread = threading.Thread(target=self.receive, args=(self.keep(near),), daemon=True)
            thread.start()
            self.threads = [other for other in self.threads if other.is_alive()] + [thread]

    def receive(self, near: socket.socket) -> None:
        # Conduct ends where the other end goes, or the test does.
        with near, suppress(OSError, Stopped):
            self.conduct(Visit(near, near.recv(CHUNK_SIZE), self))

    def listen_no_more(self) -> None:
        with suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()

    def stop(self) -> None:
        self.stopping.set()
        self.listen_no_more()
        for one in self.kept:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(timeout=10)


@contextmanager
def hosting(address: str, beyond: str, conduct: Conduct) -> Iterator[Host]:
    host = Host(listening_on(address), beyond, conduct)
    try:
        yield host
    finally:
        host.stop()


# When


def always(conduct: Conduct) -> Conduct:
    return conduct


def at_the_mark(conduct: Conduct) -> Conduct:
    """On connections that begin with the mark; the others are handed on."""
    return lambda visit: conduct(visit) if MARK in visit.heard else visit.hand_on()


def from_the_mark_on(conduct: Conduct, times: int = 1_000_000) -> Conduct:
    """On the connection that begins with the mark, and on `times` that come later."""
    left: list[int] = []

    def choose(visit: Visit) -> None:
        if not left and MARK in visit.heard:
            left.append(times + 1)
        if left and left[0] > 0:
            left[0] -= 1
            conduct(visit)
        else:
            visit.hand_on()

    return choose


def where(text: bytes) -> Callable[[Conduct], Conduct]:
    """On connections that begin with this text among their bytes."""
    return lambda conduct: lambda visit: conduct(visit) if text in visit.heard else visit.hand_on()


# What


def closes(_: Visit) -> None:
    pass


def resets(visit: Visit) -> None:
    visit.reset()


def is_silent(visit: Visit) -> None:
    visit.read_to_end()


def never_reads(visit: Visit) -> None:
    visit.stay()


def says(data: bytes) -> Conduct:
    return lambda visit: visit.say(data)


def says_and_is_silent(data: bytes) -> Conduct:
    def conduct(visit: Visit) -> None:
        visit.say(data)
        visit.stay()

    return conduct


def says_for_ever(data: bytes, pause_s: float = 0) -> Conduct:
    return lambda visit: visit.say_for_ever(data, pause_s)


def answers_after(seconds: float) -> Conduct:
    def conduct(visit: Visit) -> None:
        visit.stay(seconds)
        visit.hand_on()

    return conduct


def answers_by_bytes(pause_s: float) -> Conduct:
    """The right answer, a byte at a time."""

    def conduct(visit: Visit) -> None:
        for byte in visit.answer():
            visit.say(bytes((byte,)))
            visit.stay(pause_s)

    return conduct


def answers_and_says_for_ever(data: bytes) -> Conduct:
    """The right answer first, and the beginning of the rest with it."""

    def conduct(visit: Visit) -> None:
        visit.say(visit.answer() + data)
        visit.say_for_ever(data)

    return conduct


def vanishes(visit: Visit) -> None:
    """So does who listens: connections are refused from now on."""
    visit.host.listen_no_more()


def swaps_answers() -> Conduct:
    """Those of the first connection and the second, of the third and the fourth, ..."""
    lock = threading.Lock()
    alone: list[tuple[Visit, bytes]] = []

    def conduct(visit: Visit) -> None:
        answer = visit.answer()
        with lock:
            if not alone:
                alone.append((visit, answer))
            else:
                other, answer_of_other = alone.pop()
                other.say(answer)
                visit.say(answer_of_other)
        visit.stay()

    return conduct


# Of a Web server, between the reference Web server and the command, which plays the application.


def says_beyond(data: bytes) -> Conduct:
    """In the place of what the Web server has said."""

    def conduct(visit: Visit) -> None:
        far = visit.host.keep(connected(visit.host.beyond))
        far.sendall(data)
        visit.stay()

    return conduct


def floods_beyond(data: bytes, begun: bool = False) -> Conduct:
    """Never reads what is said to it; `begun`: behind what the Web server has said."""

    def conduct(visit: Visit) -> None:
        far = visit.go_on() if begun else visit.host.keep(connected(visit.host.beyond))
        many = data * max(1, CHUNK_SIZE // len(data))
        while not visit.host.stopping.is_set():
            far.sendall(many)

    return conduct


def connects_a_thousand_times(visit: Visit) -> None:
    """And keeps the last few connections."""
    mine: list[socket.socket] = []
    for _ in range(1000):
        mine.append(connected(visit.host.beyond))
        if len(mine) > 20:
            mine.pop(0).close()


def never_reads_the_answer(visit: Visit) -> None:
    visit.go_on()
    visit.stay()


# Bytes and sockets


def random_bytes(size: int, seed: int = 20261127) -> bytes:
    return random.Random(seed).randbytes(size)


def reset(one: socket.socket) -> None:
    """Of TCP: a Unix socket that is closed is reset only where something is unread."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()


def place_of(address: str) -> tuple[int, str | tuple[str, int]]:
    kind, _, rest = address.partition(":")
    if kind == "unix":
        return socket.AF_UNIX, rest
    host, _, port = rest.rpartition(":")
    return socket.AF_INET, (host, int(port))


def connected(address: str) -> socket.socket:
    family, place = place_of(address)
    one = socket.socket(family)
    try:
        one.connect(place)
    except OSError:
        one.close()
        raise
    return one


def listening_on(address: str) -> socket.socket:
    family, place = place_of(address)
    one = socket.socket(family)
    one.bind(place)
    one.listen(128)
    return one


def address_of(one: socket.socket) -> str:
    name = one.getsockname()
    return f"unix:{name}" if one.family == socket.AF_UNIX else f"tcp:{name[0]}:{name[1]}"


def carry_both_ways(near: socket.socket, far: socket.socket) -> None:
    """Bytes and ends, until both have ended or one of them is gone."""
    ends = {near.fileno(): (near, far), far.fileno(): (far, near)}
    going = select.poll()
    for fd in ends:
        going.register(fd, select.POLLIN)
    num_going = len(ends)
    with far:
        while num_going > 0:
            for fd, _ in going.poll():
                one, other = ends[fd]
                if data := one.recv(CHUNK_SIZE):
                    other.sendall(data)
                else:
                    other.shutdown(socket.SHUT_WR)
                    going.unregister(fd)
                    num_going -= 1


# A program of its own


def end_by(how: str) -> Conduct:
    def conduct(_: Visit) -> None:
        if how.isdecimal():
            os._exit(int(how))
        os.kill(os.getpid(), getattr(signal, how))

    return conduct


def main(beyond: str, how: str) -> None:
    Host(socket.socket(fileno=0), beyond, at_the_mark(end_by(how)))
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main(*sys.argv[1:])
