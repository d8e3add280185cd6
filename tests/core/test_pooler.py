"""A pooler in transaction mode is refused with a clear sentence; a plain relay is not."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from psycopg import conninfo

from closeout.cluster import ClusterError, databases

REFUSES, FORGETS, RELAYS = "refuses", "forgets", "relays"


def startup(client: socket.socket) -> bytes:
    """Read the first message of a client, saying no to encryption before it."""
    while True:
        (length,) = struct.unpack("!i", client.recv(4, socket.MSG_WAITALL))
        body = client.recv(length - 4, socket.MSG_WAITALL)
        if struct.unpack("!i", body[:4])[0] == 196608:
            return body
        client.sendall(b"N")


def without_options(body: bytes) -> bytes:
    """Leave ``options`` out of the startup message, as a pooler that ignores them does."""
    words = body[4:].split(b"\0")
    pairs = [(words[place], words[place + 1]) for place in range(0, len(words) - 2, 2) if words[place]]
    kept = b"".join(name + b"\0" + value + b"\0" for name, value in pairs if name != b"options")
    return body[:4] + kept + b"\0"


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def serve(door: socket.socket, server: str, manner: str) -> None:
    with suppress(OSError):
        while True:
            client, _ = door.accept()
            with client:
                body = startup(client)
                if manner == REFUSES:
                    fields = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0"
                    client.sendall(b"E" + struct.pack("!i", len(fields) + 4) + fields)
                    continue
                body = without_options(body) if manner == FORGETS else body
                with socket.socket(socket.AF_UNIX) as real:
                    real.connect(server)
                    real.sendall(struct.pack("!i", len(body) + 4) + body)
                    back = threading.Thread(target=pump, args=(real, client))
                    back.start()
                    pump(client, real)
                    back.join()


@contextmanager
def pooler(url: str, folder: Path, manner: str) -> Iterator[str]:
    """Put something between us and the server of ``url``; give the address that leads through it."""
    parts = conninfo.conninfo_to_dict(url)
    place = folder / ".s.PGSQL.5432"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(place))
        door.listen()
        port = parts.get("port", 5432)
        thread = threading.Thread(
            target=serve, args=(door, f"{parts['host']}/.s.PGSQL.{port}", manner), daemon=True
        )
        thread.start()
        yield conninfo.make_conninfo(url, host=str(folder), port="5432")


@pytest.mark.parametrize("manner", [REFUSES, FORGETS])
def test_a_pooler_that_changes_sessions_is_refused(cluster_url: str, tmp_path: Path, manner: str) -> None:
    """PgBouncer says no to the setting, or forgets it where it was told to ignore such things."""
    with (
        pooler(cluster_url, tmp_path, manner) as url,
        pytest.raises(ClusterError, match="lead to PostgreSQL itself"),
    ):
        databases.demand_direct(url)


def test_a_relay_that_keeps_sessions_is_not(cluster_url: str, tmp_path: Path) -> None:
    with pooler(cluster_url, tmp_path, RELAYS) as url:
        databases.demand_direct(url)
    databases.demand_direct(cluster_url)
