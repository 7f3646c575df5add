"""The main job on embedded defaults: a private Airflow, an SQLite warehouse, a local Explo. See ``make demo``."""
