"""OpenLineage's datasets of a transfer, and the extra of asset events. Neither costs a request to Explo."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_explo.connections import SQL_TYPE, get_connection
from airflow_provider_explo.tenants.outcome import CHANGED_KINDS, KINDS

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset
    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_explo.tenants.outcome import Kind
    from airflow_provider_explo.transfers.explo_to_sql import ExploToSqlOperator
    from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator

    Find = Callable[[], list[Dataset]]

URI_PREFIX = "explo://"
CHANGED_IN_EXPLO: tuple[Kind, ...] = ("created", "updated", "deleted")
WRITTEN_TO_TOKEN_TABLE: tuple[Kind, ...] = (*CHANGED_KINDS, "existing")
# What is more than host, port and path may be a password.
SAFE_AUTHORITY = re.compile(r"[\w.:/\\ -]+")

log = logging.getLogger(__name__)


def count_in_events(context: Context, outlets: Iterable[Any], counts: Counter[Kind]) -> None:
    """Put counts into the asset events of those outlets that are named ``explo://<host>/customers``.

    Airflow emits an event of an asset for each success of the task. An alias has one only where tenants changed.
    """
    from airflow.providers.common.compat.sdk import Asset, AssetAlias

    changed = _total(counts, CHANGED_KINDS)
    extra: dict[str, Any] = {"changed": changed, "rows": counts.total(), **{kind: counts[kind] for kind in KINDS}}
    for outlet in outlets:
        if isinstance(outlet, Asset) and outlet.uri.startswith(URI_PREFIX):
            context["outlet_events"][outlet].extra = extra
        elif isinstance(outlet, AssetAlias) and outlet.name.startswith(URI_PREFIX) and changed:
            context["outlet_events"][outlet].add(Asset(outlet.name), extra=extra)


def sync_lineage(
    operator: SqlToExploOperator, counts: Counter[Kind], *, dry_run: bool
) -> OperatorLineage[Any, Any] | None:
    """The query's tables, the token table and Explo's customers; None where OpenLineage's provider is not installed.

    :param dry_run: everything was read only.
    """
    in_table, in_explo = (
        None if dry_run else _total(counts, kinds) for kinds in (WRITTEN_TO_TOKEN_TABLE, CHANGED_IN_EXPLO)
    )
    token_conn_id = operator.token_conn_id or operator.sql_conn_id
    query = {"the query's tables": lambda: _query_tables(operator.sql_conn_id, operator.sql)}
    copies = {
        "the token table": lambda: [_table(token_conn_id, operator.token_table, rows=in_table)],
        "Explo's customers": lambda: [_customers(operator.explo_conn_id, rows=in_explo)],
    }
    return _lineage({**query, **copies}, {}) if dry_run else _lineage(query, copies)


def inventory_lineage(operator: ExploToSqlOperator, rows: int | None) -> OperatorLineage[Any, Any] | None:
    """Explo's customers and their table; None where OpenLineage's provider is not installed.

    :param rows: how many the table has; None for a run that failed.
    """
    return _lineage(
        {"Explo's customers": lambda: [_customers(operator.explo_conn_id)]},
        {"the customers table": lambda: [_table(operator.sql_conn_id, operator.table, rows=rows)]},
    )


def _lineage(inputs: Mapping[str, Find], outputs: Mapping[str, Find]) -> OperatorLineage[Any, Any] | None:
    try:
        from airflow.providers.openlineage.extractors import OperatorLineage
    except ImportError:
        return None
    return OperatorLineage(inputs=_found(inputs), outputs=_found(outputs))


def _found(sources: Mapping[str, Find]) -> list[Dataset]:
    """What can be found; lineage is never a reason to fail."""
    datasets = []
    for name, find in sources.items():
        try:
            datasets += find()
        except Exception as error:
            # The name of its class only: the text of some shows the connection.
            log.warning("OpenLineage: without %s: %s", name, type(error).__name__)
    return datasets


def _query_tables(conn_id: str, sql: str) -> list[Dataset]:
    """The tables that a query reads, where OpenLineage's parser finds them."""
    from airflow.providers.openlineage.sqlparser import SQLParser

    database = _Database(conn_id)
    dialect = database.hook.get_openlineage_database_dialect(database.connection)
    parser = SQLParser(dialect=dialect, default_schema=database.default_schema())
    tables = parser.parse(parser.split_sql_string(sql))
    if tables is None:
        return []
    inputs: list[Dataset]
    inputs, _ = parser.get_metadata_from_parser(tables.in_tables, [], database.info, namespace=database.namespace)
    return inputs


def _table(conn_id: str, name: str, *, rows: int | None) -> Dataset:
    database = _Database(conn_id)
    schema, _, name = name.rpartition(".")
    qualified = ".".join(filter(None, [database.info.database, schema or database.default_schema(), name]))
    return _dataset(database.namespace, qualified.upper() if database.info.is_uppercase_names else qualified, rows)


def _customers(explo_conn_id: str, *, rows: int | None = None) -> Dataset:
    from airflow_provider_explo.hooks.explo import ExploHook

    with ExploHook(explo_conn_id=explo_conn_id).client() as client:
        parts = urlsplit(client.settings.base_url)
    host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    return _dataset(f"{URI_PREFIX}{host}", "customers", rows)


def _total(counts: Counter[Kind], kinds: Iterable[Kind]) -> int:
    return sum(counts[kind] for kind in kinds)


def _dataset(namespace: str, name: str, rows: int | None) -> Dataset:
    """With statistics where so many rows were written."""
    from airflow.providers.common.compat.openlineage.facet import (
        Dataset,
        OutputDataset,
        OutputStatisticsOutputDatasetFacet,
    )

    if rows is None:
        return Dataset(namespace=namespace, name=name)
    statistics = OutputStatisticsOutputDatasetFacet(rowCount=rows)
    return OutputDataset(namespace=namespace, name=name, outputFacets={"outputStatistics": statistics})


class _Database:
    """How OpenLineage names the database of an Airflow connection."""

    def __init__(self, conn_id: str) -> None:
        from airflow.providers.openlineage.sqlparser import DatabaseInfo

        connection: Any = get_connection(conn_id, kind=SQL_TYPE)
        self.connection = connection
        self.hook = connection.get_hook()
        self.info = self.hook.get_openlineage_database_info(self.connection)
        self._known = self.info is not None
        if not self._known:
            # SQLite, DuckDB, ClickHouse and others, whose hooks say nothing.
            host = self.connection.host or ""
            authority = host if host.startswith("/") else self.hook.get_openlineage_authority_part(self.connection)
            self.info = DatabaseInfo(scheme=self.connection.conn_type, authority=authority)

    @property
    def namespace(self) -> str:
        scheme, authority = self.info.scheme, self.info.authority
        return f"{scheme}://{authority}" if authority and SAFE_AUTHORITY.fullmatch(authority) else scheme

    def default_schema(self) -> str | None:
        """The schema of a table that is named without one; some hooks ask the database."""
        known: str | None = self.hook.get_openlineage_default_schema() if self._known else None
        return known if self._known else self.connection.schema or "main"
