"""A page in Airflow's UI on what the provider did, what is broken, and what waits for approval."""
