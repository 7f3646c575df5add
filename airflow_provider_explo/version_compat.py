"""The one place that knows Airflow 2 from 3, for what the common.compat provider lacks."""

from __future__ import annotations

from importlib import import_module


def mask_secret(secret: str) -> None:
    """Hide a value in the logs of this task's process (``airflow.sdk.log`` since 3.0.6)."""
    for module in (
        "airflow.sdk.log",
        "airflow.sdk.execution_time.secrets_masker",
        "airflow.utils.log.secrets_masker",
    ):
        try:
            mask = import_module(module).mask_secret
        except (ImportError, AttributeError):
            continue
        mask(secret)
        return
