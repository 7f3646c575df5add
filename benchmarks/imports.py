"""What importing the operators costs, and what parsing a DAG file with them costs.

Measured: both operators, in fresh interpreters that have what any DAG file has, airflow.sdk's DAG and BaseOperator; and
a DAG file with one of each, parsed in such an interpreter, which has parsed a DAG file without them (the first DAG of a
process loads Airflow's timetables). Against: that import itself, Airflow's own BashOperator, and HttpOperator where its
provider is installed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from statistics import median

from benchmarks.child import in_child, peak_megabytes
from benchmarks.report import Report, goal

REPEATS = 5
MILLISECONDS_GOAL, MEGABYTES_GOAL, PARSE_GOAL = 50, 4, 2
OURS = "airflow_provider_explo.operators.create", "airflow_provider_explo.transfers.sql_to_explo"
AT_WORK = "airflow_provider_explo.client.client", "airflow_provider_explo.sync.run"
HTTP = "airflow.providers.http.operators.http"
PARSED_BASH = "a DAG file with BashOperator, parsed"
BASH = "airflow.providers.standard.operators.bash"
DAG_FILE = """
from datetime import datetime

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_explo.operators.explo import ExploCreateUserGroupOperator
from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator

with DAG("tenants", start_date=datetime(2024, 1, 1), schedule=None):
    ExploCreateUserGroupOperator(task_id="one", user_group_id="acme", name="ACME")
    SqlToExploOperator(task_id="many", sql="SELECT 1", sql_conn_id="warehouse")
"""
PLAIN_FILE = """
from datetime import datetime

from airflow.providers.common.compat.sdk import DAG, BaseOperator

with DAG("plain", start_date=datetime(2024, 1, 1), schedule=None):
    BaseOperator(task_id="one")
"""
BASH_FILE = f"""
from datetime import datetime

from airflow.providers.common.compat.sdk import DAG

from {BASH} import BashOperator

with DAG("tenants", start_date=datetime(2024, 1, 1), schedule=None):
    BashOperator(task_id="one", bash_command="true")
    BashOperator(task_id="many", bash_command="true")
"""


def measure(folder: Path) -> Report:
    cases: dict[str, Callable[[], list[float]]] = {
        "airflow.sdk itself": lambda: in_child(folder, base),
        "our operators": lambda: in_child(folder, imported, modules=OURS),
        "and what they load at work": lambda: in_child(folder, imported, modules=[*OURS, *AT_WORK]),
        "BashOperator": lambda: in_child(folder, imported, modules=[BASH]),
        "HttpOperator": lambda: in_child(folder, imported, modules=[HTTP]),
        "a DAG file with ours, parsed": lambda: in_child(folder, parsed, text=DAG_FILE),
        PARSED_BASH: lambda: in_child(folder, parsed, text=BASH_FILE),
    }
    notes = [f"Medians of {REPEATS} fresh interpreters, in turns. All but the first row is over airflow.sdk."]
    if not has_http():
        del cases["HttpOperator"]
        notes.append("HttpOperator is left out: its provider is not installed here.")
    # The first turn compiles what has never been imported, and does not count.
    turns = [[case() for case in cases.values()] for _ in range(REPEATS + 1)][1:]
    rows = []
    with_bash = median(turn[list(cases).index(PARSED_BASH)][0] for turn in turns)
    first = median(turn[0][0] for turn in turns)
    for place, name in enumerate(cases):
        milliseconds, megabytes = (median(turn[place][unit] for turn in turns) for unit in (0, 1))
        aims = {
            "our operators": f"{goal(f'{MILLISECONDS_GOAL} ms', milliseconds <= MILLISECONDS_GOAL)}; "
            f"{goal(f'{MEGABYTES_GOAL} MiB', megabytes <= MEGABYTES_GOAL)}",
            "a DAG file with ours, parsed": goal(
                f"{PARSE_GOAL} ms over BashOperator's", milliseconds <= with_bash + PARSE_GOAL
            ),
        }
        ratio = f"{milliseconds / first:.3f}"
        rows.append([name, f"{milliseconds:.1f} ms", ratio, f"{megabytes:.1f} MiB", aims.get(name, "")])
    return Report(title="Importing", columns=["what", "time", "ratio", "memory", "goals"], rows=rows, notes=notes)


def has_http() -> bool:
    """Whether HttpOperator is installed. Nothing is imported: a child's peak memory begins with its parent's."""
    try:
        distribution("apache-airflow-providers-http")
    except PackageNotFoundError:
        return False
    return True


def base() -> list[float]:
    return _cost(_import_sdk)


def imported(*, modules: Sequence[str]) -> list[float]:
    from importlib import import_module

    _import_sdk()
    return _cost(lambda: [import_module(module) for module in modules])


def parsed(*, text: str) -> list[float]:
    _import_sdk()
    exec(PLAIN_FILE, {"__name__": "plain"})
    code = compile(text, "dag.py", "exec")
    return _cost(lambda: exec(code, {"__name__": "dag"}))


def _import_sdk() -> Sequence[type]:
    """What any DAG file imports; a name of these modules is loaded when it is asked for."""
    from airflow.providers.common.compat.sdk import DAG, BaseHook, BaseOperator

    return [DAG, BaseHook, BaseOperator]


def _cost(work: Callable[[], object]) -> list[float]:
    """Milliseconds, and MiB of peak memory."""
    memory, begun = peak_megabytes(), time.perf_counter()
    work()
    return [(time.perf_counter() - begun) * 1000, peak_megabytes() - memory]
