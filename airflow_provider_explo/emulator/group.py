"""A user group, or customer, as a value."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Group:
    """A user group, or customer, as it is stored."""

    visibility_group: str
    environment_tag: str
    provided_id: str
    token: str = field(repr=False)
    name: str
    mapping: dict[str, str]
    properties: dict[str, Any] | None
    is_demo_group: bool
    emails: list[str]
    group_tags: list[str]
    hierarchy_level: str | None
    parent_provided_id: str | None

    @property
    def user_group_id(self) -> str:
        """The same as ``provided_id``, under its older name."""
        return self.provided_id


def from_row(row: tuple[Any, ...]) -> Group:
    """The group in a row of the store's table, followed by its parent's id."""
    _, visibility, label, provided_id, token, name, mapping, properties, demo, emails, tags, level, _, parent = row
    return Group(
        visibility_group=visibility,
        environment_tag=label,
        provided_id=provided_id,
        token=token,
        name=name,
        mapping=json.loads(mapping),
        properties=json.loads(properties),
        is_demo_group=bool(demo),
        emails=json.loads(emails),
        group_tags=json.loads(tags),
        hierarchy_level=level,
        parent_provided_id=parent,
    )
