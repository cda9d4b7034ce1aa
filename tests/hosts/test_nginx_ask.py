# test_nginx_ask.py: nginx, the real gate, the agent and a local IAM, with `discover = on-demand`:
# requests for roles that nobody has seen yet wait until the agent has asked, and what happens when
# IAM or the agent do not play along.
import datetime
import signal

import nginx_host
from nginx_host import until
from whole_host import Whole

AUDIENCE = "https://payments.example.com"


class OnDemand(Whole):
    CONF = """
    [account demo]
    id = %(account)s
    endpoint = %(url)s/
    discover = on-demand
    refresh = 1s
    settle = 1s
    settled = 2s

    [issuer demo]
    kind = aws-web-identity
    url = %(issuer)s
    account = demo
    """
    SERVICE = """
    [service]
    accept = demo
    audience = https://payments.example.com
    allow_roles = arn:aws:iam::%(account)s:role/*
    ; Each role here is younger than the sessions of its name could be.
    uncertain = allow
    """

    def ready(self):
        # keys are there once another answer than keys-unavailable comes
        probe = self.token("probe")
        until(lambda: self.get(probe).status == 200, "keys and the first role")

    def token(self, role, algorithm="RS256"):
        arn = self.box.make_role(role, trust=["julie"])
        credentials = self.box.assume("julie", arn)
        return self.box.web_identity_token(credentials, AUDIENCE, algorithm)

    def test_many_requests_of_a_new_role_wait_for_one_answer(self):
        token = self.token("app")
        self.box.reset_calls()
        self.box.faults(latency_ms=200, only="GetRole")
        requests = [self.send(token) for _ in range(50)]
        answers = [request.receive() for request in requests]
        self.assertEqual([answer.status for answer in answers], [200] * 50)
        self.assertIn("role/app", answers[0].body)
        self.assertLessEqual(self.calls("GetRole"), 2)  # one, and the refresh may fall among them

    def test_slow_signature_of_a_new_role_goes_to_the_thread_and_then_waits(self):
        self.assertEqual(self.get(self.token("app", "ES384")).status, 200)

    def test_role_that_does_not_exist_is_refused(self):
        token = self.token("gone")
        iam = self.box.client("iam", "admin")
        iam.delete_role_policy(RoleName="gone", PolicyName="permissions")
        iam.delete_role(RoleName="gone")
        answer = self.get(token)
        self.assertEqual(answer.status, 401)
        until(lambda: "reason=role-deleted" in self.nginx.read("error.log"), "the log")

    def test_revocation_reaches_a_role_that_was_asked_for(self):
        token = self.token("app")
        self.assertEqual(self.get(token).status, 200)
        in_a_minute = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=1)
        self.box.revoke("app", in_a_minute)
        until(lambda: self.get(token).status == 401, "the revocation")

    def test_forged_tokens_are_refused_at_once_and_ask_nothing(self):
        self.box.reset_calls()
        claims = {"sub": "arn:aws:iam::%s:role/never-seen" % self.box.account, "aud": AUDIENCE}
        forged = self.box.mint(claims=claims, defaults=True, foreign=True)
        self.assertEqual(self.get(forged).status, 401)
        for number in range(20):
            odd = self.box.mint(claims=claims, defaults=True, foreign=True, kid="odd%d" % number)
            self.assertEqual(self.get(odd).status, 401)
        self.assertNotIn("role-pending", self.nginx.read("error.log"))

    def test_silent_iam_is_503_after_three_seconds_and_recovers(self):
        token = self.token("app")
        self.box.faults(hang=1)
        answer = self.get(token)
        self.assertEqual(answer.status, 503)
        self.assertGreaterEqual(int(answer.get("Retry-After")), 1)
        self.box.calm()
        until(lambda: self.get(token).status == 200, "IAM to answer again")

    def test_agent_killed_while_requests_wait_is_503_and_recovers(self):
        token = self.token("app")
        self.box.faults(hang=1, only="GetRole")
        requests = [self.send(token) for _ in range(10)]
        until(lambda: self.calls("GetRole") >= 2, "the agent to ask")
        self.stop_agent(signal.SIGKILL)
        self.assertEqual([request.receive().status for request in requests], [503] * 10)
        self.box.calm()
        self.assertEqual(self.get(token).status, 503)
        self.start_agent()
        until(lambda: self.get(token).status == 200, "the new agent")

    def test_clients_that_leave_while_waiting_harm_nobody(self):
        token = self.token("app")
        self.box.faults(hang=1, only="GetRole")
        requests = [self.send(token) for _ in range(20)]
        until(lambda: self.calls("GetRole") >= 2, "the agent to ask")
        for request in requests:
            request.close()
        self.box.calm()
        until(lambda: self.get(token).status == 200, "IAM to answer again")


if __name__ == "__main__":
    nginx_host.main(fake=False)
