"""Only what a retry may fix is left to Airflow, by the operators that change a group; and no error shows a token."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_explo.emulator import Fault
from airflow_provider_explo.exceptions import ExploUnavailableError
from airflow_provider_explo.operators.explo import (
    ExploDeleteUserGroupOperator,
    ExploRefreshUserGroupTokenOperator,
    ExploUpdateUserGroupOperator,
)
from tests.errors import everything_shown, failure

pytestmark = pytest.mark.usefixtures("airflow_home")

REFRESH = {"path": "refresh_user_group_token"}
UNAUTHORIZED, AWAY = {"status": 401}, {"status": 503}


@pytest.mark.parametrize(
    ("operator", "fault", "fields", "kind"),
    [
        (ExploUpdateUserGroupOperator, "refused", {}, AirflowFailException),
        (ExploUpdateUserGroupOperator, "html", {}, AirflowFailException),
        (ExploUpdateUserGroupOperator, "no_token", {}, AirflowFailException),
        (ExploUpdateUserGroupOperator, "status", UNAUTHORIZED, AirflowFailException),
        (ExploUpdateUserGroupOperator, "status", AWAY, ExploUnavailableError),
        (ExploDeleteUserGroupOperator, "refused", {}, AirflowFailException),
        (ExploDeleteUserGroupOperator, "status", UNAUTHORIZED, AirflowFailException),
        (ExploDeleteUserGroupOperator, "status", AWAY, ExploUnavailableError),
        (ExploRefreshUserGroupTokenOperator, "refused", REFRESH, AirflowFailException),
        (ExploRefreshUserGroupTokenOperator, "html", REFRESH, AirflowFailException),
        (ExploRefreshUserGroupTokenOperator, "status", UNAUTHORIZED, AirflowFailException),
        (ExploRefreshUserGroupTokenOperator, "status", {**AWAY, **REFRESH}, ExploUnavailableError),
    ],
)
def test_only_what_a_retry_may_fix_is_left_to_airflow(explo_connection, monkeypatch, operator, fault, fields, kind):
    acme = explo_connection.add(provided_id="acme", name="Acme")
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", explo_connection.connection_json(retry_timeout=0.5))
    explo_connection.inject(Fault(fault, times=None, **fields))
    changes = {"name": "Acme AG"} if operator is ExploUpdateUserGroupOperator else {"token": acme.token}
    task = operator(task_id="task", user_group_id="acme", **changes)
    error = failure(lambda: task.execute({}))
    assert type(error) is kind
    assert "'acme'" in str(error)
    shown = everything_shown(error)
    assert acme.token not in shown
    assert explo_connection.token not in shown
