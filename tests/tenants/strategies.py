"""Any JSON, for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

# NUL is refused: PostgreSQL's JSONB, in which Airflow may keep it, has none.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
json_value_strategy = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)
json_objects = st.dictionaries(texts, json_value_strategy, max_size=4)
