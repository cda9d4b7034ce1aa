#!/usr/bin/env python3
"""test_ratchet.py - a revocation that is taken back in IAM: who is told, what a ratchet keeps, and
that only stsgatectl lift, by root or the agent's user, lets it go."""

import datetime
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sandbox"))
import stsgate_sandbox
from stsgate_sandbox import Sandbox

import agent_host
from agent_host import Agent, GONE_ONCE, RATCHETED, Skipped, run, wait_for

PROGRAM = os.path.join(agent_host.BUILD, "module", "ctl", "stsgatectl")
YES, NO = 0, 1
NOBODY = 65534


class World:
    """A sandbox with the role app, and an agent that reads it every second."""

    def __init__(self, more="ratchet = on\n"):
        self.box = Sandbox(plain_users=["julie"])
        self.more = more

    def __enter__(self):
        self.box.start()
        self.box.make_role("app", trust=["julie"])
        self.agent = Agent("[account prod]\nid = %s\nendpoint = %s\nrefresh = 1s\nsettle = 0\n"
                           "settled = 0\n%s[issuer prod]\nkind = aws-web-identity\nurl = %s\n"
                           "account = prod\n" % (self.box.account, self.box.url, self.more,
                                                 self.box.issuer()),
                           self.box.environment("admin"))
        return self

    def __exit__(self, *exception):
        try:
            self.agent.__exit__(*exception)
        finally:
            self.box.stop()

    def ctl(self, *arguments, words=None, **more):
        return subprocess.run([PROGRAM, "--conf", self.agent.conf] + list(arguments), input=words,
                              env=self.agent.environment, capture_output=True, text=True,
                              timeout=120, **more)

    def enforced(self):
        return self.agent.record("app").enforced()

    def kept(self):
        return [s for s in self.enforced() if s.flags & RATCHETED and not s.flags & GONE_ONCE]

    def lose(self):
        """A revocation that the agent has seen, and that is gone; its line in the log."""
        self.agent.start()
        self.agent.wait_complete()
        self.box.revoke("app")
        wait_for(self.enforced, "the revocation")
        self.agent.wait_complete()
        start = len(self.agent.log)
        self.box.undo("app")
        line = self.agent.wait_log("revocation=gone", start)
        if self.more:  # the log tells it before the store does
            wait_for(self.kept, "what is kept")
        return line


def removed_revocation_is_kept_and_everybody_is_told():
    with World() as world:
        line = world.lose()
        for word in ("warning", "account=prod role=app revocation=gone",
                     "alarm=cutoff-younger-than-5m", "ratchet=kept-until-", "old=20", "new=none",
                     "inline policy AWSRevokeOlderSessions: Deny sessions issued before 20"):
            assert word in line, (word, line)
        for _ in range(3):
            world.agent.wait_complete()
        kept, = world.kept()
        assert kept.kept_until_ms == kept.cutoff_ms + 12 * 3600 * 1000
        assert 0 < kept.first_seen_ms <= kept.last_seen_ms
        assert sum("revocation=gone" in line for line in world.agent.log) == 1
        said = world.ctl("roles", "app").stdout
        assert "ratcheted" in said and "stsgatectl lift" in said, said
        role, = json.loads(world.ctl("--json", "roles", "app").stdout)
        one, = [s for s in role["statements"] if s["enforced"]]
        assert one["ratcheted"] and one["kept_until"] and one["last_seen"], one


def ratchet_outlives_the_agent():
    with World() as world:
        world.lose()
        world.agent.stop()
        world.agent.start()
        for _ in range(2):
            world.agent.wait_complete()
        assert world.kept()


def lift_lets_go_at_once_and_for_good():
    with World() as world:
        world.lose()
        done = world.ctl("lift", "app")
        assert done.returncode == YES and "lifted" in done.stdout, (done, world.agent.log[-5:])
        assert "AWSRevokeOlderSessions" in done.stdout
        assert world.enforced() == []
        line = world.agent.wait_log("revocation=lifted")
        assert "account=prod role=app" in line and "old=20" in line and "new=none" in line, line
        for _ in range(2):
            world.agent.wait_complete()
        assert world.enforced() == []
        assert not [name for name in os.listdir(world.agent.state) if name.startswith("lift")]
        assert world.ctl("lift", "app").returncode == NO


def lift_waits_for_an_agent_that_does_not_run():
    with World() as world:
        world.lose()
        world.agent.stop()
        done = world.ctl("--json", "lift", world.box.role_arn("app"), "--account", "prod")
        said = json.loads(done.stdout)
        assert done.returncode == YES and said["done"] == "pending", done
        assert len(said["statements"]) == 1
        assert world.kept()
        world.agent.start()
        wait_for(lambda: world.enforced() == [], "what was lifted before it started")


def lift_lets_go_of_what_it_showed_and_of_nothing_else():
    with World() as world:
        world.lose()
        first, = world.kept()
        world.agent.stop()
        assert world.ctl("lift", "app").returncode == YES
        pending, = [name for name in os.listdir(world.agent.state) if name.startswith("lift:")]
        path = os.path.join(world.agent.state, pending)
        with open(path) as file:
            assert file.read().count("\n") == 1
        with open(path, "w") as file:
            file.write("00" * 16 + "\n")
        world.agent.start()
        world.agent.wait_log("lift=nothing")
        assert world.kept()[0].cutoff_ms == first.cutoff_ms
        assert not os.path.exists(path)


def lift_that_could_not_be_written_is_not_forgotten():
    with World() as world:
        world.lose()
        blocker = os.path.join(world.agent.state, "account-prod.cdb.new", "x")
        os.makedirs(blocker)
        start = len(world.agent.log)
        asking = subprocess.Popen([PROGRAM, "--conf", world.agent.conf, "lift", "app"],
                                  env=world.agent.environment, stdout=subprocess.DEVNULL)
        try:
            world.agent.wait_log("the store can't be written", start)
            path = os.path.join(world.agent.state, "lift:prod:app:")
            other = os.path.join(world.agent.state, "lift:prod:nobody:")
            with open(other + ".new", "w") as file:
                file.write("00" * 16 + "\n")
            os.rename(other + ".new", other)  # another look at the folder
            wait_for(lambda: not os.path.exists(other), "the file that asks for nothing to go")
            assert os.path.exists(path) and world.kept()
            asking.wait(60)
        finally:
            asking.kill()  # or it has ended
            asking.wait()
        os.rmdir(blocker)
        os.rmdir(os.path.dirname(blocker))
        wait_for(lambda: world.enforced() == [], "what was asked for")
        wait_for(lambda: not os.path.exists(path), "the end of the file", 60)


def only_root_and_the_agents_user_may_lift():
    if os.geteuid() != 0:
        raise Skipped("not root")
    with World() as world:
        world.lose()
        os.chmod(world.agent.folder, 0o755)
        done = world.ctl("lift", "app", user=NOBODY, group=NOBODY, extra_groups=[])
        assert done.returncode == NO and "only root and the agent's user" in done.stderr, done
        assert world.kept()
        # Nor is anybody else's file taken, however it came there.
        path = os.path.join(world.agent.state, "lift:prod:app:")
        world.agent.stop()
        assert world.ctl("lift", "app").returncode == YES
        os.chown(path, NOBODY, NOBODY)
        world.agent.start()
        world.agent.wait_log("lift:prod:app:")
        world.agent.wait_complete()
        assert world.kept()


def token_that_was_minted_after_the_removal_proves_nothing():
    with World() as world:
        thief = world.box.assume("julie", "app", "thief")
        world.lose()
        wait_for(world.kept, "the ratchet")
        token = world.box.web_identity_token(thief, "https://test.example")
        done = world.ctl("explain", "-", "--service", "test", words=token + "\n")
        assert done.returncode == NO and "issue-time-uncertain" in done.stdout, done.stdout
        assert world.ctl("lift", "app").returncode == YES
        done = world.ctl("explain", "-", "--service", "test", words=token + "\n")
        assert done.returncode == YES, done.stdout


def date_moved_back_is_an_alarm_and_both_are_kept():
    with World() as world:
        world.agent.start()
        world.agent.wait_complete()
        world.box.revoke("app")
        wait_for(world.enforced, "the revocation")
        world.agent.wait_complete()
        later = world.agent.record("app").cutoff_ms
        hour_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
        world.box.revoke("app", hour_ago)
        line = world.agent.wait_log("revocation=moved-back")
        assert "warning" in line and "alarm=" in line and "account=prod role=app" in line, line
        old, new = (line.split(word)[1].split()[0] for word in ("old=", "new="))
        assert old.rstrip(":") > new.rstrip(":") > "2026", line
        assert len(world.enforced()) == 2
        assert world.agent.record("app").cutoff_ms == later


def without_a_ratchet_two_reads_lift_it():
    with World("") as world:
        line = world.lose()
        assert "alarm=" in line and "ratchet" not in line, line
        wait_for(lambda: world.enforced() == [], "the end of it")
        assert world.ctl("lift", "app").returncode == NO


run([removed_revocation_is_kept_and_everybody_is_told,
     ratchet_outlives_the_agent,
     lift_lets_go_at_once_and_for_good,
     lift_waits_for_an_agent_that_does_not_run,
     lift_lets_go_of_what_it_showed_and_of_nothing_else,
     lift_that_could_not_be_written_is_not_forgotten,
     only_root_and_the_agents_user_may_lift,
     token_that_was_minted_after_the_removal_proves_nothing,
     date_moved_back_is_an_alarm_and_both_are_kept,
     without_a_ratchet_two_reads_lift_it])
