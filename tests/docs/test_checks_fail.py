"""The checks of code blocks, given blocks that are wrong: a check that cannot fail checks nothing."""

from __future__ import annotations

import pytest

from tests.conftest import AIRFLOW, AIRFLOW_3
from tests.docs import checks
from tests.docs.blocks import Block, found_in

OPERATOR = """from airflow_provider_explo.operators.explo import ExploCreateUserGroupOperator

ExploCreateUserGroupOperator(task_id="create", user_group_id="acme", {})
"""
WRONG = [
    ("python", OPERATOR.format('nmae="Acme"')),
    ("python", OPERATOR.format('name="Acme", if_exists="overwrite"')),
    ("python", OPERATOR.format('name="Acme"').replace("operators.explo", "operators.user_groups")),
    ("python", "from airflow.providers.common.compat.sdk import DAG\n\nwith DAG('empty', schedul=None):\n    pass\n"),
    ("console", "$ make demos"),
    ("console", "$ make bench NAME=limit"),
    ("console", "make demo"),
    ("console", "$ airflow connections ad explo_default"),
    ("console", "$ airflow pools set explo"),
    ("console", "$ airflow dags test no_such_dag"),
    ("console", "$ airflow dags trigger explo_onboard_tenants_bulk --conf '{\"window_begin\": null}'"),
    ("console", '$ airflow dags trigger explo_onboard_tenant --conf \'{"name": " ", "user_group_id": "acme"}\''),
    (
        "console",
        '$ airflow connections add x --conn-json \'{"conn_type": "explo", "password": "t", "extra": {"rpm": 1}}\'',
    ),
    ("console", "$ pip install airflow-provider-exlpo"),
    ("console", "$ pip install '.[emulate]'"),
    ("console", "$ python -m airflow_provider_explo.emulator --prot 8765"),
    ("console", "$ export AIRFLOW_CONN_EXPLO_DEFAULT='explo://:t@api.explo.co?timeout=soon'"),
    (
        "console",
        "$ export AIRFLOW_CONN_EXPLO_DEFAULT='explo://:t@a.example.com'\n"
        "$ export AIRFLOW_CONN_EXPLO_DEFAULT='explo://:t@b.example.com'",
    ),
    ("console", "$ export AIRFLOW_CON_EXPLO='explo://:t@a.example.com'"),
    ("json", '{"conn_type": "explo", "password": "t",}'),
    ("json", '{"conn_type": "explo", "password": "t", "extra": {"api": "v2"}}'),
    ("json", '{"logical_date": null, "conf": {"user_group_id": "acme"}}'),
    ("json", '{"logical_date": null, "conf": {"user_group_id": "acme", "name": "Acme", "mapping": {"x": 1}}}'),
    ("ini", "[explo]\nuser_group_pages = https://app.explo.co/"),
    ("ini", "[secrets]\nbackend = airflow.secrets.local.LocalFilesystemBackend\nbackend_kwargs = {}"),
    ("yaml", "explo_default:\n  conn_type: explo\n  pasword: THE-API-TOKEN\n"),
    ("yaml", "explo_default:\n  conn_type: explo\n"),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("language", "text"), WRONG)
def test_a_wrong_block_is_found_out(language, text, airflow_home, tmp_path):
    with pytest.raises((Exception, SystemExit)):
        checks.CHECKS[language](Block("wrong:1", language, f"{text}\n"), tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not AIRFLOW_3, reason="mypy runs on Airflow 3 only: to it, Airflow 2.11's base classes are Any")
def test_wrong_names_are_found_out(tmp_path):
    code = "from airflow_provider_explo.hooks.explo import ExploHook\n\n\ndef all():\n    ExploHook().{}\n"
    right = "create_user_group(user_group_id='acme', name='Acme')"
    checks.types([Block("right:1", "python", code.format(right))], tmp_path)
    wrong = {"page_sze": "get_conn().list_user_groups(page_sze=9)", "get_connect": "get_connect()"}
    if AIRFLOW == (3, 0):
        # To mypy, its BaseHook is Any.
        del wrong["get_connect"]
    with pytest.raises(pytest.fail.Exception) as caught:
        checks.types([Block("wrong:1", "python", code.format(work)) for work in wrong.values()], tmp_path)
    assert [name for name in wrong if name not in str(caught.value)] == []


def test_a_test_that_fails_is_found_out(airflow_home, tmp_path):
    text = "import airflow_provider_explo\n\n\ndef test_it():\n    assert not airflow_provider_explo\n"
    with pytest.raises(pytest.fail.Exception, match="1 failed"):
        checks.tests([Block("wrong:1", "python", text)], tmp_path)


def test_every_block_is_found():
    text = "A\n\n```python title=x\na\n```\n\n- b\n\n  ````\n  ```\n  c\n  ````\n\n~~~ toml\nd\n~~~\n\n``` yaml\ne\n"
    assert [(block.place, block.language, block.text) for block in found_in(text, "f")] == [
        ("f:3", "python title=x", "a\n"),
        ("f:9", "", "```\nc\n"),
        ("f:14", "toml", "d\n"),
        ("f:18", "yaml", "e\n"),
    ]
