"""One task of the operator, with the arguments, that the environment names."""

from __future__ import annotations

import json
import os
import resource
from datetime import datetime, timedelta
from importlib import import_module

from airflow.providers.common.compat.sdk import DAG

given = json.loads(os.environ.get("EXPLO_TEST_TASK", "{}"))
if given:
    if "file_limit" in given:
        # As on a disk that is full: what a file has beyond so many bytes cannot be written.
        resource.setrlimit(resource.RLIMIT_FSIZE, (given["file_limit"], resource.RLIM_INFINITY))
    module, _, name = given["operator"].rpartition(".")
    arguments = given["arguments"]
    if "execution_timeout" in arguments:
        arguments["execution_timeout"] = timedelta(seconds=arguments["execution_timeout"])
    with DAG("ends", start_date=datetime(2024, 1, 1), schedule=None):
        getattr(import_module(module), name)(task_id="task", **arguments)
