"""A row of the token table, and the rows that must not be taken or saved."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_provider_explo.exceptions import ExploConfigError, ExploProtocolError, message, preview

DEFAULT_CONN_ID = "explo_default"


@dataclass(frozen=True, kw_only=True)
class TokenRow:
    """A tenant's row, without its times.

    :param content_hash: of what was sent, with a mark where Explo is not known to hold it.
    :param explo_conn_id: the connection that wrote it.
    """

    user_group_id: str
    name: str
    token: str = field(repr=False)
    content_hash: str
    explo_conn_id: str = DEFAULT_CONN_ID


def foreign_row(table: str, row: TokenRow, explo_conn_id: str) -> ExploConfigError:
    """The error for a row that another connection wrote."""
    return ExploConfigError(
        message(
            f"{table}: the row of tenant {preview(row.user_group_id)} is another connection's",
            found=f"explo_conn_id {row.explo_conn_id!r}",
            expected=repr(explo_conn_id),
            fix="give each Explo connection a table of its own, with token_table",
        )
    )


def shared_token(user_group_id: str, holder: str) -> ExploProtocolError:
    """The error for a token that is another tenant's already: the two would see each other's data."""
    other = preview(holder)
    return ExploProtocolError(
        message(
            f"tenant {preview(user_group_id)}: refusing a token that belongs to another tenant; nothing was saved",
            found=f"the token of {other}",
            fix=f"check both in Explo; after a rename, delete the row of {other}, as if_missing='delete' does",
        )
    )
