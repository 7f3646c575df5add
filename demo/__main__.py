"""``make demo``: tenants from a warehouse into Explo through a real Airflow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from demo import home, processes, report, warehouse
from demo.steps import STEPS

TENANTS = 2000
# For a real Explo, whose limit is 180 requests a minute, and whose groups stay there.
FEW_TENANTS = 50


def main() -> int:
    with processes.alone():
        run()
    return 0


def run() -> None:
    """The demo; :data:`demo.home.FINISHED` then says what of it there is to see."""
    print("1/4  Airflow's metadata database, below .demo (some 10 seconds the first time)", flush=True)
    home.start_over()
    real = home.real_explo() is not None
    rows = warehouse.build(home.WAREHOUSE, count=FEW_TENANTS if real else TENANTS)
    print(f"2/4  An SQLite warehouse with {rows} tenants", flush=True)
    with explo() as (connection, where):
        print(f"3/4  Explo: {where}", flush=True)
        print(f"4/4  {len(STEPS)} runs of the example DAGs (Airflow takes some seconds to start)", flush=True)
        passes = _run(connection)
        report.show(passes, explo=where)
    pages = {step.shows[0]: done.page(step.shows[1]) for step, done in zip(STEPS, passes, strict=True) if step.shows}
    home.FINISHED.write_text(json.dumps({"real": real, "pages": pages}))


@contextmanager
def explo() -> Iterator[tuple[str, str]]:
    """The connection to Explo, and a description of it."""
    real = home.real_explo()
    if real:
        yield real, f"the one of {home.EXPLO_CONNECTION}"
        return
    with processes.explo(home.LOGS / "emulator.log") as connection:
        yield connection, f"the emulator on {json.loads(connection)['host']}"


def _run(connection: str) -> list[report.Pass]:
    log_path = home.LOGS / "demo.log"
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "demo.runs", str(writing)]
    passes: list[report.Pass] = []
    with (
        log_path.open("wb") as log,
        os.fdopen(reading, encoding="utf-8") as events,
        processes.running(
            command, environment=home.environment(explo=connection), log=log, inherited=writing
        ) as process,
    ):
        os.close(writing)
        for line in events:
            event = json.loads(line)
            if "step" in event:
                passes.append(report.Pass(title=event["step"], dag_id=event["dag"]))
                print(f"\n{event['step']} ({event['dag']})", flush=True)
            else:
                passes[-1].record(event)
        if process.wait() != 0:
            raise subprocess.SubprocessError(f"Airflow ended with an error; see {log_path}")
    return passes


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. Nothing is left running; the next `make demo` starts over.")
    except subprocess.SubprocessError as error:
        sys.exit(f"\n{error}")
