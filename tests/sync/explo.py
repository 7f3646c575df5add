"""An Explo and a token table in memory, which can be killed at any moment; hypothesis judges what is left of them."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from airflow_provider_explo.client.models import UserGroup
from airflow_provider_explo.exceptions import ExploRefusedError
from airflow_provider_explo.sql.token_table import TokenTable


class Killed(BaseException):
    """The process is gone: nothing more is sent, and nothing more is saved."""


class Power:
    """Counts the moments just before and just after each operation, and fails at one of them and ever after."""

    def __init__(self):
        self.count = 0
        self.fails_at = None
        self._lock = threading.Lock()

    def restore(self, *, fails_at=None):
        self.count, self.fails_at = 0, fails_at

    def moment(self):
        with self._lock:
            self.count += 1
            if self.fails_at is not None and self.count >= self.fails_at:
                raise Killed

    @contextmanager
    def around(self):
        self.moment()
        yield
        self.moment()


@dataclass(frozen=True)
class Group:
    """A group in Explo. Its token names it, so that two runs of the same plan can be compared."""

    name: str = "N"
    mapping: tuple = ()
    parent: str | None = None
    token: str = ""


class Explo:
    """As much of ExploClient as a sync uses, over groups in memory.

    :param groups: by id.
    :param refused: ids that Explo always refuses to create and to update.
    """

    settings = SimpleNamespace(retry_timeout=1.0, api="customer")
    requests_per_minute = 60_000.0

    def __init__(self, groups, *, refused=(), power=None):
        self.groups = dict(groups)
        self.refused = frozenset(refused)
        self.power = power or Power()
        self.sent = []
        self.deleted = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def connect(self, max_attempts):
        return self

    def probe(self):
        self.power.moment()

    def pages(self, *, complete=False, page_size=2, parent_provided_id=None):
        ids = [name for name, group in self.groups.items() if parent_provided_id in (None, group.parent)]
        for start in range(0, len(ids), page_size):
            with self.power.around():
                self.sent.append(("list", start))
            yield [self._listed(name) for name in ids[start : start + page_size]]

    def list_user_groups(self):
        for page in self.pages():
            yield from page

    def get_user_group(self, *, user_group_id):
        with self.power.around():
            self.sent.append(("get", user_group_id))
            if user_group_id not in self.groups:
                raise ExploRefusedError("no such customer", status=404)
            return self._listed(user_group_id)

    def create_user_group(self, *, user_group_id, **fields):
        with self.power.around():
            self.sent.append(("create", user_group_id))
            is_new = user_group_id not in self.groups
            if is_new:
                self._put(user_group_id, Group(token=f"{user_group_id}-new"), fields)
            return self._returned(user_group_id, is_new)

    def update_user_group(self, *, user_group_id, **fields):
        with self.power.around():
            self.sent.append(("update", user_group_id))
            if user_group_id not in self.groups:
                raise ExploRefusedError("no such group", status=404)
            self._put(user_group_id, self.groups[user_group_id], fields)
            return self._returned(user_group_id, None)

    def delete_user_group(self, *, current_token, user_group_id=None):
        with self.power.around():
            name = next((name for name, group in self.groups.items() if group.token == current_token), None)
            self.sent.append(("delete", name))
            if name is None:
                raise ExploRefusedError("no such token", status=400)
            if any(group.parent == name for group in self.groups.values()):
                raise ExploRefusedError("the group has children", status=400)
            del self.groups[name]
            self.deleted.append(name)

    def _put(self, name, group, fields):
        parent = fields.get("parent_provided_id", group.parent)
        if name in self.refused or (parent is not None and name in self._line(parent)):
            raise ExploRefusedError("refused", status=400)
        mapping = tuple(fields["mapping"].items()) if "mapping" in fields else group.mapping
        self.groups[name] = replace(group, name=fields.get("name", group.name), mapping=mapping, parent=parent)

    def _line(self, name):
        """A group and those above it."""
        line = []
        while name is not None:
            if name not in self.groups:
                raise ExploRefusedError("no such parent", status=404)
            line.append(name)
            name = self.groups[name].parent
        return line

    def _listed(self, name):
        # The list shows the mapping, and no response shows the parent.
        group = self.groups[name]
        details = {"parent_schema_datasource_mapping": dict(group.mapping)}
        return UserGroup(provided_id=name, token=group.token, name=group.name, details=details)

    def _returned(self, name, is_new):
        # The older endpoints do not show the mapping.
        return replace(self._listed(name), details={}, new_user_group=is_new)


class Tokens(TokenTable):
    """A real token table, in an SQLite database in memory."""

    def __init__(self, rows, *, power=None):
        engine = sa.create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
        super().__init__(engine)
        self.power = power or Power()
        self.saved = []
        self.create_if_missing()
        super().save_all(rows)

    def known(self, user_group_ids):
        self.power.moment()
        return super().known(user_group_ids)

    def save_all(self, rows):
        with self.power.around():
            self.saved += [row.user_group_id for row in rows]
            super().save_all(rows)

    def delete(self, user_group_id):
        with self.power.around():
            self.saved.append(user_group_id)
            super().delete(user_group_id)

    def rows(self):
        return {row.user_group_id: row for page in self.pages() for row in page}
