"""Template fields that stay text, whatever a DAG renders its templates to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

if TYPE_CHECKING:
    import jinja2
    from airflow.providers.common.compat.sdk import Context

# Python's parser takes no text with a null character, so native rendering leaves such text as it is.
_NOT_PYTHON = "\0"


class TextFieldsOperator(BaseOperator):
    """Renders :attr:`text_fields` to text even with ``render_template_as_native_obj``.

    Native rendering reads a rendered text as a Python literal: the tenant id ``2024_001`` would become the number
    2024001, and ``1e5`` would become 100000.0. A template field that holds a mapping is rendered as usual, but one in
    :attr:`verbatim_fields` is not rendered at all.
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
        fields = [
            field
            for field in template_fields
            if not (field in self.verbatim_fields and isinstance(getattr(parent, field), Mapping))
        ]
        marked = [
            field
            for field in self.text_fields
            # What a mapped task got as data is no template: Airflow knows it by its identity.
            if isinstance(getattr(parent, field), str) and id(getattr(parent, field)) not in seen_oids
        ]
        for field in marked:
            setattr(parent, field, getattr(parent, field) + _NOT_PYTHON)
        super()._do_render_template_fields(parent, fields, context, jinja_env, seen_oids)
        for field in marked:
            setattr(parent, field, getattr(parent, field).removesuffix(_NOT_PYTHON))
