"""Where tokens are kept: one row per tenant, the token, and a hash of what was sent for it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from airflow_provider_explo.exceptions import ExploConfigError, message, preview
from airflow_provider_explo.sql.engine import engine_of
from airflow_provider_explo.sql.table import ManagedTable, utc_now

if TYPE_CHECKING:
    from types import TracebackType

    from sqlalchemy.engine import Connection, Engine

DEFAULT_TABLE = "explo_user_groups"
# Some databases take no more parameters in one statement.
MAX_PARAMETERS = 500


@dataclass(frozen=True, kw_only=True)
class TokenRow:
    """A tenant's row, without its times.

    :param content_hash: of what was sent, with a mark where Explo is not known to hold it.
    """

    user_group_id: str
    name: str
    token: str = field(repr=False)
    content_hash: str


class TokenTable(ManagedTable):
    """The token table in one SQL database; a context manager that closes its connections.

    :param engine: from :func:`~airflow_provider_explo.sql.engine.engine_of`.
    :param name: table, optionally ``schema.table``.
    :param now: the current UTC time.
    :raises ExploConfigError: the name is not a plain identifier.
    """

    def __init__(self, engine: Engine, name: str = DEFAULT_TABLE, *, now: Callable[[], datetime] = utc_now) -> None:
        # MySQL compares text without regard to case by default: "ACME" and "acme" are two tenants.
        exact = mysql.VARCHAR(255, collation="utf8mb4_bin")
        key = sa.String(255).with_variant(exact, "mysql").with_variant(exact, "mariadb")
        super().__init__(
            engine,
            name,
            sa.Column("user_group_id", key, primary_key=True),
            sa.Column("name", sa.String(255), nullable=False),
            sa.Column("token", sa.Text, nullable=False),
            sa.Column("content_hash", sa.String(80), nullable=False),
            sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
            label="token table",
        )
        self._now = now

    @classmethod
    def of_connection(cls, conn_id: str, name: str = DEFAULT_TABLE) -> TokenTable:
        """The table in the database of an Airflow connection, any that has a ``DbApiHook`` and an SQLAlchemy dialect.

        :raises ExploConfigError: the connection is not one of an SQL database.
        """
        return cls(engine_of(conn_id), name)

    def __enter__(self) -> TokenTable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.engine.dispose()

    def save(self, row: TokenRow) -> None:
        """Insert or update one tenant's row; see :meth:`save_all`."""
        self.save_all([row])

    def save_all(self, rows: Sequence[TokenRow]) -> None:
        """Insert or update tenants' rows, in one short transaction. Rows already as given are left alone.

        :raises ExploError: the database is away; none or all of the rows are saved.
        :raises ExploConfigError: the database refuses them, or does not distinguish two tenants' ids.
        """
        try:
            self.attempt("saving tokens", lambda: self._save_all(rows))
        except BaseException as error:
            # The frames of what failed, or was interrupted, hold tokens; Airflow 3.0's `dags test` prints them.
            raise error.with_traceback(None) from None

    def known(self, user_group_ids: Collection[str]) -> dict[str, TokenRow]:
        """The rows of these tenants, by id; those that are not there are left out."""
        with self.engine.connect() as connection:
            return self._known(connection, user_group_ids)

    def hashes(self, user_group_ids: Collection[str]) -> dict[str, str]:
        """The content hashes of these tenants, by id; those that are not there are left out.

        :raises ExploError: the table cannot be read.
        """

        def read() -> dict[str, str]:
            with self.engine.connect() as connection:
                return dict(self._select(connection, user_group_ids, "user_group_id", "content_hash"))

        return self.attempt("reading it", read)

    def _save_all(self, rows: Sequence[TokenRow]) -> None:
        try:
            self._save_once(rows)
        except sa.exc.IntegrityError:
            # Another task saved one of them first.
            self._save_once(rows)

    def _save_once(self, rows: Sequence[TokenRow]) -> None:
        now = self._now()
        ids = {row.user_group_id for row in rows}
        with self.engine.begin() as connection:
            known = self._known(connection, ids)
            if confused := known.keys() - ids:
                raise ExploConfigError(
                    message(
                        f"{self.label}: the database does not distinguish {preview(min(confused))} from "
                        + " or ".join(map(preview, sorted(ids)[:3])),
                        fix="give the column user_group_id a collation that distinguishes them",
                    )
                )
            for row in rows:
                stored = known.get(row.user_group_id)
                values = {"name": row.name, "token": row.token, "content_hash": row.content_hash, "updated_at": now}
                if stored is None:
                    new = {"user_group_id": row.user_group_id, **values, "created_at": now}
                    connection.execute(self.table.insert().values(**new))
                elif stored != row:
                    same = self.table.c.user_group_id == row.user_group_id
                    connection.execute(self.table.update().where(same).values(**values))

    def _known(self, connection: Connection, user_group_ids: Collection[str]) -> dict[str, TokenRow]:
        columns = ("user_group_id", "name", "token", "content_hash")
        rows = (TokenRow(**dict(row._mapping)) for row in self._select(connection, user_group_ids, *columns))
        return {row.user_group_id: row for row in rows}

    def _select(self, connection: Connection, user_group_ids: Collection[str], *columns: str) -> Iterator[Any]:
        ids = list(user_group_ids)
        for start in range(0, len(ids), MAX_PARAMETERS):
            chunk = self.table.c.user_group_id.in_(ids[start : start + MAX_PARAMETERS])
            yield from connection.execute(sa.select(*(self.table.c[name] for name in columns)).where(chunk))
