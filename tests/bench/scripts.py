"""Sections about user scripts: how fast they start, how many sleep, what they leave of the engine to others."""

import json
import os
import subprocess
import sys
import threading
import time

from rig import BIN, Client, Engine, Failed, Rig, Socket, median, percentile, wrk

SLEEPERS, CLIENTS = 10000, 8
BUSY = 100
ONE_LINE = "print('hello')\n"


def action(admin, name, source, **config):
    made = admin.call("write", "CreateAction", {"name": name, "config": {"file_contents": source, "concurrency": "parallel", **config}})
    return made["_id"]["$oid"]


def running(admin, name):
    return admin.call("read", "GetActionActionState", {"action": name})["running"]


def until(what, check, seconds=120):
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            raise Failed("%s: not within %d s" % (what, seconds))
        time.sleep(0.01)


def spread(port, headers, requests):
    """Sends every request (group, name, params) over a few connections at once; their answers."""
    answers, failures = [None] * len(requests), []

    def work(first):
        client = Client(port, headers)
        for i in range(first, len(requests), CLIENTS):
            try:
                answers[i] = client.call(*requests[i])
            except (Failed, OSError) as e:
                failures.append(e)
                return

    threads = [threading.Thread(target=work, args=(i,)) for i in range(CLIENTS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failures:
        raise Failed(str(failures[0]))
    return answers


def begin(folder, env=None):
    engine = Engine(folder, env)
    return engine, engine.login()


def spinners():
    """A loop for each processor that only takes what nobody else wants: it never halts, as none of a busy machine does."""
    return [subprocess.Popen([sys.executable, "-c", "while True: pass"],
                             preexec_fn=lambda: os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))) for _ in range(os.cpu_count())]


def script_start(row):
    def measure(where, goal):
        out = subprocess.run([os.path.join(BIN, "script_bench")], capture_output=True, text=True, check=True).stdout
        for name, p50, p99 in (line.split() for line in out.splitlines()):
            what = "Waking a thread and being woken by it, no script" if name == "bare" else "Script start to its first line, %s" % name
            met = (goal, float(p99) <= 200) if goal and name == "warm" else ("", None)
            row(what + where, "p50 %.3f ms, p99 %.3f ms" % (float(p50) / 1000, float(p99) / 1000), *met)

    measure(", on an idle machine", "")
    awake = spinners()
    try:
        measure(", processors awake", "p99 <= 0.2 ms")
    finally:
        for child in awake:
            child.kill()
            child.wait()


def script_sleep(row):
    with Rig("sleep") as rig:
        engine, admin = begin(rig.sub("engine"))
        rig.add(engine)
        action(admin, "sleeper", "komodo.sleep(3600)\n")
        before, _ = engine.memory()
        begun = time.monotonic()
        started = spread(engine.port, admin.headers, [("execute", "RunAction", {"action": "sleeper"})] * SLEEPERS)
        until("all sleep", lambda: running(admin, "sleeper") == SLEEPERS)
        took = time.monotonic() - begun
        rss, _ = engine.memory()
        row("%s sleeping scripts, started through the API" % "{:,}".format(SLEEPERS),
            "RSS %.0f MB (%.0f MB before), in %.1f s" % (rss, before, took), "<= 256 MB", rss <= 256)
        begun = time.monotonic()
        spread(engine.port, admin.headers,
               [("execute", "CancelAction", {"action": "sleeper", "update_id": u["_id"]["$oid"]}) for u in started])
        until("all are cancelled", lambda: running(admin, "sleeper") == 0)
        took = time.monotonic() - begun
        time.sleep(20)   # free memory goes back by a timer
        row("Cancelling all of them, each by a request", "in %.1f s; RSS %.0f MB 20 s later" % (took, engine.memory()[0]))


def script_fair(row, seconds):
    with Rig("fair") as rig:
        engine, admin = begin(rig.sub("engine"))
        rig.add(engine)
        action(admin, "busy", "while true do end\n", limits={"cpu_seconds": 3600})
        action(admin, "line", ONE_LINE)
        headers = {"Content-Type": "application/json", "Authorization": admin.headers["Authorization"]}
        body = rig.write("version.json", json.dumps({"type": "GetVersion", "params": {}}))

        def p99():
            return median([wrk(engine.port, "/read", seconds, 4, "POST", headers, body)[2] for _ in range(3)])

        updates = Socket(engine.port, "/ws/update", {"type": "Jwt", "params": {"jwt": admin.headers["Authorization"]}})

        def line():
            begun = time.perf_counter()
            started = admin.call("execute", "RunAction", {"action": "line"})
            while True:
                update = json.loads(updates.text())
                if update["id"] == started["_id"]["$oid"] and update["status"] == "Complete":
                    return (time.perf_counter() - begun) * 1000

        quiet = p99()
        spread(engine.port, admin.headers, [("execute", "RunAction", {"action": "busy"})] * BUSY)
        until("all are busy", lambda: running(admin, "busy") == BUSY)
        busy = p99()
        row("`GetVersion`, p99, %d CPU-bound scripts running (none)" % BUSY, "%.1f ms (%.1f ms)" % (busy, quiet),
            "<= 2x or 5 ms", busy <= 2 * quiet or busy <= 5)
        taken = [line() for _ in range(50)]
        row("`RunAction` of one line among them, to Complete", "p50 %.0f ms, p99 %.0f ms" % (percentile(taken, 50), percentile(taken, 99)),
            "<= 100 ms", percentile(taken, 99) <= 100)


def script_rate(row, seconds):
    with Rig("rate") as rig:
        engine, admin = begin(rig.sub("engine"))
        rig.add(engine)
        action(admin, "line", ONE_LINE)
        headers = {"Content-Type": "application/json", "Authorization": admin.headers["Authorization"]}
        body = rig.write("run.json", json.dumps({"type": "RunAction", "params": {"action": "line"}}))
        begun = time.monotonic()
        rate, _, _, _ = wrk(engine.port, "/execute", seconds, 32, "POST", headers, body)
        count = rate * seconds
        until("all runs end", lambda: running(admin, "line") == 0)
        row("Runs of one line through the API, 32 clients, all durable", "{:,.0f}/s".format(count / (time.monotonic() - begun)))
