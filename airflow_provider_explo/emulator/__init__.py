"""A local stand-in for Explo's HTTP API: for demos, for tests, and for your own CI.

    from airflow_provider_explo.emulator import ExploEmulator, Fault

    with ExploEmulator() as explo:
        explo.inject(Fault("rate_limit", retry_after=1))
        ...  # send requests to explo.url with explo.token
        assert [group.provided_id for group in explo.groups] == ["tenant-1"]

On the command line: ``python -m airflow_provider_explo.emulator``. In pytest: see
``airflow_provider_explo.emulator.pytest_plugin``.

It responds as Explo documents. Where Explo documents nothing (the bodies and statuses of failures, above all), it
guesses, and says so: such a response carries the header ``X-Explo-Emulator-Guess: true``.

Importing this package is cheap: FastAPI and uvicorn are loaded with the first name that needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_explo.emulator.auth import ApiToken
    from airflow_provider_explo.emulator.faults import Fault
    from airflow_provider_explo.emulator.records import Record
    from airflow_provider_explo.emulator.server import ExploEmulator
    from airflow_provider_explo.emulator.store import Group

__all__ = ["ApiToken", "ExploEmulator", "Fault", "Group", "Record"]

_MODULES = {"ApiToken": "auth", "ExploEmulator": "server", "Fault": "faults", "Group": "store", "Record": "records"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name not in {"cryptography", "fastapi", "jinja2", "starlette", "uvicorn"}:
            raise
        raise ImportError(
            f"the Explo emulator needs {error.name}: pip install 'airflow-provider-explo[emulator]'"
        ) from error
