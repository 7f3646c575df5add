"""``:name`` in a query, written as each driver wants it."""

from __future__ import annotations

import pytest

from airflow_provider_explo.exceptions import ExploConfigError
from airflow_provider_explo.sql.named_parameters import bind
from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator

QUERY = "SELECT x FROM t WHERE a = :low AND b = :high OR :low LIKE 'a%'"


@pytest.mark.parametrize(
    ("paramstyle", "sql", "parameters"),
    [
        ("named", QUERY, {"low": 1, "high": 2}),
        ("pyformat", "… a = %(low)s AND b = %(high)s OR %(low)s LIKE 'a%%'", {"low": 1, "high": 2}),
        ("format", "… a = %s AND b = %s OR %s LIKE 'a%%'", (1, 2, 1)),
        ("qmark", "… a = ? AND b = ? OR ? LIKE 'a%'", (1, 2, 1)),
        ("numeric", "… a = :1 AND b = :2 OR :3 LIKE 'a%'", (1, 2, 1)),
        ("numeric_dollar", "… a = $1 AND b = $2 OR $3 LIKE 'a%'", (1, 2, 1)),
    ],
)
def test_each_paramstyle(paramstyle, sql, parameters):
    expected = sql.replace("…", "SELECT x FROM t WHERE")
    assert bind(QUERY, {"low": 1, "high": 2, "unused": 3}, paramstyle=paramstyle) == (expected, parameters)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT '12:30', ':low', 'it''s :low'",
        'SELECT ":low" FROM t',
        "SELECT `a:low`",
        "SELECT x::text, a[1:low], b[:low]",
        "SELECT $$ :low $$, $tag$ ' :low $tag$",
        "SELECT 1 -- :low\n, 2",
        "SELECT 1 /* :low\n:low */",
        "SELECT CAST(x AS time) + INTERVAL '1:low'",
        'SELECT "column":low, PARSE_JSON(x):low',
        r"SELECT E'it\'s :low'",
    ],
)
def test_a_colon_elsewhere_is_no_parameter(sql):
    bound, parameters = bind(sql, {"low": 1}, paramstyle="qmark")
    if "b[:low]" in sql:
        # A slice may start with a parameter.
        assert (bound, parameters) == (sql.replace("[:low]", "[?]"), (1,))
    else:
        assert (bound, parameters) == (sql, ())


def test_a_name_without_a_value_is_named():
    with pytest.raises(ExploConfigError, match=r"(?s)no value for :since.*'low'.*add 'since'"):
        bind("SELECT :low, :since", {"low": 1}, paramstyle="named")


@pytest.mark.parametrize("parameters", ["a", b"a", 7, 1.5, {1, 2}, True])
def test_parameters_of_another_kind_are_refused_when_the_dag_is_parsed(parameters):
    with pytest.raises(TypeError, match="parameters: expected a mapping, or a list or tuple"):
        SqlToExploOperator(task_id="onboard", sql="SELECT 1", sql_conn_id="warehouse", parameters=parameters)
