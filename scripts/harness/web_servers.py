"""Real Web servers, each configured (scripts/peers/SERVER/) to forward what is below its /app to one application.

    with web_servers.start("nginx", application="unix:/path") as server:
        urllib.request.urlopen(server.url + "/hello")

The application need not listen yet. Some servers start it themselves: `start(name, spawns=["./application"])`.

Never speaks FastCGI. Judges nothing: it starts, finds out whether the server answers HTTP, and stops. What is below
/app/authorizer/ is guarded by the application as an Authorizer where the server has that role; no server here has that
of Filter.
"""

from __future__ import annotations

import dataclasses
import http.client
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .processes import ROOT, SEARCH_PATH, Launch, PeerError, Supervised, adopt_orphans, free_address, version_of

TEMPLATES = ROOT / "scripts" / "peers"
ANSWER_WITHIN_S = 2.0


@dataclass(frozen=True)
class WebServer:
    """An entry of the table at the end. In `argv`, {config} is the configuration made from `templates`; in them,
    @PORT@ is that of HTTP, @FOLDER@ the folder of the run (with an
    empty documents/), @APPLICATION@ what `application` makes of the application's
    address (or of the program's path, in a server that `spawns`), and the others stand in `settings`."""

    name: str
    about: str
    packages: tuple[str, ...]
    version_argv: tuple[str, ...]
    version_pattern: str
    templates: tuple[str, ...]
    argv: tuple[str, ...]
    application: Callable[[str], str]
    settings: Mapping[str, str] = field(default_factory=dict)
    spawns: bool = False
    authorizer: bool = False
    transports: tuple[str, ...] = ("unix", "tcp")

    def version(self) -> str:
        return version_of(self)


class Server(Supervised):
    """A running Web server: `url` (of what it forwards), `version`, and what it has as a supervised process. Made by
    `start`."""

    def __init__(self, web_server: WebServer, application: str, folder: Path):
        self._port = int(free_address("tcp", folder).rpartition(":")[2])
        self.url = f"http://127.0.0.1:{self._port}/app"
        self.version = web_server.version()
        (folder / "documents").mkdir()
        config = folder / "config"
        words = {"PORT": str(self._port), "FOLDER": str(folder), "APPLICATION": web_server.application(application)}
        words |= web_server.settings
        config.write_text("\n".join(filled(TEMPLATES / template, words) for template in web_server.templates))
        argv = [word.format(config=config, folder=folder) for word in web_server.argv]
        # What looks for a folder of its user finds ours; setpriv looks into PATH.
        homes = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), str(folder))
        launch = Launch(argv, homes | {"PATH": SEARCH_PATH})
        super().__init__(web_server, launch, folder, self.url, subprocess.DEVNULL, restarts=True)

    def answers(self, deadline: float) -> bool:
        """Whether it answers HTTP, with whatever, outside what it forwards: the application is not asked."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_WITHIN_S)
        try:
            connection.request("GET", "/")
            connection.getresponse()
        except (OSError, http.client.HTTPException):
            return False  # Nobody listens yet.
        finally:
            connection.close()
        return True

    def log_text(self) -> str:
        return self.log_path.read_text(errors="replace")


def filled(template: Path, words: Mapping[str, str]) -> str:
    """The template with each @NAME@ replaced. PeerError if it names something that there isn't."""

    def word(match: re.Match[str]) -> str:
        if match[1] not in words:
            raise PeerError(f"{template}: @{match[1]}@ stands for nothing; there are: {', '.join(sorted(words))}")
        return words[match[1]]

    return re.sub(r"@([A-Z_]+)@", word, template.read_text())


@contextmanager
def start(name: str, application: str | None = None, spawns: list[str] | None = None) -> Iterator[Server]:
    """A running Web server that answers, stopped at the end of the block. It forwards to `application`, unix:/path or
    tcp:host:port, or starts `spawns`, which finds its listening socket on file descriptor 0 [§2.2]."""
    web_server = find(name)
    check(web_server, application, spawns)
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="fcgispec-", ignore_cleanup_errors=True) as folder:
        server = Server(web_server, application or starter(Path(folder), spawns or []), Path(folder))
        try:
            server.wait_ready()
            yield server
            server.report_ends()
        finally:
            server.stop()


def start_for(name: str, address: str, fcgispec: Path):
    """As start(), for a `fcgispec server` that will listen on `address`: one that starts its application itself starts
    `fcgispec handover`, which hands its socket over there."""
    if find(name).spawns:
        return start(name, spawns=[str(fcgispec), "handover", address])
    return start(name, application=address)


def check(web_server: WebServer, application: str | None, spawns: list[str] | None) -> None:
    """PeerError if the server got anything but what it wants: an address, or a command."""
    if web_server.spawns:
        if not spawns or application:
            raise PeerError(f"{web_server.name} starts its application itself: it wants a command and no address")
    elif spawns or not application:
        raise PeerError(f"{web_server.name} starts no application: it wants an address and no command")
    elif not re.fullmatch(r"unix:/.+|tcp:[^:]+:\d+", application):
        raise PeerError(f"'{application}' is no address; wanted is unix:/path or tcp:host:port")
    elif (transport := application.partition(":")[0]) not in web_server.transports:
        raise PeerError(f"{web_server.name} has no transport '{transport}'; it has: {', '.join(web_server.transports)}")


def starter(folder: Path, argv: list[str]) -> str:
    """A program without arguments that becomes the command: Web servers differ in how they take arguments."""
    program = folder / "application"
    program.write_text(f"#!/bin/sh\nexec {shlex.join(argv)}\n")
    program.chmod(0o755)
    return str(program)


def either(unix: str, tcp: str) -> Callable[[str], str]:
    """How a server writes an address: what {path}, or {host} and {port}, stand in."""

    def written(address: str) -> str:
        kind, _, where = address.partition(":")
        host, _, port = where.rpartition(":")
        return unix.format(path=where) if kind == "unix" else tcp.format(host=host, port=port)

    return written


# The Web servers

AS_ROOT = os.geteuid() == 0
APACHE_MODULES = "/usr/lib/apache2/modules"


def nginx(name: str, about: str, **settings: str) -> WebServer:
    return WebServer(
        name, about,
        packages=("nginx",),
        version_argv=("nginx", "-v"), version_pattern=r"nginx/([\d.]+)",
        templates=("nginx/nginx.conf",),
        argv=("nginx", "-p", "{folder}", "-e", "stderr", "-c", "{config}"),
        application=either("unix:{path}", "{host}:{port}"),
        settings={"USER": "user root;" if AS_ROOT else "", **settings},
    )  # fmt: skip


def apache(name: str, about: str, *templates: str, **changes) -> WebServer:
    # Apache httpd refuses to serve as root. Root's own files must stay within its reach, or it could neither connect to
    # the application's Unix socket nor start a program in root's home.
    as_somebody = (
        "setpriv", "--reuid=www-data", "--regid=www-data", "--clear-groups",
        "--inh-caps=+dac_override", "--ambient-caps=+dac_override",
    )  # fmt: skip
    entry = WebServer(
        name, about,
        packages=("apache2-bin", "util-linux"),
        version_argv=("apache2", "-v"), version_pattern=r"Apache/([\d.]+)",
        templates=("apache/httpd.conf", *(f"apache/{template}" for template in templates)),
        argv=(*(as_somebody if AS_ROOT else ()), "apache2", "-d", "{folder}", "-f", "{config}", "-DFOREGROUND"),
        application=either("unix:{path}|fcgi://application", "fcgi://{host}:{port}"),
    )  # fmt: skip
    settings = {"MODULES": APACHE_MODULES, **changes.pop("settings", {})}
    return dataclasses.replace(entry, settings=settings, **changes)


def lighttpd(name: str, about: str, application: Callable[[str], str], **changes) -> WebServer:
    conduct = [
        '"check-local" => "disable"',
        '"disable-time" => 0',  # A failure takes nothing out of service.
        '"connect-timeout" => 2', '"write-timeout" => 2', '"read-timeout" => 2',
    ]  # fmt: skip
    return WebServer(
        name, about,
        packages=("lighttpd",),
        version_argv=("lighttpd", "-v"), version_pattern=r"lighttpd/([\d.]+)",
        templates=("lighttpd/lighttpd.conf",),
        argv=("lighttpd", "-D", "-f", "{config}"),
        application=application,
        settings={"CONDUCT": ", ".join(conduct)},
        authorizer=True,
        **changes,
    )  # fmt: skip


def haproxy(name: str, about: str, *options: str) -> WebServer:
    return WebServer(
        name, about,
        packages=("haproxy",),
        version_argv=("haproxy", "-v"), version_pattern=r"version ([\d.]+)",
        templates=("haproxy/haproxy.cfg",),
        argv=("haproxy", "-db", "-f", "{config}"),
        application=either("unix@{path}", "{host}:{port}"),
        settings={"OPTIONS": "\n    ".join(options)},
    )  # fmt: skip


def h2o(name: str, about: str, keepalive_ms: int) -> WebServer:
    return WebServer(
        name, about,
        packages=("h2o",),
        version_argv=("h2o", "-v"), version_pattern=r"h2o version (\S+)",
        templates=("h2o/h2o.conf",),
        argv=("h2o", "-c", "{config}"),
        application=either('{{type: unix, port: "{path}"}}', '{{type: tcp, host: "{host}", port: {port}}}'),
        settings={"USER": "user: root" if AS_ROOT else "", "KEEPALIVE": str(keepalive_ms)},
    )  # fmt: skip


WEB_SERVERS = {
    web_server.name: web_server
    for web_server in [
        nginx("nginx", "a connection for each request", CONNECTIONS="", KEEP_CONN="off"),
        nginx("nginx-keep", "keeps connections", CONNECTIONS="keepalive 4;", KEEP_CONN="on"),
        apache(
            "apache", "Apache httpd's mod_proxy_fcgi, a connection for each request", "proxy_fcgi.conf",
            settings={"REUSE": ""},
        ),
        apache(
            "apache-reuse", "Apache httpd's mod_proxy_fcgi, keeps connections", "proxy_fcgi.conf",
            settings={"REUSE": "enablereuse=on"},
        ),
        apache(
            "apache-authnz", "Apache httpd's mod_proxy_fcgi and mod_authnz_fcgi, Authorizer",
            "proxy_fcgi.conf", "authnz_fcgi.conf",
            settings={"REUSE": ""}, transports=("tcp",), authorizer=True,
        ),
        apache(
            "apache-fcgid", "Apache httpd's mod_fcgid, Authorizer, starts the application", "fcgid.conf",
            packages=("apache2-bin", "libapache2-mod-fcgid", "util-linux"),
            # The module tells its version to nobody.
            version_argv=("dpkg-query", "-W", "-f", "${Version}", "libapache2-mod-fcgid"),
            version_pattern=r"(?:\d+:)?([\d.]+)",
            application=str, spawns=True, authorizer=True,
        ),
        lighttpd(
            "lighttpd", "a connection for each request, Authorizer",
            either('"socket" => "{path}"', '"host" => "{host}", "port" => {port}'),
        ),
        lighttpd(
            "lighttpd-spawn", "a connection for each request, Authorizer, starts the application",
            lambda program: f'"bin-path" => "{program}", "socket" => "{program}.socket", "max-procs" => 1', spawns=True,
        ),
        haproxy("haproxy", "keeps connections"),
        haproxy("haproxy-mpxs", "multiplexes", "option mpxs-conns", "option max-reqs 100"),
        haproxy(
            "haproxy-get-values", "asks with FCGI_GET_VALUES whether it may multiplex",
            "option get-values", "option max-reqs 100",
        ),
        WebServer(
            "caddy", "a connection for each request",
            packages=("caddy",),
            version_argv=("caddy", "version"), version_pattern=r"([\d.]+)",
            templates=("caddy/Caddyfile",),
            argv=("caddy", "run", "--config", "{config}", "--adapter", "caddyfile"),
            application=either("unix/{path}", "{host}:{port}"),
        ),
        h2o("h2o", "a connection for each request", 0),
        h2o("h2o-keep", "keeps connections", 60000),
    ]
}  # fmt: skip


def find(name: str) -> WebServer:
    if name not in WEB_SERVERS:
        raise PeerError(f"no Web server '{name}'; there are: {', '.join(WEB_SERVERS)}")
    return WEB_SERVERS[name]
