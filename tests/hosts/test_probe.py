"""test_probe.py - `stsgatectl probe`, and the issue time in a session token that counts on its word:
the agent and stsgatectl against a local STS that is strict, or lax, or away. `explain` is the gate."""

import datetime
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../sandbox")]
from stsgate_sandbox import Sandbox, find_binary  # noqa: E402
import agent_host  # noqa: E402
import opaque  # noqa: E402
import seen  # noqa: E402
import signed  # noqa: E402

TOOL = os.path.join(agent_host.BUILD, "module", "ctl", "stsgatectl")
GATEWAY = "payments"
DAY_S = 86400
ROLE = "arn:aws:iam::123456789012:role/app"

SETTINGS = """
[account prod]
id = 123456789012
endpoint = %(url)s/
sts_endpoint = %(url)s/
refresh = 1s

[issuer prod]
kind = aws-caller-identity
account = prod
bind_header = X-K8s-Aws-Id
bind_value = payments
opaque_time = %(opaque)s
"""


class World:
    """A sandbox with the role `app`, an agent that reads it, and the tool."""

    def __init__(self, opaque_time="probed"):
        self.box = Sandbox(plain_users=["julie"], max_runtime=280).start()
        self.box.make_role("app", trust=["julie"], may=["s3:*"])
        self.agent = agent_host.Agent(SETTINGS % {"url": self.box.url, "opaque": opaque_time},
                                      environment=self.box.environment("admin"))

    def __enter__(self):
        try:
            self.agent.start()
            self.agent.wait_complete()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, *why):
        try:
            self.agent.__exit__(*why)
        finally:
            self.box.stop()

    @property
    def file(self):
        return os.path.join(self.agent.state, "probe-aws")

    def session(self, age_s=10, name="julie"):
        now = int(time.time())
        session = self.box.session(ROLE, name, issued=now - age_s, expires=now + 3600)
        seen.remember(session["SessionToken"][20:], session["SecretAccessKey"])
        return session

    def tool(self, *words, who=None, text=None):
        """(exit code, the JSON, standard error); nothing secret is in either."""
        environment = dict(os.environ, **(self.box.environment(who) if who else {}))
        done = subprocess.run(
            agent_host.shlex.split(os.environ.get("SG_UNDER", "")) +
            [TOOL, "--conf", self.agent.conf, "--json"] + list(words), input=text, text=True,
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        seen.search_text(done.stdout + done.stderr, "what stsgatectl prints")
        return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr

    def probe(self, *words, who=None):
        return self.tool("probe", "--issuer", "prod", *words, who=who or self.session())

    def kept(self):
        try:
            with open(self.file) as file:
                return file.read()
        except FileNotFoundError:
            return None

    def decide(self, credentials, form=signed.token):
        told = self.tool("explain", "-", "--service", "test",
                         text=form(credentials, GATEWAY) + "\n")[1]
        return told["verdict"], told["reason"]

    def revoke(self, ago_s):
        """A cutoff that lies back, read by the agent."""
        at = datetime.datetime.fromtimestamp(time.time() - ago_s, datetime.timezone.utc)
        self.box.revoke("app", at=at)
        agent_host.wait_for(lambda: self.agent.record("app") and self.agent.record("app").enforced(),
                            "the revocation")


def outcomes(told):
    return [(step["step"], step["outcome"]) for step in told["steps"]]


def age_probe(world, days):
    """The file as a probe of so long ago would have left it."""
    date = datetime.datetime.fromtimestamp(time.time() - days * DAY_S, datetime.timezone.utc)
    lines = world.kept().splitlines()
    lines[4] = "date = " + date.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    with open(world.file, "w") as file:
        file.write("\n".join(lines) + "\n")


# What the probe finds out

def strict_sts_is_found_strict_for_30_days():
    with World() as world:
        began = time.time()
        code, told, errors = world.probe()
        assert code == 0, (told, errors)
        assert outcomes(told) == [
            ("plain", "good"), ("time", "good"), ("broken", "good"), ("altered", "good"),
            ("altered", "good"), ("duplicated", "good"), ("duplicated", "good"),
            ("duplicated", "good"), ("plain again", "good")], told
        assert told["altered"] == "refused" and told["kept"] and told["token_type"] == 33
        until = datetime.datetime.strptime(told["until"], "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
        assert began + 30 * DAY_S - 2 <= until <= time.time() + 30 * DAY_S + 2
        assert "altered = refused" in world.kept()
        assert os.stat(world.file).st_mode & 0o777 == 0o644


def two_sessions_of_a_role_are_crossed():
    with World() as world:
        code, told, errors = world.probe("--role", ROLE, who="julie")
        assert code == 0, (told, errors)
        assert ("grafted", "good") in outcomes(told), told
        assert world.probe("--role", ROLE + "x", who="julie")[0] == 3


def lax_sts_is_found_out_and_ends_what_held():
    with World() as world:
        for lax, word in (("altered", "altered"), ("duplicated", "duplicated")):
            assert world.probe()[0] == 0
            world.box.faults(lax_tokens=lax)
            code, told, _ = world.probe()
            assert code == 1 and told["altered"] == "taken" and told["until"] is None, told
            assert (word, "bad") in outcomes(told), told
            assert ("broken", "good") in outcomes(told), told
            assert "altered = taken" in world.kept()
            world.box.calm()


def what_shows_nothing_keeps_nothing():
    with World() as world:
        fresh = world.session()
        assert world.probe(who="admin")[0] == 3  # long-term keys
        assert world.probe(who=world.session(2 * 3600))[0] == 3  # not fresh
        for fault in ("Throttling", "AccessDenied", "garbage", "503"):
            world.box.faults(fail=fault, only="GetCallerIdentity")
            assert world.probe(who=fresh)[0] == 3, fault
            world.box.calm()
        # every second call: some step is not answered
        world.box.faults(fail="Throttling", fail_every=2, only="GetCallerIdentity")
        assert world.probe(who=fresh)[0] == 3
        world.box.calm()
        wrong = dict(fresh, SecretAccessKey="x" * 40)
        assert world.probe(who=wrong)[0] == 3
        assert world.probe(who=dict(fresh, SessionToken="abcd" * 100))[0] == 3
        assert world.kept() is None
        # and leaves what was kept
        assert world.probe(who=fresh)[0] == 0
        before = world.kept()
        world.box.faults(fail="Throttling", only="GetCallerIdentity")
        assert world.probe(who=fresh)[0] == 3
        assert world.kept() == before


def refusals_for_another_reason_are_none():
    """STS that refuses everything after the first call shows nothing."""
    with World() as world:
        for code in ("SignatureDoesNotMatch", "ExpiredToken"):
            world.box.faults(fail=code, fail_every=2, only="GetCallerIdentity")
            assert world.probe()[0] == 3
            world.box.calm()
        assert world.kept() is None


def wrong_words_are_usage():
    with World() as world:
        assert world.tool("probe")[0] == 2
        assert world.tool("probe", "--issuer", "other")[0] == 2
        assert world.probe("--role", "app")[0] == 2
        assert world.probe("--region", "cn-north-1")[0] == 2


# What the agent and the gate make of it

def issue_time_decides_while_the_probe_holds():
    with World() as world:
        assert world.probe()[0] == 0
        world.revoke(600)
        for form in (signed.token, signed.presigned_url, signed.post):
            assert world.decide(world.session(3600, "old"), form) == ("deny", "session-revoked")
            assert world.decide(world.session(300, "new"), form) == ("allow", "ok"), form
        told = world.tool("explain", "-", "--service", "test",
                          text=signed.token(world.session(300), GATEWAY) + "\n")[1]
        dates = [datetime.datetime.strptime(told[name], "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
                 for name in ("issued_earliest", "issued_latest")]
        assert dates[1] - dates[0] < 2, told


def without_a_probe_it_stays_uncertain():
    with World() as world:
        world.agent.wait_log("opaque_time=off: there was no probe yet")
        world.revoke(600)
        for age_s in (3600, 300):
            assert world.decide(world.session(age_s)) == ("deny", "issue-time-uncertain")


def setting_that_is_off_is_off():
    with World(opaque_time="off") as world:
        assert world.probe()[0] == 0
        world.revoke(600)
        assert world.decide(world.session(300)) == ("deny", "issue-time-uncertain")


def probe_that_expired_failed_or_was_tampered_with_is_none():
    with World() as world:
        assert world.probe()[0] == 0
        world.revoke(600)
        assert world.decide(world.session(300)) == ("allow", "ok")
        good = world.kept()
        age_probe(world, 31)
        assert world.decide(world.session(300)) == ("deny", "issue-time-uncertain")
        world.agent.wait_log("opaque_time=off: the last probe is over 30 days old")
        age_probe(world, 29)
        assert world.decide(world.session(300)) == ("allow", "ok")
        age_probe(world, -1)
        assert world.decide(world.session(300)) == ("deny", "issue-time-uncertain")
        for bad in (good.replace("refused", "taken"), good.replace("= aws", "= aws-cn"),
                    good.replace(str(world.box.port), "1"), good.replace("= 33", "= 23"),
                    good[:-1], good + "\n", ""):
            with open(world.file, "w") as file:
                file.write(bad)
            assert world.decide(world.session(300)) == ("deny", "issue-time-uncertain"), bad
        with open(world.file, "w") as file:
            file.write(good)
        assert world.decide(world.session(300)) == ("allow", "ok")
        os.chmod(world.file, 0o666)
        assert world.decide(world.session(300)) == ("deny", "issue-time-uncertain")


def start_says_whether_it_counts():
    with World() as world:
        assert world.probe()[0] == 0
        start = len(world.agent.log)
        world.agent.reload()
        world.agent.wait_log("issuer=prod opaque_time=on until=", start)
        notes = world.tool("check")[1]["notes"]
        assert any("opaque_time" in note and "until" in note for note in notes), notes
        age_probe(world, 31)
        start = len(world.agent.log)
        world.agent.reload()
        world.agent.wait_log("opaque_time=off: the last probe is over 30 days old", start)
        notes = world.tool("check")[1]["notes"]
        assert any("over 30 days" in note for note in notes), notes


# What a thief makes of it

def altered_time_of_a_thief_is_refused_by_sts():
    with World() as world:
        assert world.probe()[0] == 0
        world.revoke(600)
        stolen = world.session(3600)
        assert world.decide(stolen) == ("deny", "session-revoked")
        now = int(time.time())
        token = stolen["SessionToken"]
        for wrong in (opaque.altered(token, now), opaque.duplicated(token, now),
                      opaque.duplicated(token, now, last=False)):
            for form in (signed.token, signed.post):
                assert world.decide(dict(stolen, SessionToken=wrong), form) == (
                    "deny", "bad-signature")


def time_that_stands_twice_counts_for_nothing_even_when_sts_takes_it():
    """STS turned lax after the probe: nothing but the one layout is read."""
    with World() as world:
        assert world.probe()[0] == 0
        world.revoke(600)
        stolen = world.session(3600)
        token, now = stolen["SessionToken"], int(time.time())
        parts = [raw for _, raw, _ in opaque.fields(token)]
        late = opaque.time_field(now)
        world.box.faults(lax_tokens="duplicated")
        for wrong in (opaque.duplicated(token, now), opaque.duplicated(token, now, last=False),
                      opaque.join(parts + [late]), opaque.join([late] + parts),
                      opaque.join(parts[:6] + [late, late] + parts[6:])):
            assert world.decide(dict(stolen, SessionToken=wrong)) == (
                "deny", "issue-time-uncertain")
        world.box.faults(lax_tokens="altered")
        long = late[:-1] + bytes([late[-1] | 128, 0])
        for wrong in (opaque.join(parts[:5] + [long] + parts[6:]),  # not the shortest form
                      opaque.join(parts[:5] + parts[6:] + [late]),  # out of order
                      opaque.join([late] + parts[:5] + parts[6:]),
                      opaque.altered(token, now + 7200),  # after it was used
                      opaque.altered(token, now - 40 * 3600)):  # before any session
            assert world.decide(dict(stolen, SessionToken=wrong)) == (
                "deny", "issue-time-uncertain")


if __name__ == "__main__":
    if not find_binary() or not os.path.exists(TOOL):
        print("1..0 # SKIP the sandbox or stsgatectl is not built")
        sys.exit(77)
    agent_host.run([
        strict_sts_is_found_strict_for_30_days,
        two_sessions_of_a_role_are_crossed,
        lax_sts_is_found_out_and_ends_what_held,
        what_shows_nothing_keeps_nothing,
        refusals_for_another_reason_are_none,
        wrong_words_are_usage,
        issue_time_decides_while_the_probe_holds,
        without_a_probe_it_stays_uncertain,
        setting_that_is_off_is_off,
        probe_that_expired_failed_or_was_tampered_with_is_none,
        start_says_whether_it_counts,
        altered_time_of_a_thief_is_refused_by_sts,
        time_that_stands_twice_counts_for_nothing_even_when_sts_takes_it,
    ])
