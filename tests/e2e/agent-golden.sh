#!/usr/bin/env bash
# Plays the recorded engine-agent exchanges against our agent: a fresh docker engine, root directory and ports.
#
#   tests/e2e/agent-golden.sh [--dial-out] [file.jsonl ...]      default files: those listed in `files` below
#
# Steps that differ on purpose are in golden-deviations.json. Last line: "N passed, N failed". Exit 0 all passed,
# 1 not, 77 skipped. KOMODO_SHARED (default ../shared) has golden/, KOMODO_AGENT the program (default: the release build,
# else asan's), KOMODO_PYTHON a Python with websockets and cryptography (default: Debian's with build/python).
set -euo pipefail
cd "$(dirname "$0")/../.."

files=(10-system 20-docker 60-terminal 90-keys)
mode=inbound
[ "${1:-}" = --dial-out ] && { mode=outbound; shift; }
[ $# -gt 0 ] && files=("${@%.jsonl}")

skip() { echo "SKIP agent golden exchanges: $1"; exit 77; }
shared=${KOMODO_SHARED:-../shared}
golden=$shared/golden/agent
[ -f "$golden/replay.py" ] || skip "no recordings at $golden (set KOMODO_SHARED)"
golden=$(cd "$golden" && pwd)

agent=${KOMODO_AGENT:-build/release/bin/komodo-agent}
[ -x "$agent" ] || agent=build/asan/bin/komodo-agent
[ -x "$agent" ] || skip "komodo-agent is not built (make build)"
agent=$(realpath "$agent")

python=${KOMODO_PYTHON:-/usr/bin/python3}
[ -n "${KOMODO_PYTHON:-}" ] || export PYTHONPATH=$PWD/build/python
"$python" -c 'import websockets, cryptography' 2>/dev/null ||
  skip "no Python with websockets and cryptography (scripts/install-deps, or set KOMODO_PYTHON)"

work=$(mktemp -d /tmp/komodo-ag.XXXXXX)
agent_pid= load_pid=
cleanup() {
  [ -z "$load_pid" ] || kill "$load_pid" 2>/dev/null || true
  [ -z "$agent_pid" ] || { kill "$agent_pid" 2>/dev/null || true; wait "$agent_pid" 2>/dev/null || true; }
  tests/e2e/dockerd.sh stop "$work/docker" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap cleanup EXIT

DOCKER_HOST=$(tests/e2e/dockerd.sh start "$work/docker") || skip "no docker engine for tests"
export DOCKER_HOST

read -r port git_port < <("$python" - <<'PY'
import socket
held = [socket.socket() for _ in range(2)]
for s in held: s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in held))
PY
)

mkdir -p "$work/root" "$work/home"
{
  echo "root_directory = \"$work/root\""
  echo "ssl_enabled = false"
  if [ $mode = inbound ]; then
    echo "port = $port"
    echo 'bind_ip = "127.0.0.1"'
    where=(--agent "ws://127.0.0.1:$port")
  else
    echo "core_addresses = [\"ws://127.0.0.1:$port\"]"
    echo 'connect_as = "golden"'
    where=(--listen "127.0.0.1:$port")
  fi
  sed "s/127.0.0.1:18219/127.0.0.1:$git_port/" "$golden/agent.config.toml"
} > "$work/agent.toml"

# The busiest process is compared: make it one with a command line, not some thread of the kernel's.
sh -c 'while :; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 0.1; done' &
load_pid=$!

HOME=$work/home "$agent" --config-path "$work/agent.toml" > "$work/agent.log" 2>&1 &
agent_pid=$!
if [ $mode = inbound ]; then
  for _ in $(seq 100); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    kill -0 "$agent_pid" 2>/dev/null || { cat "$work/agent.log"; exit 1; }
    sleep 0.1
  done
fi

# The recordings without what we do differently on purpose; later steps may use answers of earlier ones, so those stay.
mkdir "$work/steps"
"$python" - "$golden" "$work/steps" "${files[@]}" <<'PY'
import json, sys
from pathlib import Path
golden, out, files = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
known = json.loads(Path("tests/e2e/golden-deviations.json").read_text()).get("agent", {})
for name in files:
    skip = known.get(name, {})
    lines = [l for l in (golden / f"{name}.jsonl").read_text().splitlines() if json.loads(l).get("id") not in skip]
    (out / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    for step, why in skip.items():
        print(f"{name} {step}: left out, {why}")
PY

paths=()
for name in "${files[@]}"; do paths+=("$work/steps/$name.jsonl"); done
result=0
"$python" "$golden/replay.py" "${where[@]}" --root "$work/root" --strict --git-port "$git_port" "${paths[@]}" \
  > "$work/result" 2>&1 || result=1

# A clean end is part of it: no crash, no leak report of a sanitizer build.
kill "$agent_pid"
wait "$agent_pid" || { echo "the agent ended with $?"; tail -n 40 "$work/agent.log"; result=1; }
agent_pid=
# The count is the last line: what Python says while it ends is of no interest.
if grep -qE '^[0-9]+ passed, [0-9]+ failed$' "$work/result"; then
  sed -E '/^[0-9]+ passed, [0-9]+ failed$/q' "$work/result"
else
  cat "$work/result"
  tail -n 20 "$work/agent.log"
  echo "0 passed, 1 failed"
  result=1
fi
exit $result
