"""The whole chain for the demo and for tests: sandbox, stsgated, nginx with the module, two
services behind it, and stsgatectl, in a folder of its own, on loopback, as any user.
"""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.environ.get("SG_SRCDIR", os.path.join(HERE, "..", ".."))
BUILD = os.environ.get("SG_BUILDDIR", os.getcwd())
sys.path[:0] = [os.path.join(TOP, "tests", "sandbox"), os.path.join(TOP, "tests", "hosts")]
import seen  # noqa: E402
from stsgate_sandbox import Sandbox  # noqa: E402

NGINX = os.environ.get("SG_NGINX") or "/usr/sbin/nginx"
MODULE = os.environ.get("SG_NGINX_MODULE") or os.path.join(
    BUILD, "module/hosts/nginx/.libs/ngx_http_stsgate_module.so")
PRELOAD = " ".join(os.environ.get("SG_PRELOAD", "").split())  # sanitizers' run time
SANITIZED = {"LD_PRELOAD": PRELOAD, "ASAN_OPTIONS": "detect_leaks=0"}  # nginx frees little
AGENT = os.path.join(BUILD, "module/agent/stsgated")
CTL = os.path.join(BUILD, "module/ctl/stsgatectl")
ROLE = "payments-writer"
AUDIENCE = "https://gateway.example.com"


class Different(Exception):
    """Something is not as it must be."""


def must(good, what):
    if not good:
        raise Different(what)


def wait_for(what, condition, seconds=20):
    """The first true value of condition(), asked every few milliseconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise Different("waited %d s for %s" % (seconds, what))


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Chain:
    """account: further lines of [account demo]; roles: made beforehand, for julie to assume;
    events: the sandbox tells its events to a queue, and the agent reads it."""

    def __init__(self, account="", max_runtime=120, refresh="1s", roles=(ROLE,), events=False):
        self.folder = tempfile.mkdtemp(prefix="stsgate-demo-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.account_lines, self.refresh = account, refresh
        self.roles, self.events = roles, events
        self.children = []
        self.nginx = None
        self.box = Sandbox(plain_users=["julie", "emy", "bob", "woofy"], max_runtime=max_runtime,
                           log=self.path("sandbox.log"))
        self.ports = {"gateway": free_port(), "payments": free_port(), "reports": free_port()}

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write(text)

    def write_configuration(self):
        self.write("conf/stsgate.conf", """
[agent]
state = %(state)s
socket = %(socket)s
user = %(user)d

[account demo]
id = %(account)s
endpoint = %(url)s/
refresh = %(refresh)s
%(account_lines)s
; AWS needs a minute and more until a policy holds everywhere, hence settle = 60s by default.
; The sandbox's IAM enforces at once.
settle = 1s
settled = 2s

[issuer demo]
kind = aws-web-identity
url = %(issuer)s
account = demo
""" % {"state": self.path("state"), "socket": self.path("run", "agent.sock"),
       "user": os.geteuid(), "account": self.box.account, "account_lines": self.account_lines,
       "refresh": self.refresh,
       "url": self.box.url, "issuer": self.box.issuer()})
        for service in ("payments", "reports"):
            self.write_service(service, "")
        os.makedirs(self.path("run"), exist_ok=True)
        self.write("nginx.conf", """
load_module %(module)s;
daemon off;
worker_processes 2;
pid %(folder)s/nginx.pid;
error_log %(folder)s/nginx.log notice;
events {}
http {
    access_log off;
    client_body_temp_path %(folder)s/t1; proxy_temp_path %(folder)s/t2;
    fastcgi_temp_path %(folder)s/t3; uwsgi_temp_path %(folder)s/t4; scgi_temp_path %(folder)s/t5;
    stsgate_conf %(folder)s/conf;
    server {
        listen 127.0.0.1:%(gateway)d;
        proxy_set_header Authorization "";
        proxy_set_header X-STS-Role $stsgate_role;
        location /payments/ { stsgate payments; proxy_pass http://127.0.0.1:%(payments)d; }
        location /reports/ { stsgate reports; proxy_pass http://127.0.0.1:%(reports)d; }
    }
    # The two services behind the gateway.
    server { listen 127.0.0.1:%(payments)d; return 200 "payments: hello $http_x_sts_role\\n"; }
    server { listen 127.0.0.1:%(reports)d; return 200 "reports: hello $http_x_sts_role\\n"; }
}
""" % dict(self.ports, module=MODULE, folder=self.folder))

    def write_service(self, name, extra):
        self.write("conf/services.d/%s.conf" % name, """[service]
accept = demo
audience = %s
allow_roles = arn:aws:iam::%s:role/payments-*
%s
""" % (AUDIENCE, self.box.account, extra))

    def start(self, name, *command, environment=None):
        log = open(self.path(name + ".out"), "w", encoding="ascii")
        child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT,
                                 stdin=subprocess.DEVNULL,
                                 env=dict(os.environ, **(environment or {})))
        log.close()
        self.children.append((name, child))
        return child

    def start_all(self):
        self.box.start()
        for role in self.roles:
            self.box.make_role(role, trust=["julie", "emy"])
        created = time.time()
        if self.events:
            self.account_lines += "\nevents_queue = " + self.box.events()
        self.write_configuration()
        self.start("stsgated", AGENT, "--conf", self.path("conf"), "--foreground",
                   environment=self.box.environment("admin"))
        self.nginx = self.start("nginx", NGINX, "-c", self.path("nginx.conf"), "-p", self.folder,
                                "-e", self.path("nginx.log"),
                                environment=SANITIZED if PRELOAD else None)
        wait_for("the gateway to be ready", self.ready)
        # A token minted within `settle` of the role's creation might be of an earlier role's.
        wait_for("the role to have settled", lambda: time.time() > created + 2)

    def ready(self):
        for name, child in self.children:
            must(child.poll() is None, "%s ended with %s" % (name, child.returncode))
        try:
            self.call("payments", None)
        except OSError:
            return False
        status = self.ctl("status", check=False)
        return status.returncode == 0

    def stop(self):
        for _, child in reversed(self.children):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        for name, child in reversed(self.children):
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                print("    %s did not stop; killed" % name)
                child.kill()
                child.wait(10)
        self.box.stop()
        try:
            seen.search(self.folder)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, service, token):
        """(status, body or the challenge) of a GET through the gateway."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["gateway"], timeout=10)
        headers = {"Authorization": "Bearer " + token} if token else {}
        try:
            connection.request("GET", "/%s/" % service, headers=headers)
            answer = connection.getresponse()
            body = answer.read().decode().strip()
            return answer.status, answer.getheader("WWW-Authenticate") or body
        finally:
            connection.close()

    def ctl(self, *arguments, check=True, environment=None):
        done = subprocess.run((CTL, "--conf", self.path("conf")) + arguments, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env=dict(os.environ, **self.box.environment("admin")))
        if check:
            must(done.returncode == 0, "stsgatectl %s: exit %d: %s"
                      % (" ".join(arguments), done.returncode, done.stdout))
        return done

