"""A PostgreSQL server for tests: the real program, in a folder of its own, on a Unix socket, with a password.

It refuses to run as root, so then it is started as `nobody`, in a folder that is nobody's.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tools import packages

USER = "hashyard"
# No flush to the disk: what these tests prove of PostgreSQL is not what it does in a power cut.
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "64MB",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "log_min_messages": "fatal",
    "jit": "off",
}


class PostgresqlServer:
    """One running server. `password` is its user's; `stop` and `start` do what an administrator does."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.password = f"planted-{secrets.token_hex(8)}"
        self._folder = folder
        self._as = _somebody_else(folder)
        self._programs = _reachable(programs, folder) if self._as else programs
        libraries = os.pathsep.join(str(one) for one in packages.postgresql_libraries(programs))
        self._environ = {"LC_ALL": "C", "PATH": os.environ["PATH"], "LD_LIBRARY_PATH": libraries}
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        self._spare: list[str] = []
        self._initialise()

    def url(self, database: str) -> str:
        """The URL of a database, as DATABASE_URL has it."""
        host = quote(str(self._folder), safe="")
        return f"postgresql://{USER}:{self.password}@/{database}?host={host}"

    def fresh(self) -> str:
        """Return the URL of an empty database."""
        if not self._spare:
            self._made += 1
            self.run(f"CREATE DATABASE test_{self._made} TEMPLATE template0")
            self._spare.append(f"test_{self._made}")
        return self.url(self._spare.pop())

    def take_back(self, url: str) -> None:
        """Empty a database that is used no more, for the next test: quicker than making one, and easier on the disk."""
        database = conninfo_to_dict(url)["dbname"]
        self.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")
        self.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public", str(database))
        self._spare.append(str(database))

    def run(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run statements as the superuser; return the rows of one."""
        with psycopg.connect(
            host=str(self._folder), user=USER, password=self.password, dbname=database, autocommit=True
        ) as connection:
            done = connection.execute(statement)  # type: ignore[call-overload]
            return done.fetchall() if done.description else []

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        settings = {**_SETTINGS, "unix_socket_directories": str(self._folder)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._folder / "data", *options],
                env=self._environ,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                **self._as,
            )
        end = time.monotonic() + 60
        while True:
            try:
                self.run("SELECT 1")
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self._folder / "log").read_text()
                assert time.monotonic() < end, "PostgreSQL does not start"
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """Stop it at once, as for a restart: connections are cut, nothing committed is lost."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(60)
            self._process = None

    def _initialise(self) -> None:
        secret = self._folder / "password"
        secret.write_text(self.password)
        if self._as:
            os.chown(secret, self._as["user"], self._as["group"])
        command = [self._programs / "initdb", "-D", self._folder / "data", "-U", USER, "--auth=scram-sha-256"]
        done = subprocess.run(
            [*command, f"--pwfile={secret}", "--encoding=UTF8", "--locale=C", "--no-sync"],
            env=self._environ,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **self._as,
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def running(programs: Path) -> Iterator[PostgresqlServer]:
    """Have a server for a while; its folder is gone afterwards."""
    # A short path, since a socket's has at most 107 bytes; not below pytest's own folder, which is closed to others.
    folder = Path(tempfile.mkdtemp(prefix="hashyard-pg-"))
    try:
        server = PostgresqlServer(programs, folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def _somebody_else(folder: Path) -> dict[str, Any]:
    """Return, for root, whom to run as, and give him the folder."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _reachable(programs: Path, folder: Path) -> Path:
    """Return where somebody else can run the programs: as they are, or a copy where a folder above is root's alone."""
    if all(one.stat().st_mode & 0o001 for one in programs.parents):
        return programs
    tree = packages.TOOLS / "postgresql"
    shutil.copytree(tree, folder / "tree", symlinks=True)
    return folder / "tree" / programs.relative_to(tree)
