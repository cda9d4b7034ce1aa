#!/usr/bin/env python3
"""test_ctl_credentials.py - stsgatectl credentials against the sandbox: which way keys came, whose
they are by STS's word, and that no key is ever printed."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sandbox"))
import stsgate_sandbox
from stsgate_sandbox import Sandbox

import agent_host
from agent_host import Agent, run

PROGRAM = os.path.join(agent_host.BUILD, "module", "ctl", "stsgatectl")


class World:
    """A sandbox with a role that admin may assume; more: further lines of [account prod]."""

    def __init__(self, more="", account=None):
        self.box, self.more, self.account = Sandbox(), more, account

    def __enter__(self):
        self.box.start()
        self.role = self.box.make_role("reader", trust=["admin"])
        self.agent = Agent("[account prod]\nid = %s\nendpoint = %s\n%s"
                           "[issuer prod]\nkind = aws-web-identity\nurl = %s\naccount = prod\n"
                           % (self.account or self.box.account, self.box.url,
                              self.more.replace("ROLE", self.role), self.box.issuer()),
                           self.box.environment("admin"))
        return self

    def __exit__(self, *exception):
        try:
            self.agent.__exit__(*exception)
        finally:
            self.box.stop()

    def ctl(self, *arguments, **environment):
        full = dict(self.agent.environment, **environment)
        done = subprocess.run([PROGRAM, "--conf", self.agent.conf, "credentials"] + list(arguments),
                              env={name: value for name, value in full.items() if value is not None},
                              capture_output=True, text=True, timeout=120)
        secret = full["AWS_SECRET_ACCESS_KEY"]
        assert secret not in done.stdout + done.stderr, "a secret was printed"
        return done


def keys_of_the_environment_are_told_with_their_owner():
    with World() as world:
        done = world.ctl()
        assert done.returncode == 0, done.stdout + done.stderr
        assert "from   environment" in done.stdout
        assert "for    arn:aws:iam::%s:user/admin" % world.box.account in done.stdout
        assert "until  not said" in done.stdout


def assumed_role_is_told_with_its_end():
    with World("assume_role = ROLE\nsession_name = watcher\n") as world:
        done = world.ctl("--json")
        assert done.returncode == 0, done.stdout + done.stderr
        one, = json.loads(done.stdout)
        assert one["account"] == "prod" and one["trouble"] == "", one
        assert one["source"].endswith("role " + world.role), one
        assert one["arn"].endswith(":assumed-role/reader/watcher"), one
        assert one["until"].endswith("Z"), one


def role_that_may_not_be_assumed_is_told():
    with World("assume_role = ROLEx\n") as world:
        done = world.ctl()
        assert done.returncode == 3 and "no credentials: STS, role" in done.stdout, done.stdout
        assert "AccessDenied" in done.stdout, done.stdout


def keys_of_another_account_are_a_no():
    with World(account="210987654321") as world:
        done = world.ctl("--account", "prod")
        assert done.returncode == 1 and "these are of account " + world.box.account in done.stdout, done.stdout


def unknown_keys_are_a_no():
    with World() as world:
        done = world.ctl(AWS_ACCESS_KEY_ID="AKIAUNKNOWN000000001")
        assert done.returncode == 1 and "InvalidClientTokenId" in done.stdout, done.stdout


def no_keys_at_all_is_undecided_and_says_where_was_looked():
    with World() as world:
        done = world.ctl(AWS_ACCESS_KEY_ID=None, AWS_SHARED_CREDENTIALS_FILE="/dev/null",
                         AWS_CONFIG_FILE="/dev/null", AWS_EC2_METADATA_DISABLED="true")
        assert done.returncode == 3 and "AWS_ACCESS_KEY_ID" in done.stdout, done.stdout


def unknown_label_is_a_mistake():
    with World() as world:
        done = world.ctl("--account", "other")
        assert done.returncode == 1 and "other" in done.stderr, done.stderr


def endpoints_of_the_environment_count_when_configured():
    with World() as world:
        path = os.path.join(world.agent.conf, "stsgate.conf")
        with open(path, encoding="utf-8") as file:
            text = file.read().replace("endpoint = %s\n" % world.box.url, "")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("[agent]\n", "[agent]\nenvironment_endpoints = on\n"))
        done = world.ctl()
        assert done.returncode == 0 and "user/admin" in done.stdout, done.stdout + done.stderr


if __name__ == "__main__":
    if not os.access(PROGRAM, os.X_OK) or stsgate_sandbox.find_binary() is None:
        print("1..0 # SKIP stsgatectl or the sandbox is not built")
        sys.exit(77)
    run([keys_of_the_environment_are_told_with_their_owner, assumed_role_is_told_with_its_end,
         role_that_may_not_be_assumed_is_told, keys_of_another_account_are_a_no,
         unknown_keys_are_a_no, no_keys_at_all_is_undecided_and_says_where_was_looked,
         unknown_label_is_a_mistake, endpoints_of_the_environment_count_when_configured])
