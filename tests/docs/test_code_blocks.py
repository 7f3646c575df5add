"""Every code block of README and documentation is run, or read by what would read it."""

from __future__ import annotations

import pytest

from tests.conftest import AIRFLOW, AIRFLOW_3
from tests.docs import checks
from tests.docs.blocks import blocks


def test_no_block_is_of_a_language_that_is_not_checked():
    assert [block.place for block in blocks() if block.language not in checks.CHECKED] == []
    assert len(blocks("python")) > 10


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("block", blocks(*checks.CHECKS), ids=lambda block: f"{block.language}-{block.place}")
def test_block(block, airflow_home, tmp_path):
    if AIRFLOW < (3, 1) and block.included and block.included.stem == "explo_review_changes":
        pytest.skip("approval by a human needs Airflow 3.1 or later")
    checks.CHECKS[block.language](block, tmp_path)


@pytest.mark.slow
def test_tests_pass(airflow_home, tmp_path):
    found = [block for block in blocks("python") if block.is_test or block.is_conftest]
    assert [block.is_conftest for block in found].count(True) == 1
    assert len(found) == 6
    checks.tests(found, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not AIRFLOW_3, reason="mypy runs on Airflow 3 only: to it, Airflow 2.11's base classes are Any")
def test_python_is_well_typed(tmp_path):
    checks.types([block for block in blocks("python") if not block.included], tmp_path)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_sql_runs(airflow_home, tmp_path, request, dialect):
    from sqlalchemy import create_engine

    from airflow_provider_explo.sql.customers_table import CustomersTable
    from airflow_provider_explo.sql.log_table import LogTable
    from airflow_provider_explo.sql.rejects_table import RejectsTable
    from airflow_provider_explo.token_table import TokenTable

    postgresql = dialect == "postgresql"
    url = request.getfixturevalue("postgres").database("documented") if postgresql else f"sqlite:///{tmp_path}/w.db"
    engine = create_engine(url)
    RejectsTable(engine, "explo_rejects", task="docs").prepare()
    LogTable(engine, "explo_log", task="docs", run="docs").prepare()
    CustomersTable(engine).prepare()
    assert blocks("sql")
    for block in blocks("sql"):
        with engine.begin() as connection:
            # As the page says.
            text = block.text if postgresql else block.text.replace(" WITH TIME ZONE", "")
            connection.exec_driver_sql(text)
    TokenTable(engine).check()
    engine.dispose()
