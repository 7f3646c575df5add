"""Where tokens are kept: one row per tenant, the token, and a hash of what was sent for it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from airflow_provider_explo.exceptions import ExploConfigError, message, preview
from airflow_provider_explo.sql.column_types import ANY_CHARACTERS, ID
from airflow_provider_explo.sql.engine import engine_of, without_frames
from airflow_provider_explo.sql.errors import is_mix_of_collations
from airflow_provider_explo.sql.table import ManagedTable, utc_now
from airflow_provider_explo.sql.token_row import DEFAULT_CONN_ID, TokenRow, foreign_row, shared_token

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

DEFAULT_TABLE = "explo_user_groups"
ROW_COLUMNS = ("user_group_id", "name", "token", "content_hash", "explo_conn_id")
T = TypeVar("T")
# Some databases take no more parameters in one statement.
MAX_PARAMETERS = 500


class TokenTable(ManagedTable):
    """The token table in one SQL database; a context manager that closes its connections.

    :param engine: from :func:`~airflow_provider_explo.sql.engine.engine_of`.
    :param name: table, optionally ``schema.table``.
    :param explo_conn_id: the Airflow connection of Explo whose tokens these are. Rows of another are neither read as
        this one's nor replaced.
    :param now: the current UTC time.
    :raises ExploConfigError: the name is not a plain identifier.
    """

    def __init__(
        self,
        engine: Engine,
        name: str = DEFAULT_TABLE,
        *,
        explo_conn_id: str = DEFAULT_CONN_ID,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(
            engine,
            name,
            sa.Column("user_group_id", ID, primary_key=True),
            sa.Column("name", sa.String(255), nullable=False),
            sa.Column("token", sa.Text, nullable=False),
            sa.Column("content_hash", sa.String(80), nullable=False),
            sa.Column("explo_conn_id", sa.String(255), nullable=False),
            sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
            label="token table",
            indexed="token",
        )
        self._explo_conn_id = explo_conn_id
        self._now = now

    @classmethod
    def of_connection(
        cls, conn_id: str, name: str = DEFAULT_TABLE, *, explo_conn_id: str = DEFAULT_CONN_ID
    ) -> TokenTable:
        """The table in the database of an Airflow connection, any that has a ``DbApiHook`` and an SQLAlchemy dialect.

        :raises ExploConfigError: the connection is not one of an SQL database.
        """
        return cls(engine_of(conn_id), name, explo_conn_id=explo_conn_id)

    def save(self, row: TokenRow) -> None:
        """Insert or update one tenant's row; see :meth:`save_all`."""
        self.save_all([row])

    def save_all(self, rows: Sequence[TokenRow]) -> None:
        """Insert or update tenants' rows, in one short transaction. Rows already as given are left alone.

        :raises ExploError: the database is away; none or all of the rows are saved.
        :raises ExploConfigError: the database refuses them, or does not distinguish two tenants' ids.
        """
        without_frames(lambda: self.attempt("saving tokens", lambda: self._save_all(rows)))

    def edit(self, user_group_id: str, change: Callable[[TokenRow], TokenRow]) -> bool:
        """Change a tenant's row, in one short transaction; only what differs is written. Errors as in :meth:`save_all`.

        :returns: whether there is a row.
        """

        def edit(connection: Connection) -> bool:
            row = self._known(connection, [user_group_id]).get(user_group_id)
            if row is None:
                return False
            self._refuse_foreign([row])
            edited = change(row)
            values = {name: value for name in ROW_COLUMNS if (value := getattr(edited, name)) != getattr(row, name)}
            if "token" in values:
                self._refuse_shared_tokens(connection, [edited])
            if values:
                same = self.table.c.user_group_id == user_group_id
                connection.execute(self.table.update().where(same).values(**values, updated_at=self._now()))
            return True

        return without_frames(lambda: self.in_transaction("saving a token", edit))

    def known(self, user_group_ids: Collection[str]) -> dict[str, TokenRow]:
        """The rows of these tenants, by id; those that are not there are left out.

        :raises ExploConfigError: one of them is another connection's.
        :raises ExploError: the table cannot be read.
        """
        rows = self.read(lambda connection: self._known(connection, user_group_ids))
        self._refuse_foreign(rows.values())
        return rows

    def managed(self, user_group_ids: Collection[str]) -> set[str]:
        """Those of these tenants that are in the table, whichever connection's they are."""
        return self.read(
            lambda connection: {name for (name,) in self._select(connection, user_group_ids, "user_group_id")}
        )

    def count(self) -> int:
        """How many rows are this connection's."""
        query = sa.select(sa.func.count()).select_from(self.table).where(self._own())
        return int(self.read(lambda connection: connection.execute(query).scalar_one()))

    def pages(self, size: int = MAX_PARAMETERS) -> Iterator[list[TokenRow]]:
        """This connection's rows, page by page, in the order of their ids."""
        ids = self.table.c.user_group_id
        query = sa.select(*(self.table.c[name] for name in ROW_COLUMNS)).where(self._own()).order_by(ids).limit(size)
        after = ""
        while page := self._page(query.where(ids > after)):
            yield list(page.values())
            after = next(reversed(page))

    def delete(self, user_group_id: str) -> None:
        """Delete a tenant's row, if it is this connection's.

        :raises ExploError: it cannot be deleted.
        """
        row = self.table.delete().where(self.table.c.user_group_id == user_group_id, self._own())
        self.in_transaction("deleting a row", lambda connection: connection.execute(row))

    def check_columns(self) -> None:
        """As :meth:`ManagedTable.check_columns`; a table of an earlier version lacks a column.

        :raises ExploConfigError: with the statement that adds it.
        """
        try:
            super().check_columns()
        except ExploConfigError as error:
            if "has no column explo_conn_id\n" not in str(error):
                raise
            fix = f"ALTER TABLE {self.name} ADD COLUMN explo_conn_id VARCHAR(255) DEFAULT '{self._explo_conn_id}'"
            summary = f"{self.label}: has no column explo_conn_id, which names the connection that wrote each row"
            raise ExploConfigError(message(summary, fix=fix)) from None

    def _save_all(self, rows: Sequence[TokenRow]) -> None:
        try:
            self._save_once(rows)
        except sa.exc.IntegrityError:
            # Another task saved one of them first.
            self._save_once(rows)

    def _save_once(self, rows: Sequence[TokenRow]) -> None:
        now = self._now()
        rows = [replace(row, explo_conn_id=self._explo_conn_id) for row in rows]
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
            self._refuse_foreign(known.values())
            self._refuse_shared_tokens(connection, rows)
            new = []
            for row in rows:
                stored = known.get(row.user_group_id)
                values = {"name": row.name, "token": row.token, "content_hash": row.content_hash, "updated_at": now}
                if stored is None:
                    key = {"user_group_id": row.user_group_id, "explo_conn_id": row.explo_conn_id}
                    new.append({**key, **values, "created_at": now})
                elif stored != row:
                    same = self.table.c.user_group_id == row.user_group_id
                    connection.execute(self.table.update().where(same).values(**values))
            if new:
                connection.execute(self.table.insert(), new)

    def _refuse_foreign(self, rows: Iterable[TokenRow]) -> None:
        for row in rows:
            if row.explo_conn_id != self._explo_conn_id:
                raise foreign_row(self.label, row, self._explo_conn_id)

    def _refuse_shared_tokens(self, connection: Connection, rows: Sequence[TokenRow]) -> None:
        """Two tenants with one token would see each other's data."""
        owners = {row.token: row.user_group_id for row in rows}
        ids = {row.user_group_id for row in rows}
        tokens = list(owners)
        query = sa.select(self.table.c.token, self.table.c.user_group_id)
        for start in range(0, len(tokens), MAX_PARAMETERS):
            chunk = query.where(self.table.c.token.in_(tokens[start : start + MAX_PARAMETERS]))
            for token, holder in connection.execute(chunk):
                # One that gets another token in this transaction gives this one up.
                if owners.get(token, holder) != holder and holder not in ids:
                    raise shared_token(owners[token], holder)
        for row in rows:
            if owners[row.token] != row.user_group_id:
                raise shared_token(row.user_group_id, owners[row.token])

    def _own(self) -> Any:
        return self.table.c.explo_conn_id == self._explo_conn_id

    def _page(self, query: Any) -> dict[str, TokenRow]:
        return self.read(lambda connection: self._rows(connection.execute(query)))

    def _known(self, connection: Connection, user_group_ids: Collection[str]) -> dict[str, TokenRow]:
        return self._rows(self._select(connection, user_group_ids, *ROW_COLUMNS))

    def _rows(self, result: Iterable[Any]) -> dict[str, TokenRow]:
        return {
            user_group_id: TokenRow(
                user_group_id=user_group_id, name=name, token=token, content_hash=content_hash, explo_conn_id=conn_id
            )
            for user_group_id, name, token, content_hash, conn_id in result
        }

    def _select(self, connection: Connection, user_group_ids: Collection[str], *columns: str) -> Iterator[Any]:
        ids = list(user_group_ids)
        query = sa.select(*(self.table.c[name] for name in columns))
        for start in range(0, len(ids), MAX_PARAMETERS):
            chunk = ids[start : start + MAX_PARAMETERS]
            try:
                result = connection.execute(query.where(self.table.c.user_group_id.in_(chunk)))
            except sa.exc.DBAPIError as error:
                if not is_mix_of_collations(error.orig):
                    raise
                # Slower, since it uses no index: only for ids that an older character set does not have.
                exact = sa.cast(self.table.c.user_group_id, ANY_CHARACTERS)
                result = connection.execute(query.where(exact.in_(chunk)))
            # All at once: one by one, the rows take twice as long.
            yield from result.fetchall()
