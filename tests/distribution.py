"""The wheel and the sdist in ``dist``, and the installed wheel: run by ``make test-dist`` in a clean environment."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from importlib.metadata import files, metadata
from pathlib import Path


def main(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    (sdist,) = dist.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as wheel_file, tarfile.open(sdist) as sdist_file:
        held = wheel_file.namelist() + [name.split("/", 1)[-1] for name in sdist_file.getnames()]
    unwanted = [name for name in held if name.startswith(("tests", "dags", "demo", "constraints", "benchmarks"))]
    assert not unwanted, unwanted
    for needed in ("py.typed", "tenants/schemas/mapping.json"):
        assert f"airflow_provider_explo/{needed}" in held, needed
    # What only developers need is in dependency groups, which users do not see.
    assert metadata("airflow-provider-explo").get_all("Provides-Extra") == ["emulator"]
    assert all(path.locate().exists() for path in files("airflow-provider-explo") or ())

    from airflow_provider_explo.emulator import ExploEmulator

    with ExploEmulator() as explo, tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "AIRFLOW_HOME": home, "AIRFLOW_CONN_EXPLO_DEFAULT": explo.connection_json()}
        script = (
            "from airflow_provider_explo.hooks.explo import ExploHook\n"
            "group = ExploHook().create_user_group(user_group_id='a', name='A')\n"
            "assert group.new_user_group and group.token\n"
        )
        subprocess.run([sys.executable, "-c", script], env=environment, check=True)
        command = [sys.executable, "-m", "airflow", "providers", "list", "--output", "plain"]
        listed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
        assert "airflow-provider-explo" in listed, listed
    print(f"{wheel.name}: found by Airflow, and works")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
