"""The support matrix: the tests on every Airflow and every Python that is here, and a table of what came of it.

    python tests/matrix.py [--jobs N] [--write README.md] [AIRFLOW-PYTHON …]

Needs nothing but the standard library. Each pair has an environment of its own, made by ``make test``. The results are
kept below ``.matrix``: where some pairs are named, only these run anew, and the table is of all.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parent.parent
KEPT = ROOT / ".matrix"
# As each release's own metadata says, within what this provider supports.
PAIRS = {
    "3.3.2": ("3.10", "3.11", "3.12", "3.13"),
    "3.2.2": ("3.10", "3.11", "3.12", "3.13"),
    "3.1.8": ("3.10", "3.11", "3.12", "3.13"),
    "3.0.6": ("3.10", "3.11", "3.12"),
    "2.11.2": ("3.10", "3.11", "3.12"),
}
BEGIN, END = "<!-- printed by make test-matrix -->\n", "<!-- end -->\n"


@dataclass(frozen=True)
class Result:
    """What came of one pair.

    :param cannot: what this Airflow cannot do, in the words of the tests that are marked so.
    """

    airflow: str
    python: str
    ok: bool
    passed: int
    cannot: tuple[str, ...]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", nargs="*", metavar="AIRFLOW-PYTHON", help="such as 3.3.2-3.12; all by default")
    parser.add_argument("--jobs", type=int, default=1, help="pairs at once")
    parser.add_argument("--write", type=Path, help="put the table of a whole run into this file")
    options = parser.parse_args()
    everything = [(airflow, python) for airflow, pythons in PAIRS.items() for python in pythons]
    here = {python: interpreter(python) for python in sorted({python for _, python in everything})}
    absent = [python for python, path in here.items() if path is None]
    supported = [pair for pair in everything if here[pair[1]]]
    KEPT.mkdir(exist_ok=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda pair: run(*pair, here[pair[1]]), select(supported, options.pairs)))
    results = [result for pair in supported if (result := read(*pair))]
    lines = table(results, absent=absent)
    print("\n".join(lines))
    good = bool(results) and all(result.ok for result in results)
    if options.write and good and len(results) == len(supported):
        write(options.write, lines)
    return 0 if good else 1


def select(supported: list[tuple[str, str]], names: list[str]) -> list[tuple[str, str]]:
    unknown = set(names) - {"-".join(pair) for pair in supported}
    if unknown:
        raise SystemExit(f"Not an Airflow and a Python that are supported and here: {', '.join(sorted(unknown))}")
    return [pair for pair in supported if not names or "-".join(pair) in names]


def interpreter(python: str) -> str | None:
    """The path of this Python, from PATH or from pyenv, if one is here and works."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(f"python{python}"), *map(str, sorted(pyenv.glob(f"{python}.*/bin/python")))]
    for path in filter(None, candidates):
        if subprocess.run([path, "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode == 0:
            return path
    return None


def run(airflow: str, python: str, path: str | None) -> None:
    """The tests of one pair, with ``make test``; what they print goes to a file, and what came of them to another."""
    name = f"{airflow}-{python}"
    print(f"{name}: running", flush=True)
    junit, log = KEPT / f"{name}.xml", KEPT / f"{name}.log"
    junit.unlink(missing_ok=True)
    command = ["make", "test", f"AIRFLOW={airflow}", f"PYTHON={path}"]
    environment = os.environ | {"PYTEST_ADDOPTS": f"--junitxml={junit}"}
    begun = time.monotonic()
    with log.open("wb") as output:
        code = subprocess.run(command, cwd=ROOT, env=environment, stdout=output, stderr=output, check=False).returncode
    if not junit.exists():
        junit.write_text('<testsuites><testsuite errors="1" /></testsuites>')
    result = read(airflow, python)
    how = f"passed {result.passed} tests" if result and result.ok and code == 0 else f"FAILED, see {log}"
    print(f"{name}: {how} in {(time.monotonic() - begun) / 60:.1f} min", flush=True)


def read(airflow: str, python: str) -> Result | None:
    """What came of a pair when it was last run, and why some tests were not expected to pass."""
    junit = KEPT / f"{airflow}-{python}.xml"
    if not junit.exists():
        return None
    suites = list(ElementTree.parse(junit).getroot().iter("testsuite"))
    tests, skipped, failures, errors = (
        sum(int(suite.get(key, 0)) for suite in suites) for key in ("tests", "skipped", "failures", "errors")
    )
    unexpected = [skip for suite in suites for skip in suite.iter("skipped") if skip.get("type") == "pytest.xfail"]
    cannot = tuple(dict.fromkeys(skip.get("message", "") for skip in unexpected))
    passed = tests - skipped - failures - errors
    return Result(airflow, python, ok=not failures + errors and passed > 0, passed=passed, cannot=cannot)


def table(results: Iterable[Result], *, absent: Iterable[str]) -> list[str]:
    """The results as Markdown, a line an Airflow."""
    lines = ["| Airflow | Python | Cannot |", "| --- | --- | --- |"]
    by_airflow: dict[str, list[Result]] = {}
    for result in results:
        by_airflow.setdefault(result.airflow, []).append(result)
    for airflow, some in by_airflow.items():
        pythons = ", ".join(result.python if result.ok else f"{result.python} FAILED" for result in some)
        cannot = "; ".join(dict.fromkeys(reason for result in some for reason in result.cannot))
        lines.append(f"| {airflow} | {pythons} | {cannot} |")
    return [*lines, *(f"\nPython {python} is not on this machine." for python in absent)]


def write(path: Path, lines: list[str]) -> None:
    before, begin, rest = path.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{path}: has no place for the table, between {BEGIN.strip()} and {END.strip()}")
    path.write_text("".join([before, begin, "\n".join(lines), "\n", end, after]))


if __name__ == "__main__":
    sys.exit(main())
