"""A database on SQLite."""

from __future__ import annotations

import pytest
import sqlalchemy as sa


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tokens.db"


@pytest.fixture
def engine(path):
    engine = sa.create_engine(f"sqlite:///{path}")
    yield engine
    engine.dispose()
