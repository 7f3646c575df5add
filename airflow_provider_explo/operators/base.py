"""What the operators share: tenants' data in template fields, their arguments, and what they log."""

from __future__ import annotations

import copy
import os
import shlex
from collections.abc import Iterable, Mapping, Sized
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator

from airflow_provider_explo.exceptions import preview
from airflow_provider_explo.version_compat import page_is_on

if TYPE_CHECKING:
    import jinja2
    from airflow.providers.common.compat.sdk import BaseOperatorLink, Context

    from airflow_provider_explo.sync.shutdown import ShutdownSignal
    from airflow_provider_explo.sync.upsert import Sent

IF_EXISTS = ("keep", "update", "fail")
# Airflow's database has room for so much of a mapped task's label, and none for a null character: its server would not
# learn how the task ended. The first word keeps native rendering from reading the label as a Python literal.
MAP_LABEL = "{%% set label %%}label %s{%% endset %%}{%% set label = (label | replace('\\x00', ''))[6:256] %%}{{ %s }}"


class ExploOperator(BaseOperator):
    """Renders templates as Airflow does, with four exceptions.

    - Text is text even with ``render_template_as_native_obj``, except in :attr:`native_fields`. Native rendering reads
      it as a Python literal: the tenant id ``2024_001`` would become the number 2024001, and an emoji in JSON text two
      broken characters. In :attr:`json_fields`, a template that gives an object gives just that, and not its text.
    - :attr:`verbatim_fields` that hold a mapping are not rendered at all.
    - The label of a mapped task (``map_index_template``) is cut to what Airflow can store.

    :raises AirflowFailException: a field of :attr:`rendered_types` is of another type, once rendered.
    - What ``expand_kwargs`` takes from an XCom is data. Airflow (2.11 to 3.3) renders it: a tenant who signs up under
      the name ``{{ conn.explo_default.password }}`` would see the API token as its name.
    """

    native_fields: Iterable[str] = ()
    json_fields: Iterable[str] = ()
    rendered_types: Mapping[str, tuple[type, ...]] = {}
    verbatim_fields: Iterable[str] = ()
    ui_color = "#e8e4ff"
    _as_airflow = True
    _signal: ShutdownSignal | None = None

    def on_kill(self) -> None:
        """Airflow terminates this task: what is in flight finishes and is saved, and nothing more is sent."""
        if self._signal is not None:
            self._signal.set()

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: jinja2.Environment,
        seen_oids: set[int],
    ) -> None:
        from jinja2.nativetypes import NativeEnvironment

        fields = [field for field in template_fields if not self._is_verbatim(field)]
        text_fields = [
            field
            for field in fields
            if field not in (*self.native_fields, *self.json_fields) and isinstance(getattr(parent, field), str)
        ]
        for as_airflow in (True, False):
            self._as_airflow = as_airflow
            names = [field for field in fields if (field in self.native_fields) is as_airflow]
            super()._do_render_template_fields(parent, names, context, jinja_env, seen_oids)
        for field in text_fields:
            setattr(parent, field, str(getattr(parent, field)))
        for field, kinds in self.rendered_types.items():
            check_when_run(field, getattr(parent, field), *kinds, expected=" or ".join(kind.__name__ for kind in kinds))
        if template := context.get("map_index_template"):
            native = isinstance(jinja_env, NativeEnvironment)
            context["map_index_template"] = MAP_LABEL % (template, "'%r' | format(label)" if native else "label")

    def _render(self, template: jinja2.Template, context: Context, dag: Any = None) -> Any:
        """An object where the template is one expression that gives it, or else text."""
        from jinja2 import Undefined

        if self._as_airflow:
            return super()._render(template, context, dag)
        values: Any = copy.copy(context)
        values.update((name, value) for name, value in template.globals.items() if name not in values)
        nodes = list(template.root_render_func(template.new_context(values, shared=True)))
        objects = [node for node in nodes if not isinstance(node, str) or node.strip()]
        if len(objects) == 1 and not isinstance(objects[0], (str, Undefined)):
            return objects[0]
        return "".join(map(str, nodes))

    def schema_path(self, schema: Mapping[str, Any] | str | None) -> Mapping[str, Any] | str | None:
        """A relative path means the DAG file's folder first, where users keep schemas beside their DAGs."""
        if isinstance(schema, str) and not os.path.isabs(schema) and (dag := self.get_dag()):
            beside = os.path.join(dag.folder, schema)
            return beside if os.path.exists(beside) else schema
        return schema

    def _is_verbatim(self, field: str) -> bool:
        value = getattr(self, field)
        if field in self.verbatim_fields and isinstance(value, Mapping):
            return True
        # In the DAG, this operator stands as the operator it was mapped from.
        mapped: Any = dag.task_dict.get(self.task_id) if (dag := self.get_dag()) else None
        expanded: Any = getattr(mapped, "expand_input", None)
        if type(expanded).__name__ != "ListOfDictsExpandInput" or isinstance(expanded.value, Sized):
            return False
        return field not in mapped.partial_kwargs or mapped.partial_kwargs[field] is not value


def page_links() -> tuple[BaseOperatorLink, ...]:
    """The link to the page of this provider, where there is one."""
    if not page_is_on():
        return ()
    from airflow_provider_explo.operators.links import ExploPageLink

    return (ExploPageLink(),)


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse an argument that is not one of the choices.

    :raises ValueError: naming them.
    """
    if value not in choices:
        raise ValueError(f"{name}: expected one of {', '.join(choices)}, found {value!r}")


def check_number(name: str, value: float, valid: bool, *, expected: str) -> None:
    """Refuse an argument that is out of range.

    :raises ValueError: naming what was expected.
    """
    if not valid:
        raise ValueError(f"{name}: expected {expected}, found {value!r}")


def is_xcom_arg(value: Any) -> bool:
    """Whether a value is another task's, known only when the task runs. Airflow 2.11 imports the class for long."""
    return hasattr(value, "resolve") and hasattr(value, "iter_references")


def check_kind(name: str, value: Any, *kinds: type, expected: str) -> None:
    """Refuse an argument of another type; an XCom's is known only when the task runs.

    :raises TypeError: naming what was expected.
    """
    if value is not None and not isinstance(value, kinds) and not is_xcom_arg(value):
        raise TypeError(f"{name}: expected {expected}, found {preview(value)}")


def check_when_run(name: str, value: Any, *kinds: type, expected: str) -> None:
    """Refuse an argument of another type that a template or another task gave.

    :raises AirflowFailException: naming what was expected; a retry would see the same.
    """
    try:
        check_kind(name, value, *kinds, expected=expected)
    except TypeError as error:
        raise AirflowFailException(str(error)) from None


def names_of(context: Context) -> tuple[str, str]:
    """Names for this task, the same in every run, and for this run."""
    ti: Any = context["ti"]
    task = f"{ti.dag_id}/{ti.task_id}" + (f"/{ti.map_index}" if ti.map_index >= 0 else "")
    return task, ti.run_id


def how_to_clear(context: Context) -> str:
    """What to do once the cause is fixed: the command that runs this task of this run again, and what depends on it."""
    ti: Any = context["ti"]
    date = context.get("logical_date")
    if date is None:
        # The command finds runs by their date alone, and would take all of them.
        return f"Then clear the task {ti.task_id} of the run {ti.run_id}, in Airflow's UI."
    # To Airflow 2 the task is a regular expression, to Airflow 3 a part of the name: the plain name is good for both.
    names, moment = f"{shlex.quote(ti.dag_id)} -t {shlex.quote(ti.task_id)}", date.isoformat()
    command = f"airflow tasks clear {names} --only-failed --downstream --yes"
    return f"Then, to run it again:\n  {command} \\\n    -s {moment} -e {moment}"


def log_result(log: Any, user_group_id: str, sent: Sent) -> None:
    """Log what was done for one tenant: one line, or two where its group differs from what was asked for."""
    tenant = f"tenant {preview(user_group_id)}"
    if sent.kind == "created":
        log.info("%s: user group created", tenant)
        return
    if sent.group is not None and sent.group.new_user_group is None:
        log.warning("%s: an earlier attempt timed out; cannot tell whether the user group was new", tenant)
    if sent.fields:
        log.info("%s: user group updated: %s", tenant, ", ".join(sent.fields))
    elif not sent.differences:
        log.info("%s: user group already exists and is up to date", tenant)
    if sent.remaining_drift:
        log.warning(
            "%s: the user group in Explo differs from what was asked in: %s\n"
            "  fix: Explo leaves an existing group as it is; if_exists='update' sends the difference",
            tenant,
            ", ".join(sent.remaining_drift),
        )
