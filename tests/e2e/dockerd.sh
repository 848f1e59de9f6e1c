#!/usr/bin/env bash
# A private docker engine for tests: its own data, socket, network and mount namespace, and one image, golden/busybox:1.
#
#   DOCKER_HOST=$(tests/e2e/dockerd.sh start DIR)    DIR is created; everything of the engine lives below it
#   tests/e2e/dockerd.sh stop DIR                    removes containers, ends the engine it started, deletes DIR
#
# Several may run side by side. The namespaces take bridges, iptables rules and mounts away with the engine; ports that
# containers publish are therefore not reachable from outside. Needs root, docker.io, busybox-static, iproute2.
# Exit 77 (skipped) where an engine cannot run, with a line that says why.
set -euo pipefail

usage() { sed -n '2,9p' "$0" >&2; exit 2; }
skip() { echo "SKIP no docker engine for tests: $1" >&2; exit 77; }
[ $# = 2 ] || usage
mkdir -p "$2"
dir=$(cd "$2" && pwd)
sock=$dir/docker.sock
host=unix://$sock

running() {   # the engine we started, not another process that got its number
  [ -s "$dir/pid" ] && tr '\0' ' ' < "/proc/$(cat "$dir/pid")/cmdline" 2>/dev/null | grep -qF -- "$sock"
}

import_image() {
  local root=$dir/rootfs applet
  mkdir -p "$root/bin" "$root/tmp" "$root/etc" "$root/dev" "$root/proc" "$root/sys"
  cp /bin/busybox "$root/bin/busybox"
  for applet in $(/bin/busybox --list); do
    [ "$applet" = busybox ] || ln -sf busybox "$root/bin/$applet"
  done
  echo 'root:x:0:0:root:/root:/bin/sh' > "$root/etc/passwd"
  tar -C "$root" -c . | docker -H "$host" import --change 'CMD ["sh"]' --change 'ENV PATH=/bin' - golden/busybox:1 >/dev/null
  rm -rf "$root"
}

start() {
  [ "$(id -u)" = 0 ] || skip "needs root"
  local tool
  for tool in dockerd docker unshare ip; do command -v $tool >/dev/null || skip "$tool is not installed"; done
  [ -x /bin/busybox ] || skip "busybox-static is not installed"
  [ ${#sock} -lt 100 ] || skip "the path of $sock is too long for a socket"
  running && { echo "$host"; return; }
  setsid unshare --net --mount --propagation private sh -c '
    echo $$ > "$1/pid"
    ip link set lo up
    exec dockerd --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/dockerd.pid" -H "unix://$1/docker.sock" \
      --cgroup-parent "/komodo-test-$$"
  ' sh "$dir" > "$dir/log" 2>&1 < /dev/null &
  local try
  for try in $(seq 300); do
    [ -S "$sock" ] && docker -H "$host" version >/dev/null 2>&1 && { import_image; echo "$host"; return; }
    [ "$try" -lt 20 ] || running || break
    sleep 0.1
  done
  tail -n 5 "$dir/log" >&2
  stop
  skip "dockerd does not start here (its last words are above)"
}

stop() {
  local pid try
  if running; then
    pid=$(cat "$dir/pid")
    # Containers outlive a plain end of the engine; take them with it.
    docker -H "$host" ps -aq 2>/dev/null | xargs -r docker -H "$host" rm -f >/dev/null 2>&1 || true
    kill "$pid" 2>/dev/null || true
    for try in $(seq 150); do running || break; sleep 0.1; done
    running && kill -KILL "$pid" 2>/dev/null
    find /sys/fs/cgroup -depth -type d -path "*/komodo-test-$pid*" -exec rmdir {} + 2>/dev/null || true
  fi
  rm -rf "$dir"
}

case $1 in
  start) start ;;
  stop) stop ;;
  *) usage ;;
esac
