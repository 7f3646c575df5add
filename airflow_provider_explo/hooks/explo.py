"""ExploHook: from an Airflow connection to a client of Explo."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from airflow_provider_explo.exceptions import (
    ExploAuthError,
    ExploConfigError,
    ExploError,
    ExploProtocolError,
    ExploRefusedError,
)
from airflow_provider_explo.hooks import form
from airflow_provider_explo.version_compat import mask_secret

if TYPE_CHECKING:
    from airflow_provider_explo.client.client import ExploClient
    from airflow_provider_explo.client.models import UserGroup
    from airflow_provider_explo.client.settings import ClientSettings
    from airflow_provider_explo.hooks.connection import Reading


class ExploHook(BaseHook):
    """Talks to Explo with the token and host of an Airflow connection of type ``explo``.

    :param explo_conn_id: the connection's id.
    """

    conn_name_attr = "explo_conn_id"
    default_conn_name = "explo_default"
    conn_type = form.CONNECTION_TYPE
    hook_name = form.HOOK_NAME

    def __init__(self, explo_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.explo_conn_id = explo_conn_id
        self._client: ExploClient | None = None

    def get_conn(self) -> ExploClient:
        """The client for this connection: made once, also a context manager.

        :raises ExploConfigError: the connection is wrong; the message names every mistake in it.
        """
        if self._client is None:
            self._client = self.client()
        return self._client

    def create_user_group(
        self,
        *,
        user_group_id: str,
        name: str,
        mapping: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> UserGroup:
        """Get or create a tenant's user group; its token is masked in this process's logs from then on.

        An existing group comes back unchanged, whatever was sent (``POST /embed/create_user_group/``, or what the
        connection's extra ``api`` says instead).

        :param user_group_id: the tenant's id in your own database.
        :param name: display name.
        :param mapping: schema id to data source, for instance ``{"40": "213"}``.
        :param properties: any JSON object.
        :raises ExploConfigError: the connection is wrong.
        :raises ExploApiError: one of its kinds.
        """
        group = self.get_conn().create_user_group(
            user_group_id=user_group_id, name=name, mapping=mapping, properties=properties
        )
        mask_secret(group.token)
        return group

    def update_user_group(
        self,
        *,
        user_group_id: str,
        name: str | None = None,
        mapping: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> UserGroup:
        """Change what is given of an existing user group (``POST /api/update_user_group/``).

        :raises ExploConfigError: the connection is wrong.
        :raises ExploApiError: one of its kinds.
        """
        group = self.get_conn().update_user_group(
            user_group_id=user_group_id, name=name, mapping=mapping, properties=properties
        )
        mask_secret(group.token)
        return group

    def test_connection(self) -> tuple[bool, str]:
        """One call that changes nothing (``GET /v2/api/customers/``, one customer), for the UI's test button.

        :returns: whether it worked, and in words why not.
        """
        try:
            with self.client() as client:
                client.probe()
                return True, f"Explo answered at {client.settings.base_url}, and took the API token."
        except ExploAuthError as error:
            return False, str(error)
        except (ExploProtocolError, ExploRefusedError) as error:
            return False, f"This is not Explo, or not all of it: {error}"
        except ExploError as error:
            return False, str(error)

    def client(
        self, *, max_in_flight: int = 1, budget_share: float = 1.0, sleep: Callable[[float], None] = time.sleep
    ) -> ExploClient:
        """A new client for this connection, for many calls from several threads. What it returns is not masked.

        :param max_in_flight: calls at once.
        :param budget_share: how much of the connection's ``requests_per_minute`` it uses, from above 0 to 1.
        :param sleep: what it waits with.
        :raises ExploConfigError: the connection is wrong; the message names every mistake in it.
        """
        from airflow_provider_explo.client.client import ExploClient
        from airflow_provider_explo.client.rate_limiter import RateLimiter

        settings = self._settings()
        mask_secret(settings.token)
        rate_limiter = RateLimiter(settings.requests_per_minute * budget_share, sleep=sleep)
        return ExploClient(settings, max_in_flight=max_in_flight, rate_limiter=rate_limiter)

    def _settings(self) -> ClientSettings:
        reading = self._reading()
        if reading.unused:
            self.log.warning(
                "Connection %r: %s mean nothing to Explo and are not used; the known extras are %s",
                self.explo_conn_id,
                ", ".join(reading.unused),
                ", ".join(field.name for field in form.EXTRA_FIELDS),
            )
        if reading.problems:
            problems = [f"  - {problem}" for problem in reading.problems]
            raise ExploConfigError("\n".join([f"Connection {self.explo_conn_id!r} is not usable:", *problems]))
        return reading.settings

    def _reading(self) -> Reading:
        from airflow import __version__ as airflow_version

        from airflow_provider_explo.client.settings import USER_AGENT
        from airflow_provider_explo.hooks.connection import read

        try:
            connection = self.get_connection(self.explo_conn_id)
        except AirflowNotFoundException:
            raise ExploConfigError(
                f"Connection {self.explo_conn_id!r} not found; create it, of the type {form.CONNECTION_TYPE!r}"
            ) from None
        return read(connection, user_agent=f"{USER_AGENT} apache-airflow/{airflow_version}")

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Labels and placeholders, where Airflow asks the hook for them (2.11, 3.1, 3.2)."""
        return {
            "hidden_fields": form.HIDDEN_FIELDS,
            "relabeling": form.RELABELING,
            "placeholders": form.PLACEHOLDERS,
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
            for field in form.EXTRA_FIELDS
        }
