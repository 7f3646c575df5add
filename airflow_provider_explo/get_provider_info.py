"""What Airflow asks a provider for: names, links, modules, and the connection form."""

from __future__ import annotations

from typing import Any

from airflow_provider_explo import __version__
from airflow_provider_explo.hooks import connection


def get_provider_info() -> dict[str, Any]:
    """The provider's metadata, as Airflow's provider manager reads it."""
    return {
        "package-name": "airflow-provider-explo",
        "name": "Explo",
        "description": "Onboards a SaaS company's tenants into [Explo](https://www.explo.co/) embedded dashboards.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": "Explo",
                "external-doc-url": "https://docs.explo.co/",
                "tags": ["service"],
            }
        ],
        "hooks": [{"integration-name": "Explo", "python-modules": ["airflow_provider_explo.hooks.explo"]}],
        "operators": [{"integration-name": "Explo", "python-modules": ["airflow_provider_explo.operators.explo"]}],
        "transfers": [
            {
                "source-integration-name": "SQL",
                "target-integration-name": "Explo",
                "python-module": "airflow_provider_explo.transfers.sql_to_explo",
            },
            {
                "source-integration-name": "Explo",
                "target-integration-name": "SQL",
                "python-module": "airflow_provider_explo.transfers.explo_to_sql",
            },
        ],
        # Airflow 2 has the first of these, Airflow 3 the second.
        **{key: [{"schemes": ["explo"], "handler": None}] for key in ("dataset-uris", "asset-uris")},
        "extra-links": [
            "airflow_provider_explo.operators.links.ExploUserGroupLink",
            "airflow_provider_explo.operators.links.ExploPageLink",
        ],
        "config": {
            "explo": {
                "description": "Options of the Explo provider.",
                "options": {
                    "user_group_page": {
                        "description": (
                            "Where the link of a task in the UI leads to: the address of a tenant's page, with "
                            "{user_group_id} where the tenant's id belongs. If empty, Explo's app."
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "https://app.explo.co/?customer={user_group_id}",
                        "default": "",
                    },
                    "page": {
                        "description": (
                            "Whether Airflow's UI has a page on what the provider did, at /explo/. Needs Airflow 3.1 "
                            "or later. Set it where the API server runs, and where tasks run, whose links lead there."
                        ),
                        "version_added": "0.1.0",
                        "type": "boolean",
                        "example": "True",
                        "default": "False",
                    },
                    "page_conn_id": {
                        "description": "The page's Airflow connection: of the database with the two tables below.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "warehouse",
                        "default": "",
                    },
                    "page_log_table": {
                        "description": "The page's log table, as the operator's log_table names it.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "reporting.explo_log",
                        "default": "explo_log",
                    },
                    "page_rejects_table": {
                        "description": "The page's rejects table, as the operator's rejects_table names it.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "reporting.explo_rejects",
                        "default": "explo_rejects",
                    },
                    "page_explo_conn_id": {
                        "description": "The Airflow connection to Explo whose requests_per_minute the page shows.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "explo_eu",
                        "default": "explo_default",
                    },
                },
            }
        },
        "connection-types": [
            {
                "connection-type": connection.CONNECTION_TYPE,
                "hook-class-name": "airflow_provider_explo.hooks.explo.ExploHook",
                "hook-name": connection.HOOK_NAME,
                "ui-field-behaviour": {
                    "hidden-fields": connection.HIDDEN_FIELDS,
                    "relabeling": connection.RELABELING,
                    "placeholders": connection.PLACEHOLDERS,
                },
                "conn-fields": {
                    field.name: {
                        "label": field.label,
                        "description": field.description,
                        "schema": {"type": [field.kind, "null"]},
                    }
                    for field in connection.EXTRA_FIELDS
                },
            }
        ],
    }
