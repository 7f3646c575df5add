"""``make demo``: tenants from a warehouse into Explo through a real Airflow, day by day, and all of it again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from demo import home, processes, report, warehouse

MAPPED, BULK = "explo_onboard_new_tenants", "explo_onboard_tenants_bulk"
MANY_TENANTS = 2000
# For a real Explo, whose limit is 180 calls a minute, and whose groups stay there.
FEW_TENANTS = 50


def main() -> int:
    with processes.alone():
        print("1/4  Airflow's metadata database, below .demo (some 10 seconds the first time)", flush=True)
        home.migrate()
        real = home.EXPLO_CONNECTION in os.environ
        count, many = warehouse.build(home.WAREHOUSE, bulk=FEW_TENANTS if real else MANY_TENANTS)
        days, bulk_day = warehouse.days(), [warehouse.BULK_DAY]
        print(
            f"2/4  An SQLite warehouse: {count} tenants who signed up from {days[0]} to {days[-1]}, and {many} on "
            f"{warehouse.BULK_DAY}",
            flush=True,
        )
        with explo() as (connection, where):
            print(f"3/4  Explo: {where}", flush=True)
            print("4/4  The example DAGs, one run a day (Airflow takes some seconds to start)", flush=True)
            passes = [
                _run("the first day", MAPPED, days[:1], connection),
                _run("the other days, as a backfill does", MAPPED, days[1:], connection),
                _run("all days again", MAPPED, days, connection),
                _run("bulk: many tenants in one task", BULK, bulk_day, connection),
                _run("bulk again: nothing is sent twice", BULK, bulk_day, connection),
            ]
            report.show(passes, explo=where)
    return 0


@contextmanager
def explo() -> Iterator[tuple[str, str]]:
    """The connection to Explo, and what it is in words."""
    given = os.environ.get(home.EXPLO_CONNECTION)
    if given:
        yield given, f"the one of {home.EXPLO_CONNECTION}"
        return
    home.EXPLO.unlink(missing_ok=True)
    with processes.explo(home.LOGS / "emulator.log", database=home.EXPLO) as connection:
        yield connection, f"the emulator on {json.loads(connection)['host']}"


def _run(title: str, dag_id: str, days: list[date], connection: str) -> report.Pass:
    print(f"\n{title} ({dag_id})", flush=True)
    heard = report.Pass(title=title, days=len(days))
    log_path = home.LOGS / f"{re.split('[,:]', title)[0].replace(' ', '-')}.log"
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "demo.runs", str(writing), dag_id, *(day.isoformat() for day in days)]
    with (
        log_path.open("wb") as log,
        os.fdopen(reading, encoding="utf-8") as events,
        processes.running(
            command, environment=home.environment(explo=connection), log=log, inherited=writing
        ) as process,
    ):
        os.close(writing)
        for line in events:
            heard.hear(json.loads(line))
        if process.wait() != 0:
            raise subprocess.SubprocessError(f"Airflow ended with an error; see {log_path}")
    heard.seconds = time.monotonic() - heard.started
    return heard


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. Nothing is left running; the next `make demo` starts over.")
    except subprocess.SubprocessError as error:
        sys.exit(f"\n{error}")
