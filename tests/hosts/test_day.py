#!/usr/bin/env python3
"""test_day.py - a day of bad luck. AWS throttles, fails, cuts answers short, sends far too much or
nothing for an hour; credentials expire; this host's clock is wrong; the agent is killed at fifty
points. Both clocks are stepped, the agent's and the gate's by a preloaded shim, AWS's in the sandbox.

At each step every session is shown to a gate and the verdict is held against what IAM holds:
- allowed: never, once the agent has read a revocation of the session, and never on old records;
- denied: never, unless IAM holds (or held, before two complete reads) a revocation of it;
- undecided: only when the last complete read is older than max_stale.
DAY=long: more steps, other numbers. DAY_SEED: the same day again."""

import datetime
import json
import mmap
import os
import random
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sandbox"))
os.environ["BOTO_DISABLE_CRT"] = "true"  # which would sign by a clock of its own: see sign_by_the_day()
import stsgate_sandbox
from stsgate_sandbox import Sandbox
import botocore.auth

import agent_host
from agent_host import Agent, run, wait_for

HELPERS = os.path.join(agent_host.BUILD, "tests", "hosts")
GATE = os.path.join(HELPERS, "day_gate")
SHIM = next((path for path in (os.path.join(HELPERS, ".libs", "day_shim.so"),
                               os.path.join(HELPERS, "day_shim.so")) if os.path.exists(path)), None)
LONG = os.environ.get("DAY") == "long"
SEED = int(os.environ.get("DAY_SEED") or (random.randrange(1 << 30) if LONG else 20261124))
STEP_MS = 180000 if LONG else 360000  # below max_stale, so that one missed read is no outage
DAY_MS = 24 * 3600 * 1000
STEPS = DAY_MS // STEP_MS
KILLS = 50
MAX_STALE_MS = 600000
SLACK_MS = 3000  # Date has whole seconds, and a read takes its time
PATIENCE_S = 60

# A token's own times are held against this host's clock, and the log says that it is wrong.
BY_THE_CLOCK = ("not-yet-valid", "expired")

ROLES = ["alpha", "beta", "gamma"]
# What the agent calls; the day itself changes roles whatever goes wrong.
CALLS = ("GetAccountAuthorizationDetails,GetRole,ListRolePolicies,GetRolePolicy,"
         "ListAttachedRolePolicies,GetCallerIdentity")

# What goes wrong, for how many minutes (None: it is there, then it is over at once), and how.
TROUBLES = [
    ("throttling", 18, dict(fail="Throttling", fail_every=2)),
    ("throttled-whole", 12, dict(fail="Throttling", fail_every=1)),
    ("500s", 18, dict(fail="ServiceFailure", fail_every=2)),
    ("503s", 12, dict(fail="503", fail_every=1)),
    ("half-closed", 18, dict(fail="half-closed", fail_every=2)),
    ("dropped", 18, dict(drop_every=2)),
    ("truncated", 12, dict(fail="truncated", fail_every=1)),
    ("garbage", 12, dict(fail="garbage", fail_every=1)),
    ("oversized", 6, dict(fail="oversized", fail_every=1)),
    ("denied", 18, dict(fail="AccessDenied", fail_every=1)),
    ("expired-credentials", 24, None),
    ("host-clock-behind", 24, None),
    ("host-clock-ahead", 24, None),
    ("cut-off", 63, dict(down=1)),
]


class Clock:
    """The day's time: AWS's is here + ahead; the host's is that + wrong."""

    def __init__(self, path):
        with open(path, "wb") as file:
            file.write(bytes(16))
        self.file = open(path, "r+b")
        self.page = mmap.mmap(self.file.fileno(), 16)
        self.ahead_ms = self.wrong_ms = 0

    def set(self, ahead_ms=None, wrong_ms=None):
        self.ahead_ms = self.ahead_ms if ahead_ms is None else ahead_ms
        self.wrong_ms = self.wrong_ms if wrong_ms is None else wrong_ms
        self.page[:] = struct.pack("<qq", self.ahead_ms + self.wrong_ms, self.ahead_ms)

    def aws_ms(self):
        return int(time.time() * 1000) + self.ahead_ms

    def host_ms(self):
        return self.aws_ms() + self.wrong_ms

    def boot_ms(self):
        return int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000) + self.ahead_ms

    def close(self):
        self.page.close()
        self.file.close()


class Session:
    def __init__(self, role, issued_ms):
        self.role = role
        self.issued_ms = issued_ms
        self.token = None
        self.good_until_ms = 0


class Role:
    """What IAM holds: the standing cutoff, and since when (AWS's time)."""

    def __init__(self, name):
        self.name = name
        self.cutoff_ms = self.since_ms = None
        self.history = []  # (cutoff, since, until)

    def put(self, cutoff_ms, now_ms):
        self.drop(now_ms)
        self.cutoff_ms, self.since_ms = cutoff_ms, now_ms

    def drop(self, now_ms):
        if self.cutoff_ms is not None:
            self.history.append((self.cutoff_ms, self.since_ms, now_ms))
        self.cutoff_ms = None

    def standing(self, issued_ms):
        """Since when a revocation of such a session stands without a gap; None: none does."""
        if self.cutoff_ms is None or issued_ms >= self.cutoff_ms:
            return None
        since = self.since_ms
        for cutoff, begun, ended in reversed(self.history):
            if issued_ms < cutoff and ended >= since:
                since = begun
        return since

    def ended(self, issued_ms):
        """When the last revocation of such a session was taken away; None: there was none."""
        return max((ended for cutoff, _, ended in self.history if issued_ms < cutoff), default=None)


class Gate:
    def __init__(self, conf, environment):
        self.child = subprocess.Popen([GATE, conf], env=environment, text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def check(self, token):
        self.child.stdin.write(token + "\n")
        self.child.stdin.flush()
        return self.child.stdout.readline().split()

    def stop(self):
        self.child.stdin.close()
        code = self.child.wait(30)
        self.child.stdout.close()
        return code


class Day:
    def __init__(self, box):
        self.random = random.Random(SEED)
        self.box = box
        self.roles = [Role(name) for name in ROLES]
        self.sessions = []
        self.reads = []  # AWS's times at which complete reads began
        self.counts = {}
        self.kills = 0
        self.agent = Agent(
            "[account prod]\nid = %s\nendpoint = %s\nmax_stale = 10m\nsettle = 1s\nsettled = 1s\n"
            "calls_per_second = 100\n"
            "[issuer own]\nkind = jwt\nurl = %s\njwks = %s/.well-known/jwks.json\nalgorithms = RS256\n"
            "account = prod\nissue_time = session:session_issued\n"
            % (box.account, box.url, box.issuer(), box.issuer()))
        self.clock = Clock(os.path.join(self.agent.folder, "clock"))
        self.keys = os.path.join(self.agent.folder, "credentials")
        environment = box.environment()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            del environment[name]
            self.agent.environment.pop(name, None)
        preload = " ".join(filter(None, [os.environ.get("SG_PRELOAD", "").strip(), SHIM]))
        environment.update(AWS_SHARED_CREDENTIALS_FILE=self.keys, DAY_CLOCK=self.clock.file.name,
                           LD_PRELOAD=preload)
        self.agent.environment.update(environment)
        self.gate = None

    # --- the world ---

    def write_keys(self, credentials):
        with open(self.keys + ".new", "w") as file:
            file.write("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n"
                       % credentials[:2])
            if credentials[2]:
                file.write("aws_session_token = %s\n" % credentials[2])
        os.rename(self.keys + ".new", self.keys)

    def expired_keys(self):
        now_s = self.clock.aws_ms() // 1000
        keys = self.box.session("reader", issued=now_s - 7200, expires=now_s - 3600)
        return keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]

    def sign_by_the_day(self):
        day = self

        class Shifted(datetime.datetime):
            @classmethod
            def utcnow(cls):
                return cls.utcfromtimestamp(day.clock.aws_ms() / 1000)

        class Module:
            datetime = Shifted
        botocore.auth.datetime = Module

    def change_a_role(self):
        role = self.random.choice(self.roles)
        if role.cutoff_ms is not None and self.random.random() < 0.5:
            self.box.undo(role.name)
            role.drop(self.clock.aws_ms())
            return
        now_ms = self.clock.aws_ms()
        # The console's cutoff lies half a minute ahead.
        cutoff_ms = now_ms + 30000 if self.random.random() < 0.5 else now_ms
        at = datetime.datetime.fromtimestamp(cutoff_ms / 1000, datetime.timezone.utc)
        at = at.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (cutoff_ms % 1000)
        self.box.revoke(role.name, at)
        # From the end of the call on it stands for sure.
        role.put(cutoff_ms, self.clock.aws_ms())

    def add_session(self, role):
        now_ms = self.clock.aws_ms()
        if role.cutoff_ms is not None and now_ms < role.cutoff_ms:
            now_ms = role.cutoff_ms
        self.sessions.append(Session(role, now_ms // 1000 * 1000 + 1000))
        mine = [one for one in self.sessions if one.role is role]
        if len(mine) > 4:
            self.sessions.remove(self.random.choice(mine[:-1]))

    def token(self, session):
        now_ms = self.clock.host_ms()
        if session.token is None or not session.good_until_ms - 1500000 < now_ms < session.good_until_ms:
            session.token = self.box.mint(claims={
                "iss": self.box.issuer(), "sub": self.box.role_arn(session.role.name),
                "aud": "https://test.example", "iat": now_ms // 1000 - 5,
                "exp": now_ms // 1000 + 3600, "session_issued": session.issued_ms // 1000})
            session.good_until_ms = now_ms + 1200000
        return session.token

    # --- the agent ---

    def start_agent(self, die_at=None):
        self.agent.environment.pop("DAY_DIE_AT", None)
        if die_at:
            self.agent.environment["DAY_DIE_AT"] = str(die_at)
        self.agent.start()

    def reap_agent(self):
        """It was killed, or has died."""
        self.agent.process.kill()
        self.agent.process.wait()
        self.agent.reader.join()
        self.agent.process.stderr.close()
        self.agent.process = None

    def wake(self):
        """A connection makes its loop turn and look at the clock."""
        try:
            with agent_host.socket.socket(agent_host.socket.AF_UNIX,
                                          agent_host.socket.SOCK_SEQPACKET) as connection:
                connection.settimeout(5)
                connection.connect(self.agent.socket_path)
        except OSError:
            pass

    def note_reads(self):
        stamp = self.agent.stamp()
        if stamp and stamp.complete_boot_ms > 0 and stamp.complete_aws_ms not in self.reads:
            self.reads.append(stamp.complete_aws_ms)
        return stamp

    def complete_since(self, boot_ms):
        self.wake()
        stamp = self.note_reads()
        return stamp is not None and stamp.complete_boot_ms >= boot_ms

    def kill_and_start(self, good):
        self.kills += 1
        if self.kills % 2:
            time.sleep(self.random.random() * 0.03)
            self.reap_agent()
            self.start_agent(die_at=self.random.randrange(1, 40) if good else None)
            # Its next life may end by itself at one of its steps to the disk.
            for _ in range(25):
                if not good or self.agent.process.poll() is not None:
                    break
                self.wake()
                time.sleep(0.01)
        self.reap_agent()
        self.check_all("killed")
        self.start_agent()

    # --- what must hold ---

    def check_all(self, what):
        for session in list(self.sessions):
            token = self.token(session)
            stamp = self.note_reads()
            age_ms = self.clock.boot_ms() - stamp.complete_boot_ms
            verdict, reason = self.gate.check(token)
            age_after_ms = self.clock.boot_ms() - stamp.complete_boot_ms
            newer = self.note_reads()
            self.counts[verdict] = self.counts.get(verdict, 0) + 1
            self.judge(session, verdict, "%s: %s, issued %d, read %d ms ago: %s %s" % (
                what, session.role.name, session.issued_ms, age_ms, verdict, reason),
                stamp, newer, age_ms, age_after_ms)

    def judge(self, session, verdict, words, stamp, newer, age_ms, age_after_ms):
        role = session.role
        since = role.standing(session.issued_ms)
        if verdict == "allow":
            assert since is None or since + SLACK_MS > stamp.complete_aws_ms, \
                "wrongly allowed, revoked at %s: %s" % (since, words)
            assert age_ms <= MAX_STALE_MS or newer.complete_boot_ms != stamp.complete_boot_ms, \
                "allowed by old records: " + words
        elif verdict == "deny" and self.clock.wrong_ms and words.split()[-1] in BY_THE_CLOCK:
            self.counts["by the wrong clock"] = self.counts.get("by the wrong clock", 0) + 1
        elif verdict == "deny":
            ended = role.ended(session.issued_ms)
            reads = 0 if ended is None else sum(read > ended + SLACK_MS for read in self.reads)
            assert since is not None or (ended is not None and reads <= 2), \
                "wrongly denied, %d reads after %s: %s" % (reads, ended, words)
        else:
            assert age_after_ms > MAX_STALE_MS, "undecided with fresh records: " + words

    # --- a day ---

    def schedule(self):
        """[(first step, last step, name, faults)], the cut-off in the middle of the day."""
        order = TROUBLES[:]
        self.random.shuffle(order)
        lengths = [max(1, minutes * 60000 // STEP_MS) for _, minutes, _ in order]
        gap = max(1, (STEPS - 8 - sum(lengths)) // (len(order) + 1))
        at, found = 4, []
        for (name, _, faults), length in zip(order, lengths):
            found.append((at, at + length - 1, name, faults))
            at += length + gap
        assert at <= STEPS, "the day is too short for all of it"
        return found

    def begin(self, name, faults):
        if faults is not None:
            self.box.faults(reset=1, only=CALLS, **faults)
        elif name == "expired-credentials":
            self.write_keys(self.expired_keys())
            self.reap_agent()  # it would go on with what it holds
            self.start_agent()
        else:
            self.clock.set(wrong_ms=-7200000 if name.endswith("behind") else 7200000)

    def end(self):
        self.box.calm()
        self.write_keys(self.box.credentials("admin"))
        self.clock.set(wrong_ms=0)

    def step(self, number, trouble, kill):
        self.clock.set(ahead_ms=self.clock.ahead_ms + STEP_MS)
        self.box.faults(clock_offset_ms=self.clock.ahead_ms)
        if self.random.random() < 0.25:
            self.change_a_role()
        if self.random.random() < 0.25:
            self.add_session(self.random.choice(self.roles))
        began_ms = self.clock.boot_ms()
        self.wake()
        if kill:
            self.kill_and_start(trouble is None)
        if trouble is None:
            wait_for(lambda: self.complete_since(began_ms),
                     lambda: "a complete read in step %d; log: %s" % (number, self.agent.log[-8:]),
                     PATIENCE_S)
        else:
            for _ in range(4):
                self.wake()
                time.sleep(0.01)
        self.check_all("step %d, %s" % (number, trouble or "calm"))

    def run(self):
        schedule = self.schedule()
        kills = set(self.random.sample(range(2, STEPS), KILLS))
        trouble = None
        for number in range(STEPS):
            ends = [one for one in schedule if one[1] + 1 == number]
            begins = [one for one in schedule if one[0] == number]
            if ends:
                self.end()
                trouble = None
            if begins:
                trouble = begins[0][2]
                self.begin(trouble, begins[0][3])
            self.step(number, trouble, number in kills)
        assert self.kills == KILLS
        return [name for _, _, name, _ in schedule]


def day_of_bad_luck():
    print("# DAY_SEED=%d, %d steps of %d s" % (SEED, STEPS, STEP_MS // 1000))
    sys.stdout.flush()
    began = time.monotonic()
    with Sandbox(max_runtime=900) as box:
        for name in ROLES + ["reader"]:
            box.make_role(name)
        day = Day(box)
        day.clock.set(0, 0)
        day.write_keys(box.credentials("admin"))
        day.sign_by_the_day()
        day.start_agent()
        try:
            wait_for(lambda: day.complete_since(1), lambda: "a first read: %s" % day.agent.log[-8:],
                     PATIENCE_S)
            wait_for(lambda: day.agent.kids("own"), "keys", PATIENCE_S)
            day.gate = Gate(day.agent.conf, day.agent.environment)
            for role in day.roles:
                day.add_session(role)
            names = day.run()
        finally:
            if day.agent.process is not None:
                day.reap_agent()
            code = day.gate.stop() if day.gate else 0
            day.clock.close()
            day.agent.__exit__(sys.exc_info()[0])
        assert code == 0, code
        print("# %s; %d kills; %d complete reads seen; %s; %.0f s"
              % (", ".join(names), day.kills, len(day.reads),
                 ", ".join("%d %s" % (day.counts[one], one) for one in sorted(day.counts)),
                 time.monotonic() - began))
        assert day.counts.get("allow") and day.counts.get("deny") and day.counts.get("undecided")


if __name__ == "__main__":
    if not stsgate_sandbox.find_binary() or not os.access(agent_host.PROGRAM, os.X_OK) \
            or not os.access(GATE, os.X_OK) or SHIM is None or os.environ.get("SG_UNDER"):
        print("1..0 # SKIP stsgated, the sandbox or the day's helpers are not built, or slow")
        sys.exit(77)
    run([day_of_bad_luck])
