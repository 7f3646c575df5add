"""What a task's log says of the tenant that it onboarded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_explo.sync.upsert import Onboarded
    from airflow_provider_explo.tenants.tenant import Tenant


def tell(log: Any, tenant: Tenant, onboarded: Onboarded) -> None:
    """One line, or two where the group is not as it was asked for."""
    about = f"Tenant {tenant.user_group_id!r}"
    if onboarded.kind == "created":
        log.info("%s: user group created", about)
        return
    if onboarded.group.new_user_group is None:
        log.warning("%s: an earlier attempt got no answer, so the user group may have been there before", about)
    if onboarded.sent:
        log.info("%s: user group updated: %s", about, ", ".join(onboarded.sent))
    elif not onboarded.found:
        log.info("%s: user group already there, as asked", about)
    if onboarded.left:
        log.warning(
            "%s: the user group in Explo differs from what was asked in: %s. Explo leaves an existing group as it "
            "is; if_exists='update' sends the difference",
            about,
            ", ".join(onboarded.left),
        )
