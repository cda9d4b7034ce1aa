# whole_host.py: nginx with the real gate, the agent and a local AWS, anew for each case. A class
# says what is configured (CONF, SERVICE, HTTP), what roles there are, and when it is ready.
import json
import os
import signal
import subprocess
import sys
import textwrap
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../sandbox"))
from stsgate_sandbox import Sandbox, find_binary  # noqa: E402

import nginx_host  # noqa: E402
from nginx_host import Nginx, Upstream  # noqa: E402

AGENT = os.path.join(nginx_host.BUILD, "module/agent/stsgated")
CTL = os.path.join(nginx_host.BUILD, "module/ctl/stsgatectl")

AGENT_CONF = """
[agent]
state = %(prefix)s/state
socket = %(prefix)s/run/agent.sock
user = %(user)d
"""

SIGNED_CONF = """
[account demo]
id = %%(account)s
endpoint = %%(url)s/
sts_endpoint = %%(url)s/
refresh = 1s
%s
[issuer demo]
kind = aws-caller-identity
account = demo
bind_header = X-K8s-Aws-Id
bind_value = payments
%s
"""


def signed_conf(account="", issuer=""):
    """An account whose signed requests are taken, and what is set besides in either section."""
    return SIGNED_CONF % (textwrap.dedent(account), textwrap.dedent(issuer))


@unittest.skipUnless(os.path.exists(AGENT) and find_binary(), "agent or sandbox is not built")
class Whole(unittest.TestCase):
    CONF = ""     # of the accounts and issuers; %(account)s, %(url)s, %(issuer)s
    SERVICE = ""  # services.d/payments.conf; %(account)s
    HTTP = """
    stsgate_conf FOLDER;
    upstream app { server unix:PREFIX/upstream.sock; }
    server {
        listen 127.0.0.1:PORT backlog=2048;
        proxy_set_header X-STS-Role $stsgate_role;
        location / { stsgate payments; proxy_pass http://app; }
    }
    """
    USERS = ("emy", "julie")
    ACCOUNTS = ("123456789012",)
    MAIN = ""  # of nginx.conf
    agent = None

    def setUp(self):
        self.box = Sandbox(plain_users=self.USERS, accounts=self.ACCOUNTS, max_runtime=280).start()
        self.addCleanup(self.box.stop)
        self.nginx = nginx = Nginx(self.HTTP, self.MAIN, fake=False)
        self.addCleanup(nginx.remove)
        os.makedirs(nginx.path("run"))
        names = {"prefix": nginx.prefix, "user": os.geteuid(), "account": self.box.account,
                 "url": self.box.url, "issuer": self.box.issuer()}
        nginx.write("gate/stsgate.conf", AGENT_CONF % names + textwrap.dedent(self.CONF) % names)
        nginx.write("gate/services.d/payments.conf", textwrap.dedent(self.SERVICE) % names)
        self.upstream = Upstream(nginx.path("upstream.sock"))
        self.addCleanup(self.upstream.close)
        self.prepare()
        self.start_agent()
        self.addCleanup(self.stop_agent)
        nginx.start()
        self.ready()

    def prepare(self):
        """What AWS has before anything runs."""

    def ready(self):
        """Waits until requests are decided."""

    def tearDown(self):
        self.nginx.stop()
        found = nginx_host.alarms(self.nginx.read("error.log") + self.nginx.read("output"))
        self.assertEqual(found, [])

    def start_agent(self, who="admin"):
        """Back when it listens: before, a SIGTERM would just end it."""
        def starts():
            return self.nginx.read("agent.log").count("start=done")

        before = starts() if os.path.exists(self.nginx.path("agent.log")) else 0
        with open(self.nginx.path("agent.log"), "ab") as log:
            self.agent = subprocess.Popen(
                nginx_host.UNDER + [AGENT, "--conf", self.nginx.path("gate"), "--foreground"],
                stdout=log, stderr=log, env=dict(os.environ, **self.box.environment(who)))
        nginx_host.until(lambda: starts() > before or self.agent.poll() is not None,
                         "the agent's start")

    def stop_agent(self, with_signal=signal.SIGTERM):
        if self.agent is None:
            return
        agent, self.agent = self.agent, None
        if agent.poll() is None:
            agent.send_signal(with_signal)
        try:
            code = agent.wait(nginx_host.PATIENCE)
        except subprocess.TimeoutExpired:
            agent.kill()
            agent.wait()
            raise
        self.assertEqual(code, 0 if with_signal == signal.SIGTERM else -with_signal)

    def ctl(self, arguments, who="admin", stdin=None):
        return subprocess.run(
            nginx_host.UNDER + [CTL, "--conf", self.nginx.path("gate")] + arguments, input=stdin,
            text=True, env=dict(os.environ, **self.box.environment(who)), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=120, check=False)

    def status(self):
        """What the agent says of the account."""
        return json.loads(self.ctl(["status", "--json"]).stdout)["agent"]["accounts"][0]

    def send(self, credential, path="/", headers=()):
        """A request whose answer is still to be received."""
        connection = self.nginx.connect()
        self.addCleanup(connection.close)
        return connection.send(path, credential, headers=headers)

    def get(self, credential, path="/", headers=()):
        return self.nginx.get(path, credential, headers=headers)

    def calls(self, action):
        return self.box.calls()["actions"].get(action, 0)

    def logged(self, text):
        nginx_host.until(lambda: text in self.nginx.read("error.log"), text + " in the log")

    def refused(self, credential, reason):
        answer = self.get(credential)
        self.assertEqual(answer.status, 401, answer.body)
        self.logged("reason=" + reason)
