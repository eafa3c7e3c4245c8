#!/bin/sh
# Runs a command with a PostgreSQL of its own, and leaves nothing behind:
#
#   deploy/pg-throwaway.sh cunji bench --json
#   deploy/pg-throwaway.sh sh                      a shell to look around in
#   deploy/pg-throwaway.sh --fast cargo test       no care for the disk: for tests only
#
# The command finds the address in CUNJI_DATABASE_URL; it is printed on stderr too. The cluster lives in a fresh
# temporary folder and listens on 127.0.0.1 and on a socket in that folder. Without --fast it keeps every commit on
# disk as a real server does, so figures measured on it mean something. Exit code: the command's; 1 when no cluster
# could be started; 2 on bad usage.
#
# PostgreSQL is taken from PATH or from /usr/lib/postgresql (the newest). When there is none and apt may be used (as
# root, or by sudo without a password), Debian's package is installed, without the system cluster it would start.
# CUNJI_PG_BIN names another folder with initdb, pg_ctl, postgres and psql, and switches the search off.
set -eu

say() { printf 'pg-throwaway: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

settings='-c shared_buffers=256MB -c max_wal_size=4GB'
initdb_options=''
if [ "${1:-}" = --fast ]; then
    settings='-c fsync=off -c synchronous_commit=off -c full_page_writes=off'
    initdb_options='--no-sync'
    shift
fi
if [ $# -eq 0 ]; then
    say 'usage: pg-throwaway.sh [--fast] COMMAND [ARGUMENT]...'
    exit 2
fi

has_programs() {
    for program in initdb pg_ctl postgres psql; do
        [ -x "$1/$program" ] || return 1
    done
}

# The folder of PostgreSQL's programs. Those in PATH may be links: the folder they lead to counts.
find_programs() {
    if [ -n "${CUNJI_PG_BIN:-}" ]; then
        if has_programs "$CUNJI_PG_BIN"; then printf '%s\n' "$CUNJI_PG_BIN"; fi
        return
    fi
    found=$(command -v initdb || true)
    if [ -n "$found" ]; then
        found=$(dirname "$(readlink -f "$found")")
        if has_programs "$found"; then printf '%s\n' "$found"; return; fi
    fi
    for folder in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -t / -k 5 -n -r); do
        if has_programs "$folder"; then printf '%s\n' "$folder"; return; fi
    done
}

# Debian's package would make and start a cluster of its own; the file in createcluster.d forbids it.
install_programs() {
    root=''
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2>/dev/null || return 1
        root='sudo -n'
    fi
    command -v apt-get >/dev/null || return 1
    say 'installing PostgreSQL by apt-get'
    $root sh -eu -c '
        mkdir -p /etc/postgresql-common/createcluster.d
        echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/no-main-cluster.conf
        export DEBIAN_FRONTEND=noninteractive
        apt-get -q update
        apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends postgresql
    ' >&2
}

bin=$(find_programs)
if [ -z "$bin" ]; then
    if [ -n "${CUNJI_PG_BIN:-}" ] || ! install_programs; then
        fail 'no PostgreSQL server found. Install it (Debian: apt-get install postgresql), put its bin folder in PATH' \
            'or name it in CUNJI_PG_BIN.'
    fi
    bin=$(find_programs)
    [ -n "$bin" ] || fail 'PostgreSQL was installed, but its programs are not under /usr/lib/postgresql/*/bin.'
fi

# PostgreSQL refuses to run as root.
as_owner() { "$@"; }
if [ "$(id -u)" -eq 0 ]; then
    owner=postgres
    id -u "$owner" >/dev/null 2>&1 || owner=nobody
    as_owner() { setpriv --reuid="$owner" --regid="$(id -g "$owner")" --clear-groups -- "$@"; }
fi

folder=''
cleanup() {
    status=$?
    trap '' HUP INT TERM
    if [ -n "$folder" ]; then
        # pg_ctl fails when no server runs: nothing to stop then
        as_owner "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true
        cd / && rm -rf "$folder"
    fi
    exit "$status"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Under /tmp, never deeper: a socket's path has to be shorter than 108 bytes. The server's user may be unable to enter
# the folder we stand in, so its programs are started from the new one.
folder=$(mktemp -d /tmp/cunji-pg.XXXXXX)
if [ "$(id -u)" -eq 0 ]; then chown "$owner" "$folder"; fi
stand=$(pwd)
cd "$folder"

as_owner "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 $initdb_options \
    >"$folder/initdb.log" 2>&1 || { cat "$folder/initdb.log" >&2; fail 'initdb failed'; }

# A port is free when the server could bind it: try, rather than look first and lose the race. The numbers lie below
# the range that systems hand out by themselves.
url=''
attempt=0
while [ -z "$url" ]; do
    attempt=$((attempt + 1))
    port=$((16384 + $(od -An -N2 -tu2 /dev/urandom) % 16384))
    : >"$folder/server.log"
    if [ "$(id -u)" -eq 0 ]; then chown "$owner" "$folder/server.log"; fi
    # pg_ctl -w returns when the server answers, or has given up
    if as_owner "$bin/pg_ctl" -D "$folder/data" -l "$folder/server.log" -w -t 60 \
        -o "-k $folder -h 127.0.0.1 -p $port -c max_connections=300 $settings" start >/dev/null 2>&1; then
        url="postgres://postgres@127.0.0.1:$port/postgres"
    elif [ "$attempt" -ge 20 ] || ! grep -q 'could not bind' "$folder/server.log"; then
        cat "$folder/server.log" >&2
        fail 'the server did not start'
    fi
done

say "$url"
cd "$stand"
status=0
CUNJI_DATABASE_URL=$url CUNJI_PG_BIN=$bin "$@" || status=$?
exit "$status"
