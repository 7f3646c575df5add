"""One attempt at a change."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_provider_explo.exceptions import ExploError
from airflow_provider_explo.sync.plan import Change
from airflow_provider_explo.sync.result import Result


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
