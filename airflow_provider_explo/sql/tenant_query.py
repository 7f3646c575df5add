"""The tenants' rows, streamed from any SQL database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider_explo.exceptions import ExploConfigError, ExploError
from airflow_provider_explo.sql.engine import told

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

REQUIRED = ("user_group_id", "name")
OPTIONAL = ("mapping", "properties")


class TenantRows:
    """The rows of one query.

    :param engine: from :func:`~airflow_provider_explo.sql.engine.engine_of`.
    :param sql: a query in the database's own dialect, with the placeholders of its driver.
    :param parameters: for the placeholders: a mapping or a sequence, or None.
    :param chunk_size: rows fetched at once. On PostgreSQL and others the rest waits on a cursor in the database.
    """

    def __init__(
        self,
        engine: Engine,
        sql: str,
        *,
        parameters: Mapping[str, Any] | Sequence[Any] | None = None,
        chunk_size: int = 500,
    ) -> None:
        self._engine = engine
        self._sql = sql
        self._parameters: Any = (
            parameters if parameters is None or isinstance(parameters, Mapping) else tuple(parameters)
        )
        self.chunk_size = chunk_size
        self.unused: tuple[str, ...] = ()

    def chunks(self) -> Iterator[list[dict[str, Any]]]:
        """The rows, as many at a time as the chunk size says, with a tenant's fields only.

        After the first chunk :attr:`unused` names the columns that mean nothing here.

        :raises ExploConfigError: the query fails, or does not have the columns.
        :raises ExploError: the database is away.
        """
        try:
            with self._engine.connect() as connection:
                # SQLAlchemy 1.4 (Airflow 2.11 and 3.0) would commit what writes.
                options = {"stream_results": True, "max_row_buffer": self.chunk_size, "autocommit": False}
                # Without parameters a percent sign in the query means nothing to the driver.
                connection = connection.execution_options(**options, no_parameters=self._parameters is None)
                # Closed at once whatever happens: on SQLite a query that is not at its end keeps writers away.
                with closing(connection.exec_driver_sql(self._sql, self._parameters)) as result:
                    places = self._places(result)
                    for rows in result.partitions(self.chunk_size):
                        yield [{field: row[place] for field, place in places.items()} for row in rows]
            return
        except sa.exc.SQLAlchemyError as caught:
            error: ExploError = told(caught, "sql: reading the tenants")
        raise error

    def _places(self, result: Any) -> dict[str, int]:
        if not result.returns_rows:
            raise ExploConfigError("sql: it returns no rows; expected a SELECT of user_group_id, name, …")
        # Some databases answer in capitals.
        columns = [str(column).lower() for column in result.keys()]  # noqa: SIM118
        wanted = (*REQUIRED, *OPTIONAL)
        missing = [column for column in REQUIRED if column not in columns]
        if missing:
            raise ExploConfigError(
                f"sql: no column {', '.join(missing)} in its result; found {', '.join(columns)}. Name the columns with "
                "AS: user_group_id and name, and optionally mapping and properties"
            )
        twice = [column for column in wanted if columns.count(column) > 1]
        if twice:
            raise ExploConfigError(
                f"sql: more than one column {', '.join(twice)} in its result; name one of them otherwise"
            )
        self.unused = tuple(column for column in columns if column not in wanted)
        return {column: columns.index(column) for column in wanted if column in columns}
