"""The links of a task in Airflow's UI: to its tenant, and to the page of this provider."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from airflow.providers.common.compat.sdk import BaseOperatorLink

from airflow_provider_explo.version_compat import PAGE_PREFIX

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, TaskInstanceKey

PAGE_KEY = "user_group_page"
APP = "https://app.explo.co/"


class ExploUserGroupLink(BaseOperatorLink):
    """Leads to what the operator pushed under the XCom key ``user_group_page``."""

    name = "User group in Explo"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        from airflow.providers.common.compat.sdk import XCom

        return XCom.get_value(key=PAGE_KEY, ti_key=ti_key) or ""


class ExploPageLink(BaseOperatorLink):
    """Leads to the page of this provider in Airflow's UI, and there to what the task did."""

    name = "Explo page"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        from airflow.providers.common.compat.sdk import conf

        base_url = conf.get("api", "base_url", fallback=None) or ""
        return f"{base_url.rstrip('/')}{PAGE_PREFIX}/?{urlencode({'task': f'{ti_key.dag_id}/{ti_key.task_id}'})}"


def page_of(user_group_id: str, base_url: str) -> str:
    """The address of the tenant's page; it holds no token.

    Airflow's option ``[explo] user_group_page`` says it, with ``{user_group_id}`` where the id belongs. Without it, it
    is the emulator's page where the connection leads to this machine, and Explo's app elsewhere: Explo documents no
    address for one customer's page.

    :param base_url: where the connection leads.
    """
    from airflow.providers.common.compat.sdk import conf

    from airflow_provider_explo.client.settings import is_loopback

    page: str = conf.get("explo", "user_group_page", fallback="")
    if not page:
        page = f"{base_url.rstrip('/')}/user_groups/{{user_group_id}}" if is_loopback(urlsplit(base_url)) else APP
    return page.replace("{user_group_id}", quote(user_group_id, safe=""))
