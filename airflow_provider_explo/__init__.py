"""Apache Airflow provider for Explo. Empty of imports, so that provider discovery costs nothing."""

__version__ = "0.1.0"
