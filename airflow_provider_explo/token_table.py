"""TokenTable, under its public name."""

from airflow_provider_explo.sql.token_table import TokenRow, TokenTable

__all__ = ["TokenRow", "TokenTable"]
