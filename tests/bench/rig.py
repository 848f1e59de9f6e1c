"""What the benches share: programs started and stopped, a client, wrk and nginx, numbers from /proc."""

import base64
import http.client
import json
import os
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import tempfile
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
BIN = os.path.join(ROOT, os.environ.get("KOMODO_BUILD", "build/release"), "bin")
HERE = os.path.join(ROOT, "tests/bench")
TICKS = os.sysconf("SC_CLK_TCK")
PASSWORD = "changeme"


class Failed(Exception):
    pass


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def median(values):
    return statistics.median(values)


def percentile(values, p):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))]


# ---- programs ----

class Program:
    """A program in the foreground; its log is kept for when something fails."""

    def __init__(self, args, env, folder, stdin=subprocess.DEVNULL, stdout=None):
        self.name = os.path.basename(args[0])
        self.log = os.path.join(folder, self.name + ".log")
        os.makedirs(os.path.join(folder, "home"), exist_ok=True)
        log = open(self.log, "ab")
        self.started = time.monotonic()
        self.child = subprocess.Popen(args, cwd=folder, stdin=stdin, stdout=stdout or log, stderr=log,
                                      env={"PATH": os.environ["PATH"], "HOME": os.path.join(folder, "home"), **env})
        log.close()
        self.pid = self.child.pid

    def check(self):
        if self.child.poll() is not None:
            with open(self.log) as f:
                raise Failed("%s ended (%d):\n%s" % (self.name, self.child.returncode, f.read()[-2000:]))

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def memory(self):
        """VmRSS and Pss in MB (10^6 bytes would flatter: MB here is 2^20)."""
        found = {}
        for path, names in (("status", ("VmRSS",)), ("smaps_rollup", ("Pss",))):
            with open("/proc/%d/%s" % (self.pid, path)) as f:
                for line in f:
                    name, _, rest = line.partition(":")
                    if name in names:
                        found[name] = int(rest.split()[0]) / 1024
        return found["VmRSS"], found["Pss"]

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.pid) as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


class Engine(Program):
    """The engine of one folder; start it again with the same folder to keep its data."""

    def __init__(self, folder, env=None, wait=True):
        self.port = free_port()
        self.folder = folder
        super().__init__([os.path.join(BIN, "komodo")], {
            "KOMODO_DATA_DIR": os.path.join(folder, "data"), "KOMODO_PORT": str(self.port), "KOMODO_BIND_IP": "127.0.0.1",
            "KOMODO_HOST": "http://127.0.0.1:%d" % self.port, "KOMODO_LOCAL_AUTH": "true",
            "KOMODO_AUTH_RATE_LIMIT_DISABLED": "true", "KOMODO_INIT_ADMIN_USERNAME": "admin",
            "KOMODO_INIT_ADMIN_PASSWORD": PASSWORD, **(env or {})}, folder)
        if wait:
            self.wait()

    def wait(self):
        while not answers(self.port):
            self.check()
            time.sleep(0.02)

    def login(self):
        client = Client(self.port)
        client.headers["Authorization"] = client.call("auth/login", "LoginLocalUser", {"username": "admin", "password": PASSWORD})["data"]["jwt"]
        return client

    def api_key(self, admin):
        made = admin.call("auth/manage", "CreateApiKey", {"name": "bench", "expires": 0})
        return {"X-Api-Key": made["key"], "X-Api-Secret": made["secret"]}


def answers(port):
    try:
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        c.request("GET", "/version")
        return c.getresponse().status == 200
    except OSError:
        return False


class Rig:
    """A folder on the disk of the build tree (not a memory disk), and all that was started in it."""

    def __init__(self, name):
        os.makedirs(os.path.join(ROOT, "build/bench"), exist_ok=True)
        self.folder = tempfile.mkdtemp(prefix=name + "-", dir=os.path.join(ROOT, "build/bench"))
        self.programs = []

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        for program in reversed(self.programs):
            program.stop()
        shutil.rmtree(self.folder)

    def add(self, program):
        self.programs.append(program)
        return program

    def sub(self, name):
        path = os.path.join(self.folder, name)
        os.makedirs(path, exist_ok=True)
        return path

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w" if isinstance(text, str) else "wb") as f:
            f.write(text)
        return path


# ---- clients ----

class Client:
    """One keep-alive connection."""

    def __init__(self, port, headers=None):
        self.headers = {"Content-Type": "application/json", **(headers or {})}
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def raw(self, path, name, params):
        self.connection.request("POST", "/" + path, json.dumps({"type": name, "params": params}), self.headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def call(self, path, name, params):
        status, body = self.raw(path, name, params)
        if status != 200:
            raise Failed("%s: %d %s" % (name, status, body[:500].decode()))
        return json.loads(body)


class Socket:
    """A WebSocket client: enough of RFC 6455 to log in and read text frames."""

    def __init__(self, port, path, login):
        self.s = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.s.sendall(("GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n"
                        % (path, port, base64.b64encode(os.urandom(16)).decode())).encode())
        self.kept = b""
        while b"\r\n\r\n" not in self.kept:
            self.kept += self.receive()
        head, _, self.kept = self.kept.partition(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise Failed(head.decode())
        self.send(json.dumps(login).encode())
        if self.text() != b"LOGGED_IN":
            raise Failed("the socket refused the login")

    def receive(self):
        got = self.s.recv(65536)
        if not got:
            raise Failed("the socket was closed")
        return got

    def take(self, n):
        while len(self.kept) < n:
            self.kept += self.receive()
        part, self.kept = self.kept[:n], self.kept[n:]
        return part

    def send(self, payload, opcode=1):
        mask = os.urandom(4)
        size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
        self.s.sendall(bytes([0x80 | opcode]) + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))

    def text(self):
        while True:
            first, size = self.take(2)
            if size == 126:
                size = struct.unpack(">H", self.take(2))[0]
            elif size == 127:
                size = struct.unpack(">Q", self.take(8))[0]
            payload = self.take(size)
            if first & 15 == 9:
                self.send(payload, 10)
            elif first & 15 == 1:
                return payload


# ---- load ----

def wrk(port, path, seconds, connections, method="GET", headers=None, body_file=None, variables=0):
    """requests/s, p50 and p99 in ms, bytes per answer; fails when any request failed."""
    env = {"PATH": os.environ["PATH"], "BENCH_METHOD": method, "BENCH_VARIABLES": str(variables),
           "BENCH_HEADERS": "\n".join("%s: %s" % h for h in (headers or {}).items())}
    if body_file:
        env["BENCH_BODY"] = body_file
    out = subprocess.run(["wrk", "-t1", "-c%d" % connections, "-d%ds" % seconds, "--timeout", "10s", "-s",
                          os.path.join(HERE, "wrk.lua"), "http://127.0.0.1:%d%s" % (port, path)],
                         env=env, capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        if line.startswith("RESULT "):
            rate, p50, p99, errors, size = line.split()[1:]
            if int(errors):
                raise Failed("%s: %s of the requests failed\n%s" % (path, errors, out))
            return float(rate), float(p50), float(p99), int(size)
    raise Failed(out)


NGINX = """daemon off; worker_processes 1; %s pid nginx.pid; error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=100; default_type application/json;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  server { listen 127.0.0.1:%d; root %s; }
}
"""


class Nginx(Program):
    """nginx with one worker, serving the files of a folder."""

    def __init__(self, folder):
        self.port = free_port()
        os.chmod(folder, 0o755)
        config = os.path.join(folder, "nginx.conf")
        with open(config, "w") as f:
            f.write(NGINX % ("user root;" if os.getuid() == 0 else "", self.port, os.path.join(folder, "www")))
        super().__init__([shutil.which("nginx") or "/usr/sbin/nginx", "-p", folder, "-c", config], {}, folder)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                self.check()
                time.sleep(0.02)
        raise Failed("nginx does not listen")
