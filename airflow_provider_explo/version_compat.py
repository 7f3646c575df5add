"""The one place that knows Airflow 2 from 3, for what the common.compat provider lacks."""

from __future__ import annotations

from importlib import import_module

PAGE_PREFIX = "/explo"
"""Where Airflow mounts the page, below its own address."""


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


def page_is_on() -> bool:
    """Whether Airflow's UI has the page of this provider: ``[explo] page`` says so, and Airflow is 3.1 or later."""
    from airflow import __version__
    from airflow.configuration import conf

    release = tuple(map(int, __version__.split(".")[:2]))
    return release >= (3, 1) and conf.getboolean("explo", "page", fallback=False)
