"""The link from a task to its tenant, as Airflow itself makes it."""

from __future__ import annotations

from datetime import datetime

import pytest
import requests
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_explo.operators.explo import ExploCreateUserGroupOperator
from airflow_provider_explo.operators.links import ExploUserGroupLink, page_of
from tests.conftest import AIRFLOW_3

ODD = "a/b?c#d e%2Fü"


@pytest.fixture
def link_of(run_dag, explo_connection):
    """Onboard a tenant, and ask Airflow for the link of the task."""

    def link(user_group_id):
        with DAG("one", start_date=datetime(2024, 1, 1), schedule=None) as dag:
            create = ExploCreateUserGroupOperator(task_id="create", user_group_id=user_group_id, name="Acme")
        run = run_dag(dag)
        if AIRFLOW_3:
            # The task's process made the link and left it here for the UI.
            return run.xcom("create", ExploUserGroupLink().xcom_key)
        return ExploUserGroupLink().get_link(create, ti_key=run.task_instances["create"].key)

    return link


@pytest.mark.parametrize("user_group_id", ["acme", ODD, "../_emulator/groups"])
def test_with_an_emulator_it_opens_its_page_of_this_tenant(link_of, explo_connection, user_group_id):
    page = requests.get(link_of(user_group_id), timeout=10)
    (group,) = explo_connection.groups
    assert page.status_code == 200
    assert user_group_id in page.text
    assert "Acme" in page.text
    assert group.token not in page.text


def test_the_option_says_where_else(link_of, monkeypatch):
    monkeypatch.setenv("AIRFLOW__EXPLO__USER_GROUP_PAGE", "https://bi.example.com/c?id={user_group_id}&tab=1")
    assert link_of(ODD) == "https://bi.example.com/c?id=a%2Fb%3Fc%23d%20e%252F%C3%BC&tab=1"


def test_elsewhere_it_opens_explos_app():
    assert page_of("acme", "https://api.explo.co") == "https://app.explo.co/"
    assert page_of("acme", "https://gateway.example.com/explo") == "https://app.explo.co/"


def test_a_task_that_failed_has_no_link(link_of):
    assert not link_of(" ")
