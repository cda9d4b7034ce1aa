"""The whole chain when something is missing or hostile: IAM down, roles that nobody asked for yet,
floods of forged tokens. Real nginx, agent and module; the sandbox stands in for AWS."""

import base64
import http.client
import json
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.environ.get("SG_SRCDIR") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", ".."), "tests", "demo"))
import chain  # noqa: E402
import nginx_host  # noqa: E402
from chain import AUDIENCE, ROLE, Chain, wait_for  # noqa: E402


class WithChain(unittest.TestCase):
    account = ""

    def setUp(self):
        if not os.path.exists(chain.MODULE):
            self.skipTest("the nginx module is not built")
        self.chain = Chain(self.account)
        self.addCleanup(self.chain.stop)
        self.start()

    def start(self):
        self.chain.start_all()

    def token(self):
        box = self.chain.box
        return box.web_identity_token(box.assume("julie", ROLE, "julie"), AUDIENCE)

    def status(self, token):
        return self.chain.call("payments", token)[0]

    def agent(self):
        done = self.chain.ctl("status", "--json", check=False)
        return json.loads(done.stdout)["agent"]


class Outage(WithChain):
    account = "max_stale = 3s"

    def test_known_roles_are_decided_until_max_stale_then_503_and_again_when_iam_returns(self):
        token = self.token()
        self.assertEqual(self.status(token), 200)
        self.chain.box.faults(down=1)
        self.assertEqual(self.status(token), 200)
        wait_for("the record to be stale", lambda: self.status(token) == 503)
        status, text = self.chain.call("payments", token)
        self.assertEqual(status, 503)
        self.chain.box.faults(down=0)
        wait_for("IAM's return", lambda: self.status(token) == 200)

    def test_revocation_made_during_the_outage_holds_once_it_can_be_read(self):
        token = self.token()
        self.assertEqual(self.status(token), 200)
        self.chain.box.faults(down=1, only="GetAccountAuthorizationDetails")
        wait_for("the record to be stale", lambda: self.status(token) == 503)
        self.chain.box.revoke(ROLE, "2099-01-01T00:00:00Z")
        seen = set()
        self.chain.box.faults(reset=1)

        def revoked():
            seen.add(self.status(token))
            return 401 in seen
        wait_for("the revocation", revoked)
        self.assertLessEqual(seen, {503, 401})

    def test_agent_that_is_gone_leaves_the_last_known_good_until_max_stale(self):
        token = self.token()
        self.assertEqual(self.status(token), 200)
        agent = dict(self.chain.children)["stsgated"]
        agent.kill()
        agent.wait(10)
        self.assertEqual(self.status(token), 200)
        wait_for("the record to be stale", lambda: self.status(token) == 503)


class OnDemand(WithChain):
    account = "discover = on-demand"

    def start(self):
        # Until somebody asks for a role there is nothing to be fresh.
        self.chain.ready = lambda: os.path.exists(self.chain.path("state", "account-demo.cdb"))
        self.chain.start_all()

    def test_first_request_of_a_role_waits_for_the_agent_and_is_decided(self):
        token = self.token()
        wait_for("the issuer's keys", lambda: self.agent()["issuers"][0]["keys"] > 0)
        self.assertEqual(self.status(token), 200)
        self.chain.box.revoke(ROLE, "2099-01-01T00:00:00Z")
        wait_for("the revocation", lambda: self.status(token) == 401)

    def test_role_that_iam_does_not_know_is_deleted(self):
        box = self.chain.box
        credentials = box.assume("julie", ROLE, "julie")
        token = box.web_identity_token(credentials, AUDIENCE)
        iam = box.client("iam")
        iam.delete_role_policy(RoleName=ROLE, PolicyName="permissions")
        iam.delete_role(RoleName=ROLE)
        wait_for("the issuer's keys", lambda: self.agent()["issuers"][0]["keys"] > 0)
        status, text = self.chain.call("payments", token)
        self.assertEqual(status, 401)
        self.assertIn("does not exist", text)


class Flood(WithChain):
    def forged(self, good, number):
        """The good token's claims under a key id that nobody has."""
        header = json.dumps({"alg": "RS256", "typ": "JWT", "kid": "forged-%d" % number})
        first = base64.urlsafe_b64encode(header.encode()).decode().rstrip("=")
        return ".".join([first] + good.split(".")[1:])

    def test_forged_key_ids_cause_one_fetch_and_take_no_waiting_slot(self):
        good = self.token()
        self.assertEqual(self.status(good), 200)
        jwks = "/issuer/%s/.well-known/jwks.json" % self.chain.box.account
        before = self.chain.box.calls()["paths"].get(jwks, 0)
        actions = self.chain.box.calls()["actions"].get("GetRole", 0)
        connection = http.client.HTTPConnection("127.0.0.1", self.chain.ports["gateway"],
                                                timeout=20)
        seen = {}
        began = time.monotonic()
        for number in range(11112):     # 10,000 of them forged
            token = self.forged(good, number) if number % 10 else good
            connection.request("GET", "/payments/", headers={"Authorization": "Bearer " + token})
            answer = connection.getresponse()
            answer.read()
            seen.setdefault(number % 10 == 0, set()).add(answer.status)
        connection.close()
        self.assertEqual(seen[True], {200})
        self.assertLessEqual(seen[False], {401, 503})
        self.assertIn(401, seen[False])
        fetched = self.chain.box.calls()["paths"].get(jwks, 0) - before
        self.assertLessEqual(fetched, 1 + (time.monotonic() - began) // 30)
        self.assertEqual(self.chain.box.calls()["actions"].get("GetRole", 0), actions)
        self.assertEqual(self.agent()["waiting"], 0)

    def test_rotated_keys_are_found_without_a_restart(self):
        old = self.token()
        self.assertEqual(self.status(old), 200)
        self.chain.box.rotate_keys()
        new = self.token()
        # At most one fetch an issuer in 30 s: the agent fetched at its start.
        wait_for("the new key", lambda: self.status(new) == 200, seconds=45)
        self.assertEqual(self.status(old), 200)


if __name__ == "__main__":
    nginx_host.main(fake=False)
