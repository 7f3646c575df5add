"""One attempt at a change, and what a failure means for children."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from airflow_provider_explo.exceptions import (
    ExploApiError,
    ExploError,
    ExploRefusedError,
    ExploUnavailableError,
    preview,
)
from airflow_provider_explo.sync.actual import can_retry
from airflow_provider_explo.sync.lookup import refused_delete
from airflow_provider_explo.sync.plan import Change
from airflow_provider_explo.sync.result import Result

if TYPE_CHECKING:
    from airflow_provider_explo.client.client import ExploClient


@dataclass(order=True)
class Attempt:
    """A change that is sent, or waits to be sent again.

    :param due: monotonic seconds before which it is not sent again.
    :param number: which attempt it is, from 1.
    :param ambiguous: an earlier attempt may have been carried out.
    :param result: what came of it, where it succeeded.
    :param error: how it failed, or the attempt before it.
    """

    due: float
    number: int
    change: Change = field(compare=False)
    ambiguous: bool = field(default=False, compare=False)
    result: Result | None = field(default=None, compare=False)
    error: ExploError | None = field(default=None, compare=False)

    def abandoned(self, gave_up: ExploError | None) -> Result:
        """The result of an attempt that is not made again.

        :param gave_up: why the whole run gave up, if it did.
        """
        return Result(change=self.change, error=gave_up or self.error, unsent=gave_up is not None)


class FailedParents:
    """Tenants that could not be created. A child is not sent without its parent: Explo might take it for a root."""

    def __init__(self) -> None:
        self._errors: dict[str | None, ExploError] = {}

    def record(self, results: list[Result]) -> list[Result]:
        """Note the failures among results, and return all of them."""
        for result in results:
            if result.error is not None and result.change.action == "create" and not result.unsent:
                name = result.change.user_group_id
                kind = ExploUnavailableError if can_retry(result.error) else ExploRefusedError
                self._errors[name] = kind(f"its parent {preview(name)} could not be created")
        return results

    def error_of(self, change: Change) -> ExploError | None:
        """Why a change cannot be applied, or None."""
        return self._errors.get(change.tenant.parent_provided_id) if change.tenant is not None else None


def with_children(refused_deletes: list[Result], client: ExploClient) -> list[Result]:
    """Refused deletes, each with the names of the children that Explo refuses it for: a request for each."""
    results = []
    for result in refused_deletes:
        assert isinstance(result.error, ExploApiError)
        results.append(replace(result, error=refused_delete(client, result.change.user_group_id, result.error)))
    return results
