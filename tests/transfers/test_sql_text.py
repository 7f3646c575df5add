"""What goes into SQL: names as identifiers, and everything of a tenant as parameters."""

from __future__ import annotations

from datetime import datetime

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_explo.operators.explo import ExploCreateUserGroupOperator

NASTY = "x'); DROP TABLE tenants; --"
ODD = ['"', "%s", "%(a)s", ":name", "\\", "{{ 1 }}", "$$", "?"]
SQL = "SELECT tenant_id AS user_group_id, name, mapping, properties FROM tenants"


@pytest.fixture
def tenants(anywhere):
    """Tenants whose every field would be a mischief in SQL."""
    with anywhere.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE tenants (tenant_id VARCHAR(99), name VARCHAR(99), mapping TEXT, properties TEXT)"
        )
        table = sa.table("tenants", *(sa.column(name) for name in ("tenant_id", "name", "mapping", "properties")))
        for number, odd in enumerate([NASTY, *ODD]):
            properties = '{"marker-of-properties": "it\'s %s :x"}'
            values = (f"{odd} marker-of-id {number}", f"{odd} marker-of-name", '{"40": "213"}', properties)
            connection.execute(table.insert().values(values))
        connection.execute(table.insert().values(("marker-of-id bad", "", "[]", "marker-of-properties")))
    return anywhere


@pytest.fixture
def statements():
    """The text of every statement that any engine is given meanwhile."""
    texts = []

    def note(connection, cursor, statement, parameters, context, executemany):
        texts.append(statement)

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", note)
    yield texts
    sa.event.remove(sa.engine.Engine, "before_cursor_execute", note)


def test_nothing_of_a_tenant_is_in_the_text_of_a_statement(bulk, tenants, explo_connection, statements):
    for if_exists in ("keep", "update"):
        run = bulk(sql=SQL, if_exists=if_exists, rejects_table="explo_rejects", on_rejected="skip")
        assert run.state == "success", run.log
    with DAG("one", start_date=datetime(2024, 1, 1), schedule=None):
        operator = ExploCreateUserGroupOperator(
            task_id="create", user_group_id=f"{NASTY} marker-of-id", name=NASTY, token_conn_id="warehouse"
        )
    operator.execute({"ti": Pushed()})
    ours = [text for text in statements if "explo_" in text]
    assert {text.split()[0] for text in ours} >= {"INSERT", "SELECT", "CREATE"}
    secrets = [group.token for group in explo_connection.groups]
    assert not [text for text in ours for word in ("marker-of", "DROP", *secrets) if word in text]
    with tenants.connect() as connection:
        saved = set(connection.execute(sa.text("SELECT user_group_id FROM explo_user_groups")).scalars())
        assert connection.execute(sa.text("SELECT count(*) FROM tenants")).scalar() == len(ODD) + 2
    assert saved == {group.provided_id for group in explo_connection.groups}
    assert len(saved) == len(ODD) + 2


def test_a_reserved_word_is_a_table_name_like_any_other(bulk, tenants):
    run = bulk(sql=SQL, token_table="order", rejects_table="Group", on_rejected="skip")
    assert run.state == "success", run.log
    with tenants.connect() as connection:
        assert connection.execute(sa.text('SELECT count(*) FROM "order"')).scalar() == len(ODD) + 1
        assert connection.execute(sa.text('SELECT count(*) FROM "Group"')).scalar() == 1


class Pushed:
    """Where a task's XComs go that is run by hand."""

    def xcom_push(self, **pushed):
        self.pushed = pushed
