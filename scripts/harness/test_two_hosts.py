"""Distributed computing is one of FastCGI's two promises [§1]: application and Web server on two hosts, in network
namespaces of the test's own, with packets of 100 bytes and 50 ms between them, get the verdicts that they get on one host.
With FCGISPEC_WHOLE=1 all scenarios are played, in some seven minutes, else a selection.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from harness.verdicts import verdict_behind_delay  # noqa: E402

FCGISPEC = ROOT / "build-dev" / "fcgispec"
RELAY = ROOT / "scripts" / "harness" / "delay_relay.py"
# Headers of 40 bytes and a time stamp of 12 are in each packet beside its 100 bytes.
PACKET_SIZE = 152
DELAY_MS = 50
HOSTS = {"near": "10.77.0.1", "far": "10.77.0.2"}
# What is sensitive to a network: cuts, many records, ends and aborts, several requests at once.
SELECTED = {
    "app": ["application/3.3-*", "application/5.4-*", "application/B-*"],
    "server": ["web-server/3.3-segments", "web-server/5.5-end-request", "web-server/B-*"],
}


def may_make_namespaces() -> bool:
    """Root may, where the machine lets it."""
    if os.geteuid() != 0:
        return False
    return subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not may_make_namespaces(), reason="network namespaces can be made by root alone")


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


class Network:
    """Two hosts and the wire between them."""

    def __init__(self) -> None:
        self.names = {host: f"fcgispec-{host}-{os.getpid()}" for host in HOSTS}

    def make(self) -> None:
        for name in self.names.values():
            run("ip", "netns", "add", name)
        run("ip", "link", "add", "wire", "netns", self.names["near"], "type", "veth", "peer", "name", "wire", "netns", self.names["far"])
        for host, address in HOSTS.items():
            run(*self.command(host, "ip", "address", "add", f"{address}/24", "dev", "wire"))
            run(*self.command(host, "ip", "link", "set", "wire", "mtu", str(PACKET_SIZE), "up"))
            run(*self.command(host, "ip", "link", "set", "lo", "up"))

    def remove(self) -> None:
        for name in self.names.values():
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)

    def command(self, host: str, *words: object) -> list[str]:
        # ip's own way wants a root that is mounted, which that of a chroot isn't.
        return ["nsenter", f"--net=/run/netns/{self.names[host]}", *map(str, words)]

    @contextlib.contextmanager
    def running(self, host: str, *words: object) -> Iterator[None]:
        """Something that says a line when it is ready."""
        process = subprocess.Popen(self.command(host, *words), stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None and process.stdout.readline()
            yield
        finally:
            process.terminate()
            process.wait()

    def relay(self, host: str, to: str) -> contextlib.AbstractContextManager[None]:
        return self.running(
            host, sys.executable, RELAY, "--listen", f"{HOSTS[host]}:9000", "--connect", to, "--delay-ms", DELAY_MS
        )


@pytest.fixture
def network() -> Iterator[Network]:
    made = Network()
    try:
        made.make()
        yield made
    finally:
        made.remove()


def selected(side: str) -> list[str]:
    patterns = [] if os.environ.get("FCGISPEC_WHOLE") else SELECTED[side]
    return [word for pattern in patterns for word in ("--select", pattern)]


def verdicts(command: list[str]) -> dict[str, str]:
    done = subprocess.run(command, capture_output=True, check=False, timeout=3600)
    assert done.returncode in (0, 1), done.stderr.decode(errors="replace")[-2000:]
    results = json.loads(done.stdout)["results"]
    assert len(results) > 30
    # What needs another transport or a start of our own is skipped on one of the two.
    return {one["scenario"]: verdict_behind_delay(one) for one in results if one["verdict"] != "skipped"}


def expect_same(near: dict[str, str], far: dict[str, str]) -> None:
    assert len(far) > 30
    assert far == {name: near[name] for name in far}


def test_application(network: Network) -> None:
    common = ["app", "--json", "-", "-j", "8", *selected("app")]
    with network.running("far", FCGISPEC, "peer", "application", "--listen", "tcp:127.0.0.1:9001"):
        with network.relay("far", "tcp:127.0.0.1:9001"):
            far = verdicts(network.command("near", FCGISPEC, *common, f"tcp:{HOSTS['far']}:9000"))
    expect_same(verdicts([str(FCGISPEC), *common]), far)


def test_web_server(network: Network) -> None:
    common = ["server", "--json", "-", *selected("server")]
    http = f"{HOSTS['far']}:8080"
    with network.relay("near", "tcp:127.0.0.1:9001"):
        web_server = [FCGISPEC, "peer", "web-server", "--connect", f"tcp:{HOSTS['near']}:9000", "--http", http]
        with network.running("far", *web_server):
            words = ["--listen", "tcp:127.0.0.1:9001", "--http", f"http://{http}"]
            far = verdicts(network.command("near", FCGISPEC, *common, *words))
    expect_same(verdicts([str(FCGISPEC), *common]), far)
