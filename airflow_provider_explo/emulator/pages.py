"""The pages: what the emulator holds and what it was asked last, of all tenants or of one. Self-contained documents."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from html import escape
from typing import Any

from airflow_provider_explo.emulator.group import Group
from airflow_provider_explo.emulator.records import Record, mask, masked
from airflow_provider_explo.emulator.state import State

SHOWN_GROUPS = 200
SHOWN_REQUESTS = 50

_STYLE = """
:root { color-scheme: light dark; --line: #8883; --soft: #8881; --dim: #888; --bad: #c43; --good: #2a7; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.05rem; margin: 2.5rem 0 .75rem; }
p { color: var(--dim); margin: .25rem 0 0; }
dl { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.5rem 0 0; }
dl div { background: var(--soft); border-radius: .5rem; padding: .6rem 1rem; min-width: 7rem; }
dt { color: var(--dim); font-size: .8rem; }
dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { color: var(--dim); font-size: .8rem; font-weight: 500; text-align: left; }
th, td { border-bottom: 1px solid var(--line); padding: .45rem .9rem .45rem 0; vertical-align: top; }
td { max-width: 24rem; overflow-wrap: anywhere; }
code { font: .85em/1.5 ui-monospace, monospace; }
.no { color: var(--bad); } .yes { color: var(--good); } .none { color: var(--dim); }
"""


def render(state: State, provided_id: str | None = None) -> bytes:
    """The page as HTML in UTF-8, about one tenant if an id is given. Tokens are masked, everything else is escaped."""
    document = _about_all(state) if provided_id is None else _about_one(state, provided_id)
    # What was asked may hold half a surrogate pair, which UTF-8 cannot.
    return document.encode("utf-8", "replace")


def _about_all(state: State) -> str:
    groups = state.store.newest(SHOWN_GROUPS)
    requests = list(reversed(state.records.last(SHOWN_REQUESTS)))
    held, asked = state.store.count(), state.records.count
    return _document(
        "Explo emulator",
        f"""<p>A local stand-in for Explo's API. Tokens are masked. Reload to see more.</p>
<dl>{"".join(_counters(state, held, asked))}</dl>
<h2>User groups{_share(len(groups), held)}</h2>
{_table(_GROUP_COLUMNS, map(_group_cells, groups))}
<h2>Requests{_share(len(requests), asked)}</h2>
{_table(_REQUEST_COLUMNS, map(_request_cells, requests))}
<h2>API tokens</h2>
{_table(("Token", "Visibility group", "Environment", "May"), _token_rows(state))}""",
    )


def _about_one(state: State, provided_id: str) -> str:
    groups = state.store.named(provided_id)
    requests = [record for record in reversed(state.records.last()) if record.provided_id == provided_id]
    return _document(
        f"User group {provided_id}",
        f"""<p><a href="/">Explo emulator</a>: what it holds of this tenant, and what it was asked about it.</p>
<h2>User group</h2>
{_table(_GROUP_COLUMNS, map(_group_cells, groups))}
<h2>Requests{_share(len(requests[:SHOWN_REQUESTS]), len(requests))}</h2>
{_table(_REQUEST_COLUMNS, map(_request_cells, requests[:SHOWN_REQUESTS]))}""",
    )


def _document(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
{body}
</body>
</html>
"""


_GROUP_COLUMNS = ("Visibility group", "Id", "Name", "Token", "Properties", "Mapping")
_REQUEST_COLUMNS = ("When", "Request", "Tenant", "Status", "Fault", "Body")


def _counters(state: State, held: int, asked: int) -> Iterable[str]:
    limit = state.limiter.limit
    numbers: dict[str, Any] = {"Groups": held, "Requests": asked, "Faults waiting": len(state.faults)}
    for status, count in state.records.by_status.items():
        numbers["Closed" if status == "closed" else f"Answered {status}"] = count
    numbers["Requests a minute"] = "no limit" if limit is None else limit
    return (f"<div><dt>{escape(name)}</dt><dd>{number}</dd></div>" for name, number in numbers.items())


def _group_cells(group: Group) -> list[str]:
    return [
        escape(group.visibility_group),
        escape(group.provided_id),
        escape(group.name),
        f"<code>{escape(mask(group.token))}</code>",
        _json(masked(group.properties)),
        _json(group.mapping),
    ]


def _request_cells(record: Record) -> list[str]:
    good = record.status is not None and record.status < 400
    return [
        f"{time.monotonic() - record.at:.0f} s ago",
        f"<code>{escape(record.method)} {escape(record.path)}</code>",
        escape(record.provided_id or ""),
        f'<span class="{"yes" if good else "no"}">{record.status or "closed"}</span>',
        escape(record.fault or ""),
        _json(record.body),
    ]


def _token_rows(state: State) -> Iterable[list[str]]:
    for token in state.gatekeeper.tokens:
        may = "read" if token.read_only else "read and write"
        yield [
            f"<code>{escape(mask(token.value))}</code>",
            escape(token.visibility_group),
            escape(token.environment_tag),
            may,
        ]


def _table(columns: tuple[str, ...], rows: Iterable[list[str]]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>\n" for row in rows)
    if not body:
        return '<p class="none">None yet.</p>'
    head = "".join(f"<th>{column}</th>" for column in columns)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div>'


def _json(value: Any) -> str:
    if not value:
        return ""
    text = json.dumps(value, ensure_ascii=False)
    return f"<code>{escape(text if len(text) <= 300 else text[:300] + '…')}</code>"


def _share(shown: int, total: int) -> str:
    return f": the last {shown} of {total}" if shown < total else ""
