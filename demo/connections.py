"""Inside the demo's Airflow: put connections and pool where the UI shows them, in the metadata database."""

from __future__ import annotations

import os

from airflow.models import Connection
from airflow.models.pool import Pool
from airflow.utils.session import create_session

from demo import home


def main() -> None:
    texts = {"explo_default": os.environ[home.EXPLO_CONNECTION], "warehouse": home.warehouse_connection()}
    with create_session() as session:
        for conn_id, text in texts.items():
            if text.lstrip().startswith("{"):
                connection = Connection.from_json(text, conn_id=conn_id)
            else:
                connection = Connection(conn_id=conn_id, uri=text)
            session.query(Connection).filter(Connection.conn_id == conn_id).delete()
            session.add(connection)
    make_pool()


def make_pool() -> None:
    """The pool of the example DAGs."""
    Pool.create_or_update_pool("explo", 10, "Explo's request budget", include_deferred=False)


if __name__ == "__main__":
    main()
