"""Servers on loopback, each in a folder of its own, which is gone with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.processes import Program, free_port, wait_until

ROOT_USER = os.geteuid() == 0
SBIN = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])


def missing(what: str) -> Any:
    """Skip what cannot be had here; where everything must be tested, that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}; see tests/databases/install.sh")
    pytest.skip(what)


def program(name: str) -> str:
    return shutil.which(name, path=SBIN) or missing(f"{name} is not installed")


class Certificates:
    """A certificate of this machine, and the authority that signed it."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        server = authority.issue_cert("localhost", "127.0.0.1")
        self.authority, self.key, self.chain = (folder / name for name in ("ca.pem", "key.pem", "chain.pem"))
        authority.cert_pem.write_to_path(str(self.authority))
        server.private_key_pem.write_to_path(str(self.key))
        for blob in server.cert_chain_pems:
            blob.write_to_path(str(self.chain), append=True)


class PgBouncer:
    """In front of a PostgreSQL server on loopback.

    :param mode: ``transaction``: each transaction gets any of four connections to PostgreSQL; ``session``.
    :param certificates: clients must use TLS.
    """

    def __init__(
        self, folder: Path, *, server_port: int, users: list[str], mode: str, certificates: Certificates | None = None
    ) -> None:
        self.port = free_port()
        (folder / "users.txt").write_text("".join(f'"{user}" ""\n' for user in users))
        tls = ""
        if certificates:
            tls = f"client_tls_sslmode = require\nclient_tls_key_file = {certificates.key}\n"
            tls += f"client_tls_cert_file = {certificates.chain}\n"
        settings = folder / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n* = host=127.0.0.1 port={server_port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {self.port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {folder}/users.txt\n"
            f"pool_mode = {mode}\ndefault_pool_size = 4\n{tls}"
        )
        command = [program("pgbouncer"), str(settings)]
        if ROOT_USER:
            # It refuses to run as root.
            command += ["-u", "nobody"]
            for path in [folder, *folder.iterdir()]:
                shutil.chown(path, "nobody")
        self.log = folder / "log"
        self._program = Program(*command, log=self.log, environment=os.environ, cwd=folder)
        self._program.start()
        self.stop = self._program.kill
        wait_until(lambda: _listens(self.port), what="pgbouncer", patience=20)


class MariaDB:
    """A MariaDB server.

    :param settings: of the server, as ``wait_timeout=2``.
    """

    def __init__(self, folder: Path, *settings: str) -> None:
        import pymysql

        self._pymysql = pymysql
        self.port = free_port()
        as_root = ["--user=root"] if ROOT_USER else []
        where = ["--no-defaults", f"--datadir={folder / 'data'}", *as_root]
        subprocess.run(
            [program("mariadb-install-db"), *where, "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True,
            capture_output=True,
        )
        network = ["--bind-address=127.0.0.1", f"--port={self.port}", f"--socket={folder / 'socket'}"]
        command = [program("mariadbd"), *where, *network, *(f"--{setting}" for setting in settings)]
        self._program = Program(*command, log=folder / "log", environment=os.environ, cwd=folder)
        self._program.start()
        self.stop = self._program.kill
        wait_until(self._responds, what="MariaDB", patience=60)

    def execute(self, sql: str, rows: list[Any] | None = None, *, database: str | None = None) -> list[Any]:
        """The rows of a statement, or of many with ``rows``."""
        with (
            closing(
                self._pymysql.connect(
                    host="127.0.0.1", port=self.port, user="root", database=database, charset="utf8mb4", autocommit=True
                )
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.executemany(sql, rows) if rows else cursor.execute(sql)
            return list(cursor.fetchall())

    def _responds(self) -> bool:
        try:
            return bool(self.execute("SELECT 1"))
        except self._pymysql.Error:
            return False


class Snowflake:
    """fakesnow, behind HTTPS like Snowflake itself; what it holds is in its memory."""

    def __init__(self, folder: Path, certificates: Certificates) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "uvicorn", "fakesnow.server:app", "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--log-level", "warning"]
        command += ["--ssl-keyfile", str(certificates.key), "--ssl-certfile", str(certificates.chain)]
        self._program = Program(*command, log=folder / "log", environment=os.environ, cwd=folder)
        self._program.start()
        self.stop = self._program.kill
        wait_until(lambda: _listens(self.port), what="fakesnow", patience=60)


def _listens(port: int) -> bool:
    import socket

    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
