"""One nginx with one worker on core 0, its agent, and wrk on core 1: loads, and what a request of
them costs the worker and its threads."""

import base64
import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from figures import output
from inside import BUILD, SMALL, program

HERE = os.path.dirname(os.path.abspath(__file__))
NGINX = os.environ.get("SG_NGINX") or "/usr/sbin/nginx"
WRK = os.environ.get("SG_WRK") or "wrk"
MODULE = os.environ.get("SG_NGINX_MODULE") or os.path.join(
    BUILD, "module/hosts/nginx/.libs/ngx_http_stsgate_module.so")
FLOOR_MODULE = os.path.join(BUILD, "tests/bench/.libs/ngx_http_floor_module.so")
BARE = ("RS256", "ES256", "ES384")  # /bare-ALG/ costs one verification by OpenSSL
PRELOAD = " ".join(os.environ.get("SG_PRELOAD", "").split())  # sanitizers' run time
PAIRS = int(os.environ.get("PAIRS", "1" if SMALL else "7"))
SECONDS = os.environ.get("SECONDS_EACH", "1")
ISSUER = "https://11111111-2222-4333-8444-555555555555.tokens.sts.global.api.aws"
OWN = "https://own.example.com"  # of kind jwt
SECRET = "https://secret.example.com"  # of kind jwt, HS512


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Load:
    """What one run of wrk came to."""

    def __init__(self, text, cpu_ns):
        self.requests = int(re.search(r"(\d+) requests in", text).group(1))
        self.cpu_ns = cpu_ns / self.requests
        wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        self.wrong = int(wrong.group(1)) / self.requests if wrong else 0.0
        good = re.search(r"good: (\d+) requests, p50 (\S+) us, p99 (\S+) us", text)
        self.good, self.p50_us, self.p99_us = (
            (int(good.group(1)), float(good.group(2)), float(good.group(3))) if good
            else (0, 0.0, 0.0))


class Gateway:
    def __init__(self, account=None, environment=None):
        """account: lines of [account bench] (default: a folder)."""
        self.folder = tempfile.mkdtemp(prefix="stsgate-bench-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.account = account or "source = file\nfolder = %s\n" % self.path("roles")
        self.environment = environment or {}
        self.own_keys = None  # the line that says where issuer `own` has them
        self.process = self.agent = None
        self.port = free_port()
        self.agent_log = self.path("agent.log")

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(self.path(name), mode)

    def configure(self):
        self.write("file/1k", "x" * 1024)
        self.write("keys.json", output(program("bench_tokens"), "--keys", "RS256", "ES384"))
        self.write("keys-own.json", output(program("bench_tokens"), "--keys", "ES256"))
        self.write("keys-secret", output(program("bench_tokens"), "--keys", "HS512"), 0o600)
        os.makedirs(self.path("roles", "payments-writer"))
        os.makedirs(self.path("run"))
        self.write("conf/stsgate.conf", """[agent]
state = %(f)s/state
socket = %(f)s/run/agent.sock
user = %(u)d
[account bench]
id = 123456789012
%(a)s
[issuer bench]
kind = aws-web-identity
url = %(i)s
account = bench
keys = %(f)s/keys.json
[issuer own]
kind = jwt
url = %(o)s
%(k)s
algorithms = ES256
account = bench
issue_time = token:iat
[issuer secret]
kind = jwt
url = %(s)s
keys = %(f)s/keys-secret
algorithms = HS512
account = bench
issue_time = token:iat
""" % {"f": self.folder, "u": os.geteuid(), "i": ISSUER, "o": OWN, "s": SECRET, "a": self.account,
       "k": self.own_keys or "keys = %s/keys-own.json" % self.folder})
        self.write("conf/services.d/payments.conf", """[service]
accept = bench own secret
audience = https://payments.example.com
allow_roles = arn:aws:iam::123456789012:role/team/payments-*
max_token_age = 1h
""")
        self.write("nginx.conf", """load_module %(m)s;
load_module %(fm)s;
daemon off;
user %(user)s;
worker_processes 1;
worker_cpu_affinity 01;
pid %(f)s/nginx.pid;
error_log %(f)s/nginx.log error;
events { worker_connections 1024; }
http {
    access_log off;
    keepalive_requests 1000000000;
    open_file_cache max=16;
    client_body_temp_path %(f)s/t1; proxy_temp_path %(f)s/t2;
    fastcgi_temp_path %(f)s/t3; uwsgi_temp_path %(f)s/t4; scgi_temp_path %(f)s/t5;
    stsgate_conf %(f)s/conf;
    upstream nothing { server 127.0.0.1:%(q)d; keepalive 64; keepalive_requests 1000000000; }
    server {
        listen 127.0.0.1:%(p)d;
        root %(f)s/file;
        location /plain/ { alias %(f)s/file/; }
        location /gate/ { stsgate payments; alias %(f)s/file/; }
        %(b)s
        location /inside/ { auth_request /checks-nothing; alias %(f)s/file/; }
        location = /checks-nothing { internal; return 204; }
        location /hop/ { auth_request /checks-nothing-there; alias %(f)s/file/; }
        location = /checks-nothing-there {
            internal;
            proxy_pass http://nothing/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
        }
    }
    server { listen 127.0.0.1:%(q)d; location / { return 204; } }
}
""" % {"m": MODULE, "f": self.folder, "p": self.port, "q": free_port(), "fm": FLOOR_MODULE,
       "b": "".join("location /bare-%s/ { floor %s; alias %s/file/; }\n" % (alg, alg, self.folder)
                    for alg in BARE),
       "user": "root" if os.geteuid() == 0 else "nobody"})

    def start(self):
        self.configure()
        with open(self.agent_log, "a", encoding="ascii") as log:
            self.agent = subprocess.Popen([os.path.join(BUILD, "module/agent/stsgated"), "--conf",
                                           self.path("conf"), "--foreground"], stderr=log,
                                          env=dict(os.environ, **self.environment))
        preload = {"LD_PRELOAD": PRELOAD, "ASAN_OPTIONS": "detect_leaks=0"} if PRELOAD else {}
        self.process = subprocess.Popen([NGINX, "-c", self.path("nginx.conf"), "-p", self.folder,
                                         "-e", self.path("nginx.log")],
                                        env=dict(os.environ, **preload))
        self.ready()
        return self

    def ready(self):
        end = time.monotonic() + 60
        # Until a worker has seen the store that the agent made: it looks once a second.
        while not (self.worker() and self.lets_in()):
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError("nginx or stsgated did not start: see its messages above")
            time.sleep(0.02)

    def token(self, alg="RS256", issuer=ISSUER):
        return output(program("bench_tokens"), alg, "1", issuer).strip()

    def lets_in(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/gate/1k", headers={"Authorization": "Bearer " + self.token()})
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self):
        for process in (self.process, self.agent):
            if process is not None:
                process.send_signal(signal.SIGCONT)
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)

    def workers(self):
        children = "/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)
        with open(children, encoding="ascii") as file:
            return {int(pid) for pid in file.read().split()}

    def worker(self):
        return max(self.workers(), default=0)

    def renew(self):
        """Another worker, which has seen no credential yet; back when it is the only one."""
        before = self.workers()
        self.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            now = self.workers()
            if len(now) == 1 and not now & before:
                return self.ready()
            time.sleep(0.01)
        raise RuntimeError("no new worker")

    def cpu_ns(self):
        """What the worker and its threads have used."""
        total = 0
        tasks = "/proc/%d/task" % self.worker()
        for task in os.listdir(tasks):
            with contextlib.suppress(FileNotFoundError):
                with open("%s/%s/schedstat" % (tasks, task), encoding="ascii") as file:
                    total += int(file.read().split()[0])
        return total

    def tokens(self, alg, count):
        """A file of that many."""
        path = self.path("%s-%d" % (alg, count))
        if not os.path.exists(path):
            issuer = {"ES256": OWN, "HS512": SECRET}.get(alg, ISSUER)
            with open(path, "w", encoding="ascii") as file:
                subprocess.run([program("bench_tokens"), alg, str(count), issuer], stdout=file,
                               check=True, timeout=600)
        return path

    def load(self, place, tokens, connections=32, delay_ms=0, forged=0):
        """One run of wrk. forged: each so-many-th is, and only the others are timed."""
        before = self.cpu_ns()
        text = subprocess.run(
            ["taskset", "-c", "1", WRK, "-t1", "-c%d" % connections, "-d%ss" % SECONDS, "-s",
             os.path.join(HERE, "tokens.lua"), "http://127.0.0.1:%d/%s/1k" % (self.port, place)],
            env=dict(os.environ, TOKENS=tokens, DELAY=str(delay_ms), FORGED=str(forged),
                     TIMED=str(int(connections == 1))),
            stdout=subprocess.PIPE, text=True, check=True, timeout=120).stdout
        return Load(text, self.cpu_ns() - before)
