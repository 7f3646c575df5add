"""Explo's own list of user groups: read once for a run, and kept on disk, so that memory does not grow with it."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from airflow_provider_explo.client.errors import IncompleteListError
from airflow_provider_explo.client.models import UserGroup
from airflow_provider_explo.exceptions import (
    NON_RETRYABLE,
    ExploAuthError,
    ExploConfigError,
    ExploEndpointGoneError,
    ExploRefusedError,
    counted,
    message,
)
from airflow_provider_explo.sync.shutdown import ShutdownSignal
from airflow_provider_explo.sync.spool import MAX_PARAMETERS, TemporaryDatabase
from airflow_provider_explo.tenants.tenant import CONTENT_FIELDS

if TYPE_CHECKING:
    from airflow_provider_explo.client.client import ExploClient

COMPARED_KEYS = frozenset(key for described in CONTENT_FIELDS for key in described.response_keys)

log = logging.getLogger(__name__)


class ActualGroups(TemporaryDatabase):
    """The groups that Explo has, in a private temporary file."""

    def __init__(self) -> None:
        super().__init__("""
            CREATE TABLE actual (
                user_group_id TEXT PRIMARY KEY, token TEXT, rest BLOB, matched INTEGER DEFAULT 0);
            CREATE INDEX by_token ON actual (token);
        """)

        self.complete = True

    def __len__(self) -> int:
        ((count,),) = self._rows("SELECT count(*) FROM actual")
        return int(count)

    def read(self, client: ExploClient, signal: ShutdownSignal) -> None:
        """Read the whole list: one request for each page.

        :raises ExploConfigError: Explo refuses the list.
        :raises ExploApiError: another of its kinds.
        """
        try:
            for page in client.pages(complete=True):
                signal.raise_if_set()
                self.add(page)
        except IncompleteListError as error:
            # Get-or-create finds the groups that are missing; none of them may be taken for deleted.
            self.complete = False
            log.warning("%s", error)
        except (ExploAuthError, ExploEndpointGoneError, ExploRefusedError) as error:
            fix = "set refresh=False: the token table is then trusted unseen"
            if error.status == 401:
                # A wrong token fails without the list too.
                fix = "correct the API token, the connection's password"
            elif error.status == 403:
                fix = f"correct the API token, or let it list customers; or {fix}"
            raise ExploConfigError(
                message(f"Explo's list of customers cannot be read: {first_line(error)}", fix=fix)
            ) from None
        log.info("Explo has %s", counted(len(self), "user group"))

    def add(self, groups: Collection[UserGroup]) -> None:
        """Keep groups, and of their details what a tenant can have; one that is there already is replaced."""
        insert = "INSERT OR REPLACE INTO actual (user_group_id, token, rest) VALUES (?, ?, ?)"
        rows = []
        for group in groups:
            details = {key: value for key, value in group.details.items() if key in COMPARED_KEYS}
            rows.append((group.provided_id, group.token, pickle.dumps((group.name, details))))
        self._database.executemany(insert, rows)

    def match(self, user_group_ids: Collection[str]) -> dict[str, tuple[UserGroup, bool]]:
        """The groups of these tenants, by id, each with whether its token is another group's too."""
        query = """
            SELECT user_group_id, token, rest,
                EXISTS (SELECT 1 FROM actual same WHERE same.token = actual.token AND same.rowid != actual.rowid)
            FROM actual WHERE user_group_id IN (…)"""
        groups = {}
        for user_group_id, token, rest, shared in self._rows_in(query, user_group_ids):
            name, details = pickle.loads(rest)
            group = UserGroup(provided_id=user_group_id, token=token, name=name, details=details)
            groups[user_group_id] = group, bool(shared)
        list(self._rows_in("UPDATE actual SET matched = 1 WHERE user_group_id IN (…)", user_group_ids))
        return groups

    def has(self, user_group_ids: Collection[str]) -> set[str]:
        """Those of these tenants that have a group."""
        query = "SELECT user_group_id FROM actual WHERE user_group_id IN (…)"
        return {name for (name,) in self._rows_in(query, user_group_ids)}

    def unmatched(self, size: int = MAX_PARAMETERS) -> Iterator[list[str]]:
        """The ids of groups that :meth:`match` was never asked for."""
        last = ""
        select = "SELECT user_group_id FROM actual WHERE matched = 0 AND user_group_id > ? ORDER BY 1 LIMIT ?"
        while rows := self._rows(select, last, size):
            last = rows[-1][0]
            yield [name for (name,) in rows]


def first_line(error: Exception, *, subject: bool = True) -> str:
    """What happened, without what to do about it.

    :param subject: name the tenant that it happened to.
    """
    text = str(error).partition("\n")[0]
    endpoint = getattr(error, "endpoint", None)
    return text[text.find(endpoint) :] if not subject and endpoint and endpoint in text else text


def can_retry(error: Exception | None) -> bool:
    """Whether a retry may fix an error."""
    return error is not None and not isinstance(error, NON_RETRYABLE)
