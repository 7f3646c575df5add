"""That a table is there, and can take what will be written to it: seen to before the first row, without writing one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider_explo.exceptions import ExploConfigError
from airflow_provider_explo.sql.engine import attempt

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


def is_there(engine: Engine, table: sa.Table) -> bool:
    """Whether the database has a table of this name."""
    return sa.inspect(engine).has_table(table.name, schema=table.schema)


def make_table(engine: Engine, table: sa.Table, *, of: str) -> None:
    """Make a table if it is missing, also where other tasks make it at the same moment.

    :param of: what it is, for messages.
    :raises ExploError: it cannot be made.
    """

    def make() -> None:
        try:
            table.create(engine, checkfirst=True)
        except sa.exc.DBAPIError:
            if not is_there(engine, table):
                raise

    attempt(f"{of}: making it", make)


def check_table(engine: Engine, table: sa.Table, *, of: str) -> None:
    """Check columns, their kinds, and the right to write.

    :param table: as it should be.
    :param of: what it is, for messages.
    :raises ExploConfigError: it is not usable.
    :raises ExploError: the database cannot be asked.
    """
    found = attempt(f"{of}: reading it", lambda: _columns(engine, table))
    missing = [column.name for column in table.columns if column.name.lower() not in found]
    if missing:
        raise ExploConfigError(
            f"{of}: has no column {', '.join(missing)}; found {', '.join(found)}. Add what is missing, or name another "
            "table, which is then made"
        )
    wrong = [
        f"{column.name} is of type {kind}, expected {column.type}"
        for column, kind in _kinds(engine, table)
        if not _fits(column, kind, engine.dialect.name)
    ]
    if wrong:
        raise ExploConfigError(f"{of}: {'; '.join(wrong)}. Change the column, or name another table")
    attempt(f"{of}: writing to it", lambda: _write_nothing(engine, table))


def _columns(engine: Engine, table: sa.Table) -> list[str]:
    with engine.connect() as connection:
        nothing = sa.select(sa.text("*")).select_from(table).where(sa.false())
        return [name.lower() for name in connection.execute(nothing).keys()]  # noqa: SIM118


def _kinds(engine: Engine, table: sa.Table) -> list[tuple[Any, Any]]:
    try:
        found = sa.inspect(engine).get_columns(table.name, schema=table.schema)
    except (sa.exc.SQLAlchemyError, NotImplementedError):
        # Some dialects cannot tell; there, writing nothing has to do.
        return []
    kinds = {column["name"].lower(): column["type"] for column in found}
    return [(column, kinds[column.name.lower()]) for column in table.columns if column.name.lower() in kinds]


def _fits(column: Any, kind: Any, dialect: str) -> bool:
    # A type that the dialect does not know may well do, as may an enumeration of its own.
    if isinstance(kind, sa.types.NullType):
        return True
    # SQLAlchemy 1.4 wraps a type that has variants.
    wanted = getattr(column.type, "impl", column.type)
    if isinstance(wanted, sa.String):
        return isinstance(kind, sa.String)
    if isinstance(wanted, sa.Integer):
        return isinstance(kind, (sa.Integer, sa.Numeric))
    return isinstance(kind, sa.DateTime) or (dialect == "sqlite" and isinstance(kind, sa.String))


def _write_nothing(engine: Engine, table: sa.Table) -> None:
    """An insert and an update of no row: refused where the columns' types or the user's rights do not allow them."""
    values = [sa.cast(sa.null(), column.type).label(column.name) for column in table.columns]
    nothing = sa.select(*values).where(sa.false())
    same = {column.name: column for column in table.columns}
    with engine.begin() as connection:
        connection.execute(table.insert().from_select(list(same), nothing))
        connection.execute(table.update().where(sa.false()).values(same))
