"""What real peers of both sides share: programs and their versions, addresses, and processes that are started, watched,
started again and stopped.

Knows neither FastCGI nor HTTP, and which peers there are.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).resolve().parents[2]

READY_WITHIN_S = 15.0  # Only a peer that fails takes this long.
STOP_GRACE_S = 3.0
ORPHANS_GRACE_S = 1.0  # Of what a leader leaves behind.
RESTARTS_MAX = 5000  # Some peers die of much that a run does.
LOG_SHOWN_MAX = 4096
BACKLOG = 511
SUN_PATH_MAX = 107  # sockaddr_un.sun_path, less the null byte.

# /usr/sbin, where php-fpm and most Web servers are, is not on everyone's PATH.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


class PeerError(Exception):
    """A peer that is unknown, not installed, or does not start: our set-up's trouble, never a verdict on the peer."""


# Programs


class Program(Protocol):
    """What a table of peers says of each."""

    name: str
    packages: tuple[str, ...]
    version_argv: tuple[str, ...]
    version_pattern: str


def version_of(program: Program) -> str:
    """Asks the program or library itself. PeerError if it is not installed or gives no version."""
    said = run_program(program, list(program.version_argv))
    match = re.search(program.version_pattern, said)
    if not match:
        raise PeerError(f"{program.name}: no version in what '{' '.join(program.version_argv)}' says: {said.strip()!r}")
    return match[1]


def find_program(peer_name: str, program: str, packages: tuple[str, ...]) -> str:
    path = shutil.which(program, path=SEARCH_PATH)
    if path is None:
        raise PeerError(
            f"{peer_name}: there is no {program} here; it wants the Debian packages {' '.join(packages)}: "
            "scripts/install peers"
        )
    return path


def run_program(program: Program, argv: list[str], **options) -> str:
    """What a program says, on either stream. PeerError with its words if it is not there or fails."""
    argv = [find_program(program.name, argv[0], program.packages), *argv[1:]]
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        timeout=300, check=False, **options,
    )  # fmt: skip
    if done.returncode != 0:
        raise PeerError(
            f"{program.name}: '{' '.join(argv)}' failed ({exit_text(done.returncode)}); it wants the Debian "
            f"packages {' '.join(program.packages)}:\n{done.stdout[-LOG_SHOWN_MAX:]}"
        )
    return done.stdout


def exit_text(returncode: int) -> str:
    """As `returncode` of subprocess has it: negative for a signal."""
    return f"exit status {returncode}" if returncode >= 0 else f"killed by {signal.Signals(-returncode).name}"


# Addresses: unix:/path or tcp:host:port


def listening_socket(transport: str, folder: Path) -> tuple[socket.socket, str]:
    """A listening socket and its address."""
    if transport == "unix":
        path = str(folder / "socket")
        if len(os.fsencode(path)) > SUN_PATH_MAX:
            raise PeerError(f"{path}: longer than the {SUN_PATH_MAX} bytes of a Unix socket; set TMPDIR shorter")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(path)
        address = f"unix:{path}"
    elif transport == "tcp":
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        address = "tcp:{}:{}".format(*listener.getsockname())
    else:
        raise PeerError(f"no transport '{transport}'; there are: unix, tcp")
    listener.listen(BACKLOG)
    return listener, address


def release_address(listener: socket.socket, address: str) -> None:
    """Makes the address free again, for somebody who makes the socket himself."""
    listener.close()
    if address.startswith("unix:"):
        os.unlink(address.removeprefix("unix:"))


def free_address(transport: str, folder: Path) -> str:
    """An address at which nobody listens. Somebody else may take a port before it is used: rare, and told then."""
    listener, address = listening_socket(transport, folder)
    release_address(listener, address)
    return address


def connect(address: str) -> socket.socket:
    kind, _, where = address.partition(":")
    family = socket.AF_UNIX if kind == "unix" else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.settimeout(1.0)
    host, _, port = where.rpartition(":")
    try:
        connection.connect(where if kind == "unix" else (host, int(port)))
    except OSError:
        connection.close()
        raise
    return connection


# Processes


@dataclass(frozen=True)
class Launch:
    """How to start a peer in its folder."""

    argv: list[str]
    environment: dict[str, str] = field(default_factory=dict)


class Supervised:
    """A running peer: `name`, `log_path` (what it writes to its standard output and error), `ends` (how it ended, each
    time that it did so by itself). `where` is what our messages say of its place. With `restarts` it is started again
    when it ends, once it was ready, as a process manager would do: what follows can then still be tested.

    Who derives from it says in `answers` what ready means."""

    def __init__(self, program: Program, launch: Launch, folder: Path, where: str, stdin, restarts: bool):
        self.program = program
        self.name = program.name
        self.where = where
        self.log_path = folder / "log"
        self.ends: list[str] = []
        self._launch = launch
        self._stdin = stdin
        self._restarts = restarts
        self._lock = threading.Lock()  # Around `_process`, `_ready`, `_stopped`.
        self._ready = self._stopped = False
        self._ended = threading.Event()  # For good.
        self._start()

    @property
    def pid(self) -> int:
        """The leader of its process group; another one after each end."""
        return self._process.pid

    def answers(self, deadline: float) -> bool:
        """Whether the peer itself, not only the kernel, takes what comes, by `deadline` (of time.monotonic())."""
        raise NotImplementedError

    def _start(self) -> None:
        self._ended.clear()
        self._process = self._spawn()
        self._supervisor = threading.Thread(target=self._supervise, name=f"supervisor of {self.name}", daemon=True)
        self._supervisor.start()

    def _spawn(self) -> subprocess.Popen:
        program = find_program(self.name, self._launch.argv[0], self.program.packages)
        with open(self.log_path, "ab") as log:
            return subprocess.Popen(
                [program, *self._launch.argv[1:]],
                stdin=self._stdin,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.log_path.parent,
                env=os.environ | self._launch.environment,
                start_new_session=True,  # All that it starts can be stopped; no terminal's signal gets there.
            )

    def _supervise(self) -> None:
        while True:
            returncode = self._process.wait()
            end_group(self._process.pid)
            with self._lock:
                if not self._stopped:
                    self.ends.append(exit_text(returncode))
                if self._stopped or not self._ready or not self._restarts or len(self.ends) > RESTARTS_MAX:
                    self._ended.set()
                    return
                self._process = self._spawn()

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")[-LOG_SHOWN_MAX:]

    def wait_ready(self) -> None:
        """Waits until the peer answers. PeerError, with the log, if that doesn't happen in time or it ends before."""
        deadline = time.monotonic() + READY_WITHIN_S
        while not self.answers(deadline):
            if self._ended.wait(timeout=0.01):
                raise PeerError(f"{self.name} did not start ({self.ends[-1]}); its log:\n{self.log()}")
            if time.monotonic() > deadline:
                raise PeerError(
                    f"{self.name} is not ready at {self.where} after {READY_WITHIN_S:g} s; its log:\n{self.log()}"
                )
        with self._lock:
            self._ready = True
        if self._ended.is_set():  # It answered by ending, as Ruby's does, before we said that it may be started again.
            if not self._restarts:
                raise PeerError(f"{self.name} ended while it started ({self.ends[-1]}); its log:\n{self.log()}")
            self._start()

    def stop(self) -> None:
        """Stops the peer and all that it started: SIGTERM [§7], after a grace SIGKILL."""
        with self._lock:
            self._stopped = True
            self._process.terminate()  # The leader alone: it is the one to tell its children, and to collect them.
        if not self._ended.wait(STOP_GRACE_S):
            self._process.kill()  # The supervisor kills the rest.
        self._supervisor.join()

    def report_ends(self) -> None:
        """Says that it had ended by itself, unless on purpose [§7]: whoever reads a failed run will want to know."""
        ends = Counter(how for how in self.ends if how != exit_text(0))
        if ends:
            times = ", ".join(f"{how}: {count}" for how, count in ends.items())
            print(f"{self.name} ended by itself ({times}); the end of its log:\n{self.log()[-1000:]}", file=sys.stderr)


def adopt_orphans() -> None:
    """From now on, children whose parent ends become ours, so that we can wait for them; see prctl(2)."""
    pr_set_child_subreaper = 36
    if ctypes.CDLL(None, use_errno=True).prctl(pr_set_child_subreaper, 1, 0, 0, 0) != 0:
        raise PeerError(f"cannot adopt orphans: {os.strerror(ctypes.get_errno())}")


def end_group(pid: int) -> None:
    """Ends the process group whose leader has ended. What the leader has told to go has a moment for it."""
    deadline = time.monotonic() + ORPHANS_GRACE_S
    try:
        while time.monotonic() < deadline:
            if os.waitpid(-pid, os.WNOHANG) == (0, 0):
                time.sleep(0.01)
    except ChildProcessError:
        pass  # Nobody left, or nobody that is ours to wait for.
    kill_group(pid)


def kill_group(pid: int) -> None:
    """Kills the process group whose leader has ended, and waits until all of it is gone."""
    try:
        os.killpg(pid, signal.SIGKILL)
        while True:
            os.waitpid(-pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass  # Nobody left.


def processes_of_session(session: int) -> list[int]:
    """The processes of a session. Not those that have ended: on a machine whose first process collects no orphans, an
    orphan that has ended stays listed."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, _group, its_session = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue  # It has ended meanwhile.
        if int(its_session) == session and state != "Z":
            found.append(int(stat.parent.name))
    return found
