"""TokenTable, under its public name."""

from airflow_provider_explo.sql.token_row import TokenRow
from airflow_provider_explo.sql.token_table import TokenTable

__all__ = ["TokenRow", "TokenTable"]
