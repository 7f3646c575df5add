"""All that one emulator holds."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_explo.emulator.auth import Gatekeeper
from airflow_provider_explo.emulator.faults import FaultQueue
from airflow_provider_explo.emulator.limiter import Limiter
from airflow_provider_explo.emulator.records import Records
from airflow_provider_explo.emulator.store import Store


@dataclass(frozen=True)
class State:
    """The parts, each of which looks after itself."""

    store: Store
    gatekeeper: Gatekeeper
    limiter: Limiter
    faults: FaultQueue
    records: Records

    def reset(self) -> None:
        """Forget groups, tags, faults and records, and begin the rate limit's minute anew."""
        self.store.clear()
        self.limiter.clear()
        self.faults.clear()
        self.records.clear()
