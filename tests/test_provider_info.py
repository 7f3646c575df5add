"""What Airflow learns of the provider: discovery, the connection form, and at which price."""

from __future__ import annotations

import json
import subprocess
import sys
from ast import literal_eval
from importlib.metadata import entry_points, version

import pytest

from airflow_provider_explo import __version__
from airflow_provider_explo.get_provider_info import get_provider_info

AIRFLOW = tuple(int(part) for part in version("apache-airflow").split(".")[:2])
EXTRAS = ["api", "requests_per_minute", "timeout", "retry_timeout", "verify", "proxies", "allow_http"]


def test_the_entry_point_leads_to_the_info_of_this_distribution():
    (found,) = [
        point for point in entry_points(group="apache_airflow_provider") if point.dist.name == "airflow-provider-explo"
    ]
    assert found.load()() == get_provider_info()
    assert get_provider_info()["package-name"] == found.dist.name
    assert get_provider_info()["versions"] == [__version__] == [found.dist.version]


def test_airflow_discovers_provider_and_hook(airflow_home, caplog):
    from airflow.providers_manager import ProvidersManager

    manager = ProvidersManager()
    assert manager.providers["airflow-provider-explo"].version == __version__
    hook = manager.hooks["explo"]
    assert hook.hook_class_name == "airflow_provider_explo.hooks.explo.ExploHook"
    assert hook.hook_name == "Explo"
    assert hook.connection_id_attribute_name == "explo_conn_id"
    said = [record.getMessage() for record in caplog.records if "explo" in record.getMessage() and record.levelno > 10]
    # Airflow 3.0 and 3.1 look for a form that only Airflow 2's web server shows, and say so of every provider's hook.
    assert [line for line in said if "'flask_appbuilder' package is not installed" not in line] == []
    assert AIRFLOW < (3, 2) or said == []


@pytest.mark.skipif(AIRFLOW < (3, 0), reason="Airflow 2 makes the connection form of the hook's methods")
@pytest.mark.xfail(AIRFLOW == (3, 0), reason="Airflow 3.0 shows no provider's connection form without FAB", strict=True)
def test_the_connection_form_is_in_the_uis_hook_meta(airflow_home):
    # In a process of its own, as the API server is: Airflow 3.1 keeps what it learned of forms before.
    command = (
        "from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService as S;"
        "print('META', [m.model_dump_json() for m in S.hook_meta_data() if m.connection_type == 'explo'])"
    )
    done = subprocess.run([sys.executable, "-c", command], cwd=airflow_home, capture_output=True, text=True, check=True)
    (dumped,) = literal_eval(done.stdout.rpartition("META ")[2])
    meta = json.loads(dumped)
    fields = meta["standard_fields"]
    assert meta["hook_name"] == "Explo"
    assert (fields["password"]["title"], fields["host"]["title"]) == ("API token", "Base URL")
    assert fields["host"]["placeholder"] == "https://api.explo.co"
    assert fields["password"]["placeholder"]
    assert fields["login"]["hidden"]
    assert fields["url_schema"]["hidden"]
    assert list(meta["extra_fields"]) == EXTRAS
    for field in meta["extra_fields"].values():
        assert field["schema"]["title"]
        assert "Default" in field["description"]


@pytest.mark.skipif(AIRFLOW >= (3, 0), reason="Airflow 3 makes the connection form of hook_meta")
def test_the_connection_form_is_in_airflow_2s_widgets_and_behaviours(airflow_home):
    from airflow.providers_manager import ProvidersManager

    manager = ProvidersManager()
    widgets = [name for name in manager.connection_form_widgets if name.startswith("extra__explo__")]
    assert widgets == [f"extra__explo__{name}" for name in EXTRAS]
    behaviour = manager.field_behaviours["explo"]
    assert behaviour["hidden_fields"] == ["login", "schema"]
    assert behaviour["relabeling"] == {"password": "API token", "host": "Base URL"}
    assert set(behaviour["placeholders"]) == {"host", "password", *(f"extra__explo__{name}" for name in EXTRAS)}


def test_every_module_that_the_info_names_exists():
    from importlib import import_module

    info = get_provider_info()
    for kind in ("hooks", "operators"):
        for entry in info[kind]:
            for module in entry["python-modules"]:
                import_module(module)
    for entry in info["transfers"]:
        import_module(entry["python-module"])


def test_airflow_knows_the_link_and_the_option(airflow_home):
    from airflow.configuration import conf
    from airflow.providers_manager import ProvidersManager

    manager = ProvidersManager()
    assert "airflow_provider_explo.operators.links.ExploUserGroupLink" in manager.extra_links_class_names
    assert any("explo" in sections for sections in dict(manager.provider_configs).values())
    assert conf.get("explo", "user_group_page", fallback="") == ""


def modules_after(statement: str, *, without: str = "") -> set[str]:
    """The modules that a statement loads, but for those that another has loaded."""
    command = f"import sys\n{without}\nbefore = set(sys.modules)\n{statement}\n"
    command += "print('MODULES', *sys.modules.keys() - before, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    _, found, modules = done.stderr.rpartition("MODULES ")
    assert found, done.stderr
    return set(modules.split())


def test_discovery_imports_neither_airflow_nor_anything_for_http():
    loaded = modules_after("import airflow_provider_explo.get_provider_info as i; i.get_provider_info()")
    assert not loaded & {"airflow", "requests", "jsonschema", "sqlalchemy"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "operator",
    [
        "operators.explo import ExploCreateUserGroupOperator",
        "transfers.sql_to_explo import SqlToExploOperator",
        "transfers.explo_to_sql import ExploToSqlOperator",
    ],
)
def test_a_dag_files_import_of_an_operator_brings_nothing_for_http_sql_or_checking(operator):
    loaded = modules_after(
        f"from airflow_provider_explo.{operator}",
        without="from airflow.providers.common.compat.sdk import BaseOperator; BaseOperator",
    )
    others = {name for name in loaded if not name.startswith("airflow_provider_explo")}
    assert others <= {"airflow.exceptions", "airflow.sdk.bases.operatorlink", "airflow.models.baseoperatorlink"}
    heavy = tuple(f"airflow_provider_explo.{room}" for room in ("client", "json_values", "sql", "sync", "tenants"))
    assert not [name for name in loaded if name.startswith(heavy)]


def test_an_operator_of_one_tenant_does_not_load_the_others():
    loaded = modules_after("from airflow_provider_explo.operators.explo import ExploDeleteUserGroupOperator")
    ours = {name for name in loaded if name.startswith("airflow_provider_explo.operators.")}
    assert "airflow_provider_explo.operators.delete" in ours
    assert not ours & {f"airflow_provider_explo.operators.{name}" for name in ("create", "refresh", "update")}


def test_the_operators_module_has_each_operator_and_nothing_else():
    from airflow_provider_explo.operators import explo

    for name in explo.__all__:
        assert getattr(explo, name).__name__ == name
    assert not hasattr(explo, "ExploOperator")


def test_the_operators_fields_are_a_tenants():
    from airflow_provider_explo.operators.single import JSON_FIELDS, TENANT_FIELDS
    from airflow_provider_explo.tenants.tenant import FIELDS

    assert tuple(FIELDS) == TENANT_FIELDS
    assert tuple(name for name, field in FIELDS.items() if field.json_text) == JSON_FIELDS
