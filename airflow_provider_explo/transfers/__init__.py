"""From an SQL database to Explo, thousands of tenants at a time."""
