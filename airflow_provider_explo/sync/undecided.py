"""A row that was read, before it is decided what to do for its tenant; of most rows: nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_explo.sync.compare import compare
from airflow_provider_explo.sync.plan import Change
from airflow_provider_explo.tenants.content_hash import UNSETTLED
from airflow_provider_explo.tenants.row import Row

if TYPE_CHECKING:
    from airflow_provider_explo.client.models import UserGroup
    from airflow_provider_explo.sql.token_row import TokenRow


class Undecided(NamedTuple):
    """A row of the query and what is known of its tenant.

    :param number: its number in the result of the query, from 1.
    :param digest: the hash of its content, with the rules' suffix; None where it has a problem.
    :param stored: the tenant's row in the token table.
    """

    number: int
    row: Row
    digest: str | None
    stored: TokenRow | None

    @classmethod
    def of(cls, number: int, row: Row, stored: TokenRow | None, *, rules: str) -> Undecided:
        """A row as it was read. One whose content is stored was valid before, by the same rules, and is not parsed."""
        if stored is not None and (quick := row.quick_hash()) is not None:
            digest = f"{quick}{rules}"
            if stored.content_hash.removesuffix(UNSETTLED) == digest:
                return cls(number, row, digest, stored)
        exact = row.hash()
        return cls(number, row, None if exact is None else f"{exact}{rules}", stored)

    @property
    def is_valid(self) -> bool:
        """Whether its content is stored, so that it was valid before, by the same rules."""
        return self.stored is not None and self.stored.content_hash.removesuffix(UNSETTLED) == self.digest

    @property
    def is_stored(self) -> bool:
        """Whether its content is stored, and Explo was known to hold it: by the token table nothing is to be done."""
        return self.stored is not None and self.stored.content_hash == self.digest

    def is_in(self, group: UserGroup | None) -> bool:
        """Whether nothing is to be done by Explo's list either.

        :param group: from the list; one whose token no other group has.
        """
        stored = self.stored
        return (
            group is not None
            and stored is not None
            and stored.content_hash == self.digest
            and stored.token == group.token
            and stored.name == self.row.shown_name
            and not compare(self.row.content(), group).differences
        )

    def change(self, group: UserGroup | None = None) -> Change:
        """Its change, which is still to be decided.

        :param group: from Explo's list.
        """
        return Change(
            row=self.number,
            user_group_id=self.row.shown_id,
            name=self.row.shown_name,
            action="create",
            digest=self.digest,
            tenant=self.row.tenant,
            stored=self.stored,
            actual=group,
        )


class Planned(NamedTuple):
    """What was planned of some rows.

    :param changes: what is to be done, and what is wrong.
    :param unchanged: the rows for which nothing is to be done; there is no change for these, since they are many.
    """

    changes: list[Change]
    unchanged: list[Undecided]
