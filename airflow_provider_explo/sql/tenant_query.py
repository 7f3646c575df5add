"""The tenants' rows, streamed from any SQL database."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider_explo.exceptions import ExploConfigError, ExploError, message
from airflow_provider_explo.sql.engine import to_explo_error
from airflow_provider_explo.tenants.tenant import FIELDS

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

REQUIRED = tuple(name for name, field in FIELDS.items() if field.required)
OPTIONAL = tuple(name for name in FIELDS if name not in REQUIRED)
# Text, quoted names and comments, in which a colon is a colon; then :name, but neither ::type nor a[1:n].
_NAMED = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*` | \$(\w*)\$.*?\$\1\$ | --[^\n]* | /\*.*?\*/
    | (?<![:\w\]]):(?P<name>[A-Za-z_]\w*)""",
    re.VERBOSE | re.DOTALL,
)


class TenantQuery:
    """The rows of one query.

    :param engine: from :func:`~airflow_provider_explo.sql.engine.engine_of`.
    :param sql: a query in the database's own dialect.
    :param parameters: a mapping, for ``:name`` in the query; a sequence, which goes to the driver unchanged, for its
        own placeholders; or None.
    :param chunk_size: rows fetched at once. On PostgreSQL and others the rest waits on a cursor in the database.
    :param ignore_columns: columns that are no fields of a tenant, and may be in the result all the same.
    :param check_fields: may refuse the fields of a tenant that the result has.
    """

    def __init__(
        self,
        engine: Engine,
        sql: str,
        *,
        parameters: Mapping[str, Any] | Sequence[Any] | None = None,
        chunk_size: int = 500,
        ignore_columns: Collection[str] = (),
        check_fields: Callable[[Collection[str]], None] = lambda columns: None,
    ) -> None:
        self._engine = engine
        self._sql = sql
        self._parameters = parameters
        self.chunk_size = chunk_size
        self._ignore_columns = {column.lower() for column in ignore_columns}
        self._check_fields = check_fields

    def chunks(self) -> Iterator[list[dict[str, Any]]]:
        """The rows, as many at a time as the chunk size says, with a tenant's fields only.

        :raises ExploConfigError: the query fails, or does not have the columns.
        :raises ExploError: the database is away.
        """
        sql, parameters = self._bound()
        try:
            with self._engine.connect() as connection:
                # SQLAlchemy 1.4 (Airflow 2.11 and 3.0) would commit what writes.
                options = {"stream_results": True, "max_row_buffer": self.chunk_size, "autocommit": False}
                # Without parameters a percent sign in the query means nothing to the driver.
                connection = connection.execution_options(**options, no_parameters=parameters is None)
                # Closed at once whatever happens: on SQLite a query that is not at its end keeps writers out.
                with closing(connection.exec_driver_sql(sql, parameters)) as result:
                    places = self._places(result)
                    for rows in result.partitions(self.chunk_size):
                        yield [{field: row[place] for field, place in places.items()} for row in rows]
            return
        except sa.exc.SQLAlchemyError as database_error:
            error: ExploError = to_explo_error(database_error, "sql: reading the tenants")
        raise error

    def _bound(self) -> tuple[str, Any]:
        if isinstance(self._parameters, Mapping):
            return bind(self._sql, self._parameters, paramstyle=self._engine.dialect.paramstyle)
        return self._sql, None if self._parameters is None else tuple(self._parameters)

    def _places(self, result: Any) -> dict[str, int]:
        if not result.returns_rows:
            raise ExploConfigError(
                message("sql: the statement returns no rows", expected="a SELECT of user_group_id, name, …")
            )
        # Some databases return names in capitals.
        columns = [str(column).lower() for column in result.keys()]  # noqa: SIM118
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


def bind(sql: str, parameters: Mapping[str, Any], *, paramstyle: str) -> tuple[str, Any]:
    """Write ``:name`` in a query as a driver wants it.

    :param paramstyle: the driver's, by PEP 249, or SQLAlchemy's ``numeric_dollar``.
    :returns: the query, and the driver's parameters.
    :raises ExploConfigError: the query names a parameter that is not given.
    """
    names: list[str] = []

    def placeholder(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return escaped(match[0])
        if name not in parameters:
            raise ExploConfigError(
                message(
                    f"sql: no value for :{name}",
                    found=", ".join(map(repr, parameters)) or "no parameters",
                    fix=f"add {name!r} to parameters",
                )
            )
        names.append(name)
        number = len(names)
        styles = {"named": f":{name}", "pyformat": f"%({name})s", "format": "%s", "qmark": "?", "numeric": f":{number}"}
        return styles.get(paramstyle, f"${number}")

    def escaped(text: str) -> str:
        return text.replace("%", "%%") if paramstyle in ("format", "pyformat") else text

    parts, end = [], 0
    for match in _NAMED.finditer(sql):
        parts += [escaped(sql[end : match.start()]), placeholder(match)]
        end = match.end()
    bound = "".join([*parts, escaped(sql[end:])])
    if paramstyle in ("named", "pyformat"):
        return bound, {name: parameters[name] for name in names}
    return bound, tuple(parameters[name] for name in names)
