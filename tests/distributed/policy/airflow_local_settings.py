"""The cluster's policy: what failed is tried again soon, whatever its DAG says."""

from datetime import timedelta
from typing import Any


def task_policy(task: Any) -> None:
    task.retry_delay = timedelta(seconds=3)
