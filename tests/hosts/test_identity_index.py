# test_identity_index.py: signed requests whose session's issue time CloudTrail's events have told,
# through the queue, the agent and nginx: decided exactly, without a companion; and events that are
# about something else, or tell it anew, decide nothing.
import datetime
import json
import os
import time

import nginx_host
import signed
from nginx_host import until
from whole_host import Whole, signed_conf

GATEWAY = "payments"
OTHER = "210987654321"
UTC = datetime.timezone.utc


class ToldSessions(Whole):
    ACCOUNTS = ("123456789012", OTHER)
    CONF = signed_conf(account="""
    settle = 1s
    settled = 2s
    events_queue = %(url)s/%(account)s/events
    """, issuer="forms = url post")
    SERVICE = """
    [service]
    accept = demo
    allow_roles = arn:aws:iam::%(account)s:role/*
    """

    def prepare(self):
        self.box.make_role("app", trust=["emy", "julie"])
        self.sqs = self.box.client("sqs")
        self.queue = self.sqs.create_queue(QueueName="events")["QueueUrl"]

    def ready(self):
        probe = signed.token(self.box.session("app", "probe"), GATEWAY)
        until(lambda: self.get(probe).status == 200, "the first reading")

    def told(self):
        """The sessions that the agent has noted."""
        return self.status()["events"]["sessions"]

    def token(self, credentials):
        return signed.token(credentials, GATEWAY)

    def decided(self, credentials, reason):
        """reason: of the 401; None: let in."""
        path = "/" + os.urandom(8).hex()
        answer = self.get(self.token(credentials), path)
        self.assertEqual(answer.status, 200 if reason is None else 401, self.nginx.read("error.log"))
        line = path + " 401 decision=deny reason=%s " % reason
        until(lambda: reason is None or line in self.nginx.read("access.log"), line)

    def revoke(self):
        """Between sessions by more than the rounding of whole seconds."""
        before = time.time()
        until(lambda: time.time() > before + 2.1, "two seconds")
        self.box.revoke("app")
        cutoff = time.time()
        until(lambda: time.time() > cutoff + 2.1, "two more")

    def send(self, event):
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=json.dumps(event))

    def event(self, credentials, at=None, account=None, role_account=None, region="us-east-1",
              name="AssumeRole"):
        """AssumeRole's, as EventBridge would bring it."""
        account = account or self.box.account
        arn = "arn:aws:sts::%s:assumed-role/app/emy" % (role_account or account)
        detail = {"eventVersion": "1.08", "userIdentity": {"type": "IAMUser"},
                  "eventTime": (at or datetime.datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                  "eventSource": "sts.amazonaws.com", "eventName": name, "awsRegion": region,
                  "requestParameters": {}, "eventID": os.urandom(16).hex(),
                  "recipientAccountId": account, "responseElements": {
                      "assumedRoleUser": {"arn": arn},
                      "credentials": {"accessKeyId": credentials["AccessKeyId"]}}}
        return {"version": "0", "id": os.urandom(16).hex(), "source": "aws.sts",
                "detail-type": "AWS API Call via CloudTrail", "account": account,
                "region": region, "resources": [], "detail": detail}

    def left(self):
        got = self.sqs.get_queue_attributes(QueueUrl=self.queue,
                                            AttributeNames=["All"])["Attributes"]
        return sum(int(got["ApproximateNumberOfMessages" + kind]) for kind in ("", "NotVisible"))

    def test_sessions_before_and_after_a_revocation_are_told_apart_without_a_companion(self):
        self.box.events(sessions=True)
        emy = self.box.assume("emy", "app", "emy")
        self.revoke()
        julie = self.box.assume("julie", "app", "julie")
        until(lambda: self.told() >= 2, "both sessions to be told")
        until(lambda: self.get(self.token(emy)).status == 401, "the revocation")
        self.decided(emy, "session-revoked")
        self.decided(julie, None)
        # whatever the order, and in the other form too
        self.assertEqual(self.get(signed.post(julie, GATEWAY)).status, 200)
        self.assertEqual(self.get(signed.post(emy, GATEWAY)).status, 401)

    def test_session_that_is_told_late_is_uncertain_until_then(self):
        self.revoke()
        until(lambda: self.get(self.token(self.box.session("app", "x"))).status == 401,
              "the revocation")
        julie = self.box.assume("julie", "app", "julie")
        self.decided(julie, "issue-time-uncertain")
        self.send(self.event(julie))
        until(lambda: self.get(self.token(julie)).status == 200, "the event")

    def test_event_of_another_region_counts(self):
        """STS issues sessions of the account in every region."""
        self.revoke()
        julie = self.box.assume("julie", "app", "julie")
        self.send(self.event(julie, region="eu-west-1", name="AssumeRoleWithSAML"))
        until(lambda: self.told() >= 1, "the event")
        until(lambda: self.get(self.token(julie)).status == 200, "the index")

    def test_event_of_another_account_or_role_decides_nothing(self):
        self.revoke()
        julie = self.box.assume("julie", "app", "julie")
        until(lambda: self.get(self.token(julie)).status == 401, "the revocation")
        self.send(self.event(julie, account=OTHER))
        self.send(self.event(julie, role_account=OTHER))
        malformed = self.event(julie, account=OTHER)
        malformed["account"] = self.box.account  # says two accounts
        self.send(malformed)
        failed = self.event(julie)
        failed["detail"]["errorCode"] = "AccessDenied"
        self.send(failed)
        until(lambda: self.status()["events"]["received"] >= 4, "the events")
        self.send(self.event(self.box.session("app", "marker")))  # behind them
        until(lambda: self.told() > 0, "the one that counts")
        self.assertEqual(self.told(), 1)
        self.decided(julie, "issue-time-uncertain")

    def test_session_that_is_told_again_stays_as_old_as_it_is(self):
        self.box.events(sessions=True)
        emy = self.box.assume("emy", "app", "emy")
        until(lambda: self.told() >= 1, "the session to be told")
        self.revoke()
        until(lambda: self.get(self.token(emy)).status == 401, "the revocation")
        self.send(self.event(emy))
        self.send(self.event(emy, at=datetime.datetime.now(UTC) + datetime.timedelta(days=1)))
        until(lambda: self.status()["events"]["received"] >= 3, "the events")
        until(lambda: self.left() == 0, "the events to be dealt with")
        self.decided(emy, "session-revoked")

    def test_what_made_room_is_uncertain_again_and_not_let_in(self):
        self.box.events(sessions=True)
        self.revoke()
        julie = self.box.assume("julie", "app", "julie")
        until(lambda: self.told() >= 1, "the session to be told")
        until(lambda: self.get(self.token(julie)).status == 200, "the index")
        # the page as it is when others have used up the room
        self.stop_agent()
        self.nginx.stop()
        os.unlink(self.nginx.path("state/issued"))
        self.start_agent()
        self.nginx.start()
        until(lambda: self.get(self.token(julie)).status == 401, "the first reading")
        self.decided(julie, "issue-time-uncertain")


if __name__ == "__main__":
    nginx_host.main(fake=False)
