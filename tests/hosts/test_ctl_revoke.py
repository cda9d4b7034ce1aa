#!/usr/bin/env python3
"""test_ctl_revoke.py - stsgatectl revoke and undo against the sandbox's IAM: what they change, and
that a role of the same name in another account or under another path is never the one."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sandbox"))
import stsgate_sandbox
from stsgate_sandbox import Sandbox

import agent_host
from agent_host import Agent, run

PROGRAM = os.path.join(agent_host.BUILD, "module", "ctl", "stsgatectl")
POLICY = "AWSRevokeOlderSessions"


class World:
    """A sandbox with the role /team/app, and a configuration whose account has the id given."""

    def __init__(self, account=None):
        self.box = Sandbox()
        self.account = account

    def __enter__(self):
        self.box.start()
        self.box.make_role("app", Path="/team/")
        self.agent = Agent("[account prod]\nid = %s\nendpoint = %s\n"
                           "[issuer prod]\nkind = aws-web-identity\nurl = %s\naccount = prod\n"
                           % (self.account or self.box.account, self.box.url, self.box.issuer()),
                           self.box.environment("admin"))
        return self

    def __exit__(self, *exception):
        try:
            self.agent.__exit__(*exception)
        finally:
            self.box.stop()

    def ctl(self, *arguments):
        return subprocess.run([PROGRAM, "--conf", self.agent.conf] + list(arguments),
                              env=self.agent.environment, capture_output=True, text=True,
                              timeout=60)

    def revoked(self):
        names = self.box.client("iam").list_role_policies(RoleName="app")["PolicyNames"]
        return POLICY in names


def revoke_puts_the_policy_and_undo_takes_it_away():
    with World() as world:
        done = world.ctl("revoke", "app", "--at", "2026-11-20T08:00:00Z")
        assert done.returncode == 0 and world.revoked(), done.stderr
        assert "2026-11-20T08:00:00.000Z" in done.stdout
        done = world.ctl("undo", "arn:aws:iam::%s:role/team/app" % world.box.account)
        assert done.returncode == 0 and not world.revoked(), done.stderr


def credentials_of_another_account_change_nothing():
    with World(account="210987654321") as world:
        done = world.ctl("revoke", "app")
        assert done.returncode == 1 and "nothing was changed" in done.stderr, done.stderr
        assert not world.revoked()
        world.box.revoke("app")
        assert world.ctl("undo", "app").returncode == 1
        assert world.revoked()


def same_name_under_another_path_is_not_the_role():
    with World() as world:
        done = world.ctl("revoke", "arn:aws:iam::%s:role/app" % world.box.account)
        assert done.returncode == 1 and "/team/app" in done.stderr, done.stderr
        assert not world.revoked()


def role_that_is_not_there_is_an_error():
    with World() as world:
        done = world.ctl("revoke", "other")
        assert done.returncode == 1 and "NoSuchEntity" in done.stderr, done.stderr


def error_of_iam_is_no_success():
    with World() as world:
        world.box.faults(fail="AccessDenied", fail_every=1, only="PutRolePolicy,DeleteRolePolicy")
        for command in ("revoke", "undo"):
            done = world.ctl(command, "app")
            assert done.returncode == 1 and "AccessDenied" in done.stderr, done.stderr
            secret = world.agent.environment["AWS_SECRET_ACCESS_KEY"]
            assert secret not in done.stdout + done.stderr


if __name__ == "__main__":
    if not os.access(PROGRAM, os.X_OK) or stsgate_sandbox.find_binary() is None:
        print("1..0 # SKIP stsgatectl or the sandbox is not built")
        sys.exit(77)
    run([revoke_puts_the_policy_and_undo_takes_it_away,
         credentials_of_another_account_change_nothing,
         same_name_under_another_path_is_not_the_role,
         role_that_is_not_there_is_an_error,
         error_of_iam_is_no_success])
