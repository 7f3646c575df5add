"""The tenants' rows, streamed from the DB-API connection of any Airflow hook."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from airflow_provider_explo.exceptions import ExploConfigError, message
from airflow_provider_explo.sql.drivers import PLAIN_TYPES, as_text, driver_of, paramstyle_of
from airflow_provider_explo.sql.errors import to_explo_error
from airflow_provider_explo.sql.named_parameters import bind
from airflow_provider_explo.sql.rights import lacking
from airflow_provider_explo.tenants.tenant import FIELDS

if TYPE_CHECKING:
    from airflow_provider_explo.sql.engine import Database

REQUIRED = tuple(name for name, field in FIELDS.items() if field.required)
OPTIONAL = tuple(name for name in FIELDS if name not in REQUIRED)


class TenantQuery:
    """The rows of one query.

    :param database: where it runs; nothing of its hook is used but ``get_conn()``.
    :param sql: a query in the database's own dialect.
    :param parameters: a mapping, for ``:name`` in the query; a sequence, which goes to the driver unchanged, for its
        own placeholders; or None.
    :param chunk_size: rows fetched at once. On PostgreSQL and MySQL the rest waits in the database.
    :param ignore_columns: columns that are no fields of a tenant, and may be in the result all the same.
    :param check_fields: may refuse the fields of a tenant that the result has.
    """

    def __init__(
        self,
        database: Database,
        sql: str,
        *,
        parameters: Mapping[str, Any] | Sequence[Any] | None = None,
        chunk_size: int = 500,
        ignore_columns: Collection[str] = (),
        check_fields: Callable[[Collection[str]], None] = lambda columns: None,
    ) -> None:
        self._database = database
        self._sql = sql
        self._parameters = parameters
        self.chunk_size = chunk_size
        self._ignore_columns = {column.lower() for column in ignore_columns}
        self._check_fields = check_fields
        self._label = f"sql: reading the tenants from {database.label}"

    def chunks(self) -> Iterator[list[dict[str, Any]]]:
        """The rows, as many at a time as the chunk size says, with a tenant's fields only.

        To be read in one thread: some drivers' connections belong to the thread that made them.

        :raises ExploConfigError: the query fails, does not have the columns, or returns a row that the driver cannot
            read.
        :raises ExploError: the database is away.
        """
        connection = self._database.connect()
        driver = driver_of(connection)
        cursor = None
        exhausted = False
        try:
            cursor = self._execute(connection)
            if cursor.description is None and not driver.describes_late:
                raise _no_rows_error()
            rows = self._fetch(cursor, after=0)
            places = self._places(cursor.description)
            count = 0
            while rows:
                yield self._fields(rows, places, after=count)
                count += len(rows)
                rows = self._fetch(cursor, after=count)
            exhausted = True
        finally:
            # At once, whatever happened: on SQLite a query that is not at its end keeps writers out. What it wrote, if
            # it did, was not committed.
            if cursor is not None and (exhausted or driver.closes_quickly):
                with suppress(Exception):
                    cursor.close()
            with suppress(Exception):
                connection.close()

    def _execute(self, connection: Any) -> Any:
        sql, parameters = self._bound(paramstyle_of(connection))
        try:
            cursor = driver_of(connection).cursor(connection)
            # Without parameters a percent sign in the query means nothing to the driver.
            cursor.execute(sql) if parameters is None else cursor.execute(sql, parameters)
            return cursor
        except Exception as driver_error:
            database = self._database
            error = to_explo_error(
                driver_error,
                self._label,
                query=self._sql,
                lacking=lambda denied: lacking(
                    denied, database.connect, database.conn_id, grant="SELECT ON the tables of the query"
                ),
            )
        # Outside of the except block, so that the driver's error, which may show a row, is not its context.
        raise error

    def _fetch(self, cursor: Any, *, after: int) -> list[Any]:
        """The next rows; none after the last."""
        try:
            return list(cursor.fetchmany(self.chunk_size))
        except Exception as driver_error:
            # Without columns, nothing was fetched yet.
            row = self._failing_row(cursor, after=after) if cursor.description is not None else None
            error = to_explo_error(driver_error, self._label, row=row, query=self._sql)
        raise error

    def _fields(self, rows: Sequence[Any], places: Mapping[str, int], *, after: int) -> list[dict[str, Any]]:
        fields: list[dict[str, Any]] = []
        try:
            for row in rows:
                # A hook or a connection may ask for rows that are dicts.
                values = tuple(row.values()) if type(row) is not tuple and isinstance(row, Mapping) else row
                fields.append(
                    {
                        field: value if type(value := values[place]) in PLAIN_TYPES else as_text(value)
                        for field, place in places.items()
                    }
                )
            return fields
        except Exception as driver_error:
            number = f"row {after + len(fields) + 1:,}"
            error = to_explo_error(driver_error, self._label, row=number, query=self._sql)
        raise error

    def _failing_row(self, cursor: Any, *, after: int) -> str:
        """Which of the next rows cannot be fetched: its number, where the cursor can go back."""
        with suppress(Exception):
            cursor.scroll(after, mode="absolute")
            for number in range(after + 1, after + self.chunk_size + 1):
                try:
                    cursor.fetchone()
                except Exception:
                    return f"row {number:,}"
        return f"row {after + 1:,} or one of the {self.chunk_size - 1:,} after it"

    def _bound(self, paramstyle: str) -> tuple[str, Any]:
        if isinstance(self._parameters, Mapping):
            return bind(self._sql, self._parameters, paramstyle=paramstyle)
        return self._sql, None if self._parameters is None else tuple(self._parameters)

    def _places(self, description: Sequence[Sequence[Any]] | None) -> dict[str, int]:
        # BigQuery's is an empty list.
        if not description:
            raise _no_rows_error()
        # Some databases return names in capitals.
        columns = [str(column[0]).lower() for column in description]
        missing = [column for column in REQUIRED if column not in columns]
        if missing:
            raise ExploConfigError(
                message(
                    f"sql: no column {', '.join(missing)} in its result",
                    found=", ".join(columns),
                    expected=f"{', '.join(REQUIRED)}, and optionally {', '.join(OPTIONAL)}",
                    fix="name the columns with AS",
                )
            )
        repeated = [column for column in FIELDS if columns.count(column) > 1]
        if repeated:
            raise ExploConfigError(
                message(f"sql: more than one column {', '.join(repeated)} in its result", fix="rename one of them")
            )
        unknown = [column for column in columns if column not in FIELDS and column not in self._ignore_columns]
        if unknown:
            raise ExploConfigError(
                message(
                    f"sql: unknown columns in its result: {', '.join(unknown)}",
                    expected=f"{', '.join(FIELDS)}",
                    fix="rename them with AS, remove them, or name them in ignore_columns",
                )
            )
        fields = [column for column in FIELDS if column in columns]
        self._check_fields(fields)
        return {column: columns.index(column) for column in fields}


def _no_rows_error() -> ExploConfigError:
    return ExploConfigError(
        message("sql: the statement returns no rows", expected="a SELECT of user_group_id, name, …")
    )
