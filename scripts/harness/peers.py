"""Real FastCGI applications, started as a Web server or an administrator would start them, each with the contract
(conformance/contract/README.md) in it.

    with peers.start("php-fpm", transport="unix") as peer:
        subprocess.run([..., peer.address, *peer.param_words()])

Never speaks FastCGI to a peer. Judges nothing: it starts, finds out whether somebody accepts connections, and stops.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .processes import (
    BACKLOG, ROOT, Launch, PeerError, Supervised, adopt_orphans, connect, listening_socket, release_address,
    run_program, version_of,
)  # fmt: skip

CONTRACT = ROOT / "conformance" / "contract"


@dataclass(frozen=True)
class Application:
    """An entry of the table at the end. `launch` gets the folder of the run and the address, unix:/path or
    tcp:host:port. A peer either inherits the listening socket as file descriptor 0 [§2.2], or makes its own
    (`binds`)."""

    name: str
    about: str
    packages: tuple[str, ...]
    version_argv: tuple[str, ...]
    version_pattern: str
    launch: Callable[[Path, str], Launch]
    params: dict[str, str] = field(default_factory=dict)
    binds: bool = False

    def version(self) -> str:
        return version_of(self)


class Peer(Supervised):
    """A running application: `address`, `params`, and what it has as a supervised process.

    One that inherits its listening socket is started again when it ends. The socket stays open meanwhile: connections
    wait. Made by `start`."""

    def __init__(self, application: Application, transport: str, folder: Path):
        self.params = dict(application.params)
        self._listener, self.address = listening_socket(transport, folder)
        try:
            if application.binds:
                release_address(self._listener, self.address)
            launch = application.launch(folder, self.address)
            stdin = subprocess.DEVNULL if application.binds else self._listener
            super().__init__(application, launch, folder, self.address, stdin, restarts=not application.binds)
        except BaseException:
            self._listener.close()
            raise

    def param_words(self) -> list[str]:
        """The `--param NAME=VALUE` words that requests to this peer need."""
        return [word for name, value in self.params.items() for word in ("--param", f"{name}={value}")]

    def answers(self, deadline: float) -> bool:
        return self.hangs_up(deadline)

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
        super().stop()
        self._listener.close()


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
            peer.report_ends()
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
        php_fpm("php-fpm", "PHP's process manager, 4 processes, no php.ini, enable_post_data_reading=0", 4),
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
