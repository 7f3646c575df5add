"""ExploHook: a client of Explo from an Airflow connection."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_explo.connections import get_connection
from airflow_provider_explo.exceptions import (
    ExploConfigError,
    ExploEndpointGoneError,
    ExploError,
    ExploProtocolError,
    ExploRefusedError,
)
from airflow_provider_explo.hooks import connection
from airflow_provider_explo.hooks.metrics import count_request
from airflow_provider_explo.version_compat import mask_secret

if TYPE_CHECKING:
    from airflow_provider_explo.client.client import ExploClient
    from airflow_provider_explo.client.models import UserGroup
    from airflow_provider_explo.client.settings import ClientSettings
    from airflow_provider_explo.hooks.connection import ParsedConnection


class ExploHook(BaseHook):
    """Sends requests to Explo with the token and host of an Airflow connection of type ``explo``.

    :param explo_conn_id: the connection's id.
    """

    conn_name_attr = "explo_conn_id"
    default_conn_name = "explo_default"
    conn_type = connection.CONNECTION_TYPE
    hook_name = connection.HOOK_NAME

    def __init__(self, explo_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.explo_conn_id = explo_conn_id
        self._client: ExploClient | None = None

    def get_conn(self) -> ExploClient:
        """The client for this connection: created once, also a context manager.

        :raises ExploConfigError: the connection is wrong; the message names every mistake in it.
        """
        if self._client is None:
            self._client = self.client()
        return self._client

    def create_user_group(self, *, user_group_id: str, **fields: Any) -> UserGroup:
        """Get or create a tenant's user group; its token is masked in this process's logs from then on.

        An existing group comes back unchanged, whatever was sent (``POST /embed/create_user_group/``, or the endpoint
        of the connection's extra ``api``). ::

            hook.create_user_group(user_group_id="acme", name="Acme", mapping={"40": "213"})

        :param user_group_id: the tenant's id in your own database.
        :param fields: ``name`` (display name, required), ``mapping`` (schema id to data source, such as
            ``{"40": "213"}``), ``properties`` (any JSON object), and any others of
            :data:`airflow_provider_explo.tenants.tenant.FIELDS`. None: not sent.
        :raises TypeError: a field is unknown, or a required one is missing.
        :raises ExploConfigError: the connection is wrong, or its ``api`` cannot carry a field.
        :raises ExploApiError: one of its kinds.
        """
        group = self.get_conn().create_user_group(user_group_id=user_group_id, **fields)
        mask_secret(group.token)
        return group

    def update_user_group(self, *, user_group_id: str, **fields: Any) -> UserGroup:
        """Change the given fields of an existing user group (``POST /api/update_user_group/``).

        :param user_group_id: the tenant's id in your own database.
        :param fields: as for :meth:`create_user_group`; none is required. None: left as it is.
        :raises TypeError: a field is unknown.
        :raises ExploConfigError: the connection is wrong, or its ``api`` cannot carry a field.
        :raises ExploApiError: one of its kinds.
        """
        group = self.get_conn().update_user_group(user_group_id=user_group_id, **fields)
        mask_secret(group.token)
        return group

    def test_connection(self) -> tuple[bool, str]:
        """One request that changes nothing (``GET /v2/api/customers/``, one customer), for the UI's test button.

        :returns: whether it worked, and a message.
        """
        try:
            with self.client() as client:
                client.probe()
                return True, (
                    f"{client.settings.base_url} responded and accepted the API token. Not tested, as no harmless "
                    f"request can: whether {client.create_endpoint} exists, and whether the token may write."
                )
        except (ExploEndpointGoneError, ExploProtocolError, ExploRefusedError) as error:
            return False, f"probably not Explo: {error}"
        except ExploError as error:
            return False, str(error)

    def client(
        self,
        *,
        max_in_flight: int = 1,
        budget_share: float = 1.0,
        sleep: Callable[[float], None] = time.sleep,
        max_attempts: int | None = None,
    ) -> ExploClient:
        """A new client for this connection, for many requests from several threads. Tokens it returns are not masked.

        :param max_in_flight: requests at once.
        :param budget_share: how much of the connection's ``requests_per_minute`` it uses, from above 0 to 1.
        :param sleep: waits so many seconds.
        :param max_attempts: how often a request is sent at most; None: see ``retry_timeout``.
        :raises ExploConfigError: the connection is wrong; the message names every mistake in it.
        """
        from airflow_provider_explo.client.client import ExploClient
        from airflow_provider_explo.client.rate_limiter import RateLimiter

        settings = self._settings()
        mask_secret(settings.token)
        rate_limiter = RateLimiter(settings.requests_per_minute * budget_share, sleep=sleep)
        return ExploClient(
            settings,
            max_in_flight=max_in_flight,
            rate_limiter=rate_limiter,
            max_attempts=max_attempts,
            on_response=count_request,
        )

    def _settings(self) -> ClientSettings:
        parsed = self._parse_connection()
        if parsed.unused:
            self.log.warning(
                "connection %r: unknown fields ignored: %s; the known extras are %s",
                self.explo_conn_id,
                ", ".join(parsed.unused),
                ", ".join(field.name for field in connection.EXTRA_FIELDS),
            )
        if parsed.problems:
            problems = [f"  - {problem}" for problem in parsed.problems]
            raise ExploConfigError("\n".join([f"connection {self.explo_conn_id!r} is invalid:", *problems]))
        return parsed.settings

    def _parse_connection(self) -> ParsedConnection:
        from airflow import __version__ as airflow_version

        from airflow_provider_explo.client.settings import USER_AGENT

        airflow_connection = get_connection(self.explo_conn_id, kind=f"the type {self.conn_type!r}")
        return connection.parse_connection(
            airflow_connection, user_agent=f"{USER_AGENT} apache-airflow/{airflow_version}"
        )

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Labels and placeholders, where Airflow asks the hook for them (2.11, 3.1, 3.2)."""
        return {
            "hidden_fields": connection.HIDDEN_FIELDS,
            "relabeling": connection.RELABELING,
            "placeholders": connection.PLACEHOLDERS,
        }

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """The extra fields, where Airflow asks the hook for them (2.11, 3.1, 3.2)."""
        from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
        from flask_babel import lazy_gettext
        from wtforms import BooleanField, IntegerField, StringField
        from wtforms.validators import Optional

        kinds = {"boolean": BooleanField, "number": IntegerField}
        return {
            field.name: kinds.get(field.kind, StringField)(
                lazy_gettext(field.label),
                description=field.description,
                validators=[Optional()],
                **({} if field.kind == "boolean" else {"widget": BS3TextFieldWidget()}),
            )
            for field in connection.EXTRA_FIELDS
        }
