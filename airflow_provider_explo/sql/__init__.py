"""SQL databases behind Airflow connections: the tenants' query, and the tables."""
