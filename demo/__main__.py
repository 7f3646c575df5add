"""``make demo``: tenants from a warehouse into Explo through a real Airflow, day by day, and all of it again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from demo import home, processes, report, warehouse


def main() -> int:
    with processes.alone():
        print("1/4  Airflow's metadata database, below .demo (some 10 seconds the first time)", flush=True)
        home.migrate()
        count = warehouse.build(home.WAREHOUSE)
        days = warehouse.days()
        print(f"2/4  An SQLite warehouse: {count} tenants who signed up from {days[0]} to {days[-1]}", flush=True)
        with explo() as (connection, where):
            print(f"3/4  Explo: {where}", flush=True)
            print(
                "4/4  The DAG explo_onboard_new_tenants, one run a day (Airflow takes some seconds to start)",
                flush=True,
            )
            passes = [
                _run("the first day", days[:1], connection),
                _run("the other days, as a backfill does", days[1:], connection),
                _run("all days again", days, connection),
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


def _run(title: str, days: list[date], connection: str) -> report.Pass:
    print(f"\n{title}", flush=True)
    heard = report.Pass(title=title, days=len(days))
    log_path = home.LOGS / f"{title.split(',')[0].replace(' ', '-')}.log"
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "demo.runs", str(writing), *(day.isoformat() for day in days)]
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
