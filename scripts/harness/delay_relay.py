"""Stands between two ends of transport connections and hands on all that it hears, some milliseconds later: bytes, ends
and resets. Knows no protocol.

    delay_relay.py --connect ADDRESS [--delay-ms N] [--listen HOST:PORT]

It listens on a free TCP port of 127.0.0.1, or where it is told, and says where: "listening on tcp:127.0.0.1:PORT". ADDRESS is unix:/path or
tcp:host:port. It ends with SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import struct
import sys

CHUNK_SIZE = 65536
NUM_WAITING_MAX = 64  # chunks on their way in one direction


async def carry(source: socket.socket, sink: socket.socket, delay_s: float) -> None:
    """Until `source` ends, which `sink` is then told. ConnectionError where either is reset."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[tuple[float, bytes | ConnectionError]] = asyncio.Queue(NUM_WAITING_MAX)

    async def hear() -> None:
        heard: bytes | ConnectionError = b"?"
        while isinstance(heard, bytes) and heard:
            try:
                heard = await loop.sock_recv(source, CHUNK_SIZE)
            except ConnectionError as reset:
                heard = reset
            await waiting.put((loop.time() + delay_s, heard))

    hearing = asyncio.create_task(hear())
    try:
        while True:
            when, heard = await waiting.get()
            if when > loop.time():
                await asyncio.sleep(when - loop.time())
            if isinstance(heard, ConnectionError):
                raise heard
            if not heard:
                sink.shutdown(socket.SHUT_WR)
                return
            await loop.sock_sendall(sink, heard)
    finally:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)


def close_by_reset(one: socket.socket) -> None:
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()


async def connect(address: str) -> socket.socket:
    kind, _, where = address.partition(":")
    one = socket.socket(socket.AF_UNIX if kind == "unix" else socket.AF_INET)
    one.setblocking(False)
    if kind == "tcp":
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    host, _, port = where.rpartition(":")
    await asyncio.get_running_loop().sock_connect(one, where if kind == "unix" else (host, int(port)))
    return one


async def serve(near: socket.socket, address: str, delay_s: float) -> None:
    """One connection, with one of our own to `address`."""
    try:
        far = await connect(address)
    except OSError:
        near.close()  # As somebody whom nobody listens to; the delay of the attempt is not imitated.
        return
    ways = [asyncio.create_task(carry(near, far, delay_s)), asyncio.create_task(carry(far, near, delay_s))]
    try:
        await asyncio.gather(*ways)
        near.close()
        far.close()
    except OSError:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        close_by_reset(near)
        close_by_reset(far)


async def listen(where: str, address: str, delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    host, _, port = where.rpartition(":")
    with socket.create_server((host, int(port)), backlog=511) as listener:
        listener.setblocking(False)
        print(f"listening on tcp:{host}:{listener.getsockname()[1]}", flush=True)
        serving = set()
        while True:
            near, _ = await loop.sock_accept(listener)
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = asyncio.create_task(serve(near, address, delay_s))
            serving.add(task)
            task.add_done_callback(serving.discard)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connect", required=True, metavar="ADDRESS")
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--listen", default="127.0.0.1:0", metavar="HOST:PORT")
    arguments = parser.parse_args()
    asyncio.run(listen(arguments.listen, arguments.connect, arguments.delay_ms / 1000))
    return 0


if __name__ == "__main__":
    sys.exit(main())
