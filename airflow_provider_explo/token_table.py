"""Where tokens are kept: one row a tenant, the token, and a hash of what was sent for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider_explo.exceptions import ExploConfigError, ExploProtocolError
from airflow_provider_explo.onboarding.content import content_hash
from airflow_provider_explo.onboarding.plan import drift
from airflow_provider_explo.onboarding.tenant import Tenant, TenantRules

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

DEFAULT_TABLE = "explo_user_groups"
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,62}")


@dataclass(frozen=True, kw_only=True)
class TokenRow:
    """A tenant's row, without its times.

    :param content_hash: of what was sent, or empty where Explo is known to hold something else: so a later run that
        compares hashes finds the difference again.
    """

    user_group_id: str
    name: str
    token: str = field(repr=False)
    content_hash: str

    @classmethod
    def of(cls, tenant: Tenant, token: str, *, differing: Collection[str] = ()) -> TokenRow:
        """The row for a tenant that was sent to Explo.

        :param differing: the fields in which Explo's group differs from the tenant.
        """
        return cls(
            user_group_id=tenant.user_group_id,
            name=tenant.name,
            token=token,
            content_hash="" if differing else content_hash(tenant),
        )


class TokenTable:
    """The token table in one SQL database; made if missing.

    :param engine: from ``DbApiHook.get_sqlalchemy_engine()``. Its statements are never logged with their values.
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
        *schema, table = name.split(".")
        if len(schema) > 1 or not all(IDENTIFIER.fullmatch(part) for part in (*schema, table)):
            raise ExploConfigError(f"token table: expected a name such as explo_user_groups, found {name!r}")
        # Values are tokens: they stay out of SQLAlchemy's echo and out of its error messages.
        engine.hide_parameters = True
        self._engine = engine
        self._now = now
        self._table = sa.Table(
            table,
            sa.MetaData(),
            sa.Column("user_group_id", sa.String(255), primary_key=True),
            sa.Column("name", sa.String(255), nullable=False),
            sa.Column("token", sa.Text, nullable=False),
            sa.Column("content_hash", sa.String(80), nullable=False),
            sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
            schema=schema[0] if schema else None,
        )

    @classmethod
    def of_connection(cls, conn_id: str, name: str = DEFAULT_TABLE) -> TokenTable:
        """The table in the database of an Airflow connection, any that has a ``DbApiHook`` and an SQLAlchemy URL.

        :raises ExploConfigError: the connection is not one of an SQL database.
        """
        from airflow.providers.common.compat.sdk import BaseHook
        from airflow.providers.common.sql.hooks.sql import DbApiHook

        hook = BaseHook.get_hook(conn_id)
        if not isinstance(hook, DbApiHook):
            raise ExploConfigError(f"connection {conn_id!r}: expected one of an SQL database")
        return cls(hook.get_sqlalchemy_engine(), name)

    def create_if_missing(self) -> None:
        """Make the table, also where another task makes it at the same moment."""
        try:
            self._table.create(self._engine, checkfirst=True)
        except sa.exc.DBAPIError:
            if not sa.inspect(self._engine).has_table(self._table.name, schema=self._table.schema):
                raise

    def save(self, row: TokenRow) -> None:
        """Insert or update one tenant's row, in a transaction of its own. A row already as given is left alone."""
        values = {"name": row.name, "token": row.token, "content_hash": row.content_hash}
        with self._engine.begin() as connection:
            known = self._known(connection, [row.user_group_id]).get(row.user_group_id)
            if known == row:
                return
            if known is not None:
                self._update(connection, row.user_group_id, values)
                return
        moment = self._now()
        try:
            with self._engine.begin() as connection:
                new = {"user_group_id": row.user_group_id, **values, "created_at": moment, "updated_at": moment}
                connection.execute(self._table.insert().values(**new))
        except sa.exc.IntegrityError:
            # The task's twin was faster.
            with self._engine.begin() as connection:
                self._update(connection, row.user_group_id, values)

    def save_created(self, ti: Any, *, task_id: str, **tenant: Any) -> None:
        """Save the token that an ``ExploCreateUserGroupOperator`` pushed; make the table if it is missing.

        The token is pulled here, because what a task gets as an argument stands in its rendered templates.

        :param ti: the running task instance; of a mapped task, the operator's instance with the same map index counts.
        :param task_id: the operator's, with its task groups'.
        :param tenant: the operator's ``user_group_id``, ``name``, ``mapping`` and ``properties``.
        :raises ExploProtocolError: the operator's task was about another tenant; nothing is saved.
        """
        checked = TenantRules().tenant(**tenant)
        source = {"task_ids": task_id, "map_indexes": ti.map_index}
        group = ti.xcom_pull(**source, key="user_group")
        if group["provided_id"] != checked.user_group_id:
            raise ExploProtocolError(
                f"tenant {checked.user_group_id!r}: refusing the token of {group['provided_id']!r}, which task "
                f"{task_id!r} pushed"
            )
        self.create_if_missing()
        left = drift(checked, name=group["name"], details=group)
        self.save(TokenRow.of(checked, ti.xcom_pull(**source), differing=left))

    def known(self, user_group_ids: Collection[str]) -> dict[str, TokenRow]:
        """The rows of these tenants, by id; those that are not there are left out."""
        with self._engine.connect() as connection:
            return self._known(connection, user_group_ids)

    def _known(self, connection: Connection, user_group_ids: Collection[str]) -> dict[str, TokenRow]:
        columns = [self._table.c[name] for name in ("user_group_id", "name", "token", "content_hash")]
        query = sa.select(*columns).where(self._table.c.user_group_id.in_(list(user_group_ids)))
        rows = (TokenRow(**dict(row._mapping)) for row in connection.execute(query))
        return {row.user_group_id: row for row in rows}

    def _update(self, connection: Connection, user_group_id: str, values: Mapping[str, Any]) -> None:
        connection.execute(
            self._table.update()
            .where(self._table.c.user_group_id == user_group_id)
            .values(**values, updated_at=self._now())
        )
