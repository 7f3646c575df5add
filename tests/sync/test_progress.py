"""Progress says what succeeded, and what did not."""

from __future__ import annotations

import logging

from airflow_provider_explo.sync.progress import Progress


def test_what_failed_is_not_done(caplog):
    caplog.set_level(logging.INFO)
    now = iter([0.0, 10.0, 30.0, 60.0])
    progress = Progress("Tenants done", total=110, clock=lambda: next(now))
    progress.add(0, failed=7)
    progress.add(0, failed=100)
    progress.add(3)
    assert [record.getMessage() for record in caplog.records] == [
        "Tenants done: 0 of 110, 107 failed, 0 per minute, time left not known yet",
        "Tenants done: 3 of 110, 107 failed, 3 per minute, about 0 s left",
    ]


def test_without_failures_none_are_named(caplog):
    caplog.set_level(logging.INFO)
    now = iter([0.0, 30.0])
    Progress("Tenants done", total=90, clock=lambda: next(now)).add(30)
    assert caplog.records[-1].getMessage() == "Tenants done: 30 of 90, 60 per minute, about 60 s left"
