"""A table of the provider's own: made if missing, and checked before the first row, without writing one."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from airflow_provider_explo.exceptions import ExploConfigError, message
from airflow_provider_explo.sql.column_types import TABLE_OPTIONS
from airflow_provider_explo.sql.engine import attempt
from airflow_provider_explo.sql.errors import to_explo_error
from airflow_provider_explo.sql.rights import lacking_in

if TYPE_CHECKING:
    from types import TracebackType

    from sqlalchemy.engine import Connection, Engine

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,62}")
# By dialect, how text of any length is indexed. Others refuse that, or do not need it.
INDEX_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "sqlite": {},
    "postgresql": {"postgresql_using": "hash"},
    "mysql": {"mysql_length": 100},
    "mariadb": {"mariadb_length": 100},
}

log = logging.getLogger(__name__)
T = TypeVar("T")
TableT = TypeVar("TableT", bound="ManagedTable")


def utc_now() -> datetime:
    """The current UTC time."""
    return datetime.now(timezone.utc)


class ManagedTable:
    """One table in one database; a context manager that closes its connections.

    :param engine: from :func:`~airflow_provider_explo.sql.engine.engine_of`. Statements are never logged with their
        values.
    :param name: table, optionally ``schema.table``.
    :param columns: its columns.
    :param label: what it is, for messages: ``token table``.
    :param indexed: a column of text that rows are searched by.
    :raises ExploConfigError: the name is not a plain identifier.
    """

    # What its user needs, beside making it.
    rights = "SELECT, INSERT, UPDATE, DELETE"

    def __init__(
        self, engine: Engine, name: str, *columns: sa.Column[Any], label: str, indexed: str | None = None
    ) -> None:
        schema, _, table = name.rpartition(".")
        if not all(IDENTIFIER.fullmatch(part) for part in (*filter(None, [schema]), table)) or name.startswith("."):
            raise ExploConfigError(
                message(f"{label}: invalid name", found=repr(name), expected="a name such as explo_user_groups")
            )
        # Values may be tokens: they stay out of SQLAlchemy's echo and out of its error messages.
        engine.hide_parameters = True
        self.name = name
        self.label = f"{label} {name}"
        self.engine = engine
        self.table = sa.Table(table, sa.MetaData(), *columns, schema=schema or None, **TABLE_OPTIONS)
        self._indexed = indexed

    def __enter__(self: TableT) -> TableT:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.engine.dispose()

    def attempt(self, operation: str, work: Callable[[], T], *, grant: str | None = None) -> T:
        """Do something with the table; see :func:`~airflow_provider_explo.sql.engine.attempt`.

        :param grant: the right that it takes, if not those of :attr:`rights`.
        """
        grant = grant or f"{self.rights} ON {self.name}"
        return attempt(
            f"{self.label}: {operation}", work, lacking=lambda error: lacking_in(self.engine, error, grant=grant)
        )

    def in_transaction(self, operation: str, work: Callable[[Connection], T]) -> T:
        """Do something with the table in one short transaction."""

        def transaction() -> T:
            with self.engine.begin() as connection:
                return work(connection)

        return self.attempt(operation, transaction)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Read from the table, once more if the connection breaks."""

        def read(again: bool = True) -> T:
            try:
                with self.engine.connect() as connection:
                    return work(connection)
            except sa.exc.DBAPIError as error:
                # The pool noticed nothing; now it makes a new one.
                if not error.connection_invalidated or not again:
                    raise
            return read(again=False)

        return self.attempt("reading it", read)

    def exists(self) -> bool:
        """Whether the database has a table of this name.

        :raises ExploError: the database cannot be asked.
        """
        return self.attempt("looking for it", self._exists)

    def prepare(self) -> None:
        """Make it if missing, and check that it can be written.

        :raises ExploConfigError: it cannot be used; the message says why.
        :raises ExploError: the database cannot be asked.
        """
        self.create_if_missing()
        self.check()

    def check_columns(self) -> None:
        """Check that it has its columns, which needs no right to write.

        :raises ExploConfigError: it cannot be used.
        :raises ExploError: the database cannot be asked.
        """
        names = self.attempt("reading it", self._column_names)
        missing = [column.name for column in self.table.columns if column.name.lower() not in names]
        if missing:
            raise ExploConfigError(
                message(
                    f"{self.label}: has no column {', '.join(missing)}",
                    found=", ".join(names),
                    fix="add the missing columns, or name another table, which is then made",
                )
            )

    def create_if_missing(self) -> None:
        """Make it, and its index, also where another task makes them at the same moment.

        :raises ExploError: it cannot be made.
        """

        def create() -> None:
            try:
                self.table.create(self.engine, checkfirst=True)
            except sa.exc.DBAPIError:
                if not self._exists():
                    raise

        schema = self.table.schema
        mysql = self.engine.dialect.name in ("mysql", "mariadb")
        grant = f"CREATE ON {schema or '*'}.*" if mysql else f"CREATE ON SCHEMA {schema or 'public'}"
        self.attempt("creating it", create, grant=grant)
        if self._indexed is not None and self.engine.dialect.name in INDEX_OPTIONS:
            self._index_if_missing(self._indexed)

    def check(self) -> None:
        """Check its columns, their types, and the right to write.

        :raises ExploConfigError: it cannot be used.
        :raises ExploError: the database cannot be asked.
        """
        self.check_columns()
        mismatches = [
            f"{column.name} is of type {kind}, expected {column.type}"
            for column, kind in self._column_types()
            if not _fits(column, kind, self.engine.dialect.name)
        ]
        if mismatches:
            raise ExploConfigError(
                message(f"{self.label}: {'; '.join(mismatches)}", fix="change the column, or name another table")
            )
        self.in_transaction("writing to it", self._write_nothing)

    def _exists(self) -> bool:
        return sa.inspect(self.engine).has_table(self.table.name, schema=self.table.schema)

    def _index_if_missing(self, column: str) -> None:
        """Make the index where that is allowed: it makes things faster, and nothing else."""
        # Of a copy: an index that is refused must not undo the table.
        table = self.table.to_metadata(sa.MetaData())
        options = INDEX_OPTIONS[self.engine.dialect.name]
        index = sa.Index(f"{table.name[: 62 - len(column)]}_{column}", table.c[column], **options)
        try:
            indexes = sa.inspect(self.engine).get_indexes(table.name, schema=table.schema)
            if not any(known["column_names"][:1] == [column] for known in indexes):
                index.create(self.engine)
        except sa.exc.SQLAlchemyError as error:
            reason = to_explo_error(error, "cannot make it")
            statement = sa.schema.CreateIndex(index).compile(self.engine)
            log.info("%s: slow with many rows, without an index: %s\n  %s", self.label, statement, reason)

    def _column_names(self) -> list[str]:
        with self.engine.connect() as connection:
            nothing = sa.select(sa.text("*")).select_from(self.table).where(sa.false())
            return [name.lower() for name in connection.execute(nothing).keys()]  # noqa: SIM118

    def _column_types(self) -> list[tuple[Any, Any]]:
        try:
            columns = sa.inspect(self.engine).get_columns(self.table.name, schema=self.table.schema)
        except (sa.exc.SQLAlchemyError, NotImplementedError):
            # Some dialects cannot say; there, writing nothing has to do.
            return []
        types = {column["name"].lower(): column["type"] for column in columns}
        return [(column, types[column.name.lower()]) for column in self.table.columns if column.name.lower() in types]

    def _write_nothing(self, connection: Connection) -> None:
        """An insert and an update of no row: refused where the columns' types or the user's rights do not allow it."""
        # MySQL has no cast to a boolean, and needs none to any type.
        casts = self.engine.dialect.name not in ("mysql", "mariadb")
        nulls = [sa.cast(sa.null(), column.type) if casts else sa.null() for column in self.table.columns]
        values = [null.label(column.name) for null, column in zip(nulls, self.table.columns, strict=True)]
        nothing = sa.select(*values).where(sa.false())
        same = {column.name: column for column in self.table.columns}
        connection.execute(self.table.insert().from_select(list(same), nothing))
        connection.execute(self.table.update().where(sa.false()).values(same))


def _fits(column: Any, kind: Any, dialect: str) -> bool:
    # A type that the dialect does not know may well do, as may an enumeration.
    if isinstance(kind, sa.types.NullType):
        return True
    # SQLAlchemy 1.4 wraps a type that has variants.
    wanted = getattr(column.type, "impl", column.type)
    if isinstance(wanted, sa.String):
        return isinstance(kind, sa.String)
    if isinstance(wanted, sa.Integer):
        return isinstance(kind, (sa.Integer, sa.Numeric))
    if isinstance(wanted, sa.Boolean):
        # Where there is no such type, it is a small integer.
        return isinstance(kind, (sa.Boolean, sa.Integer, sa.Numeric))
    return isinstance(kind, sa.DateTime) or (dialect == "sqlite" and isinstance(kind, sa.String))
