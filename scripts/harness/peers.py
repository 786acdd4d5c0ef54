"""Real FastCGI applications, started as a Web server or an administrator would start them, each with the contract
(conformance/contract/README.md) in it.

    with peers.start("php-fpm", transport="unix") as peer:
        subprocess.run([..., peer.address, *peer.param_words()])

Never speaks FastCGI to a peer. Judges nothing: it starts, finds out whether somebody accepts connections, and stops.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = ROOT / "conformance" / "contract"

READY_WITHIN_S = 15.0  # Only a peer that fails takes this long.
STOP_GRACE_S = 3.0
RESTARTS_MAX = 5000  # Some peers die of much that a run does.
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
            f"{application.name}: '{' '.join(argv)}' failed ({exit_text(done.returncode)}); it wants the Debian "
            f"packages {' '.join(application.packages)}:\n{done.stdout[-LOG_SHOWN_MAX:]}"
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
    output and error), `ends` (how it ended, each time that it did so by itself). Made by `start`.

    One that inherits its listening socket is started again when it ends, as a Web server's process manager would do:
    what follows can then still be tested. The socket stays open meanwhile: connections wait."""

    def __init__(self, application: Application, transport: str, folder: Path):
        self.application = application
        self.name = application.name
        self.params = dict(application.params)
        self.log_path = folder / "log"
        self.ends: list[str] = []
        self._lock = threading.Lock()  # Around `_process`, `_ready`, `_stopped`.
        self._ready = self._stopped = False
        self._ended = threading.Event()  # For good.
        self._listener, self.address = listening_socket(transport, folder)
        try:
            if application.binds:
                release_address(self._listener, self.address)
            self._launch = application.launch(folder, self.address)
            self._start()
        except BaseException:
            self._listener.close()
            raise

    @property
    def pid(self) -> int:
        """The leader of its process group; another one after each end."""
        return self._process.pid

    def _start(self) -> None:
        self._ended.clear()
        self._process = self._spawn()
        self._supervisor = threading.Thread(target=self._supervise, name=f"supervisor of {self.name}", daemon=True)
        self._supervisor.start()

    def _spawn(self) -> subprocess.Popen:
        program = find_program(self.name, self._launch.argv[0], self.application.packages)
        with open(self.log_path, "ab") as log:
            return subprocess.Popen(
                [program, *self._launch.argv[1:]],
                stdin=subprocess.DEVNULL if self.application.binds else self._listener,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.log_path.parent,
                env=os.environ | self._launch.environment,
                start_new_session=True,  # All that it starts can be stopped; no terminal's signal gets there.
            )

    def _supervise(self) -> None:
        while True:
            returncode = self._process.wait()
            kill_group(self._process.pid)
            with self._lock:
                if not self._stopped:
                    self.ends.append(exit_text(returncode))
                if self._stopped or not self._ready or self.application.binds or len(self.ends) > RESTARTS_MAX:
                    self._ended.set()
                    return
                self._process = self._spawn()

    def param_words(self) -> list[str]:
        """The `--param NAME=VALUE` words that requests to this peer need."""
        return [word for name, value in self.params.items() for word in ("--param", f"{name}={value}")]

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")[-LOG_SHOWN_MAX:]

    def wait_ready(self) -> None:
        """Waits until the application, not only the kernel, takes a connection: we say nothing, close our side, and are
        hung up on. PeerError, with the log, if that doesn't happen in time or it ends before."""
        deadline = time.monotonic() + READY_WITHIN_S
        while not self.hangs_up(deadline):
            if self._ended.wait(timeout=0.01):
                raise PeerError(f"{self.name} did not start ({self.ends[-1]}); its log:\n{self.log()}")
            if time.monotonic() > deadline:
                raise PeerError(
                    f"{self.name} is not ready at {self.address} after {READY_WITHIN_S:g} s; its log:\n{self.log()}"
                )
        with self._lock:
            self._ready = True
        if self._ended.is_set():  # It hung up by ending, as Ruby's does, before we said that it may be started again.
            if self.application.binds:
                raise PeerError(f"{self.name} ended while it started ({self.ends[-1]}); its log:\n{self.log()}")
            self._start()

    def hangs_up(self, deadline: float) -> bool:
        """Whether the application takes a connection: we close our side of it, it must close its own."""
        try:
            with connect(self.address) as connection:
                connection.shutdown(socket.SHUT_WR)
                while time.monotonic() < deadline:
                    ended = self._ended.is_set()  # Asked first: what it did before it ended can then be seen.
                    if select.select([connection], [], [], 0.02)[0]:
                        return True
                    if ended:
                        return False
        except OSError:
            pass  # Nobody listens yet.
        return False

    def stop(self) -> None:
        """Stops the peer and all that it started: SIGTERM [§7], after a grace SIGKILL."""
        with self._lock:
            self._stopped = True
            self._process.terminate()  # The leader alone: it is the one to tell its children, and to collect them.
        if not self._ended.wait(STOP_GRACE_S):
            self._process.kill()  # The supervisor kills the rest.
        self._supervisor.join()
        self._listener.close()


def adopt_orphans() -> None:
    """From now on, children whose parent ends become ours, so that we can wait for them; see prctl(2)."""
    pr_set_child_subreaper = 36
    if ctypes.CDLL(None, use_errno=True).prctl(pr_set_child_subreaper, 1, 0, 0, 0) != 0:
        raise PeerError(f"cannot adopt orphans: {os.strerror(ctypes.get_errno())}")


def kill_group(pid: int) -> None:
    """Kills the process group whose leader has ended, and waits until all of it is gone."""
    try:
        os.killpg(pid, signal.SIGKILL)
        while True:
            os.waitpid(-pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass  # Nobody left.


def report_ends(peer: Peer) -> None:
    """Says that a peer had ended by itself, unless on purpose [§7]: whoever reads a failed run will want to know."""
    ends = Counter(how for how in peer.ends if how != exit_text(0))
    if ends:
        times = ", ".join(f"{how}: {count}" for how, count in ends.items())
        print(f"{peer.name} ended by itself ({times}); the end of its log:\n{peer.log()[-1000:]}", file=sys.stderr)


@contextmanager
def start(name: str, transport: str = "unix") -> Iterator[Peer]:
    """A running, reachable peer, stopped at the end of the block."""
    application = find(name)
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="fcgispec-", ignore_cleanup_errors=True) as folder:
        peer = Peer(application, transport, Path(folder))
        try:
            peer.wait_ready()
            yield peer
            report_ends(peer)
        finally:
            peer.stop()


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


def launch_php_cgi(_folder: Path, _address: str) -> Launch:
    settings = ["enable_post_data_reading=0", "post_max_size=0", "output_buffering=0", "cgi.fix_pathinfo=0"]
    # FORCE_REDIRECT is PHP's guard for a CGI that can be called directly; over FastCGI it guards nothing.
    settings.append("cgi.force_redirect=0")
    argv = ["php-cgi8.2", "-n", *(word for setting in settings for word in ("-d", setting))]
    # PHP_FCGI_MAX_REQUESTS=0: no child retires in the middle of a run.
    return Launch(argv, {"PHP_FCGI_CHILDREN": "4", "PHP_FCGI_MAX_REQUESTS": "0"})


def launch_command(*argv: str, **environment: str) -> Callable[[Path, str], Launch]:
    return lambda _folder, _address: Launch(list(argv), environment)


def launch_built(target: str) -> Callable[[Path, str], Launch]:
    """For C and C++: builds the contract's folder, and starts one program of it."""

    def launch(_folder: Path, _address: str) -> Launch:
        application = APPLICATIONS[f"libfcgi-{target.removeprefix('contract-')}"]
        with build_folder("libfcgi") as folder:
            run_program(application, ["cmake", "-S", str(CONTRACT), "-B", str(folder)])
            run_program(application, ["cmake", "--build", str(folder), "--target", target])
        return Launch([str(folder / target)])

    return launch


def launch_go(_folder: Path, _address: str) -> Launch:
    with build_folder("go") as folder:
        program = folder / "contract"
        # Nothing beyond the standard library: no network, and no cache outside the build folder.
        environment = os.environ | {"GOCACHE": str(folder / "cache"), "GOPROXY": "off", "GOFLAGS": "-mod=mod"}
        argv = ["go", "build", "-o", str(program), "."]
        run_program(APPLICATIONS["go"], argv, cwd=CONTRACT / "go", env=environment)
    return Launch([str(program)])


def launch_uwsgi(_folder: Path, address: str) -> Launch:
    return Launch([
        "uwsgi-core", "--no-orphans", "--die-on-term", "--master", "--need-app", "--plugin", "python3",
        "--fastcgi-socket", address.partition(":")[2], "--listen", "100", "--processes", "4",
        "--buffer-size", "65535",  # for the name-value pairs; uwsgi's own default is 4096
        # Where it never answers, uwsgi closes after so many seconds, 4 by default: more than any deadline of ours, so
        # that its silence is told alike on a slow machine.
        "--socket-timeout", "60",
        "--wsgi-file", str(CONTRACT / "python" / "contract.py"),
    ], {"PYTHONDONTWRITEBYTECODE": "1"})  # fmt: skip


@contextmanager
def build_folder(name: str) -> Iterator[Path]:
    """Where an application is built, in the checkout's own build folder, for one process at a time."""
    folder = ROOT / "build" / "peers" / name
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


LIBFCGI_PACKAGES = ("cmake", "make", "gcc", "g++", "libc6-dev", "pkg-config", "libfcgi-dev")
NODE_FOLDERS = "/usr/share/nodejs:/usr/lib/nodejs"  # Debian's, for a node that is not Debian's.

APPLICATIONS = {
    application.name: application
    for application in [
        php_fpm("php-fpm", "PHP's process manager, 4 processes", 4),
        php_fpm("php-fpm-single", "the same with one process", 1),
        Application(
            "php-cgi", "PHP without a manager, 4 processes",
            packages=("php8.2-cgi",),
            version_argv=("php-cgi8.2", "-n", "-v"), version_pattern=r"PHP (\S+)",
            launch=launch_php_cgi,
            params={"SCRIPT_FILENAME": str(CONTRACT / "php" / "contract.php")},
        ),
        Application(
            "libfcgi-c", "libfcgi's FCGX interface",
            packages=LIBFCGI_PACKAGES,
            version_argv=("pkg-config", "--modversion", "fcgi"), version_pattern=r"(\S+)",
            launch=launch_built("contract-c"),
        ),
        Application(
            "libfcgi-cpp", "libfcgi's C++ streams",
            packages=LIBFCGI_PACKAGES,
            version_argv=("pkg-config", "--modversion", "fcgi++"), version_pattern=r"(\S+)",
            launch=launch_built("contract-cpp"),
        ),
        Application(
            "perl-fcgi", "Perl's FCGI.pm, on libfcgi",
            packages=("perl", "libfcgi-perl"),
            version_argv=("perl", "-MFCGI", "-e", "print $FCGI::VERSION"), version_pattern=r"(\S+)",
            launch=launch_command("perl", str(CONTRACT / "perl" / "contract.pl")),
        ),
        Application(
            "fcgiwrap", "CGI programs as FastCGI, 4 processes",
            packages=("fcgiwrap", "perl"),
            version_argv=("fcgiwrap", "-h"), version_pattern=r"version (\S+)",
            launch=launch_command("fcgiwrap", "-c", "4", "-f"),
            params={"SCRIPT_FILENAME": str(CONTRACT / "cgi" / "contract.cgi")},
        ),
        Application(
            "go", "Go's net/http/fcgi",
            packages=("golang-go",),
            version_argv=("go", "version"), version_pattern=r"go version go(\S+)",
            launch=launch_go,
        ),
        Application(
            "ruby-fcgi", "Ruby's fcgi, in its pure Ruby form",
            packages=("ruby", "ruby-fcgi"),
            # The library has no version of its own at run time.
            version_argv=("dpkg-query", "-W", "-f", "${Version}", "ruby-fcgi"), version_pattern=r"([\d.]+)",
            # It dies often, and starts four times faster so.
            launch=launch_command("ruby", "--disable-gems", str(CONTRACT / "ruby" / "contract.rb"), LC_ALL="C.UTF-8"),
        ),
        Application(
            "uwsgi-python", "uwsgi's FastCGI socket and WSGI, 4 processes",
            packages=("uwsgi-core", "uwsgi-plugin-python3"),
            version_argv=("uwsgi-core", "--version"), version_pattern=r"([\d.]+)",
            launch=launch_uwsgi, binds=True,
        ),
        Application(
            "node-fastcgi", "node-fastcgi for Node.js, multiplexes",
            packages=("nodejs", "node-fastcgi"),
            version_argv=("node", "-p", f"require('{NODE_FOLDERS.split(':')[0]}/node-fastcgi/package.json').version"),
            version_pattern=r"(\S+)",
            launch=launch_command("node", str(CONTRACT / "node" / "contract.js"), NODE_PATH=NODE_FOLDERS),
        ),
    ]
}  # fmt: skip


def find(name: str) -> Application:
    if name not in APPLICATIONS:
        raise PeerError(f"no peer '{name}'; there are: {', '.join(APPLICATIONS)}")
    return APPLICATIONS[name]
