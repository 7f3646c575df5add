"""Every endpoint, on one page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from airflow_provider_explo.emulator import customers, fields
from airflow_provider_explo.emulator.api_versions import CUSTOMER, EMBED, USER_GROUP
from airflow_provider_explo.emulator.customers import Call
from airflow_provider_explo.emulator.responses import Answer, Refusal, guessed


@dataclass(frozen=True)
class Endpoint:
    """A method, a path that ends in a slash, and what they do."""

    method: str
    path: str
    handle: Callable[[Call], Answer]
    writes: bool = True


def list_tags(call: Call) -> Answer:
    """The shape of this answer is not documented: a guess."""
    return guessed({"success": 1, "group_tags": [{"name": name} for name in call.store.tags()]})


def create_tag(call: Call) -> Answer:
    """Creating an existing tag is an error, which is documented; the shape of either answer is a guess."""
    name = fields.read(call.body, {"name": fields.filled_text}, required=("name",))["name"]
    if not call.store.add_tag(name):
        raise Refusal(400, "A group tag with this name already exists")
    return guessed({"success": 1, "group_tag": {"name": name}})


ENDPOINTS = (
    Endpoint("POST", "/embed/create_user_group/", partial(customers.get_or_create, dialect=EMBED)),
    Endpoint("POST", "/api/create_user_group/", partial(customers.get_or_create, dialect=USER_GROUP)),
    Endpoint("POST", "/embed/update_user_group/", partial(customers.update, dialect=EMBED)),
    Endpoint("POST", "/api/update_user_group/", partial(customers.update, dialect=USER_GROUP)),
    Endpoint("DELETE", "/api/delete_user_group/", customers.delete),
    Endpoint("POST", "/api/refresh_user_group_token/", partial(customers.refresh_token, dialect=USER_GROUP)),
    Endpoint("GET", "/v2/api/customers/", customers.list_page, writes=False),
    Endpoint("POST", "/api/get_customer/", customers.get, writes=False),
    Endpoint("POST", "/api/create_customer/", partial(customers.get_or_create, dialect=CUSTOMER)),
    Endpoint("POST", "/api/update_customer/", partial(customers.update, dialect=CUSTOMER)),
    Endpoint("DELETE", "/api/delete_customer/", customers.delete),
    Endpoint("POST", "/api/refresh_customer_token/", partial(customers.refresh_token, dialect=CUSTOMER)),
    Endpoint("POST", "/api/generate_jwt/", customers.generate_jwt, writes=False),
    Endpoint("GET", "/api/group_tags/", list_tags, writes=False),
    Endpoint("POST", "/api/create_group_tag/", create_tag),
)
