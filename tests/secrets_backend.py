"""A secrets backend, such as a vault, that is away until somebody unseals it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airflow.secrets import BaseSecretsBackend


class Vault(BaseSecretsBackend):
    """Airflow makes several, on both sides of a task: what they share is a folder.

    :param folder: holds ``connections.json``, of values by connection id, and ``unsealed``, once it is.
    """

    def __init__(self, folder: str, **_: Any) -> None:
        self.folder = Path(folder)

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
        value = json.loads((self.folder / "connections.json").read_text()).get(conn_id)
        if value is not None and not (self.folder / "unsealed").exists():
            raise ConnectionError("503 Service Unavailable: sealed")
        return value
