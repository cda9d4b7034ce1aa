# test_identity.py: signed GetCallerIdentity requests through nginx, the real gate, the agent and a
# local STS and IAM: what clients really make, what a thief makes of a stolen session, and how often
# AWS is asked.
import base64
import json
import os
import shutil
import subprocess
import time
import unittest

import nginx_host
import seen
import signed
from nginx_host import until
from whole_host import Whole, signed_conf

GATEWAY = "payments"

# One token by the AWS SDK for JavaScript's signer: argv is the keys, the token and the binding.
PRESIGNER = """
const { SignatureV4 } = require("@smithy/signature-v4");
const { Sha256 } = require("@aws-crypto/sha256-js");
const [accessKeyId, secretAccessKey, sessionToken, bind] = process.argv.slice(1);
const signer = new SignatureV4({ service: "sts", region: "us-east-1", sha256: Sha256,
  credentials: { accessKeyId, secretAccessKey, sessionToken } });
const request = { method: "GET", protocol: "https:", hostname: "sts.us-east-1.amazonaws.com",
  path: "/", headers: { host: "sts.us-east-1.amazonaws.com", "x-k8s-aws-id": bind },
  query: { Action: "GetCallerIdentity", Version: "2011-06-15" } };
signer.presign(request, { expiresIn: 60 }).then((made) => {
  const query = Object.entries(made.query)
    .map(([k, v]) => encodeURIComponent(k) + "=" + encodeURIComponent(v)).join("&");
  console.log("https://" + made.hostname + made.path + "?" + query);
});
"""


class SignedRequests(Whole):
    CONF = signed_conf(account="""
    settle = 1s
    settled = 2s
    """)
    SERVICE = """
    [service]
    accept = demo
    allow_roles = arn:aws:iam::%(account)s:role/team/*
    """
    HTTP = Whole.HTTP.replace("location /", """
        location /fields/ {
            stsgate payments;
            stsgate_credential "sts-post-v1.$http_iam_http_request_method.$http_iam_request_url.$http_iam_request_body.$http_iam_request_headers";
            proxy_pass http://app;
        }
        location /""")

    def prepare(self):
        self.box.make_role("app", trust=["emy", "julie"], may=["iam:GetRole", "s3:*"],
                           Path="/team/")

    def ready(self):
        self.emy = self.assume("emy")
        until(lambda: self.get(signed.token(self.emy, GATEWAY)).status == 200, "the first reading")

    def tearDown(self):
        super().tearDown()
        for name in ("error.log", "output", "agent.log"):
            self.assertNotIn(self.emy["SessionToken"], self.nginx.read(name))
            self.assertNotIn("k8s-aws-v1.aHR0", self.nginx.read(name))

    def assume(self, who):
        return self.box.assume(who, "arn:aws:iam::%s:role/team/app" % self.box.account, who)

    def with_companion(self, credentials, by=None):
        return signed.post(credentials, GATEWAY,
                           signed.companion(by or credentials, "app", GATEWAY))

    def identities(self):
        """How often STS was asked."""
        return self.calls("GetCallerIdentity")

    # What clients make

    def test_three_forms_of_one_session_pass(self):
        for credential in (signed.token(self.emy, GATEWAY),
                           signed.presigned_url(self.emy, GATEWAY),
                           signed.post(self.emy, GATEWAY), self.with_companion(self.emy)):
            answer = self.get(credential)
            self.assertEqual(answer.status, 200, self.nginx.read("error.log"))
            self.assertIn("X-STS-Role: arn:aws:iam::%s:role/team/app\r\n" % self.box.account,
                          answer.body)

    def test_fields_as_headers_pass(self):
        names = ("Iam-Http-Request-Method", "Iam-Request-Url", "Iam-Request-Body",
                 "Iam-Request-Headers")
        more = signed.companion(self.emy, "app", GATEWAY)
        headers = ["%s: %s" % pair for pair in zip(names, signed.fields(self.emy, GATEWAY, more))]
        self.assertEqual(self.get(None, "/fields/", headers).status, 200)
        self.assertEqual(self.get(None, "/fields/", headers[1:]).status, 401)
        self.assertEqual(self.get(None, "/fields/").status, 401)

    def test_token_of_aws_eks_get_token_passes(self):
        aws = os.environ.get("SG_AWS") or shutil.which("aws", path="/usr/bin") or shutil.which("aws")
        if aws is None:
            self.skipTest("no aws command: apt install awscli")
        environment = {name: value for name, value in self.box.environment(self.emy).items()
                       if not name.startswith("AWS_ENDPOINT_URL")}
        # the aws command of another python than ours must not find ours
        made = subprocess.run(
            [aws, "eks", "get-token", "--cluster-name", GATEWAY, "--region", "us-east-1"],
            env=dict(os.environ, **environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, timeout=120, check=False)
        if made.returncode != 0:
            self.skipTest("aws eks get-token: " + made.stderr.strip()[-200:])
        token = json.loads(made.stdout)["status"]["token"]
        answer = self.get(token)
        self.assertEqual(answer.status, 200, self.nginx.read("error.log"))

    def test_url_of_the_javascript_signer_passes(self):
        node = shutil.which("node")
        if node is None or subprocess.run(
                [node, "-e", 'require("@smithy/signature-v4"); require("@aws-crypto/sha256-js")'],
                stderr=subprocess.DEVNULL, timeout=60, check=False).returncode != 0:
            self.skipTest("no @smithy/signature-v4: npm install @smithy/signature-v4 "
                          "@aws-crypto/sha256-js, and set NODE_PATH")
        url = subprocess.run(
            [node, "-e", PRESIGNER, self.emy["AccessKeyId"], self.emy["SecretAccessKey"],
             self.emy["SessionToken"], GATEWAY],
            stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout.strip()
        self.assertEqual(self.get(url).status, 200, self.nginx.read("error.log"))
        token = "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
        self.assertEqual(self.get(token).status, 200)

    def test_login_token_passes_and_is_explained(self):
        companion = ["--form", "companion", "--role", "app"]
        for more in ([], ["--role", "app"], ["--form", "token"], ["--form", "url"],
                     ["--form", "post"], companion):
            made = self.ctl(["login-token", "--issuer", "demo"] + more, self.emy)
            self.assertEqual(made.returncode, 0, made.stderr)
            self.assertEqual(self.get(made.stdout.strip()).status, 200)
            told = self.ctl(["explain", "-", "--service", "payments"], self.emy, made.stdout)
            self.assertEqual(told.returncode, 0, told.stdout + told.stderr)
            self.assertIn("AWS vouches for app", told.stdout)
            self.assertNotIn(self.emy["SessionToken"][:20], told.stdout + told.stderr)
        for wrong in (companion[:2], ["--form", "url", "--role", "app"], ["--form", "jwt"]):
            self.assertEqual(self.ctl(["login-token", "--issuer", "demo"] + wrong,
                                      self.emy).returncode, 2)
        # keys without an issue time, an issuer that is none, a region of another partition
        self.assertEqual(self.ctl(["login-token", "--issuer", "demo"], "emy").returncode, 1)
        self.assertEqual(self.ctl(["login-token", "--issuer", "prod"], self.emy).returncode, 2)
        self.assertEqual(self.ctl(["login-token", "--issuer", "demo", "--region", "cn-north-1"],
                             self.emy).returncode, 2)

    # What a thief makes

    def test_stolen_session_is_refused_after_the_revocation(self):
        """Woofy has Emy's session, and signs anew whenever he likes."""
        self.box.revoke("app")
        until(lambda: self.get(signed.token(self.emy, GATEWAY)).status == 401, "the revocation")
        self.refused(signed.token(self.emy, GATEWAY), "issue-time-uncertain")
        self.refused(signed.post(self.emy, GATEWAY), "issue-time-uncertain")
        self.refused(self.with_companion(self.emy), "session-revoked")
        # AWS itself still vouches for him
        self.assertEqual(self.box.client("sts", self.emy).get_caller_identity()["Account"],
                         self.box.account)

    def test_new_session_passes_with_its_companion(self):
        self.box.revoke("app")
        until(lambda: self.get(signed.token(self.emy, GATEWAY)).status == 401, "the revocation")
        julie = self.assume("julie")
        until(lambda: self.get(self.with_companion(julie)).status == 200, "evidence")
        self.refused(self.with_companion(self.emy), "session-revoked")

    def test_companion_of_somebody_else_is_refused_unasked(self):
        self.box.revoke("app")
        julie = self.assume("julie")
        until(lambda: self.get(self.with_companion(julie)).status == 200, "evidence")
        self.box.reset_calls()
        self.refused(self.with_companion(self.emy, by=julie), "malformed")
        self.refused(self.with_companion(julie, by=self.emy), "malformed")
        # the same key with the other's token, and the other way round
        for mixed in (dict(self.emy, SessionToken=julie["SessionToken"]),
                      dict(julie, SessionToken=self.emy["SessionToken"])):
            self.refused(self.with_companion(self.emy, by=mixed), "malformed")
        self.assertEqual(self.identities(), 0)

    def test_companion_of_another_role_is_refused(self):
        self.box.make_role("other", trust=["emy"])
        companion = signed.companion(self.emy, "other", GATEWAY)
        self.refused(signed.post(self.emy, GATEWAY, companion), "companion-refused")

    def test_companion_that_the_role_may_not_ask_is_refused(self):
        self.box.make_role("mute", trust=["emy"], may=["s3:*"], Path="/team/")
        mute = self.box.assume("emy", "arn:aws:iam::%s:role/team/mute" % self.box.account, "emy")
        self.refused(signed.post(mute, GATEWAY, signed.companion(mute, "mute", GATEWAY)),
                     "companion-refused")

    def test_request_for_another_gateway_is_refused(self):
        self.refused(signed.token(self.emy, "reports"), "bad-signature")
        self.box.reset_calls()
        self.refused(signed.post(self.emy, "reports"), "wrong-audience")
        self.assertEqual(self.identities(), 0)

    def test_signature_that_aws_refuses_is_asked_once(self):
        forged = dict(self.emy, SecretAccessKey="x" * 40)
        token = signed.token(forged, GATEWAY)
        self.box.reset_calls()
        for _ in range(5):
            self.refused(token, "bad-signature")
        self.assertEqual(self.identities(), 1)

    def test_changed_requests_ask_nobody(self):
        url = signed.presigned_url(self.emy, GATEWAY)
        changes = [("sts.us-east-1", "sts.us-west-2"), ("amazonaws.com", "amazonaws.com.evil.example"),
                   ("https", "http"), ("Action=", "action="), ("GetCallerIdentity", "GetFederationToken"),
                   ("&X-Amz-Date", "&X-Amz-Date=20260101T000000Z&X-Amz-Date"), ("x-k8s-aws-id", "x-other"),
                   ("/?", ":443/?"), ("&Version", "&x-k8s-aws-id=reports&Version")]
        self.box.reset_calls()
        for find, replacement in changes:
            changed = url.replace(find, replacement, 1)
            self.assertNotEqual(changed, url)
            token = base64.urlsafe_b64encode(changed.encode()).decode().rstrip("=")
            self.assertEqual(self.get("k8s-aws-v1." + token).status, 401, changed[:60])
        self.assertEqual(self.identities(), 0)

    # How often AWS is asked

    def test_one_token_costs_one_call_however_many_ask(self):
        token = self.fresh()
        self.box.reset_calls()
        self.box.faults(latency_ms=300, only="GetCallerIdentity")
        connections = [self.nginx.connect() for _ in range(60)]
        for connection in connections:
            self.addCleanup(connection.close)
            connection.send("/", token)
        self.assertEqual({connection.receive().status for connection in connections}, {200})
        self.box.calm()
        for _ in range(20):
            self.assertEqual(self.get(token).status, 200)
        self.assertEqual(self.identities(), 1)

    def test_flood_of_new_requests_stays_within_the_budget(self):
        """All from one neighbourhood: what is not asked for is 503, and others are served."""
        known, role = signed.token(self.emy, GATEWAY), "arn:aws:iam::%s:role/team/app" % self.box.account
        self.assertEqual(self.get(known).status, 200)
        tokens = [signed.token(self.box.session(role, "s%d" % number), GATEWAY)
                  for number in range(300)]
        self.box.reset_calls()
        began = time.monotonic()
        connections = [self.nginx.connect() for _ in tokens]
        for connection, token in zip(connections, tokens):
            self.addCleanup(connection.close)
            connection.send("/", token)
        self.assertEqual(self.get(known).status, 200)
        answers = [connection.receive() for connection in connections]
        self.assertLessEqual({answer.status for answer in answers}, {200, 503})
        self.assertGreater(sum(answer.status == 200 for answer in answers), 0)
        for answer in answers:
            if answer.status == 503:
                self.assertGreaterEqual(int(answer.get("Retry-After")), 1)
        # 60 are saved up, then 20 a second: a bound that a slow machine only loosens
        self.assertLessEqual(self.identities(), 62 + 20 * (time.monotonic() - began))
        # those that were refused get their turn
        until(lambda: self.get(tokens[-1]).status == 200, "the last one's turn")

    def test_throttled_sts_is_503_and_recovers(self):
        fresh = self.fresh()
        self.box.faults(fail="Throttling", fail_every=1, only="GetCallerIdentity")
        answer = self.get(fresh)
        self.assertEqual(answer.status, 503)
        self.assertGreaterEqual(int(answer.get("Retry-After")), 1)
        self.box.calm()
        until(lambda: self.get(fresh).status == 200, "STS to answer")

    def test_sts_that_is_down_lies_or_is_cut_short_is_503(self):
        known = signed.token(self.emy, GATEWAY)
        self.assertEqual(self.get(known).status, 200)
        for fault in ({"down": 1}, {"fail": "garbage", "fail_every": 1},
                      {"fail": "truncated", "fail_every": 1}, {"fail": "503", "fail_every": 1}):
            self.box.faults(only="GetCallerIdentity", **fault)
            self.assertEqual(self.get(self.fresh()).status, 503, fault)
            self.assertEqual(self.get(known).status, 200, fault)
            self.box.calm()

    def fresh(self):
        """A request that nobody has seen: of a session of its own."""
        return signed.token(self.assume("emy"), GATEWAY)

    @unittest.skipIf(nginx_host.UNDER or nginx_host.PRELOAD, "they keep what was freed")
    def test_answered_request_leaves_nothing_in_the_agent(self):
        julie = self.assume("julie")
        url = signed.presigned_url(julie, GATEWAY)
        post = self.with_companion(julie)
        self.assertEqual([self.get(each).status for each in (url, post)], [200, 200])
        headers = base64.b64decode(post.split(".")[4]).decode()
        secrets = {"the session token": julie["SessionToken"],
                   "its end": julie["SessionToken"][-40:],
                   "the URL's signature": url.split("X-Amz-Signature=")[1][:64],
                   "the POST's signature": headers.split("Signature=")[1][:64],
                   "the companion's": headers.split("Signature=")[2][:64]}
        try:
            until(lambda: not seen.in_memory(self.agent.pid, secrets), "memory without them")
        except PermissionError:
            self.skipTest("the memory of children can't be read here")
        except AssertionError:
            self.fail("the agent holds " + ", ".join(seen.in_memory(self.agent.pid, secrets)))

    def test_agent_that_died_is_503(self):
        self.stop_agent()
        self.assertEqual(self.get(self.fresh()).status, 503)


if __name__ == "__main__":
    nginx_host.main(fake=False)
