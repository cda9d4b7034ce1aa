# test_nginx_gate.py: nginx on the real gate, with real tokens: key files, a service's own cutoffs,
# and the agent with `source = file`, from its absence to a revocation and back.
import contextlib
import datetime
import itertools
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import unittest

import nginx_host
from nginx_host import Nginx, Upstream, until
from tokens import Issuer, base64url

AGENT = os.path.join(nginx_host.BUILD, "module/agent/stsgated")
ROLE = "arn:aws:iam::123456789012:role/payments-app"
AUDIENCE = "https://payments.example.com"

CONF = """
[agent]
state = %(prefix)s/state
socket = %(prefix)s/run/agent.sock
user = %(user)d

[account lab]
id = 123456789012
source = file
folder = %(prefix)s/roles
refresh = 1s

[issuer RS256]
kind = jwt
url = https://rs256.example
keys = %(prefix)s/keys/RS256.pem
algorithms = RS256
issue_time = session:session_issued
account = lab
"""

ISSUER = """
[issuer %(name)s]
kind = jwt
url = %(url)s
keys = %(keys)s
algorithms = %(name)s
issue_time = session:session_issued
session_name_claim = session_name
"""

SERVICE = """
[service]
accept = %s
audience = %s
allow_roles = arn:aws:iam::123456789012:role/payments-*
"""

HTTP = """
stsgate_conf FOLDER;
large_client_header_buffers 4 16k;
upstream app { server unix:PREFIX/upstream.sock; }
server {
    listen 127.0.0.1:PORT backlog=1024;
    proxy_set_header Authorization "";
    proxy_set_header X-STS-Role $stsgate_role;
    proxy_set_header X-STS-Session $stsgate_session;
    proxy_set_header X-STS-Issued $stsgate_issued;
    proxy_set_header X-STS-Cutoff $stsgate_cutoff;
    location / { stsgate payments; proxy_pass http://app; }
    location /strict { stsgate strict; proxy_pass http://app; }
    location /aws { stsgate aws; proxy_pass http://app; }
}
"""


def rfc3339(epoch_s):
    at = datetime.datetime.fromtimestamp(epoch_s, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


@unittest.skipUnless(shutil.which("openssl"), "openssl makes keys and signs")
class RealGate(unittest.TestCase):
    AGENT = False

    @classmethod
    def setUpClass(cls):
        cls.nginx = nginx = Nginx(HTTP, fake=False)
        cls.addClassCleanup(nginx.remove)
        cls.agent = None
        cls.addClassCleanup(cls.stop_agent)
        for folder in "keys", "run", "roles", "gate/services.d":
            os.makedirs(nginx.path(folder))
        cls.issuers = {name: Issuer(nginx.path("keys"), name, "https://%s.example" % name.lower())
                       for name in ("RS256", "ES384", "HS256")}
        cls.write_configuration()
        cls.upstream = Upstream(nginx.path("upstream.sock"))
        cls.addClassCleanup(cls.upstream.close)
        cls.now = int(time.time())
        cls.tokens = []
        nginx.start()

    @classmethod
    def write_configuration(cls):
        conf = CONF % {"prefix": cls.nginx.prefix, "user": os.geteuid()}
        for name in "ES384", "HS256":
            conf += ISSUER % {"name": name, "url": cls.issuers[name].url,
                              "keys": cls.issuers[name].public}
        cls.nginx.write("gate/stsgate.conf", conf)
        cls.nginx.write("gate/services.d/payments.conf", SERVICE % ("ES384 HS256", AUDIENCE))
        cls.nginx.write("gate/services.d/aws.conf", SERVICE % ("RS256", AUDIENCE))
        cls.nginx.write("gate/services.d/strict.conf", SERVICE % ("HS256", AUDIENCE)
                        + "[cutoff arn:aws:iam::123456789012:role/payments-app]\n"
                        "issued_before = %s\n" % rfc3339(time.time() - 600))

    @classmethod
    def start_agent(cls):
        with open(cls.nginx.path("agent.log"), "ab") as log:
            cls.agent = subprocess.Popen(nginx_host.UNDER + [
                AGENT, "--conf", cls.nginx.path("gate"), "--foreground"], stdout=log, stderr=log)

    @classmethod
    def stop_agent(cls):
        if cls.agent is not None:
            cls.agent.send_signal(signal.SIGTERM)
            code, cls.agent = cls.agent.wait(nginx_host.PATIENCE), None
            return code

    @classmethod
    def tearDownClass(cls):
        cls.nginx.stop()
        logs = "".join(cls.nginx.read(name) for name in
                       ("error.log", "access.log", "output", "agent.log"))
        if found := nginx_host.alarms(logs):
            raise AssertionError("\n".join(found))
        for token in cls.tokens:
            if token.split(".")[2] in logs or token.split(".")[1] in logs:
                raise AssertionError("a log holds a token")

    def token(self, issuer="HS256", algorithm=None, without=(), **claims):
        """A token for a session that was issued five minutes ago, unless the claims differ."""
        all_claims = {"sub": ROLE, "aud": AUDIENCE, "iat": self.now, "exp": self.now + 3600,
                      "session_issued": self.now - 300, "session_name": "julie"}
        all_claims.update(claims)
        for name in without:
            del all_claims[name]
        token = self.issuers[issuer].token(all_claims, algorithm)
        self.tokens.append(token)
        return token

    def get(self, path, token, **kwargs):
        return self.nginx.get(path, token, **kwargs)

    def refused(self, reason, token, path="/", status=401):
        answer = self.get(path, token)
        self.assertEqual(answer.status, status, answer.get("WWW-Authenticate"))
        until(lambda: " reason=%s " % reason in self.nginx.read("error.log"), "reason " + reason)
        return answer


class KeyFiles(RealGate):
    """Services that need no agent; none runs."""

    def test_token_of_each_algorithm_is_accepted_at_first_and_again(self):
        for issuer in "HS256", "ES384":
            token = self.token(issuer)
            for _ in range(3):
                answer = self.get("/", token)
                self.assertEqual(answer.status, 200, answer.get("WWW-Authenticate"))
                self.assertIn("X-STS-Role: %s\r\n" % ROLE, answer.body)
                self.assertIn("X-STS-Session: julie\r\n", answer.body)
                self.assertIn("X-STS-Issued: %s\r\n" % rfc3339(self.now - 300), answer.body)
                self.assertNotIn("X-STS-Cutoff", answer.body)

    def test_many_first_seen_slow_signatures_are_all_decided(self):
        tokens = [self.token("ES384", session_name="s%d" % i) for i in range(20)]
        connections = [self.nginx.connect().send("/", token) for token in tokens]
        self.assertEqual([c.receive().status for c in connections], [200] * 20)
        for connection in connections:
            connection.close()

    @unittest.skipIf(nginx_host.UNDER, "valgrind is too slow to use a budget up within its window")
    def test_forger_over_budget_gets_503_and_what_was_seen_still_passes(self):
        seen, new, fast = self.token("ES384"), self.token("ES384", session_name="new"), self.token()
        self.assertEqual(self.get("/", seen).status, 200)
        head, body, signature = seen.split(".")

        def over(count=itertools.count()):
            forged = "%s.%s.%08d%s" % (head, body, next(count), signature[8:])
            return self.get("/", forged).status == 503
        for _ in range(5):
            until(over, "the end of the budget")
            answers = [self.get("/", token) for token in (new, seen, fast)]
            if over():      # it was the same window
                break
            new = self.token("ES384", session_name="later")
        self.assertEqual([answer.status for answer in answers], [503, 200, 200])
        self.assertIn(int(answers[0].get("Retry-After")), range(1, 11))
        self.assertIn(" reason=over-budget ", self.nginx.read("error.log"))
        until(lambda: self.get("/", new).status == 200, "the next window")

    def test_changed_signature_is_refused(self):
        for issuer in "HS256", "ES384":
            head, body, signature = self.token(issuer).split(".")
            other = "A" if signature[0] != "A" else "B"
            self.refused("bad-signature", ".".join((head, body, other + signature[1:])))

    def test_changed_role_is_refused(self):
        head, body, signature = self.token("ES384").split(".")
        claims = {"iss": self.issuers["ES384"].url, "sub": ROLE + "x", "aud": AUDIENCE,
                  "exp": self.now + 3600, "iat": self.now, "session_issued": self.now}
        self.refused("bad-signature",
                     ".".join((head, base64url(json.dumps(claims).encode()), signature)))

    def test_each_wrong_claim_is_refused_for_its_reason(self):
        self.refused("expired", self.token(iat=self.now - 3600, exp=self.now - 600))
        self.refused("wrong-audience", self.token(aud="https://elsewhere.example.com"))
        self.refused("unknown-issuer", self.token(iss="https://elsewhere.example"))
        self.refused("not-yet-valid", self.token(iat=self.now + 900, nbf=self.now + 900))
        for name in "sub", "aud", "exp", "session_issued":
            self.refused("malformed", self.token(without=[name]))

    def test_algorithm_is_the_issuer_s_not_the_token_s(self):
        for algorithm in "none", "HS384", "RS256", "ES384":
            self.refused("bad-algorithm", self.token("HS256", algorithm=algorithm))

    def test_role_that_may_not_enter_gets_403(self):
        answer = self.refused("role-not-allowed", self.token(sub=ROLE.replace("payments", "other")),
                              status=403)
        self.assertIn('error="insufficient_scope"', answer.get("WWW-Authenticate"))

    def test_no_token_and_nonsense_are_refused(self):
        self.assertEqual(self.get("/", None).status, 401)
        for nonsense in "x", "..", "a.b.c", "e30.e30.e30", "x" * 8192, "x" * 8193:
            self.refused("malformed", nonsense)

    def test_token_of_8_kilobytes_is_read(self):
        token = self.token(filler="f" * 5500)
        self.assertGreater(len(token), 7000)
        self.assertEqual(self.get("/", token).status, 200)

    def test_own_cutoff_of_a_service_needs_no_agent(self):
        self.assertEqual(self.get("/strict", self.token()).status, 200)
        old = self.token(session_issued=self.now - 3600)
        answer = self.refused("service-cutoff", old, "/strict")
        self.assertIn("invalid_token", answer.get("WWW-Authenticate"))
        self.assertEqual(self.get("/", old).status, 200)

    def test_service_that_needs_the_agent_is_503_without_one(self):
        answer = self.refused("cutoffs-unavailable", self.token("RS256"), "/aws", 503)
        self.assertGreaterEqual(int(answer.get("Retry-After")), 1)


class Reloads(RealGate):
    def test_reloads_of_the_real_gate_leak_nothing(self):
        stop, failures, count = threading.Event(), [], [0]
        token = self.token("ES384")
        bad = self.token(iat=self.now - 3600, exp=self.now - 600)

        def load():
            while not stop.is_set():
                for credential, status in (token, 200), (bad, 401):
                    with contextlib.suppress(OSError):
                        answer = self.get("/", credential, headers=["Connection: close"])
                        count[0] += 1
                        if answer.status != status:
                            failures.append(answer.status)

        def resident():
            with open("/proc/%d/status" % self.nginx.process.pid) as file:
                return [int(line.split()[1]) for line in file if line.startswith("VmRSS:")][0]

        client = threading.Thread(target=load)
        client.start()
        try:
            for _ in range(10):
                self.nginx.reload()
            early = resident()
            for _ in range(20):
                self.nginx.reload()
            late = resident()
        finally:
            stop.set()
            client.join()
        self.assertEqual(failures, [])
        self.assertGreater(count[0], 5)
        if not nginx_host.PRELOAD and not nginx_host.UNDER:
            self.assertLess(late - early, 512, "resident kB: %d, %d" % (early, late))

    def test_every_mistake_of_both_files_is_told_by_nginx(self):
        nginx = Nginx(HTTP, fake=False)
        self.addCleanup(nginx.remove)
        nginx.write("gate/stsgate.conf", "[agent]\nstat = /x\n[issuer a]\nkind = magic\n")
        nginx.write("gate/services.d/payments.conf", "[service]\naccept = nobody\nmood = good\n")
        code, said = nginx.test()
        self.assertNotEqual(code, 0)
        for text in ('stsgate.conf:2: unknown key "stat"', "stsgate.conf:4: kind = magic",
                     "accept = nobody", 'services.d/payments.conf:3: unknown key "mood"'):
            self.assertIn(text, said)

    def test_changed_key_file_takes_effect_with_a_reload(self):
        old = self.token("HS256")
        self.assertEqual(self.get("/", old).status, 200)
        self.issuers["HS256"] = Issuer(self.nginx.path("keys"), "HS256",
                                       self.issuers["HS256"].url)
        self.assertEqual(self.get("/", old).status, 200)
        self.nginx.reload()
        self.refused("bad-signature", old)
        self.assertEqual(self.get("/", self.token("HS256")).status, 200)


@unittest.skipUnless(os.path.exists(AGENT), "the agent is not built")
class Revocation(RealGate):
    """source = file: the agent reads role policies from a folder and tells the gateways."""

    def revoke(self, before_s):
        self.nginx.write("roles/payments-app/AWSRevokeOlderSessions.json", json.dumps({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Deny", "Action": ["*"], "Resource": ["*"], "Condition": {
                "DateLessThan": {"aws:TokenIssueTime": rfc3339(before_s)}}}]}))

    def test_revocation_from_the_agent_s_start_to_the_undo(self):
        old = self.token("RS256", session_issued=self.now - 900)
        new = self.token("RS256", session_issued=self.now - 100)
        self.refused("cutoffs-unavailable", old, "/aws", 503)

        os.makedirs(self.nginx.path("roles/payments-app"), exist_ok=True)
        self.start_agent()
        until(lambda: self.get("/aws", old).status == 200, "the agent's first table")
        self.assertEqual(self.get("/aws", new).status, 200)

        # Connections and cached credentials from before the revocation, in the same worker.
        kept = self.nginx.connect()
        self.assertEqual(kept.send("/aws", old).receive().status, 200)
        self.revoke(self.now - 500)
        until(lambda: self.get("/aws", old).status == 401, "the revocation")
        answer = kept.send("/aws", old).receive()
        self.assertEqual(answer.status, 401)
        self.assertIn("issued before its role", answer.get("WWW-Authenticate"))
        until(lambda: "reason=session-revoked role=%s session=- issued=%s cutoff=%s" % (
            ROLE, rfc3339(self.now - 900), rfc3339(self.now - 500))
            in self.nginx.read("error.log"), "a log line")
        answer = kept.send("/aws", new).receive()
        self.assertEqual(answer.status, 200)
        self.assertIn("X-STS-Cutoff: %s\r\n" % rfc3339(self.now - 500), answer.body)
        kept.close()

        # The store outlives the agent, a worker and a reload.
        self.assertEqual(self.stop_agent(), 0)
        self.nginx.reload()
        self.assertEqual(self.get("/aws", old).status, 401)
        self.assertEqual(self.get("/aws", new).status, 200)

        self.start_agent()
        os.unlink(self.nginx.path("roles/payments-app/AWSRevokeOlderSessions.json"))
        until(lambda: self.get("/aws", old).status == 200, "the undo")
        self.assertEqual(self.stop_agent(), 0)


if __name__ == "__main__":
    nginx_host.main(fake=False)
