#!/usr/bin/env python3
"""test_events.py - stsgated and an events queue: what an event tightens at once, what only a read may
loosen, what is left in the queue, and that no message does harm."""

import datetime
import hashlib
import json
import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sandbox"))
import stsgate_sandbox
from stsgate_sandbox import Sandbox, allow, policy, revocation

import agent_host
from agent_host import Agent, ASK_STATUS, FROM_IAM, GONE_ONCE, run, wait_for

RATCHETED, HELD = 512, 1024
OTHER = "210987654321"
UTC = datetime.timezone.utc


def account(box, label="prod", number=None, refresh="1h", more=""):
    number = number or box.account
    return ("[account %s]\nid = %s\nendpoint = %s\nrefresh = %s\nmax_stale = 1d\n"
            "events_queue = %s/%s/events\n%s\n[issuer %s]\nkind = aws-web-identity\nurl = %s\n"
            "account = %s\n" % (label, number, box.url, refresh, box.url, box.account, more, label,
                                box.issuer(number), label))


class World:
    """A sandbox that tells its events to a queue, and an agent that reads the account once an hour,
    so that whatever changes sooner does so by an event."""

    def __init__(self, visibility_s=5, refresh="1h", sessions=False):
        self.box = Sandbox(plain_users=["julie"], accounts=("123456789012", OTHER))
        self.visibility_s, self.refresh, self.sessions = visibility_s, refresh, sessions

    def __enter__(self):
        self.box.start()
        self.sqs = self.box.client("sqs")
        self.dead = self.sqs.create_queue(QueueName="dead")["QueueUrl"]
        arn = "arn:aws:sqs:us-east-1:%s:dead" % self.box.account
        self.queue = self.sqs.create_queue(QueueName="events", Attributes={
            "VisibilityTimeout": str(self.visibility_s), "RedrivePolicy": json.dumps(
                {"deadLetterTargetArn": arn, "maxReceiveCount": "3"})})["QueueUrl"]
        self.box.events(sessions=self.sessions)
        self.agent = Agent(account(self.box, refresh=self.refresh),
                           self.box.environment("admin"))
        return self

    def __exit__(self, *exception):
        try:
            self.agent.__exit__(*exception)
        finally:
            self.box.stop()

    def start(self):
        """The agent, once it has read the account and listens to a queue without old messages."""
        self.agent.start()
        self.agent.wait_log("read=complete")
        wait_for(lambda: self.left() == 0, lambda: "an empty queue; log: %s" % self.agent.log[-8:])
        return self.agent

    def left(self, url=None):
        got = self.sqs.get_queue_attributes(QueueUrl=url or self.queue,
                                            AttributeNames=["All"])["Attributes"]
        return (int(got["ApproximateNumberOfMessages"]) +
                int(got["ApproximateNumberOfMessagesNotVisible"]))

    def send(self, message):
        text = message if isinstance(message, str) else json.dumps(message)
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=text)

    def event(self, name, parameters, source="iam", at=None, **detail):
        """An event as EventBridge brings it; detail: members to replace."""
        at = at or datetime.datetime.now(UTC)
        whole = {"eventVersion": "1.08", "userIdentity": {"type": "IAMUser"},
                 "eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                 "eventSource": source + ".amazonaws.com", "eventName": name,
                 "requestParameters": parameters, "responseElements": None,
                 "eventID": os.urandom(16).hex(), "recipientAccountId": self.box.account}
        whole.update(detail)
        return {"version": "0", "id": os.urandom(16).hex(),
                "detail-type": "AWS API Call via CloudTrail", "source": "aws." + source,
                "account": whole["recipientAccountId"], "region": "us-east-1", "resources": [],
                "detail": whole}

    def put_event(self, role, cutoff=None, **more):
        return self.event("PutRolePolicy", {
            "roleName": role, "policyName": stsgate_sandbox.REVOCATION,
            "policyDocument": revocation(cutoff or datetime.datetime.now(UTC))}, **more)

    def status(self):
        with self.agent.connect() as connection:
            _, packet = self.agent.question(ASK_STATUS)
            connection.send(packet)
            return json.loads(connection.recv(65536))["accounts"][0]["events"]

    def wait_status(self, name, least):
        return wait_for(lambda: self.status()[name] >= least and self.status(),
                        lambda: "%s of %d: %s; log: %s" % (name, least, self.status(),
                                                           self.agent.log[-8:]))

    def flags(self, role):
        return [s.flags for s in self.agent.record(role).enforced()]


# --- tightening ---

def revocation_takes_effect_by_its_event_and_is_confirmed_by_a_read():
    with World() as world:
        world.box.make_role("app")
        agent = world.start()
        assert not agent.record("app").enforced()
        sweeps = world.box.calls()["actions"]["GetAccountAuthorizationDetails"]
        world.box.revoke("app")
        wait_for(lambda: agent.record("app").cutoff_ms > 0, "the cutoff")
        wait_for(lambda: world.flags("app")[0] & FROM_IAM, "a read that confirms it")
        wait_for(lambda: world.left() == 0, "the message to be deleted")
        agent.wait_log("revocation=told")
        assert world.box.calls()["actions"]["GetAccountAuthorizationDetails"] == sweeps


def burst_of_revocations_waits_for_no_read():
    names = ["app%d" % number for number in range(90)]
    with World(visibility_s=60) as world:
        for name in names:
            world.box.make_role(name)
        agent = world.start()
        world.box.faults(hang=1, only="GetRole")
        for name in names:
            world.send(world.put_event(name))
        wait_for(lambda: world.status()["pending"] > 64, lambda: "more than 64: %s" % world.status())
        for name in names:
            wait_for(lambda: agent.record(name).cutoff_ms > 0, "the cutoff of " + name)
            assert not world.flags(name)[0] & FROM_IAM
        assert world.left() == len(names)
        world.box.calm()


def change_of_a_role_that_a_sweep_may_have_passed_waits_for_the_next():
    with World(visibility_s=60) as world:
        world.box.make_role("app")
        world.box.faults(hang=1, only=SWEEP)
        world.agent.start()
        wait_for(lambda: world.box.calls()["actions"].get(SWEEP), "the first sweep")
        world.send(world.put_event("app", OLD))
        wait_for(lambda: world.status()["pending"] > 0, lambda: "that waits: %s" % world.status())
        world.box.calm()
        wait_for(lambda: world.left() == 0, "the messages to be deleted")
        assert world.box.calls()["actions"][SWEEP] >= 2


def message_waits_in_the_queue_until_a_read_has_confirmed_it():
    with World(visibility_s=2) as world:
        world.box.make_role("app")
        agent = world.start()
        world.box.faults(fail_every=1, fail="AccessDenied", only="GetRole")
        world.box.revoke("app")
        wait_for(lambda: agent.record("app").cutoff_ms > 0, "the cutoff, on the event's word")
        agent.wait_log("GetRole: AccessDenied")
        assert world.left() == 1 and not world.flags("app")[0] & FROM_IAM
        world.box.calm()
        wait_for(lambda: world.flags("app")[0] & FROM_IAM, "the message to come again")
        wait_for(lambda: world.left() == 0, "the message to be deleted")


def harmless(iam):
    """The ARN of a managed policy that denies nothing."""
    return iam.create_policy(PolicyName="p", PolicyDocument=policy(allow("s3:*")))["Policy"]["Arn"]


def policy_that_is_attached_and_its_new_version_are_read():
    with World() as world:
        iam = world.box.client("iam")
        arn = harmless(iam)
        world.box.make_role("app")
        agent = world.start()
        iam.attach_role_policy(RoleName="app", PolicyArn=arn)
        world.wait_status("applied", 1)
        assert not agent.record("app").enforced()
        iam.create_policy_version(PolicyArn=arn, SetAsDefault=True, PolicyDocument=revocation(
            "2026-01-02T03:04:05.000Z"))
        wait_for(lambda: agent.record("app").enforced(), "the new version")
        wait_for(lambda: world.left() == 0, "the messages to be deleted")


OLD = "2026-01-02T03:04:05.000Z"
SWEEP = "GetAccountAuthorizationDetails"


def new_version_of_a_policy_takes_effect_by_its_document_and_waits_for_a_read():
    with World(visibility_s=2) as world:
        iam = world.box.client("iam")
        arn = harmless(iam)
        for role in ("attached", "bounded", "other"):
            world.box.make_role(role)
        iam.attach_role_policy(RoleName="attached", PolicyArn=arn)
        iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=arn)
        agent = world.start()
        world.box.faults(fail_every=1, fail="AccessDenied", only=SWEEP)
        iam.create_policy_version(PolicyArn=arn, SetAsDefault=True, PolicyDocument=revocation(OLD))
        for role, origin in (("attached", agent_host.ATTACHED), ("bounded", agent_host.BOUNDARY)):
            wait_for(lambda: agent.record(role).enforced(), "the new version at " + role)
            told, = agent.record(role).enforced()
            assert (told.origin, told.policy) == (origin, arn) and not told.flags & FROM_IAM
        assert not agent.record("other").enforced()
        agent.wait_log("read=failed")
        assert world.left() == 1
        world.box.calm()
        wait_for(lambda: world.flags("attached")[0] & FROM_IAM, "a read that confirms it")
        wait_for(lambda: world.left() == 0, "the message to be deleted")


def version_that_is_not_the_default_revokes_nobody():
    with World() as world:
        iam = world.box.client("iam")
        arn = harmless(iam)
        world.box.make_role("app")
        iam.attach_role_policy(RoleName="app", PolicyArn=arn)
        agent = world.start()
        sweeps = world.box.calls()["actions"][SWEEP]
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=revocation(OLD))
        world.wait_status("received", 1)
        wait_for(lambda: world.left() == 0, "the message to be deleted")
        assert not agent.record("app").enforced()
        assert world.box.calls()["actions"][SWEEP] == sweeps
        world.box.faults(fail_every=1, fail="AccessDenied", only=SWEEP)
        iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
        wait_for(lambda: agent.record("app").enforced(), "that policy, read by itself")
        assert not world.flags("app")[0] & FROM_IAM
        world.box.calm()


def policy_that_is_known_takes_effect_when_it_is_hung_on_a_role():
    with World(visibility_s=2) as world:
        iam = world.box.client("iam")
        before = iam.create_policy(PolicyName="before", PolicyDocument=revocation(OLD))
        world.box.make_role("attached")
        world.box.make_role("bounded")
        agent = world.start()
        made = iam.create_policy(PolicyName="made", PolicyDocument=revocation(OLD))
        world.wait_status("applied", 1)
        world.box.faults(fail_every=1, fail="AccessDenied", only="GetRole")
        iam.attach_role_policy(RoleName="attached", PolicyArn=made["Policy"]["Arn"])
        wait_for(lambda: agent.record("attached").enforced(), "what was made while it ran")
        iam.put_role_permissions_boundary(RoleName="bounded",
                                          PermissionsBoundary=before["Policy"]["Arn"])
        wait_for(lambda: agent.record("bounded").enforced(), "what the sweep had shown")
        for role in ("attached", "bounded"):
            assert not world.flags(role)[0] & FROM_IAM
        world.box.calm()
        wait_for(lambda: all(world.flags(role)[0] & FROM_IAM for role in ("attached", "bounded")),
                 "reads that confirm them")
        wait_for(lambda: world.left() == 0, "the messages to be deleted")


def hostile_documents_of_policies_revoke_nobody():
    with World() as world:
        iam = world.box.client("iam")
        arn = harmless(iam)
        world.box.make_role("app")
        iam.attach_role_policy(RoleName="app", PolicyArn=arn)
        agent = world.start()
        for document in ("", "{", "[]", "null", "x" * 6000, 17, None, revocation("yesterday"),
                         "%7B" * 2000, revocation(OLD) + "}"):
            world.send(world.event("CreatePolicyVersion", {
                "policyArn": arn, "setAsDefault": True, "policyDocument": document}))
        other = arn.replace(world.box.account, OTHER)
        for name in (other, arn + "\n", arn.upper(), "arn:" + "x" * 1900):
            world.send(world.event("CreatePolicyVersion", {
                "policyArn": name, "setAsDefault": True, "policyDocument": revocation(OLD)}))
            world.send(world.event("AttachRolePolicy", {"roleName": "nobody", "policyArn": name}))
        world.wait_status("applied", 14)
        wait_for(lambda: world.left() == 0, "the messages to be deleted")
        assert not agent.record("app").enforced()
        assert not any("revocation=told" in line for line in agent.log)


def role_that_is_deleted_and_made_again_is_seen():
    with World() as world:
        world.box.make_role("app", may=())
        agent = world.start()
        first = agent.record("app").role_id
        world.box.client("iam").delete_role(RoleName="app")
        wait_for(lambda: agent.record("app").state == agent_host.DELETED, "the role to be gone")
        world.box.make_role("app", may=())
        wait_for(lambda: agent.record("app").state == agent_host.PRESENT, "the role to be back")
        assert agent.record("app").role_id != first


# --- loosening ---

def undoing_takes_two_reads_and_no_event_alone():
    with World() as world:
        world.box.make_role("app")
        world.box.revoke("app")
        agent = world.start()
        assert agent.record("app").enforced()
        world.send(world.event("DeleteRolePolicy", {"roleName": "app", "policyName":
                                                    stsgate_sandbox.REVOCATION}))
        world.wait_status("applied", 1)
        wait_for(lambda: world.left() == 0, "the message to be deleted")
        assert agent.record("app").enforced() and not world.flags("app")[0] & GONE_ONCE
        reads = world.box.calls()["actions"]["GetRole"]
        world.box.undo("app")
        wait_for(lambda: not agent.record("app").enforced(), "the end of the revocation")
        assert world.box.calls()["actions"]["GetRole"] >= reads + 2
        agent.wait_log("alarm=cutoff-younger-than-5m")


def duplicates_and_late_events_revoke_nobody():
    with World() as world:
        world.box.make_role("app")
        agent = world.start()
        late = world.put_event("app", at=datetime.datetime.now(UTC) - datetime.timedelta(hours=1))
        for _ in range(3):
            world.send(late)
        status = world.wait_status("duplicate", 2)
        assert status["applied"] == 1 and not agent.record("app").enforced()
        wait_for(lambda: world.left() == 0, "the messages to be deleted")
        assert not any("revocation=told" in line for line in agent.log)


def event_of_what_was_undone_meanwhile_does_not_stay():
    with World() as world:
        world.box.make_role("app")
        agent = world.start()
        world.send(world.put_event("app"))
        agent.wait_log("revocation=told")
        wait_for(lambda: not agent.record("app").enforced(), "two reads that show none")


# --- what is not for us ---

def foreign_and_failed_calls_change_nothing_and_are_deleted():
    with World() as world:
        world.box.make_role("app")
        agent = world.start()
        calls = world.box.calls()["actions"].get("GetRole", 0)
        other = world.put_event("app", recipientAccountId=OTHER)
        world.send(other)
        world.send(world.put_event("app", errorCode="AccessDenied"))
        world.send(world.put_event("nobody-here"))
        world.send(dict(world.put_event("app"), source="aws.ec2"))
        world.send(dict(world.put_event("app"), **{"detail-type": "Scheduled Event"}))
        world.send(world.event("UpdateLoginProfile", {"userName": "app"}))
        world.wait_status("received", 6)
        wait_for(lambda: world.left() == 0, "the messages to be deleted")
        status = world.status()
        assert (status["foreign"], status["malformed"]) == (1, 0), status
        assert not agent.record("app").enforced()
        assert world.box.calls()["actions"].get("GetRole", 0) == calls


MALFORMED = ["no json", "{}", "[]", "null", '"text"', "{\"a\":1,\"a\":2}", "[" * 10000,
             '{"detail-type":"AWS API Call via CloudTrail","source":"aws.iam"}',
             "\u00e9" * 100]


def malformed_messages_are_named_and_end_in_the_dead_letter_queue():
    with World(visibility_s=1) as world:
        world.box.make_role("app")
        agent = world.start()
        bad = list(MALFORMED)
        bad.append(json.dumps(world.event("PutRolePolicy", None)))
        bad.append(json.dumps(world.event("PutRolePolicy", {"roleName": "a/b"})))
        bad.append(json.dumps(world.put_event("app", eventTime="yesterday")))
        bad.append(json.dumps(dict(world.put_event("app"), account=OTHER)))
        bad.append(json.dumps(world.event("AssumeRole", {}, source="sts")))
        for text in bad:
            world.send(text)
        wait_for(lambda: world.left(world.dead) == len(bad),
                 lambda: "%d dead messages: %s" % (len(bad), world.status()))
        assert sum("events-queue=malformed" in line for line in agent.log) == 1
        assert world.status()["malformed"] >= 2 * len(bad)
        world.box.revoke("app")
        wait_for(lambda: agent.record("app").enforced(), "the next event")


def messages_too_large_together_are_taken_one_by_one():
    with World(visibility_s=3) as world:
        world.box.make_role("app")
        agent = world.start()
        world.box.faults(hang=1, only="ReceiveMessage")
        for _ in range(10):
            world.send("x" * 990000)
        world.box.revoke("app")
        world.box.calm()
        wait_for(lambda: agent.record("app").enforced(), "the event behind them")


# --- a queue that can't be read ---

def queue_that_is_not_there_is_an_alarm_and_polling_goes_on():
    with World(refresh="1s") as world:
        world.box.make_role("app")
        world.agent.configure(account(world.box, refresh="1s").replace("/events\n", "/none\n"))
        agent = world.agent.start()
        line = agent.wait_log("alarm=events-queue")
        agent.wait_log("read=complete")
        assert "QueueDoesNotExist" in line and "error" in line, line
        world.box.revoke("app")
        wait_for(lambda: agent.record("app").enforced(), "the cutoff, by polling")
        assert world.status()["good"] is False
        world.sqs.create_queue(QueueName="none")
        agent.wait_log("events-queue=read-again")
        wait_for(lambda: world.status()["good"], "the status to be good")


def failures_of_every_kind_pass():
    with World() as world:
        world.box.make_role("app")
        agent = world.start()
        for number, fault in enumerate(({"fail": "ServiceUnavailable"}, {"fail": "garbage"},
                                        {"fail": "truncated"}, {"fail": "AccessDenied"})):
            world.box.faults(fail_every=1, only="ReceiveMessage", **fault)
            world.send("{}")  # wakes the poll
            wait_for(lambda: world.status()["good"] is False, "the failure")
            world.box.calm()
            wait_for(lambda: world.status()["good"], "the end of the failure")
        world.box.revoke("app")
        wait_for(lambda: agent.record("app").enforced(), "the event")


def agent_stops_in_the_middle_of_a_poll():
    with World() as world:
        world.box.make_role("app")
        world.box.faults(hang=1, only="ReceiveMessage")
        agent = world.agent.start()
        agent.wait_log("read=complete")
        wait_for(lambda: world.box.calls()["actions"].get("ReceiveMessage"), "the poll")
        assert agent.stop() == 0  # though that poll has no end
        assert any("stop=done" in line for line in agent.log)


def reload_takes_another_queue():
    with World() as world:
        world.box.make_role("app")
        agent = world.start()
        world.box.events(queue="second")
        agent.configure(account(world.box).replace("/events\n", "/second\n"))
        before = len(agent.log)
        agent.reload()
        agent.wait_log("reload=done", before)
        world.box.revoke("app")
        wait_for(lambda: agent.record("app").enforced(), "the event of the new queue")


def one_queue_serves_two_accounts():
    with World() as world:
        with Sandbox(users=[OTHER + "/root"], accounts=(world.box.account, OTHER)) as both:
            sqs = both.client("sqs")
            queue = sqs.create_queue(QueueName="events")["QueueUrl"]
            for number in (both.account, OTHER):
                both.events(account=number, owner=both.account)
            root = both.client("iam", OTHER + "/root")
            trust = both.trust(["admin"])
            root.create_role(RoleName="there", AssumeRolePolicyDocument=trust)
            both.make_role("here")
            home = os.path.join(world.agent.folder, "credentials")
            with open(home, "w") as file:
                for name, who in (("prod", "admin"), ("other", OTHER + "/root")):
                    file.write("[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n"
                               % ((name,) + both.credentials(who)[:2]))
            agent = world.agent
            agent.environment = {key: value for key, value in agent.environment.items()
                                 if not key.startswith("AWS_")}
            agent.environment.update(AWS_SHARED_CREDENTIALS_FILE=home, AWS_CONFIG_FILE=os.devnull,
                                     AWS_EC2_METADATA_DISABLED="true")
            agent.configure(account(both, more="profile = prod") +
                            account(both, "other", OTHER, more="profile = other"))
            agent.start()
            wait_for(lambda: agent.record("here") and agent.record("there", "other"), "both")
            root.put_role_policy(RoleName="there", PolicyName="x", PolicyDocument=revocation(
                "2026-01-02T03:04:05.000Z"))
            wait_for(lambda: agent.record("there", "other").enforced(), "the other account's event")
            assert not agent.record("here").enforced()
            agent.stop()


def event_reaches_every_label_of_its_account():
    with World(visibility_s=2) as world:
        world.box.make_role("app")
        twin = account(world.box, "twin").split("[issuer ")[0]
        world.agent.configure(account(world.box) + twin)
        agent = world.start()
        wait_for(lambda: agent.record("app", "twin"), "the other label")
        world.box.revoke("app")
        for label in ("prod", "twin"):
            wait_for(lambda: agent.record("app", label).enforced(), "the cutoff at " + label)
        wait_for(lambda: world.left() == 0, "the message to be deleted")
        for label in ("prod", "twin"):
            assert agent.record("app", label).enforced()[0].flags & FROM_IAM, label


# --- issue times ---

def issue_times(agent):
    """{(session digest, role digest): issued_ms} of the page."""
    try:
        with open(os.path.join(agent.state, "issued"), "rb") as file:
            page = file.read()
    except FileNotFoundError:
        return {}
    found = {}
    for at in range(64, len(page), 64):
        session, role, issued = struct.unpack_from("<16s16sq", page, at + 8)
        if issued:
            found[session, role] = issued
    return found


def digests(agent, key, role):
    with open(os.path.join(agent.state, "now"), "rb") as file:
        page = file.read()
    at = next(at for at in range(128, len(page), 128)
              if page[at + 8:at + 56].rstrip(b"\0") == b"prod"
              and struct.unpack_from("<I", page, at + 72)[0] == 1)
    with open(os.path.join(agent.state, "issued"), "rb") as file:
        secret = file.read(44)[28:]
    head = secret + page[at + 8 + 104:at + 8 + 112] + struct.pack("<Q", len(key)) + key.encode()
    return (hashlib.sha256(head).digest()[:16],
            hashlib.sha256(head + role.encode()).digest()[:16])


def session_that_is_assumed_is_known_by_its_access_key():
    with World(sessions=True) as world:
        world.box.make_role("App", trust=["julie"])
        agent = world.start()
        before = int(time.time()) * 1000
        credentials = world.box.assume("julie", "App", "julie")
        after = int(time.time()) * 1000
        wait_for(lambda: issue_times(agent), "the issue time")
        issued = issue_times(agent)[digests(agent, credentials["AccessKeyId"], "app")]
        assert before <= issued <= after and issued % 1000 == 0
        wait_for(lambda: world.left() == 0, "the message to be deleted")
        text = "\n".join(agent.log)
        with open(os.path.join(agent.state, "issued"), "rb") as file:
            page = file.read()
        assert credentials["SessionToken"] not in text
        assert credentials["SessionToken"][:16].encode() not in page
        assert credentials["AccessKeyId"].encode() not in page


def as_the_rule_sends_it(event):
    """What conf/aws/events.json makes of a session's event."""
    with open(os.path.join(agent_host.SOURCE, "conf", "aws", "events.json")) as file:
        rule = json.load(file)["Resources"]["SessionsIssued"]["Properties"]
    target = rule["Targets"][0]["InputTransformer"]
    text = target["InputTemplate"]
    for name, path in target["InputPathsMap"].items():
        value = event
        for member in path[2:].split("."):
            value = value[member]
        text = text.replace("<%s>" % name, json.dumps(value))
    return text


def session_that_the_rule_tells_without_its_token_is_taken():
    with World() as world:
        world.box.make_role("app")
        agent = world.start()
        world.send(as_the_rule_sends_it(world.event(
            "AssumeRole", {}, source="sts", responseElements={
                "assumedRoleUser": {"arn": "arn:aws:sts::%s:assumed-role/app/bob" % world.box.account},
                "credentials": {"accessKeyId": "ASIARULE000000000001", "sessionToken": "secret"}})))
        wait_for(lambda: issue_times(agent), "the issue time")
        assert list(issue_times(agent)) == [digests(agent, "ASIARULE000000000001", "app")]


def issue_time_of_other_accounts_roles_is_not_noted():
    with World(sessions=True) as world:
        world.box.make_role("app")
        agent = world.start()
        elements = {"assumedRoleUser": {"arn": "arn:aws:sts::%s:assumed-role/app/bob" % OTHER},
                    "credentials": {"accessKeyId": "ASIAOTHER00000000001"}}
        world.send(world.event("AssumeRole", {}, source="sts", responseElements=elements))
        elements = json.loads(json.dumps(elements).replace(OTHER, world.box.account))
        world.send(world.event("AssumeRoleWithWebIdentity", {}, source="sts",
                               responseElements=elements))
        wait_for(lambda: issue_times(agent), "the issue time of ours")
        wait_for(lambda: world.left() == 0, "the messages to be deleted")
        assert list(issue_times(agent)) == [digests(agent, "ASIAOTHER00000000001", "app")]


# --- the race ---

def thief(world, name="app"):
    """A session of a role that may undo its own revocation, while IAM does not enforce it yet."""
    world.box.make_role(name, trust=["julie"], may=("iam:DeleteRolePolicy", "iam:PutRolePolicy"))
    session = world.box.session(name, issued=int(time.time()) - 600)
    return world.box.client("iam", session)


def what_a_revoked_session_removes_is_held():
    with World() as world:
        iam = thief(world)
        world.box.faults(enforce_delay_ms=600000)
        agent = world.start()
        world.box.revoke("app")
        iam.delete_role_policy(RoleName="app", PolicyName=stsgate_sandbox.REVOCATION)
        line = agent.wait_log("revocation=held alarm=removed-by-a-revoked-session")
        assert "warning" in line and "old=20" in line and "new=none" in line, line
        line = agent.wait_log("alarm=removed-by-a-revoked-session call=")
        assert "DeleteRolePolicy" in line and "warning" in line, line
        wait_for(lambda: world.left() == 0, "the messages to be deleted")
        wait_for(lambda: world.flags("app")[0] & RATCHETED, "the hold")
        calls = world.box.calls()["actions"]["GetRole"]
        world.send(world.event("UpdateRole", {"roleName": "app"}))
        wait_for(lambda: world.box.calls()["actions"]["GetRole"] > calls, "another read")
        wait_for(lambda: world.left() == 0, "the message to be deleted")
        assert world.flags("app")[0] & HELD and agent.record("app").cutoff_ms > 0
        assert agent.stop() == 0
        agent.start()
        agent.wait_log("read=complete", len(agent.log))
        assert agent.record("app").cutoff_ms > 0, "a restart must not let go"


def removal_that_is_told_before_its_revocation_is_held_too():
    with World() as world:
        world.box.make_role("app")
        agent = world.start()
        now = datetime.datetime.now(UTC)
        old = (now - datetime.timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
        role = world.box.role_arn("app")
        actor = {"type": "AssumedRole", "principalId": "AROA1:thief",
                 "accessKeyId": "ASIATHIEF00000000001", "sessionContext": {
                     "sessionIssuer": {"type": "Role", "arn": role},
                     "attributes": {"creationDate": old}}}
        world.send(world.event("DeleteRolePolicy", {
            "roleName": "app", "policyName": stsgate_sandbox.REVOCATION}, userIdentity=actor))
        world.wait_status("applied", 1)
        assert not agent.record("app").enforced()
        world.send(world.put_event("app", now, at=now))
        agent.wait_log("alarm=removed-by-a-revoked-session")
        wait_for(lambda: world.left() == 0, "the messages to be deleted")
        wait_for(lambda: world.flags("app")[0] & RATCHETED, "the hold")


def version_that_a_revoked_session_takes_back_is_held():
    with World() as world:
        admin = world.box.client("iam")
        arn = harmless(admin)
        world.box.make_role("app", trust=["julie"], may=("iam:SetDefaultPolicyVersion",))
        admin.attach_role_policy(RoleName="app", PolicyArn=arn)
        session = world.box.session("app", issued=int(time.time()) - 600)
        world.box.faults(enforce_delay_ms=600000)
        agent = world.start()
        now = datetime.datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        admin.create_policy_version(PolicyArn=arn, SetAsDefault=True, PolicyDocument=revocation(now))
        wait_for(lambda: agent.record("app").enforced(), "the revocation")
        world.box.client("iam", session).set_default_policy_version(PolicyArn=arn, VersionId="v1")
        line = agent.wait_log("alarm=removed-by-a-revoked-session call=")
        assert "SetDefaultPolicyVersion" in line and arn in line, line
        wait_for(lambda: world.left() == 0, "the messages to be deleted")
        wait_for(lambda: world.flags("app")[0] & RATCHETED, "the hold")


def whoever_revokes_himself_has_removed_nothing():
    with World() as world:
        iam = thief(world)
        world.box.faults(enforce_delay_ms=600000)
        agent = world.start()
        iam.put_role_policy(RoleName="app", PolicyName=stsgate_sandbox.REVOCATION,
                            PolicyDocument=revocation(datetime.datetime.now(UTC)))
        wait_for(lambda: agent.record("app").enforced(), "the revocation")
        wait_for(lambda: world.left() == 0, "the message to be deleted")
        assert not world.flags("app")[0] & HELD, agent.log[-5:]
        assert not any("revoked-session" in line for line in agent.log)


def what_anybody_else_removes_goes():
    with World() as world:
        world.box.make_role("app", trust=["julie"], may=("iam:DeleteRolePolicy",))
        agent = world.start()
        world.box.revoke("app")
        wait_for(lambda: agent.record("app").enforced(), "the cutoff")
        fresh = world.box.client("iam", world.box.session("app", issued=int(time.time()) + 2))
        fresh.delete_role_policy(RoleName="app", PolicyName=stsgate_sandbox.REVOCATION)
        wait_for(lambda: not agent.record("app").enforced(), "the end of the revocation")
        assert not any("revoked-session" in line for line in agent.log)


if __name__ == "__main__":
    if stsgate_sandbox.find_binary() is None:
        print("1..0 # SKIP stsgate-sandbox is not built")
        sys.exit(77)
    cases = [
        revocation_takes_effect_by_its_event_and_is_confirmed_by_a_read,
        burst_of_revocations_waits_for_no_read,
        change_of_a_role_that_a_sweep_may_have_passed_waits_for_the_next,
        message_waits_in_the_queue_until_a_read_has_confirmed_it,
        policy_that_is_attached_and_its_new_version_are_read,
        new_version_of_a_policy_takes_effect_by_its_document_and_waits_for_a_read,
        version_that_is_not_the_default_revokes_nobody,
        policy_that_is_known_takes_effect_when_it_is_hung_on_a_role,
        hostile_documents_of_policies_revoke_nobody,
        role_that_is_deleted_and_made_again_is_seen,
        undoing_takes_two_reads_and_no_event_alone,
        duplicates_and_late_events_revoke_nobody,
        event_of_what_was_undone_meanwhile_does_not_stay,
        foreign_and_failed_calls_change_nothing_and_are_deleted,
        malformed_messages_are_named_and_end_in_the_dead_letter_queue,
        messages_too_large_together_are_taken_one_by_one,
        queue_that_is_not_there_is_an_alarm_and_polling_goes_on,
        failures_of_every_kind_pass,
        agent_stops_in_the_middle_of_a_poll,
        reload_takes_another_queue,
        one_queue_serves_two_accounts,
        event_reaches_every_label_of_its_account,
        session_that_is_assumed_is_known_by_its_access_key,
        session_that_the_rule_tells_without_its_token_is_taken,
        issue_time_of_other_accounts_roles_is_not_noted,
        what_a_revoked_session_removes_is_held,
        removal_that_is_told_before_its_revocation_is_held_too,
        version_that_a_revoked_session_takes_back_is_held,
        whoever_revokes_himself_has_removed_nothing,
        what_anybody_else_removes_goes,
    ]
    run([case for case in cases if not sys.argv[1:] or case.__name__ in sys.argv[1:]])
