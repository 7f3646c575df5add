#!/usr/bin/env bash
# What the tests of databases need from the machine, installed where that is allowed: on Debian and its relatives, as
# root, or in CI with sudo. Never fails: the tests say what is missing, and in CI fail because of it.
set -uo pipefail

missing=()
command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ] || missing+=(pgbouncer)
command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] || missing+=(mariadb-server-core)
# mariadb-install-db is in the first, and asks for it.
command -v my_print_defaults >/dev/null || missing+=(mariadb-client-core)
# mysqlclient has no wheels for Linux.
command -v mariadb_config mysql_config >/dev/null || missing+=(libmariadb-dev)
[ -f "$("${PYTHON:-python3}" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] || missing+=(python3-dev)
command -v pkg-config >/dev/null || missing+=(pkg-config)
command -v cc >/dev/null || missing+=(build-essential)
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
  [ -n "${CI:-}" ] && sudo -n true 2>/dev/null && as_root=(sudo -n)
  [ ${#as_root[@]} -gt 0 ] || { echo "Not installed: ${missing[*]}; the databases that need them are not tested"; exit 0; }
fi
command -v apt-get >/dev/null || { echo "Not installed, for want of apt-get: ${missing[*]}"; exit 0; }

echo "Installing ${missing[*]}"
{
  "${as_root[@]}" apt-get update -qq &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}"
} >/dev/null </dev/null || echo "They could not be installed; the databases that need them are not tested"
