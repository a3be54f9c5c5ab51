"""
A PostgreSQL server of our own, in a temporary folder, gone with the test.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest


BINARIES = Path("/usr/lib/postgresql")
"""Where Debian keeps them, a folder a version."""

USER = "postgres"
"""PostgreSQL does not run as root; Debian makes this user with it."""


@dataclass(slots=True)
class Cluster:
    """
    A server with any number of databases.
    """

    host: Path
    """The folder of its socket; it has no other."""
    port: int
    n_databases: int = 0

    def new_database(self) -> str:
        """
        Make an empty database, and give its SQLAlchemy URL.
        """
        self.n_databases += 1
        name = f"ledger{self.n_databases}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        # Without a driver, as users write it.
        return f"postgresql://{USER}@/{name}?host={self.host}&port={self.port}"

    def address(self, name: str) -> str:
        """
        Give what psycopg needs to connect.
        """
        return f"host={self.host} port={self.port} user={USER} dbname={name}"


def empty(url: str) -> None:
    """
    Make a database of `new_database` as it was when it was new.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


def missing() -> str:
    """
    Tell what is not here that a server needs; empty if all is.
    """
    if _binaries() is None:
        return f"no PostgreSQL under {BINARIES}"
    if os.getuid() == 0:
        if shutil.which("setpriv") is None:
            return "no setpriv, and PostgreSQL does not run as root"
        try:
            pwd.getpwnam(USER)
        except KeyError:
            return f"no user {USER}, and PostgreSQL does not run as root"
    return ""


@contextmanager
def cluster() -> Iterator[Cluster]:
    """
    Run a server while the block runs; skip the test where there is none.
    """
    reason = missing()
    if reason:
        pytest.skip(reason)
    # Short: the path of a Unix socket has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, USER, USER)
        _run(
            "initdb",
            "-D",
            folder / "data",
            "-U",
            USER,
            "-A",
            "trust",
            "-N",
            "-E",
            "UTF8",
        )
        port = _free_port()
        options = (
            f"-k {folder} -p {port} -c listen_addresses= -c fsync=off "
            "-c max_connections=100 -c shared_buffers=16MB"
        )
        start = ("start", "-w", "-D", folder / "data", "-l", folder / "log")
        _run("pg_ctl", *start, "-o", options)
        try:
            yield Cluster(folder, port)
        finally:
            _run("pg_ctl", "stop", "-D", folder / "data", "-m", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path | None:
    found = sorted(BINARIES.glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    return found[-1].parent if found else None


def _run(program: str, *arguments: object) -> None:
    binaries = _binaries()
    assert binaries is not None  # by missing()
    command = [str(binaries / program), *map(str, arguments)]
    if os.getuid() == 0:
        command = [
            *("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"),
            *command,
        ]
    done = subprocess.run(
        command,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def _free_port() -> int:
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        return int(plug.getsockname()[1])
