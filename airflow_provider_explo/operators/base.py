"""Template fields of tenants' data: text stays text, and data is never taken for a template."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sized
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

if TYPE_CHECKING:
    import jinja2
    from airflow.providers.common.compat.sdk import Context

# Python's parser takes no text with a null character, so native rendering leaves such text as it is.
_NOT_PYTHON = "\0"


class TextFieldsOperator(BaseOperator):
    """Renders templates as Airflow does, but for three things.

    - :attr:`text_fields` are rendered to text even with ``render_template_as_native_obj``. Native rendering reads text
      as a Python literal: the tenant id ``2024_001`` would become the number 2024001, and ``1e5`` 100000.0.
    - :attr:`verbatim_fields` that hold a mapping are not rendered at all.
    - What ``expand_kwargs`` takes from an XCom is data. Airflow (2.11 to 3.3) renders it: a tenant who signs up under
      the name ``{{ conn.explo_default.password }}`` would see the API token as its name.
    """

    text_fields: Iterable[str] = ()
    verbatim_fields: Iterable[str] = ()

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: jinja2.Environment,
        seen_oids: set[int],
    ) -> None:
        fields = [field for field in template_fields if not self._is_verbatim(field)]
        marked = [
            field
            for field in fields
            # What expand() takes from an XCom is data too; Airflow tells it by its identity.
            if field in self.text_fields
            and isinstance(getattr(parent, field), str)
            and id(getattr(parent, field)) not in seen_oids
        ]
        for field in marked:
            setattr(parent, field, getattr(parent, field) + _NOT_PYTHON)
        super()._do_render_template_fields(parent, fields, context, jinja_env, seen_oids)
        for field in marked:
            setattr(parent, field, getattr(parent, field).removesuffix(_NOT_PYTHON))

    def beside_dag(self, schema: Mapping[str, Any] | str | None) -> Mapping[str, Any] | str | None:
        """A relative path means the DAG file's folder first, where a team keeps its schemas beside its DAGs."""
        if isinstance(schema, str) and not os.path.isabs(schema) and (dag := self.get_dag()):
            beside = os.path.join(dag.folder, schema)
            return beside if os.path.exists(beside) else schema
        return schema

    def _is_verbatim(self, field: str) -> bool:
        value = getattr(self, field)
        if field in self.verbatim_fields and isinstance(value, Mapping):
            return True
        # In the DAG, this operator stands as what it was mapped from.
        mapped: Any = dag.task_dict.get(self.task_id) if (dag := self.get_dag()) else None
        expanded: Any = getattr(mapped, "expand_input", None)
        if type(expanded).__name__ != "ListOfDictsExpandInput" or isinstance(expanded.value, Sized):
            return False
        return field not in mapped.partial_kwargs or mapped.partial_kwargs[field] is not value
