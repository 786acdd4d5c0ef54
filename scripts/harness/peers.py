"""Real FastCGI applications, started as a Web server or an administrator would start them, each with the contract
(conformance/contract/README.md) in it.

    with peers.start("php-fpm", transport="unix") as peer:
        subprocess.run([..., peer.address, *peer.param_words()])

Never speaks FastCGI to a peer. Judges nothing: it starts, finds out whether somebody accepts connections, and stops.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = ROOT / "conformance" / "contract"

READY_WITHIN_S = 15.0  # Only a peer that fails takes this long.
STOP_GRACE_S = 3.0
LOG_SHOWN_MAX = 4096
BACKLOG = 511
SUN_PATH_MAX = 107  # sockaddr_un.sun_path, less the null byte.

# /usr/sbin, where php-fpm is, is not on everyone's PATH.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


class PeerError(Exception):
    """A peer that is unknown, not installed, or does not start: our set-up's trouble, never a verdict on the peer."""


@dataclass(frozen=True)
class Launch:
    """How to start a peer in its folder. A peer either inherits the listening socket as file descriptor 0 [§2.2], or
    makes its own (`binds`)."""

    argv: list[str]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Application:
    """An entry of the table at the end. `launch` gets the folder of the run and the address, unix:/path or
    tcp:host:port."""

    name: str
    about: str
    packages: tuple[str, ...]
    version_argv: tuple[str, ...]
    version_pattern: str
    launch: Callable[[Path, str], Launch]
    params: dict[str, str] = field(default_factory=dict)
    binds: bool = False

    def version(self) -> str:
        """Asks the program or library itself. PeerError if it is not installed or gives no version."""
        said = run_program(self, list(self.version_argv))
        match = re.search(self.version_pattern, said)
        if not match:
            raise PeerError(f"{self.name}: no version in what '{' '.join(self.version_argv)}' says: {said.strip()!r}")
        return match[1]


def find_program(application_name: str, program: str, packages: tuple[str, ...]) -> str:
    path = shutil.which(program, path=SEARCH_PATH)
    if path is None:
        raise PeerError(
            f"{application_name}: there is no {program} here; it wants the Debian packages {' '.join(packages)}: "
            "scripts/install peers"
        )
    return path


def run_program(application: Application, argv: list[str], **options) -> str:
    """What a program says, on either stream. PeerError with its words if it is not there or fails."""
    argv = [find_program(application.name, argv[0], application.packages), *argv[1:]]
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        timeout=300, check=False, **options,
    )  # fmt: skip
    if done.returncode != 0:
        raise PeerError(
            f"{application.name}: '{' '.join(argv)}' failed ({exit_text(done.returncode)}); it wants the Debian packages "
            f"{' '.join(application.packages)}:\n{done.stdout[-LOG_SHOWN_MAX:]}"
        )
    return done.stdout


def exit_text(returncode: int) -> str:
    """As `returncode` of subprocess has it: negative for a signal."""
    return f"exit status {returncode}" if returncode >= 0 else f"killed by {signal.Signals(-returncode).name}"


# Listening sockets and readiness


def listening_socket(transport: str, folder: Path) -> tuple[socket.socket, str]:
    """A listening socket and its address."""
    if transport == "unix":
        path = str(folder / "socket")
        if len(os.fsencode(path)) > SUN_PATH_MAX:
            raise PeerError(f"{path}: too long for a Unix socket ({SUN_PATH_MAX} bytes); set TMPDIR to a shorter folder")
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
    """Makes the address free again, for a peer that makes its own socket."""
    listener.close()
    if address.startswith("unix:"):
        os.unlink(address.removeprefix("unix:"))


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


class Peer:
    """A running application: `name`, `address`, `params`, `log_path` (what it writes, outside FastCGI, to its standard
    output and error). Made by `start`."""

    def __init__(self, application: Application, transport: str, folder: Path):
        self.application = application
        self.name = application.name
        self.params = dict(application.params)
        self.log_path = folder / "log"
        listener, self.address = listening_socket(transport, folder)
        try:
            if application.binds:
                release_address(listener, self.address)
            launch = application.launch(folder, self.address)
            self._process = self._spawn(launch, None if application.binds else listener, folder)
        finally:
            # The peer has it now. We don't keep it: with a peer that died, a connection must be refused.
            listener.close()
        self.pid = self._process.pid

    def _spawn(self, launch: Launch, listener: socket.socket | None, folder: Path) -> subprocess.Popen:
        program = find_program(self.name, launch.argv[0], self.application.packages)
        with open(self.log_path, "wb") as log:
            return subprocess.Popen(
                [program, *launch.argv[1:]],
                stdin=listener if listener else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=os.environ | launch.environment,
                start_new_session=True,  # So that all that it starts can be stopped, and no terminal's signal gets there.
            )

    def param_words(self) -> list[str]:
        """The `--param NAME=VALUE` words that requests to this peer need."""
        return [word for name, value in self.params.items() for word in ("--param", f"{name}={value}")]

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")[-LOG_SHOWN_MAX:]

    def ended(self) -> str | None:
        """How it ended, or None while it runs."""
        returncode = self._process.poll()
        return None if returncode is None else exit_text(returncode)

    def wait_ready(self) -> None:
        """Waits until the application, not only the kernel, takes a connection: we say nothing, close our side, and are
        hung up on. PeerError, with the log, if that doesn't happen in time or it ends."""
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            if ended := self.ended():
                raise PeerError(f"{self.name} did not start ({ended}); its log:\n{self.log()}")
            if self._hangs_up() and self._accepts():
                return
            try:
                self._process.wait(timeout=0.01)  # A pause that ends early if the peer does.
            except subprocess.TimeoutExpired:
                pass
        raise PeerError(f"{self.name} is not ready at {self.address} after {READY_WITHIN_S:g} s; its log:\n{self.log()}")

    def _hangs_up(self) -> bool:
        try:
            with connect(self.address) as connection:
                connection.shutdown(socket.SHUT_WR)
                return bool(select.select([connection], [], [], 1.0)[0])
        except OSError:
            return False

    def _accepts(self) -> bool:
        """A peer that dies hangs up too, but then nobody listens any more."""
        try:
            connect(self.address).close()
            return True
        except OSError:
            return False

    def stop(self) -> str | None:
        """Stops the peer and all that it started: SIGTERM [§7], after a grace SIGKILL. If it had ended before it was
        told to, says how."""
        ended = self.ended()
        if ended is None:
            self._process.terminate()  # The leader alone: it is the one to tell its children, and to collect them.
            try:
                self._process.wait(timeout=STOP_GRACE_S)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # The group is empty: they are all gone.
        self._process.wait()
        return ended


@contextmanager
def start(name: str, transport: str = "unix") -> Iterator[Peer]:
    """A running, reachable peer, stopped at the end of the block."""
    application = find(name)
    with tempfile.TemporaryDirectory(prefix="fcgispec-", ignore_cleanup_errors=True) as folder:
        peer = Peer(application, transport, Path(folder))
        ended = None
        try:
            peer.wait_ready()
            yield peer
        finally:
            ended = peer.stop()
            if ended and sys.exc_info()[0] is None:
                print(f"{name} had ended by itself ({ended}); its log:\n{peer.log()}", file=sys.stderr)


# The applications


def launch_php_fpm(num_children: int) -> Callable[[Path, str], Launch]:
    def launch(folder: Path, address: str) -> Launch:
        config = folder / "php-fpm.conf"
        config.write_text(
            f"""\
[global]
pid = {folder}/pid
error_log = {folder}/log
daemonize = no
[contract]
listen = {address.partition(":")[2]}
listen.backlog = {BACKLOG}
pm = static
pm.max_children = {num_children}
php_admin_value[enable_post_data_reading] = 0
php_admin_value[post_max_size] = 0
php_admin_value[output_buffering] = 0
"""
            # Said only as root: php-fpm wants to be told, and to be allowed (-R), to stay root.
            + ("user = root\ngroup = root\n" if os.geteuid() == 0 else "")
        )
        as_root = ["--allow-to-run-as-root"] if os.geteuid() == 0 else []
        # -n: not the machine's php.ini. fix_pathinfo makes PHP change the names and values that it was sent.
        settings = ["-n", "-d", "cgi.fix_pathinfo=0"]
        return Launch(["php-fpm8.2", *settings, *as_root, "--nodaemonize", "--fpm-config", str(config)])

    return launch


def php_fpm(name: str, about: str, num_children: int) -> Application:
    return Application(
        name, about,
        packages=("php8.2-fpm",),
        version_argv=("php-fpm8.2", "-n", "-v"), version_pattern=r"PHP (\S+)",
        launch=launch_php_fpm(num_children), binds=True,
        params={"SCRIPT_FILENAME": str(CONTRACT / "php" / "contract.php")},
    )  # fmt: skip


APPLICATIONS = {
    application.name: application
    for application in [
        php_fpm("php-fpm", "PHP's process manager, 4 processes", 4),
        php_fpm("php-fpm-single", "the same with one process", 1),
    ]
}


def find(name: str) -> Application:
    if name not in APPLICATIONS:
        raise PeerError(f"no peer '{name}'; there are: {', '.join(APPLICATIONS)}")
    return APPLICATIONS[name]
