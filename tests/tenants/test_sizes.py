"""Messages stay readable, and a tenant small, whatever comes."""

from __future__ import annotations

import json

import pytest

from airflow_provider_explo import json_values
from airflow_provider_explo.exceptions import ExploValidationError
from airflow_provider_explo.tenants.tenant import Tenant
from airflow_provider_explo.tenants.validation import TenantValidator
from tests.tenants.problems import RULES, VALID, problems_of


def test_a_message_stays_readable_however_much_is_wrong():
    with pytest.raises(ExploValidationError) as caught:
        RULES.tenant(user_group_id="x" * 10_000, name="y" * 10_000, mapping={f"k{n}" * 50: "z" for n in range(1000)})
    assert len(caught.value.problems) == 20
    assert len(str(caught.value)) < 10_000
    assert "more than 20 problems; nothing was sent" in str(caught.value)
    assert str(caught.value).endswith("\nand more")


@pytest.mark.parametrize(
    ("fields", "schemas"),
    [
        ({"mapping": {f"k{n}": "" for n in range(50_000)}}, {}),
        ({"mapping": {f"k{n}" * 100: "" for n in range(1000)}}, {}),
        ({"properties": {f"\0{n}": "" for n in range(20_000)}}, {}),
        ({"properties": [{"\U000e0001" * 80: {f"{n}\x01" * 99: "\0" * 200}} for n in range(100)]}, {}),
        (
            {"properties": {"\x01" * 60: {f"k{n}": {"\x02" * 99: "x" * 100} for n in range(5000)}}},
            {"properties_schema": {"additionalProperties": {"additionalProperties": {"type": "integer"}}}},
        ),
        (
            {"properties": {f"k{n}": "x" for n in range(5000)}},
            {"properties_schema": {"anyOf": [{"required": [f"{n}" * 20]} for n in range(500)]}},
        ),
    ],
)
def test_a_message_is_bounded_and_so_is_the_search_for_more(fields, schemas):
    with pytest.raises(ExploValidationError) as caught:
        TenantValidator(**schemas).tenant(**{**VALID, **fields})
    assert len(caught.value.problems) <= 20
    assert len(str(caught.value)) < 10_500


def test_twenty_problems_are_all_listed():
    problems = problems_of(mapping={f"k{n}": "1" for n in range(20)})
    assert [problem.path for problem in problems] == [f"$.mapping.k{n}" for n in range(20)]
    assert len(problems_of(mapping={f"k{n}": "1" for n in range(21)})) == 20


MIB = 1024 * 1024


def of_size(size, character="x"):
    """Properties whose JSON has so many bytes."""
    overhead = len('{"a":""}')
    return {"a": character * ((size - overhead) // len(character.encode()))}


@pytest.mark.parametrize("character", ["x", "\u65e5"])
def test_a_tenants_json_may_have_one_mebibyte_of_utf_8(character):
    properties = of_size(MIB, character)
    text = json.dumps(properties, ensure_ascii=False, separators=(",", ":"))
    assert RULES.tenant(**VALID, properties=properties).properties == properties
    assert RULES.tenant(**VALID, properties=text).properties == properties
    larger = of_size(MIB + 3, character)
    for value in (larger, json.dumps(larger, ensure_ascii=False, separators=(",", ":"))):
        with pytest.raises(ExploValidationError, match="tenant 'acme': 1 problem") as caught:
            RULES.tenant(**VALID, properties=value)
        (problem,) = caught.value.problems
        assert problem.path == "$.properties"
        assert problem.found.endswith(" bytes of JSON")
        assert MIB < int(problem.found.split()[0].replace(",", "")) <= MIB + 3
        assert problem.expected == "at most 1,048,576 bytes (1 MiB) of JSON for one tenant"


def test_the_size_is_that_of_all_fields_and_the_largest_is_named():
    half = of_size(MIB // 2)
    mapping = {str(number): "x" * 50 for number in range(10_000)}
    (problem,) = problems_of(properties=half, mapping=mapping)
    assert problem.path == "$.mapping"
    sizes = [len(json.dumps(value, separators=(",", ":"))) for value in (mapping, half)]
    assert problem.found == f"{sizes[0]:,} bytes of JSON, {sum(sizes):,} in all fields"


def test_text_that_is_too_large_is_not_even_parsed(monkeypatch):
    monkeypatch.setattr(json_values, "loads", None)
    (problem,) = problems_of(properties="[" * 40_000_000)
    assert problem.found == "40,000,000 bytes of JSON"
    tenant = Tenant.parse(**VALID, properties="[" * 2_000_000)
    assert tenant.properties is None


@pytest.mark.parametrize("value", ["x" * 256, "x" * 1_000_000])
def test_an_id_that_is_too_long_is_not_looked_up_and_shown_shortened(value):
    tenant = Tenant.parse(user_group_id=value, name=value)
    assert not tenant.has_id
    assert len(tenant.shown_id) < 120
    assert len(tenant.shown_name) < 120
    assert Tenant.parse(user_group_id="x" * 255, name="y" * 255).shown_id == "x" * 255
    assert Tenant.parse(user_group_id="x" * 255, name="y" * 255).shown_name == "y" * 255


def test_json_text_with_a_byte_order_mark_is_refused_for_that():
    (problem,) = problems_of(properties='\ufeff{"a": 1}')
    assert problem.expected == "JSON (no byte order mark before it)"
    assert "ufeff" in problem.fix
