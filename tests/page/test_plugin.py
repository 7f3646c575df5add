"""What the plugin registers, and where it keeps quiet."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.conftest import AIRFLOW


def described(**settings: str) -> str:
    """What the plugin registers, in a process of its own, and whether a web framework was imported for that."""
    code = (
        "import sys; from airflow.plugins_manager import AirflowPlugin\n"
        "before = set(sys.modules)\n"
        "from airflow_provider_explo.page.plugin import ExploPlugin as P\n"
        "from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator as O\n"
        "new = set(sys.modules) - before\n"
        "print('FOUND', len(P.fastapi_apps), [view['href'] for view in P.external_views], "
        "[link.name for link in O.operator_extra_links], 'fastapi' in new, 'jinja2' in new)"
    )
    environment = os.environ | {f"AIRFLOW__{name}": value for name, value in settings.items()}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.partition("FOUND ")[2].strip()


def test_it_is_off_unless_it_is_asked_for():
    assert described() == "0 [] [] False False"


def test_it_is_on_where_airflow_has_such_pages_and_imports_no_web_framework_before_a_request():
    found = described(EXPLO__PAGE="True", API__BASE_URL="https://example.com/airflow/")
    on = "1 ['/airflow/explo/'] ['Explo page'] False False"
    assert found == (on if AIRFLOW >= (3, 1) else "0 [] [] False False")
