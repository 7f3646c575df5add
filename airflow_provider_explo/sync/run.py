"""A sync from end to end, for one tenant and for a million: plan, guard, apply."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any

from airflow_provider_explo.exceptions import (
    ExploConfigError,
    ExploError,
    ExploPlanRefusedError,
    ExploRefusedError,
    ExploUnavailableError,
    message,
    preview,
)
from airflow_provider_explo.sql.token_table import TokenTable
from airflow_provider_explo.sync.actual import ActualGroups
from airflow_provider_explo.sync.apply import Applier
from airflow_provider_explo.sync.approval import ApprovedPlan
from airflow_provider_explo.sync.plan import Change
from airflow_provider_explo.sync.plan_table import PlanTable, plan_counts, plan_digest
from airflow_provider_explo.sync.planner import Planner
from airflow_provider_explo.sync.progress import Progress, duration
from airflow_provider_explo.sync.result import Result, Results
from airflow_provider_explo.sync.save import save_only
from airflow_provider_explo.sync.shutdown import ShutdownSignal
from airflow_provider_explo.sync.spool import Spool
from airflow_provider_explo.sync.undecided import Planned, Undecided
from airflow_provider_explo.tenants.tenant import APIS, FIELDS
from airflow_provider_explo.tenants.validation import TenantValidator

if TYPE_CHECKING:
    from airflow_provider_explo.client.client import ExploClient

log = logging.getLogger(__name__)
Rows = Iterable[Sequence[Mapping[str, Any]]]
# Makes a client that sends a request at most so many times; None: as the connection says.
Connect = Callable[[int | None], AbstractContextManager["ExploClient"]]


class Sync:
    """One run.

    :param connect: makes a client; not called where there is nothing to ask and nothing to send.
    :param tokens: where tokens are saved, and what is known; None for a run that returns its token instead.
    :param validator: what a tenant must be.
    :param signal: ends the run early.
    :param if_exists: ``keep``, ``update`` or ``fail``.
    :param if_missing: ``keep``, ``report`` or ``delete``.
    :param refresh: compare with Explo's own list before planning.
    :param max_change_share: see :meth:`~airflow_provider_explo.sync.guard.Totals.guard`; None: no guard.
    :param create_group_tags: make the tags that tenants want and Explo does not have.
    :param approved: carry out these changes only.
    :param always_ask: get or create every tenant, whatever is known of it.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        tokens: TokenTable | None,
        validator: TenantValidator,
        signal: ShutdownSignal,
        if_exists: str = "keep",
        if_missing: str = "keep",
        refresh: bool = False,
        max_change_share: float | None = None,
        create_group_tags: bool = False,
        approved: ApprovedPlan | None = None,
        always_ask: bool = False,
    ) -> None:
        self._connect = connect
        self._tokens = tokens
        self._validator = validator
        self._signal = signal
        self._if_exists = if_exists
        self._if_missing = if_missing
        self._refresh = refresh
        self._max_change_share = max_change_share
        self._create_group_tags = create_group_tags
        self._approved = approved
        self._always_ask = always_ask
        self.gave_up: ExploError | None = None
        self.unmanaged = 0

    def plan(self, rows: Rows) -> PlanTable:
        """Plan, and do nothing but read.

        :raises ExploError: the rows, the token table or Explo's list cannot be read.
        """
        with ExitStack() as stack:
            tokens = self._tokens if self._tokens is not None and self._tokens.exists() else None
            if tokens is not None:
                tokens.check_columns()
            planner, changes = self._planned(stack, rows, tokens)
            table = PlanTable()
            for planned in changes:
                table.add(_settled(planned.changes))
                table.add_unchanged(planned.unchanged, refresh=self._refresh)
            table.add_kept(planner)
            table.unmanaged = planner.totals.unmanaged
            try:
                self._guard(planner, tokens)
            except ExploPlanRefusedError as error:
                table.refusal = str(error)
            return table

    def run(self, rows: Rows, *, max_in_flight: int = 1, chunk_size: int = 500) -> Generator[Results]:
        """Plan, and apply the plan. Afterwards :attr:`gave_up` is why it stopped sending before the end, or None.

        :raises ExploPlanRefusedError: the plan changes suspiciously much, or is not the approved one.
        :raises ExploError: the rows or Explo's list cannot be read, tokens cannot be saved, or the task is being
            terminated.
        """
        if self._tokens is not None:
            self._tokens.prepare()
        with ExitStack() as stack:
            planner, changes = self._planned(stack, rows, self._tokens)
            for planned in changes:
                yield Results([Result(change=change) for change in _settled(planned.changes)], len(planned.unchanged))
            self._guard(planner, self._tokens)
            totals = planner.totals
            self.unmanaged = totals.unmanaged
            log.info("%s", plan_counts(totals.actions))
            kept: Iterator[tuple[int, list[Change]]] = planner.spool.chunks(chunk_size)
            if self._approved is not None:
                self._approved.check(plan_digest(planner))
                kept = self._approved.only(kept)
            if not totals.sends:
                yield from map(Results, save_only(kept, self._tokens, self._signal))
                return
            if totals.tags and self._create_group_tags:
                with self._connect(None) as client:
                    _create_missing_tags(client, totals.tags)
            client = stack.enter_context(self._connect(1))
            if totals.sends > 1:
                log.info("%s", _forecast(totals.sends, client.requests_per_minute))
            applier = Applier(
                client,
                self._tokens,
                if_exists=self._if_exists,
                max_in_flight=max_in_flight,
                signal=self._signal,
                recheck=not self._always_ask,
            )
            progress = Progress("Tenants done", total=totals.sends)
            for results in applier.apply(kept):
                sent = [result.error is None for result in results if result.change.sends]
                progress.add(sum(sent), failed=len(sent) - sum(sent))
                yield Results(results)
            self.gave_up = applier.breaker.error

    def _planned(self, stack: ExitStack, rows: Rows, tokens: TokenTable | None) -> tuple[Planner, Iterator[Planned]]:
        # Else every few thousand rows Python would search all of Airflow's objects for garbage.
        gc.freeze()
        stack.callback(gc.unfreeze)
        spool = stack.enter_context(Spool[Change, Undecided]())
        planner = Planner(
            spool,
            validator=self._validator,
            tokens=tokens,
            if_exists=self._if_exists,
            refresh=self._refresh,
            always_ask=self._always_ask,
        )
        return planner, self._changes(stack, planner, rows)

    def _changes(self, stack: ExitStack, planner: Planner, rows: Rows) -> Iterator[Planned]:
        """Plan everything; what is not settled is in the spool too."""
        progress, read = Progress("Rows read"), 0
        for planned in planner.plan(rows):
            self._signal.raise_if_set()
            progress.add(planner.totals.rows - read)
            read = planner.totals.rows
            yield planned
        actual = None
        if self._refresh:
            actual = stack.enter_context(ActualGroups())
            with self._connect(None) as client:
                actual.read(client, self._signal)
            for planned in planner.compare(actual):
                self._signal.raise_if_set()
                yield planned
        for planned in planner.plan_missing(self._if_missing, actual):
            self._signal.raise_if_set()
            yield planned
        planner.finish(actual)

    def _guard(self, planner: Planner, tokens: TokenTable | None) -> None:
        if self._max_change_share is not None and tokens is not None:
            planner.totals.guard(known=tokens.count(), max_change_share=self._max_change_share)


def check_fields(names: Collection[str], api_of: Callable[[], str]) -> None:
    """Refuse fields that a connection's ``api`` cannot carry.

    :param names: fields of tenants.
    :param api_of: looks the connection's ``api`` up; not called for fields that each of them can carry.
    :raises ExploConfigError: naming them.
    """
    if all(FIELDS[name].apis == APIS for name in names):
        return
    api = api_of()
    unsupported = [name for name in names if api not in FIELDS[name].apis]
    if unsupported:
        raise ExploConfigError(
            message(
                f"api {api!r} of the connection cannot carry {', '.join(unsupported)}; nothing was sent",
                fix="set api: customer in the connection's extra, or leave these columns out of the query",
            )
        )


def _create_missing_tags(client: ExploClient, tags: Collection[str]) -> None:
    for name in sorted(set(tags) - set(client.list_group_tags())):
        try:
            client.create_group_tag(name=name)
        except (ExploRefusedError, ExploUnavailableError):
            # Another run was faster, or the response was lost.
            if name not in client.list_group_tags():
                raise
        log.info("Group tag created: %s", preview(name))


def _settled(changes: Sequence[Change]) -> list[Change]:
    # Problems wait in the spool: while the query is open, SQLite lets no one write.
    return [change for change in changes if change.is_settled]


def _forecast(total: int, rate: float) -> str:
    return f"sending {total:,} tenants at {rate:,.0f} requests/min; at least {duration(total / rate * 60)}"
