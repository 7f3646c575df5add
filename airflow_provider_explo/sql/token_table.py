"""Where tokens are kept: one row a tenant, the token, and a hash of what was sent for it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from airflow_provider_explo.exceptions import ExploConfigError, ExploProtocolError
from airflow_provider_explo.sql.engine import attempt, engine_of, table_name
from airflow_provider_explo.sql.table_check import check_table, is_there, make_table
from airflow_provider_explo.sync.plan import drift, hides_mapping
from airflow_provider_explo.tenants.content_hash import content_hash
from airflow_provider_explo.tenants.tenant import Tenant
from airflow_provider_explo.tenants.validation import TenantValidator

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

DEFAULT_TABLE = "explo_user_groups"
# Some databases take no more parameters in one statement.
MOST_IDS = 500


@dataclass(frozen=True, kw_only=True)
class TokenRow:
    """A tenant's row, without its times.

    :param content_hash: of what was sent, with a mark where Explo is not known to hold it.
    """

    user_group_id: str
    name: str
    token: str = field(repr=False)
    content_hash: str

    @classmethod
    def of(cls, tenant: Tenant, token: str, *, settled: bool = True) -> TokenRow:
        """The row for a tenant that was sent to Explo.

        :param settled: Explo holds what was sent. A later run with ``if_exists="update"`` sends it again where not.
        """
        return cls(
            user_group_id=tenant.user_group_id,
            name=tenant.name,
            token=token,
            content_hash=content_hash(tenant, settled=settled),
        )


class TokenTable:
    """The token table in one SQL database.

    :param engine: from :func:`~airflow_provider_explo.sql.engine.engine_of`. Its statements are never logged with their
        values.
    :param name: table, optionally ``schema.table``.
    :param now: the current UTC time.
    :raises ExploConfigError: the name is no plain identifier.
    """

    def __init__(
        self,
        engine: Engine,
        name: str = DEFAULT_TABLE,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        schema, table = table_name(name, of="token table")
        # Values are tokens: they stay out of SQLAlchemy's echo and out of its error messages.
        engine.hide_parameters = True
        self.name = name
        self._engine = engine
        self._now = now
        # MySQL compares text without regard to case, unless told otherwise: "ACME" and "acme" are two tenants.
        exact = mysql.VARCHAR(255, collation="utf8mb4_bin")
        key = sa.String(255).with_variant(exact, "mysql").with_variant(exact, "mariadb")
        self._table = sa.Table(
            table,
            sa.MetaData(),
            sa.Column("user_group_id", key, primary_key=True),
            sa.Column("name", sa.String(255), nullable=False),
            sa.Column("token", sa.Text, nullable=False),
            sa.Column("content_hash", sa.String(80), nullable=False),
            sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
            schema=schema,
        )

    @classmethod
    def of_connection(cls, conn_id: str, name: str = DEFAULT_TABLE) -> TokenTable:
        """The table in the database of an Airflow connection, any that has a ``DbApiHook`` and an SQLAlchemy dialect.

        :raises ExploConfigError: the connection is not one of an SQL database.
        """
        return cls(engine_of(conn_id), name)

    def exists(self) -> bool:
        """Whether the table is there.

        :raises ExploError: the database cannot be asked.
        """
        return attempt(f"token table {self.name}: looking for it", lambda: is_there(self._engine, self._table))

    def create_if_missing(self) -> None:
        """Make the table, also where another task makes it at the same moment.

        :raises ExploError: it cannot be made.
        """
        make_table(self._engine, self._table, of=f"token table {self.name}")

    def check(self) -> None:
        """See that the table has its columns and that it can be written, before any token is at stake.

        :raises ExploConfigError: it cannot be used; the message says why.
        :raises ExploError: the database cannot be asked.
        """
        check_table(self._engine, self._table, of=f"token table {self.name}")

    def save(self, row: TokenRow) -> None:
        """Insert or update one tenant's row; see :meth:`save_all`."""
        self.save_all([row])

    def save_all(self, rows: Sequence[TokenRow]) -> None:
        """Insert or update tenants' rows, in one short transaction. Rows already as given are left alone.

        :raises ExploError: the database is away; none or all of the rows are saved.
        :raises ExploConfigError: the database refuses them, or cannot tell two tenants' ids apart.
        """
        try:
            attempt(f"token table {self.name}: saving tokens", lambda: self._save_all(rows))
        except BaseException as error:
            # The frames of what failed, or was interrupted, hold tokens; Airflow 3.0's `dags test` prints them.
            raise error.with_traceback(None) from None

    def save_created(self, ti: Any, *, task_id: str, **tenant: Any) -> None:
        """Save the token that an ``ExploCreateUserGroupOperator`` pushed; make the table if it is missing.

        The token is pulled here, because what a task gets as an argument stands in its rendered templates.

        :param ti: the running task instance; of a mapped task, the operator's instance with the same map index counts.
        :param task_id: the operator's, with its task groups'.
        :param tenant: the operator's ``user_group_id``, ``name``, ``mapping`` and ``properties``.
        :raises ExploProtocolError: the operator's task was about another tenant; nothing is saved.
        """
        checked = TenantValidator().tenant(**tenant)
        source = {"task_ids": task_id, "map_indexes": ti.map_index}
        group = ti.xcom_pull(**source, key="user_group")
        if group["provided_id"] != checked.user_group_id:
            raise ExploProtocolError(
                f"tenant {checked.user_group_id!r}: refusing the token of {group['provided_id']!r}, which task "
                f"{task_id!r} pushed"
            )
        self.create_if_missing()
        as_asked = not drift(checked, name=group["name"], details=group)
        hidden = as_asked and not group["new_user_group"] and hides_mapping(checked, details=group)
        self.save_tenant(checked, ti.xcom_pull(**source), settled=as_asked and not hidden, mapping_hidden=hidden)

    def save_tenant(self, tenant: Tenant, token: str, *, settled: bool, mapping_hidden: bool = False) -> None:
        """Save the token of a tenant who was onboarded alone.

        :param settled: Explo is known to hold what was sent.
        :param mapping_hidden: it is not known only because Explo did not show the mapping; what an earlier run knew
            stays known then.
        :raises ExploError: as :meth:`save_all`.
        """
        row = TokenRow.of(tenant, token, settled=settled)
        # Errors bring along what this frame holds.
        del token
        if mapping_hidden:
            known = self.hashes([tenant.user_group_id]).get(tenant.user_group_id)
            if known == content_hash(tenant):
                row = replace(row, content_hash=known)
        self.save(row)

    def known(self, user_group_ids: Collection[str]) -> dict[str, TokenRow]:
        """The rows of these tenants, by id; those that are not there are left out."""
        with self._engine.connect() as connection:
            return self._known(connection, user_group_ids)

    def hashes(self, user_group_ids: Collection[str]) -> dict[str, str]:
        """The content hashes of these tenants, by id; those that are not there are left out.

        :raises ExploError: the table cannot be read.
        """

        def read() -> dict[str, str]:
            with self._engine.connect() as connection:
                rows = self._select(connection, user_group_ids, "user_group_id", "content_hash")
                return dict(rows)

        return attempt(f"token table {self.name}: reading it", read)

    def _save_all(self, rows: Sequence[TokenRow]) -> None:
        try:
            self._save_once(rows)
        except sa.exc.IntegrityError:
            # The task's twin was faster with one of them.
            self._save_once(rows)

    def _save_once(self, rows: Sequence[TokenRow]) -> None:
        moment = self._now()
        with self._engine.begin() as connection:
            asked = {row.user_group_id for row in rows}
            known = self._known(connection, asked)
            if strangers := known.keys() - asked:
                raise ExploConfigError(
                    f"token table {self.name}: the database takes {min(strangers)!r} for one of {sorted(asked)[:10]}; "
                    "give the column user_group_id a collation that tells them apart"
                )
            for row in rows:
                found = known.get(row.user_group_id)
                values = {"name": row.name, "token": row.token, "content_hash": row.content_hash, "updated_at": moment}
                if found is None:
                    new = {"user_group_id": row.user_group_id, **values, "created_at": moment}
                    connection.execute(self._table.insert().values(**new))
                elif found != row:
                    same = self._table.c.user_group_id == row.user_group_id
                    connection.execute(self._table.update().where(same).values(**values))

    def _known(self, connection: Connection, user_group_ids: Collection[str]) -> dict[str, TokenRow]:
        columns = ("user_group_id", "name", "token", "content_hash")
        rows = (TokenRow(**dict(row._mapping)) for row in self._select(connection, user_group_ids, *columns))
        return {row.user_group_id: row for row in rows}

    def _select(self, connection: Connection, user_group_ids: Collection[str], *columns: str) -> Iterator[Any]:
        ids = list(user_group_ids)
        for start in range(0, len(ids), MOST_IDS):
            some = self._table.c.user_group_id.in_(ids[start : start + MOST_IDS])
            yield from connection.execute(sa.select(*(self._table.c[name] for name in columns)).where(some))
