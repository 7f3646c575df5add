"""Explo over HTTP. Knows requests; knows nothing of Airflow."""
