"""Desired against actual, and make it so. Knows nothing of Airflow."""
