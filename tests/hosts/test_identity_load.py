# test_identity_load.py: more signed requests than AWS is to be asked about, from one client or from
# many, and an AWS that is slow, broken or hostile: what is not found out is 503 with Retry-After,
# neither refused nor let in, and everything is decided in the end.
import json
import os
import sys
import time
import unittest

import nginx_host
import signed
from nginx_host import UNDER, until
from whole_host import HERE, Whole, signed_conf

sys.path.insert(0, os.path.join(HERE, "../faults"))
from hostile import Hostile  # noqa: E402

GATEWAY = "payments"
SAVED_UP, A_SECOND = 200, 100      # calls, of all
NEAR_SAVED_UP, NEAR_A_SECOND = 60, 20  # and for clients near each other
AT_ONCE = 64


class Signed(Whole):
    MAIN = "worker_rlimit_nofile 8192;"
    CONF = signed_conf()
    SERVICE = """
    [service]
    accept = demo
    allow_roles = arn:aws:iam::%(account)s:role/*
    """
    HTTP = Whole.HTTP.replace("server {", """
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
    server {""")

    def prepare(self):
        self.box.make_role("app", trust=["emy"])

    def ready(self):
        self.known = self.fresh("known")
        until(lambda: self.get(self.known).status == 200, "the first reading")
        self.box.reset_calls()
        self.began = time.monotonic()

    def fresh(self, name="emy"):
        return signed.token(self.box.session("app", name), GATEWAY)

    def forged(self, number):
        """Of an access key id that encodes the account, and a secret of nobody's."""
        digits = "".join(chr(ord("A") + (number >> 4 * at & 15)) for at in range(4))
        session = self.box.session("app", "forged")
        return signed.token({"AccessKeyId": session["AccessKeyId"][:-4] + digits,
                             "SecretAccessKey": "x" * 40, "SessionToken": "x" * 200}, GATEWAY)

    @staticmethod
    def far(number):
        """Clients of which no two are near each other."""
        return ["X-Real-IP: 10.%d.%d.1" % (number >> 8, number & 255)]

    def all_at_once(self, tokens, headers, path="/"):
        """The answer to each; headers: a function of its number."""
        requests = [self.nginx.connect() for _ in tokens]
        try:
            for number, (request, token) in enumerate(zip(requests, tokens)):
                request.send(path, token, headers=headers(number))
            return [request.receive() for request in requests]
        finally:
            for request in requests:
                request.close()

    def undecided(self, answer):
        self.assertEqual(answer.status, 503)
        self.assertGreaterEqual(int(answer.get("Retry-After")), 1)

    def sts_calls(self):
        return self.calls("GetCallerIdentity")

    def within(self, saved_up, a_second):
        """A bound that a slow machine only loosens."""
        self.assertLessEqual(self.sts_calls(),
                             saved_up + 2 + a_second * (time.monotonic() - self.began))


@unittest.skipIf(UNDER, "valgrind is too slow for a thousand")
class Crowd(Signed):
    def test_thousand_new_requests_are_verified_once_each_within_the_budget(self):
        tokens = {self.fresh("s%d" % number): number for number in range(1000)}
        waiting, rounds = list(tokens), 0
        self.began = time.monotonic()
        while waiting:
            rounds += 1
            self.assertLess(rounds, 60, "%d are not decided" % len(waiting))
            answers = self.all_at_once(waiting, lambda at: self.far(tokens[waiting[at]]))
            self.within(SAVED_UP, A_SECOND)
            for answer in answers:
                if answer.status != 200:
                    self.undecided(answer)
            waiting = [token for token, answer in zip(waiting, answers) if answer.status != 200]
            self.assertEqual(self.get(self.known).status, 200)
        self.assertGreater(rounds, 1)
        found = self.status()["identities"]
        self.assertEqual(found["denied"], 0)
        self.assertEqual(found["vouched"], len(tokens) + 1)
        self.assertEqual(found["calls"], found["vouched"] + found["failed"])
        # whoever asks again is told from memory
        before = self.sts_calls()
        answers = self.all_at_once(list(tokens)[:200], self.far)
        self.assertEqual({answer.status for answer in answers}, {200})
        self.assertEqual(self.sts_calls(), before)


class Limits(Signed):
    def test_client_over_its_budget_is_undecided_and_others_are_served(self):
        near = lambda number: ["X-Real-IP: 192.0.2.%d" % (number % 250)]  # noqa: E731
        tokens = [self.fresh("s%d" % number) for number in range(150)]
        self.began = time.monotonic()
        answers = self.all_at_once(tokens, near)
        self.within(NEAR_SAVED_UP, NEAR_A_SECOND)
        over = [token for token, answer in zip(tokens, answers) if answer.status != 200]
        for answer in answers:
            if answer.status != 200:
                self.undecided(answer)
        self.assertTrue(over)
        until(lambda: self.get(over[0], headers=self.far(1)).status == 200, "another's turn")
        self.assertGreater(self.status()["identities"]["over_budget"], 0)
        until(lambda: self.get(over[-1], headers=near(0)).status == 200, "its turn")

    def test_more_than_may_be_on_their_way_are_undecided(self):
        self.box.faults(hang=1, only="GetCallerIdentity")
        tokens = [self.fresh("s%d" % number) for number in range(AT_ONCE + 36)]
        for answer in self.all_at_once(tokens, self.far):
            self.undecided(answer)
        found = self.status()["identities"]
        self.assertGreaterEqual(found["crowded"], 1)
        self.assertEqual(found["denied"], 0)
        self.box.calm()
        until(lambda: self.get(tokens[-1], headers=self.far(7)).status == 200, "STS to answer")

    def test_throttled_and_failing_calls_are_counted(self):
        self.box.faults(fail="Throttling", fail_every=1, only="GetCallerIdentity")
        self.undecided(self.get(self.fresh()))
        self.box.faults(fail="503", fail_every=1, only="GetCallerIdentity")
        self.undecided(self.get(self.fresh()))
        self.box.calm()
        self.assertEqual(self.get(self.forged(0)).status, 401)
        found = self.status()["identities"]
        self.assertEqual((found["throttled"], found["failed"], found["denied"], found["refused"],
                          found["over_budget"]), (1, 2, 1, 0, 0))
        self.assertEqual(found["asked"], found["known"] + found["calls"])
        text = self.ctl(["status"]).stdout
        self.assertIn("identities: %d asked" % found["asked"], text)
        self.assertIn("1 throttled; 1 vouched for, 1 denied, 2 failed", text)

    def test_forger_uses_up_his_own_budget_only(self):
        forger = lambda number: ["X-Real-IP: 2001:db8:7:%x::1" % (number % 200)]  # noqa: E731
        answers = self.all_at_once([self.forged(number) for number in range(120)], forger)
        self.assertLessEqual({answer.status for answer in answers}, {401, 503})
        self.within(NEAR_SAVED_UP, NEAR_A_SECOND)
        fresh = self.fresh()
        until(lambda: self.get(fresh, headers=self.far(1)).status == 200, "another's turn")

    def test_forged_requests_of_accounts_that_are_not_ours_ask_nobody(self):
        session, before = self.box.session("app", "emy"), self.status()["identities"]
        for number in range(100):
            digits = chr(ord("A") + number % 16) + chr(ord("A") + number // 16)
            foreign = dict(session, AccessKeyId="ASIATCH6YDSYVJKREN" + digits)  # 210987654321's
            token = signed.token(foreign, GATEWAY)
            self.assertEqual(self.get(token, headers=self.far(number)).status, 401)
        self.logged("reason=unknown-issuer")
        self.assertEqual(self.sts_calls(), 0)
        self.assertEqual(self.status()["identities"], before)


class HostileSts(Signed):
    """STS's place is taken by somebody who says what he likes."""

    def prepare(self):
        super().prepare()
        self.sts = Hostile()
        self.addCleanup(self.sts.close)
        path = self.nginx.path("gate/stsgate.conf")
        with open(path) as file:
            text = file.read()
        with open(path, "w") as file:
            file.write(text.replace("sts_endpoint = " + self.box.url, "sts_endpoint = "
                                    + self.sts.url))

    def identity(self, account=None, arn=None, user="AROAEXAMPLE0000000001:emy", **more):
        account = account or self.box.account
        result = {"Account": account, "UserId": user,
                  "Arn": arn or "arn:aws:sts::%s:assumed-role/app/emy" % account, **more}
        return json.dumps({"GetCallerIdentityResponse": {
            "GetCallerIdentityResult": result, "ResponseMetadata": {"RequestId": "x"}}})

    def ready(self):
        self.good = self.identity(user="%s:emy" % self.role_id())
        self.say(self.good)
        known = self.fresh()
        until(lambda: self.get(known).status == 200, "the first reading")

    def role_id(self):
        return self.box.client("iam").get_role(RoleName="app")["Role"]["RoleId"]

    def say(self, body, kind="application/json", status="200 OK", mode="raw", more=""):
        body = body.encode()
        self.sts.mode = mode
        self.sts.body = (b"HTTP/1.1 %s\r\nContent-Type: %s\r\nDate: %s\r\nConnection: close\r\n%s"
                         b"Content-Length: %d\r\n\r\n" % (
                             status.encode(), kind.encode(), time.strftime(
                                 "%a, %d %b %Y %H:%M:%S GMT", time.gmtime()).encode(),
                             more.encode(), len(body)) + body)

    def test_what_is_no_good_answer_is_undecided(self):
        other = "210987654321"
        twice = self.good.replace('"Account"', '"Account": "%s", "Account"' % other, 1)
        lies = [
            {"body": ""}, {"body": "{}"}, {"body": "<html>signed in</html>", "kind": "text/html"},
            {"body": self.identity(account=other)},
            {"body": self.identity(arn="arn:aws:sts::%s:assumed-role/app/emy" % other)},
            {"body": self.identity(arn="arn:aws-cn:sts::%s:assumed-role/app/emy" % self.box.account)},
            {"body": self.identity(user="AROAEXAMPLE0000000001:julie")},
            {"body": self.identity(user="AROAEXAMPLE0000000001:emy\0:")},
            {"body": twice}, {"body": self.good + self.good}, {"body": self.good[:-3]},
            {"body": self.good.replace("GetCallerIdentityR", "AssumeRoleR")},
            {"body": self.good + " " * 20000},
            {"body": self.good, "status": "500 Broken"},
            {"body": self.good, "status": "302 Found", "more": "Location: %s/\r\n" % self.box.url},
            {"body": "[" * 5000}, {"body": "", "mode": "garbage"}, {"body": "", "mode": "cut"},
            {"body": "", "mode": "headers"}, {"body": "", "mode": "flood"},
        ]
        for number, lie in enumerate(lies):
            self.say(**lie)
            heard = self.sts.served
            answer = self.get(self.fresh(), headers=self.far(number))
            self.assertEqual(answer.status, 503, "%d: %s" % (number, str(lie)[:200]))
            self.assertGreater(self.sts.served, heard, "nobody asked")
        self.assertLess(self.sts.sent, 1 << 22)
        self.say(self.good)
        self.assertEqual(self.get(self.fresh(), headers=self.far(200)).status, 200)
        self.assertEqual(self.status()["identities"]["denied"], 0)

    def test_principal_that_is_no_session_is_refused(self):
        for arn, user in (("arn:aws:iam::%s:root" % self.box.account, self.box.account),
                          ("arn:aws:sts::%s:federated-user/emy" % self.box.account,
                           self.box.account + ":emy")):
            self.say(self.identity(arn=arn, user=user))
            self.assertEqual(self.get(self.fresh()).status, 401, arn)

    def test_slow_sts_holds_up_nobody_else(self):
        token = self.fresh()
        self.assertEqual(self.get(token).status, 200)
        self.say("", mode="drip")
        slow = [self.send(self.fresh(), headers=self.far(number)) for number in range(8)]
        until(lambda: self.sts.served >= 8, "the calls")
        self.assertEqual(self.get(token).status, 200)
        for request in slow:
            self.undecided(request.receive())

    def test_answer_to_one_is_nobody_elses(self):
        """Two requests that differ in one byte of the signature."""
        session = self.box.session("app", "emy")
        url = signed.presigned_url(session, GATEWAY)
        other = url[:-1] + ("0" if url[-1] != "0" else "1")
        self.assertEqual(self.get(url).status, 200)
        error = {"Error": {"Type": "Sender", "Code": "SignatureDoesNotMatch", "Message": "no"},
                 "RequestId": "x"}
        self.say(json.dumps(error), status="403 Forbidden")
        self.assertEqual(self.get(other).status, 401)
        self.assertEqual(self.get(url).status, 200)
        self.assertEqual(self.get(other).status, 401)


if __name__ == "__main__":
    nginx_host.main(fake=False)
