"""From a row to a checked tenant, and what differs from Explo. Pure: no Airflow, no network."""
