"""Which interval a manual run takes, as docs/backfills.md has it: from the code behind each command."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from tests.conftest import AIRFLOW
from tests.docs.blocks import ROOT

pytestmark = pytest.mark.skipif(AIRFLOW < (3, 3), reason="the page says what Airflow 3.3 does")
DAG_ID = "explo_onboard_new_tenants"
PAGE = (ROOT / "docs" / "backfills.md").read_text()


def march(day, hour=0):
    return datetime(2026, 3, day, hour, tzinfo=timezone.utc)


def documented(how):
    """The line of the table that begins with this."""
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {how}")]
    return line


@pytest.fixture
def dag(airflow_home):
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import sync_bag_to_db
    from airflow.models import DagBag, DagRun
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.utils.session import create_session

    bag = DagBag(str(ROOT / "dags"))
    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(bag, "dags-folder", None)
    yield DagSerialization.deserialize_dag(DagSerialization.serialize_dag(bag.dags[DAG_ID]))
    with create_session() as session:
        session.query(DagRun).filter(DagRun.dag_id == DAG_ID).delete()


@pytest.mark.parametrize(
    ("body", "interval", "words"),
    [
        ({"logical_date": "2026-03-12T00:00:00Z"}, (march(11), march(12)), "11 to 12 March"),
        ({"logical_date": "2026-03-13T15:00:00Z"}, (march(12), march(13)), "12 to 13 March"),
        ({"logical_date": None}, None, None),
        (
            {
                "logical_date": "2026-03-14T00:00:00Z",
                "data_interval_start": "2026-03-01T00:00:00Z",
                "data_interval_end": "2026-03-08T00:00:00Z",
            },
            (march(1), march(8)),
            None,
        ),
    ],
)
def test_by_rest(dag, body, interval, words):
    from airflow.api_fastapi.core_api.datamodels.dag_run import TriggerDAGRunPostBody

    made = TriggerDAGRunPostBody.model_validate(body).validate_context(dag)["data_interval"]
    assert (made and (made.start, made.end)) == interval
    if words:
        assert f"| {words}" in documented(f'REST, `{{"logical_date": "{body["logical_date"]}"}}`')


def test_by_dags_test(dag):
    made = dag.timetable.infer_manual_data_interval(run_after=march(10))
    assert (made.start, made.end) == (march(9), march(10))
    assert "| 9 to 10 March |" in documented("`airflow dags test explo_onboard_new_tenants 2026-03-10`")


def test_by_dags_trigger(dag):
    from airflow.api.client.local_client import Client

    made = Client().trigger_dag(DAG_ID, logical_date=march(11))
    end = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    assert made["logical_date"] == march(11)
    assert (made["data_interval_start"], made["data_interval_end"]) == (end - timedelta(days=1), end)
    made = Client().trigger_dag(DAG_ID)
    assert (made["logical_date"], made["data_interval_start"], made["data_interval_end"]) == (None, None, None)


def test_by_backfill(dag):
    (made,) = dag.iter_dagrun_infos_between(march(9), march(9))
    assert (made.logical_date, made.data_interval.start, made.data_interval.end) == (march(9), march(9), march(10))
