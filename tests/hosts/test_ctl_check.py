#!/usr/bin/env python3
"""test_ctl_check.py - which roles stsgatectl check calls locked out: those that a statement keeps out
whole because the credential can't tell, and none that a new token gets in."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sandbox"))
import stsgate_sandbox
from stsgate_sandbox import Sandbox, policy, revocation

import agent_host
from agent_host import Agent, run, wait_for

PROGRAM = os.path.join(agent_host.BUILD, "module", "ctl", "stsgatectl")
YES = 0


def deny(condition=None, action="*", resource="*"):
    statement = {"Effect": "Deny", "Action": action, "Resource": resource}
    if condition:
        statement["Condition"] = condition
    return policy(statement)


class World:
    """A sandbox, and an agent that has read the roles that case() makes: name -> document."""

    def __init__(self, roles, more="", service="", extra=None):
        self.box = Sandbox()
        self.roles, self.more, self.service, self.extra = roles, more, service, extra

    def __enter__(self):
        self.box.start()
        for name, document in self.roles.items():
            self.box.make_role(name)
            if document:
                self.box.client("iam").put_role_policy(RoleName=name, PolicyName="stand",
                                                       PolicyDocument=document)
        self.agent = Agent("", self.box.environment("admin"))
        folder = os.path.join(self.agent.folder, "extra")
        os.mkdir(folder, 0o755)
        if self.extra:
            with open(os.path.join(folder, "own.json"), "w") as file:
                file.write(self.extra)
        self.agent.configure("[account prod]\nid = %s\nendpoint = %s\nrefresh = 1s\nsettle = 0\n"
                             "settled = 0\nextra_policies = %s\n[issuer prod]\n"
                             "kind = aws-web-identity\nurl = %s\naccount = prod\n%s"
                             % (self.box.account, self.box.url, folder, self.box.issuer(),
                                self.more))
        if self.service:
            with open(os.path.join(self.agent.conf, "services.d", "test.conf"), "a") as file:
                file.write(self.service)
        self.agent.start()
        wait_for(lambda: len(self.agent.records()) == len(self.roles), "the roles")
        return self

    def __exit__(self, *exception):
        try:
            self.agent.__exit__(*exception)
        finally:
            self.box.stop()

    def ctl(self, *arguments):
        return subprocess.run([PROGRAM, "--conf", self.agent.conf] + list(arguments), text=True,
                              env=self.agent.environment, capture_output=True, timeout=120)

    def locked_out(self):
        """{role: what the tool says of it}"""
        done = self.ctl("check", "--json")
        assert done.returncode == YES, done
        return {one["role"].rsplit("/", 1)[1]: one for one in json.loads(done.stdout)["locked_out"]}


def no_statement_locks_nobody_out():
    with World({"plain": None, "revoked": revocation("2026-01-01T00:00:00Z"),
                "other": deny({"StringLike": {"aws:userid": "*:julie"}}, "s3:*")}) as world:
        assert world.locked_out() == {}


def statement_that_a_new_token_answers_locks_nobody_out():
    with World({"person": deny({"StringLike": {"aws:userid": "*:julie"}}),
                "source": deny({"StringEquals": {"aws:SourceIdentity": "julie"}},
                               "execute-api:*")}) as world:
        world.box.revoke("person")
        world.agent.wait_complete()
        assert world.locked_out() == {}


def key_that_no_token_tells_and_no_mint_answers_is_named():
    with World({"person": deny({"StringLike": {"aws:userid": "*:julie"}}, "execute-api:*"),
                "mfa": deny({"Bool": {"aws:MultiFactorAuthPresent": "false"}})}) as world:
        found = world.locked_out()
        assert sorted(found) == ["mfa", "person"], found
        person = found["person"]
        assert (person["why"], person["key"]) == ("key-unknown", "aws:userid"), person
        assert "inline policy stand" in person["statement"] and "prod" == person["account"]
        assert "sts:GetWebIdentityToken" in person["do"], person
        assert found["mfa"]["key"] == "aws:MultiFactorAuthPresent"
        assert "stay the same" in found["mfa"]["do"], found
        lines = [line for line in world.ctl("check").stdout.splitlines() if "locked out" in line]
        assert len(lines) == 2 and all("service test" in line for line in lines), lines


def everybody_s_deny_and_a_date_far_ahead_are_named():
    with World({"closed": deny(), "ahead": revocation("2099-01-01T00:00:00Z")}) as world:
        found = world.locked_out()
        assert sorted(found) == ["ahead", "closed"], found
        assert {one["why"] for one in found.values()} == {"denied"}
        assert "until 2099-01-01" in found["ahead"]["text"]


def extra_policy_that_evidence_can_not_settle_is_named():
    with World({"one": None, "two": None},
               extra=deny({"StringLike": {"aws:userid": "*:julie"}})) as world:
        found = world.locked_out()
        assert sorted(found) == ["one", "two"], found
        assert "extra policy own" in found["one"]["statement"]
        assert "AWS does not know" in found["one"]["do"], found


def unreadable_policy_is_named_unless_the_service_lets_it_pass():
    for service, wanted in (("", ["one"]), ("indeterminate = allow\n", [])):
        with World({"one": None}, extra="{", service=service) as world:
            found = world.locked_out()
            assert sorted(found) == wanted, found
            assert not wanted or found["one"]["why"] == "indeterminate"


def role_that_may_not_enter_is_not_looked_at():
    with World({"closed": deny()}) as world:
        path = os.path.join(world.agent.conf, "services.d", "test.conf")
        with open(path) as file:
            text = file.read()
        with open(path, "w") as file:
            file.write(text.replace("role/*", "role/app-*"))
        assert world.locked_out() == {}


def role_without_its_arn_is_named_where_requests_are_signed():
    """STS tells no path, and only role.json could."""
    agent = Agent("", service=False)
    folder = os.path.join(agent.folder, "roles")
    for name, text in (("whole", '{"arn": "arn:aws:iam::123456789012:role/whole"}'), ("bare", None),
                       ("empty", "{}"), ("wrong", '{"arn": 1}'), ("broken", "{")):
        os.makedirs(os.path.join(folder, name), 0o755)
        if text:
            with open(os.path.join(folder, name, "role.json"), "w") as file:
                file.write(text)
    os.makedirs(os.path.join(folder, "~bob"), 0o755)
    with open(os.path.join(folder, "~bob", "user.json"), "w") as file:
        file.write('{"arn": "arn:aws:iam::123456789012:user/bob"}')
    for kind, named in (("aws-caller-identity\nbind_header = X-Own\nbind_value = own", True),
                        ("aws-web-identity\nurl = https://own.example", False)):
        agent.configure("[account prod]\nid = 123456789012\nsource = file\nfolder = %s\n"
                        "[issuer prod]\nkind = %s\naccount = prod\n" % (folder, kind))
        done = subprocess.run([PROGRAM, "--conf", agent.conf, "--json", "check"],
                              stdout=subprocess.PIPE, text=True, timeout=60)
        assert done.returncode == YES, done.stdout
        notes = [note for note in json.loads(done.stdout)["notes"] if "role.json" in note]
        assert len(notes) == named, notes
        if named:
            listed = notes[0].split("arn of ")[1].split(": their")[0]
            assert sorted(listed.split(", ")) == ["bare", "broken", "empty", "wrong"], notes
    agent.__exit__(None)


run([role_without_its_arn_is_named_where_requests_are_signed,
     no_statement_locks_nobody_out,
     statement_that_a_new_token_answers_locks_nobody_out,
     key_that_no_token_tells_and_no_mint_answers_is_named,
     everybody_s_deny_and_a_date_far_ahead_are_named,
     extra_policy_that_evidence_can_not_settle_is_named,
     unreadable_policy_is_named_unless_the_service_lets_it_pass,
     role_that_may_not_enter_is_not_looked_at])
