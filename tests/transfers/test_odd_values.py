"""A tenant that is too large, or that holds what a database refuses: rejected alone, and what is shown stays small."""

from __future__ import annotations

import json

import pytest

from tests.transfers.conftest import examples

SIDE_TABLES = {"rejects_table": "explo_rejects", "log_table": "explo_log", "on_rejected": "skip"}
MIB = 1024 * 1024


def longest(values):
    return max(len(value) for value in values if isinstance(value, str))


@pytest.mark.parametrize("dry_run", [False, True])
def test_ids_and_names_of_half_a_megabyte_are_shown_shortened(sync, database, caplog, dry_run):
    database.put(("good", "Good"), *((f"{number:02}" + "z" * 500_000, "\x01" * 500_000) for number in range(20)))
    run = sync(dry_run=dry_run, **({} if dry_run else SIDE_TABLES))
    assert run.error is None
    assert (run.summary["reject"] if dry_run else run.counts["rejected"]) == 20
    assert len(json.dumps(run.summary)) < 60_000
    assert longest(record.getMessage() for record in caplog.records) < 60_000
    if not dry_run:
        for table in ("explo_rejects", "explo_log"):
            rows = database.rows(table)
            assert len(rows) == 20 + (table == "explo_log")
            assert longest(value for row in rows for value in row.values()) < 3000


def test_a_failed_run_of_large_values_has_a_message_that_can_be_read(sync, database):
    bad = {"\x01" * 60 + str(number): "x" * 300 for number in range(200)}
    database.put(*((f"{number}" + "y" * 100_000, "", bad, "'" * 100_000) for number in range(30)))
    run = sync()
    assert run.counts == {"rejected": 30}
    assert len(str(run.error)) < 250_000


@pytest.mark.parametrize("text", ["[" * (MIB + 1), json.dumps({"a": ["[]"] * 400_000}), json.dumps({"a": "x" * MIB})])
def test_json_of_more_than_a_mebibyte_is_rejected_for_its_size(sync, database, text):
    database.put(("good", "Good"), ("big", "Big", None, text), ("fits", "Fits", None, {"a": "x" * (MIB - 10)}))
    run = sync(on_rejected="skip")
    assert run.counts == {"created": 2, "rejected": 1}
    ((name, problem),) = examples(run.summary).items()
    assert name == "big"
    assert (
        f"$.properties\n  found: {len(text):,} bytes of JSON\n  expected: at most 1,048,576 bytes" in problem["reason"]
    )


def test_of_many_mistakes_in_one_row_the_first_twenty_are_listed(sync, database, caplog):
    database.put(("bad", "Bad", {f"k{number}": "" for number in range(5000)}), ("good", "Good"))
    run = sync(on_rejected="skip", rejects_table="explo_rejects")
    assert run.counts == {"created": 1, "rejected": 1}
    fields = ["$.mapping.k0", "$.mapping.k1", "$.mapping.k2", "$.mapping.*"]
    assert [cause["field"] for cause in run.summary["problems"]] == fields
    (reason,) = (row["reason"] for row in database.rows("explo_rejects"))
    assert reason.count("$.mapping.k") == 20
    assert reason.endswith("\nand more")
    assert longest(record.getMessage() for record in caplog.records) < 10_000


def test_no_null_character_reaches_xcom_or_a_table(sync, database, explo_connection):
    database.put(
        ("a\0b", "NUL in the id"),
        ("name", "N\0L"),
        ("key", "Key", None, {"a": {"b\0": 1}}),
        ("value", "Value", {"40": "2\0"}, {"a": [["\0"]]}),
        ("good", "Good"),
    )
    run = sync(**SIDE_TABLES)
    assert run.counts == {"created": 1, "rejected": 4}
    assert [group.provided_id for group in explo_connection.groups] == ["good"]
    plan = sync(dry_run=True).summary
    for shown in (run.summary, plan, database.rows("explo_rejects"), database.rows("explo_log")):
        assert "\\u0000" not in json.dumps(shown)
        assert "x00" in json.dumps(shown)


def test_numbers_and_ids_of_every_kind_arrive_as_they_are(sync, database, explo_connection):
    database.run("CREATE TABLE odd (user_group_id, name, properties)")
    text = '{"big": 123456789012345678901234567890, "emoji": "\\ud83d\\ude80", "php": "\\/"}'
    rows = [(7, "Integer", text), ("0b6f0e1e-8d0c-4f2f-9d39-000000000000", "UUID", None), ("2024_001", "Text", "{}")]
    database.run(
        "INSERT INTO odd VALUES (?, ?, ?)", *rows, ("inf", "Infinite", '{"a": 1e400}'), ("acme   ", "CHAR", None)
    )
    run = sync(sql="SELECT * FROM odd", on_rejected="skip")
    assert run.counts == {"created": 3, "rejected": 2}
    groups = {group.provided_id: group for group in explo_connection.groups}
    assert set(groups) == {"7", rows[1][0], "2024_001"}
    assert groups["7"].properties == {"big": 123456789012345678901234567890, "emoji": "🚀", "php": "/"}
