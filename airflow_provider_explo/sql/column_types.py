"""Types of columns, and the options with which MySQL and MariaDB keep text as it is."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

# They compare text without regard to case by default: "ACME" and "acme" are two tenants.
_EXACT = mysql.VARCHAR(255, collation="utf8mb4_bin")
ID = sa.String(255).with_variant(_EXACT, "mysql").with_variant(_EXACT, "mariadb")
# For a comparison with a column whose character set may lack some.
ANY_CHARACTERS = mysql.VARCHAR(255, charset="utf8mb4")
# Their TEXT ends at 64 KiB.
LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql").with_variant(mysql.MEDIUMTEXT(), "mariadb")
# Their default may be a character set without emoji.
TABLE_OPTIONS: dict[str, Any] = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}
