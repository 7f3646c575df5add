"""The inventory: a row for every customer that Explo has, as it was when the list was read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider_explo.sql.column_types import ID, LONG_TEXT
from airflow_provider_explo.sql.engine import without_frames
from airflow_provider_explo.sql.table import ManagedTable

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

DEFAULT_TABLE = "explo_customers"
TEXT_COLUMNS = ("access_group", "hierarchy_level")
JSON_COLUMNS = (
    "emails",
    "group_tags",
    "properties",
    "computed_properties",
    "parent_schema_datasource_mapping",
    "computed_parent_schema_datasource_mapping",
)
Batches = Iterable[Sequence[dict[str, Any]]]


class CustomersTable(ManagedTable):
    """Explo's customers in one SQL database.

    :param engine: from :func:`~airflow_provider_explo.sql.engine.engine_of`.
    :param name: table, optionally ``schema.table``.
    :param include_tokens: it has a column ``token``. Where it has one without this, the column's values become NULL.
    :raises ExploConfigError: the name is not a plain identifier.
    """

    def __init__(self, engine: Engine, name: str = DEFAULT_TABLE, *, include_tokens: bool = False) -> None:
        super().__init__(
            engine,
            name,
            sa.Column("provided_id", ID, primary_key=True),
            sa.Column("name", sa.Text),
            *([sa.Column("token", sa.Text)] if include_tokens else []),
            sa.Column("is_demo_group", sa.Boolean),
            *(sa.Column(column, sa.Text) for column in TEXT_COLUMNS),
            *(sa.Column(column, LONG_TEXT) for column in JSON_COLUMNS),
            sa.Column("synced_at", sa.DateTime(timezone=True), nullable=False),
            label="customers table",
        )

    @property
    def row_columns(self) -> list[str]:
        """The columns that come from Explo, the key first."""
        return [column.name for column in self.table.columns if column.name != "synced_at"]

    def count(self) -> int:
        """How many rows it has.

        :raises ExploError: it cannot be read.
        """
        rows = sa.select(sa.func.count()).select_from(self.table)
        return self.in_transaction("counting its rows", lambda connection: int(connection.execute(rows).scalar() or 0))

    def replace(self, batches: Callable[[], Batches], *, synced_at: datetime) -> None:
        """Replace all rows, in one transaction: readers see the old ones or the new ones.

        :param batches: returns the new rows, a value for each of :attr:`row_columns`, some hundreds at once. It may be
            called twice.
        :raises ExploError: the database is away; the old rows are kept.
        :raises ExploConfigError: the database refuses a row; likewise.
        """
        without_frames(lambda: self.attempt("replacing its rows", lambda: self._replace(batches, synced_at)))

    def _replace(self, batches: Callable[[], Batches], synced_at: datetime) -> None:
        try:
            self._replace_once(batches, synced_at)
        except sa.exc.IntegrityError:
            # Another task replaced them at the same moment; now its rows are seen, and deleted.
            self._replace_once(batches, synced_at)

    def _replace_once(self, batches: Callable[[], Batches], synced_at: datetime) -> None:
        with self.engine.begin() as connection:
            connection.execute(self.table.delete())
            for rows in batches():
                connection.execute(self.table.insert(), [{**row, "synced_at": synced_at} for row in rows])
