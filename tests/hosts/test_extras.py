#!/usr/bin/env python3
"""test_extras.py - policies of one's own beside IAM's: whom they are for, that changes count at once
and without IAM, and that what can't be read counts as matching."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sandbox"))
import stsgate_sandbox
from stsgate_sandbox import Sandbox, revocation

import agent_host
from agent_host import Agent, EXTRA, FROM_IAM, INDETERMINATE, OK, run, wait_for

PROGRAM = os.path.join(agent_host.BUILD, "module", "ctl", "stsgatectl")
EARLY, LATE = "2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z"


class World:
    """Roles app-one, app-two and other; an agent that reads them every second, or every hour."""

    def __init__(self, more="refresh = 1s\n"):
        self.box = Sandbox()
        self.more = more

    def __enter__(self):
        self.box.start()
        for name in ("App-one", "app-two", "other"):
            self.box.make_role(name)
        self.agent = Agent("", self.box.environment("admin"))
        self.folder = os.path.join(self.agent.folder, "extra")
        os.mkdir(self.folder, 0o755)
        self.agent.configure("[account prod]\nid = %s\nendpoint = %s\nextra_policies = %s\n%s"
                             "[issuer prod]\nkind = aws-web-identity\nurl = %s\naccount = prod\n"
                             % (self.box.account, self.box.url, self.folder, self.more,
                                self.box.issuer()))
        return self

    def __exit__(self, *exception):
        try:
            self.agent.__exit__(*exception)
        finally:
            self.box.stop()

    def put(self, name, text, mode=0o644):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        with open(path + ".new", "w") as file:
            file.write(text)
        os.chmod(path + ".new", mode)
        os.rename(path + ".new", path)
        return path

    def start(self):
        self.agent.start()
        wait_for(lambda: len(self.agent.records()) == 3, lambda: "roles; %s" % self.agent.log[-5:])
        return self

    def extras(self, role):
        record = self.agent.record(role)
        return [s for s in record.enforced() if s.origin == EXTRA] if record else []

    def which(self):
        """The roles that have extra policies, and the names of these."""
        return {role: sorted(s.policy for s in self.extras(role))
                for role in self.agent.records() if self.extras(role)}

    def roles_of_the_tool(self):
        return subprocess.run([PROGRAM, "--conf", self.agent.conf, "roles"], capture_output=True,
                              env=self.agent.environment, text=True, timeout=120).stdout


def folder_says_whom_a_policy_is_for():
    with World() as world:
        world.put("scp.json", revocation(EARLY))
        world.put("app-*/team.json", revocation(EARLY))
        world.put("APP-ONE/one.json", revocation(EARLY))
        world.put("app/none.json", revocation(EARLY))
        world.put("README", "not a policy")
        world.start()
        found = world.which()
        assert found == {"app-one": ["APP-ONE/one", "app-*/team", "scp"],
                         "app-two": ["app-*/team", "scp"], "other": ["scp"]}, found


def extra_policy_is_never_marked_as_iams_and_stands_beside_iams():
    with World() as world:
        world.box.revoke("other", EARLY)
        world.put("scp.json", revocation(LATE))
        world.start()
        iams, = [s for s in world.agent.record("other").enforced() if s.origin != EXTRA]
        own, = world.extras("other")
        assert iams.flags & FROM_IAM and not own.flags & FROM_IAM
        assert world.agent.record("other").cutoff_ms == own.cutoff_ms > iams.cutoff_ms
        world.agent.wait_complete()
        assert world.extras("other")[0].first_seen_ms == own.first_seen_ms


def change_counts_at_once_and_without_iam():
    with World("refresh = 1h\nmax_stale = 1d\n") as world:
        world.start()
        assert not world.which()
        world.box.stop()
        world.put("scp.json", revocation(EARLY))
        wait_for(lambda: len(world.which()) == 3, "the policy for all")
        world.put("other/more.json", revocation(LATE))
        wait_for(lambda: len(world.extras("other")) == 2, "a folder that is new")
        world.put("other/again.json", revocation(LATE))
        wait_for(lambda: len(world.extras("other")) == 3, "a change in it")
        line = world.agent.wait_log("revocation=new")
        assert "extra policy" in line and "account=prod role=" in line, line


def removal_needs_two_looks():
    with World() as world:
        path = world.put("other/scp.json", revocation(EARLY))
        world.start()
        assert world.extras("other")
        os.unlink(path)
        wait_for(lambda: not world.extras("other"), "the end of it")
        assert "extra policy other/scp" in world.agent.wait_log("revocation=gone")


def what_can_not_be_read_counts_as_matching_and_is_named():
    with World("refresh = 1h\nmax_stale = 1d\n") as world:
        world.start()
        world.put("other/broken.json", "{")
        wait_for(lambda: len(world.extras("other")) == 1, "the broken one")
        assert world.extras("other")[0].flags & INDETERMINATE
        assert not world.extras("app-two")
        os.symlink("/etc/passwd", os.path.join(world.folder, "app-two.json"))
        wait_for(lambda: len(world.extras("app-two")) == 1, "the link, for all roles")
        world.put("app-one/open.json", revocation(EARLY), 0o666)
        wait_for(lambda: len(world.extras("app-one")) == 2, "the one that all may write")
        assert all(s.flags & INDETERMINATE for s in world.extras("app-one"))
        os.mkdir(os.path.join(world.folder, "no role"), 0o755)
        wait_for(lambda: len(world.extras("app-two")) == 2, "the folder that names no role")
        said = world.roles_of_the_tool()
        for name in ("other/broken", "app-two.json", "app-one/open.json", "no role"):
            assert name in said, (name, said)
            world.agent.wait_log(name)
        assert "indeterminate" in said


def policies_too_many_for_one_record_leave_the_role_no_fresher_than_its_last_read():
    with World("refresh = 1h\nmax_stale = 1d\n") as world:
        world.start()
        users = ["AROAEXAMPLEEXAMPLE:%s%d" % ("x" * 200, number) for number in range(400)]
        for number in range(20):
            world.put("other/%d.json" % number, json.dumps({"Version": "2012-10-17", "Statement": [
                {"Effect": "Deny", "Action": "*", "Resource": "*", "Sid": str(number),
                 "Condition": {"StringLike": {"aws:userid": users[part::4]}}}
                for part in range(4)]}))
        line = world.agent.wait_log("too much for one record")
        assert "role=other" in line and "error" in line, line
        wait_for(lambda: world.agent.record("other").stale_since_ms, "the role to be stale")
        assert not world.agent.record("app-two").stale_since_ms


def folder_that_others_may_write_or_that_is_gone_counts_as_matching():
    with World("refresh = 1h\nmax_stale = 1d\n") as world:
        world.put("other/scp.json", revocation(EARLY))
        world.start()
        os.chmod(os.path.join(world.folder, "other"), 0o777)
        wait_for(lambda: any(s.flags & INDETERMINATE for s in world.extras("other")), "the mode")
        assert not world.extras("app-two")
        os.rename(world.folder, world.folder + ".gone")
        wait_for(lambda: any(s.flags & INDETERMINATE for s in world.extras("app-two")), "its end")
        os.chmod(os.path.join(world.folder + ".gone", "other"), 0o755)


def role_that_is_read_by_itself_has_them_too():
    with World("refresh = 1s\ndiscover = on-demand\n") as world:
        world.put("scp.json", revocation(EARLY))
        world.agent.start()
        assert world.agent.ask_role("other", world.box.account) == OK
        assert [s.policy for s in world.extras("other")] == ["scp"]
        world.put("other/more.json", revocation(LATE))
        wait_for(lambda: len(world.extras("other")) == 2, "a change")


def folder_that_is_configured_no_more_is_forgotten():
    with World() as world:
        world.put("scp.json", revocation(EARLY))
        world.start()
        path = os.path.join(world.agent.conf, "stsgate.conf")
        with open(path) as file:
            text = file.read()
        with open(path, "w") as file:
            file.write("\n".join(line for line in text.splitlines() if "extra_" not in line) + "\n")
        world.agent.reload()
        wait_for(lambda: not world.which(), "the end of them")


run([folder_says_whom_a_policy_is_for,
     extra_policy_is_never_marked_as_iams_and_stands_beside_iams,
     change_counts_at_once_and_without_iam,
     removal_needs_two_looks,
     what_can_not_be_read_counts_as_matching_and_is_named,
     policies_too_many_for_one_record_leave_the_role_no_fresher_than_its_last_read,
     folder_that_others_may_write_or_that_is_gone_counts_as_matching,
     role_that_is_read_by_itself_has_them_too,
     folder_that_is_configured_no_more_is_forgotten])
