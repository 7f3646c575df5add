"""The Airflow connection and what is made of it."""
