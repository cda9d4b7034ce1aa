#!/usr/bin/env python3
"""test_ctl.py - stsgatectl check, roles, status and explain: what a script relies on (exit codes,
JSON) and that no token is ever printed."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sandbox"))
import stsgate_sandbox
from stsgate_sandbox import Sandbox

import agent_host
from agent_host import Agent, run, wait_for

PROGRAM = os.path.join(agent_host.BUILD, "module", "ctl", "stsgatectl")
YES, NO, USAGE, UNDECIDED = 0, 1, 2, 3


class World:
    """A sandbox with the role app, a configuration for it, and no agent until start()."""

    def __init__(self, issuer=""):
        self.box = Sandbox(plain_users=["julie"])
        self.issuer = issuer

    def __enter__(self):
        self.box.start()
        self.box.make_role("app", trust=["julie"])
        self.agent = Agent("[account prod]\nid = %s\nendpoint = %s\nrefresh = 1s\nsettle = 0\n"
                           "settled = 0\n[issuer prod]\nkind = aws-web-identity\nurl = %s\n"
                           "account = prod\n%s\n"
                           % (self.box.account, self.box.url, self.box.issuer(), self.issuer),
                           self.box.environment("admin"))
        return self

    def __exit__(self, *exception):
        try:
            self.agent.__exit__(*exception)
        finally:
            self.box.stop()

    def start(self):
        self.agent.start()
        wait_for(lambda: self.ctl("status").returncode == YES, "the agent's first answers")

    def token(self):
        return self.box.web_identity_token(self.box.assume("julie", "app", "julie"),
                                           "https://test.example")

    def ctl(self, *arguments, words=None):
        return subprocess.run([PROGRAM, "--conf", self.agent.conf] + list(arguments), input=words,
                              env=self.agent.environment, capture_output=True, text=True,
                              timeout=60)

    def explain(self, token, *more):
        done = self.ctl("explain", "-", "--service", "test", *more, words=token + "\n")
        assert token not in done.stdout + done.stderr
        return done


def check_of_a_good_configuration_is_yes():
    with World() as world:
        assert world.ctl("check").returncode == YES
        said = json.loads(world.ctl("check", "--json").stdout)
        note, = said.pop("notes")
        assert said == {"good": True, "problems": [], "locked_out": []}, said
        assert "no good table" in note, note
        world.start()
        assert json.loads(world.ctl("check", "--json").stdout)["notes"] == []


def check_names_every_mistake_in_json_too():
    with World("nonsense = 1\nlongest_session = 1y\n") as world:
        done = world.ctl("check")
        assert done.returncode == NO
        assert "stsgate.conf:" in done.stderr and "nonsense" in done.stderr
        said = json.loads(world.ctl("check", "--json").stdout)
        assert not said["good"] and len(said["problems"]) == 2, said


def check_notes_what_a_lower_longest_session_assumes():
    with World("longest_session = 1h\n") as world:
        done = world.ctl("check")
        assert done.returncode == YES and "longest_session = 1h assumes" in done.stdout
        notes = json.loads(world.ctl("check", "--json").stdout)["notes"]
        assert sum("assumes" in note for note in notes) == 1, notes


def status_without_an_agent_is_undecided():
    with World() as world:
        done = world.ctl("status")
        assert done.returncode == UNDECIDED and "never read" in done.stdout, done.stdout
        said = json.loads(world.ctl("status", "--json").stdout)
        assert said["agent"] is None and not any(one["fresh"] for one in said["store"])


def explain_without_an_agent_is_undecided():
    with World() as world:
        done = world.explain(world.token())
        assert done.returncode == UNDECIDED and "keys-unavailable" in done.stdout, done.stdout


def explain_shows_each_step_to_an_allow_and_to_a_denial():
    with World() as world:
        world.start()
        token = world.token()
        done = wait_for(lambda: (lambda d: d.returncode == YES and d)(world.explain(token)),
                        "the role to have settled")
        for step in "credential", "signature", "session", "issued", "service", "record", "result":
            assert "\n%-12s" % step in "\n" + done.stdout, (step, done.stdout)
        world.box.revoke("app", "2099-01-01T00:00:00Z")
        done = wait_for(lambda: (lambda d: d.returncode == NO and d)(world.explain(token)),
                        "the revocation")
        assert "AWSRevokeOlderSessions" in done.stdout and "HTTP 401" in done.stdout
        said = json.loads(world.explain(token, "--json").stdout)
        assert (said["verdict"], said["reason"]) == ("deny", "session-revoked")
        assert said["cutoff"] == "2099-01-01T00:00:00.000Z" and said["steps"]
        roles = json.loads(world.ctl("roles", "--json", "app").stdout)
        assert roles[0]["cutoff"] == said["cutoff"] and roles[0]["statements"][0]["enforced"]
        assert json.loads(world.ctl("roles", "--json", "other*").stdout) == []


def explain_of_a_forged_token_is_no():
    with World() as world:
        world.start()
        token = world.token()
        forged = token[:-20] + ("A" if token[-20] != "A" else "B") + token[-19:]
        done = world.explain(forged)
        assert done.returncode == NO and "bad-signature" in done.stdout, done.stdout


def wrong_usage_is_two():
    with World() as world:
        for words in ((), ("nonsense",), ("explain", "x"), ("check", "more"), ("revoke",),
                      ("explain", "x", "--service", "none"), ("roles", "--accounts", "x")):
            done = world.ctl(*words)
            assert done.returncode == USAGE and done.stderr, (words, done)


def nothing_is_coloured_but_on_a_terminal():
    with World() as world:
        assert "\033" not in world.ctl("status").stdout


if __name__ == "__main__":
    if not stsgate_sandbox.find_binary() or not os.access(PROGRAM, os.X_OK):
        print("1..0 # SKIP stsgatectl or the sandbox is not built")
        sys.exit(77)
    run([case for case in list(globals().values())
         if callable(case) and getattr(case, "__module__", "") == "__main__"
         and not isinstance(case, type)])
