#!/usr/bin/env python3
"""test_agent_faults.py - stsgated when something around it fails: killed, started twice, a full or
read-only disk, a damaged store, servers that hang, drip, flood or talk nonsense. What is known
stays, nothing looks fresher than it is, and all heals by itself. FAULTS=long does more rounds."""

import os
import random
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "hosts"), os.path.join(HERE, "..", "sandbox")]
import stsgate_sandbox
from stsgate_sandbox import Sandbox

import agent_host
from agent_host import Agent, Skipped, run, wait_for
from hostile import Hostile

HELPERS = ("settings", "kill", "resident_kb", "in_a_namespace", "assert_unharmed", "hostile_iam")
LONG = os.environ.get("FAULTS") == "long"
CUTOFF = "2026-01-02T03:04:05.000Z"


def settings(url, issuer, account="123456789012", refresh="1s"):
    return ("[account prod]\nid = %s\nendpoint = %s\nrefresh = %s\n"
            "[issuer prod]\nkind = aws-web-identity\nurl = %s\naccount = prod\n"
            % (account, url, refresh, issuer))


class World:
    """A sandbox with one revoked role, and an agent that is not started yet."""

    def __init__(self, roles=1):
        self.box = Sandbox()
        self.roles = roles

    def __enter__(self):
        self.box.start()
        for number in range(self.roles):
            self.box.make_role("role%d" % number)
        self.box.revoke("role0", CUTOFF)
        self.agent = Agent(settings(self.box.url, self.box.issuer()),
                           self.box.environment("admin"))
        return self.box, self.agent

    def __exit__(self, *exception):
        try:
            self.agent.__exit__(*exception)
        finally:
            self.box.stop()


def kill(agent):
    agent.process.kill()
    agent.process.wait(60)
    agent.reader.join()
    agent.process.stderr.close()
    agent.process = None


def resident_kb(pid):
    with open("/proc/%d/status" % pid) as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))


# --- processes ---

def second_agent_on_a_state_folder_refuses_and_the_first_goes_on():
    with World() as (box, agent):
        agent.start()
        agent.wait_complete()
        done = subprocess.run(agent.command("--foreground"), env=agent.environment, timeout=60,
                              stderr=subprocess.PIPE, text=True)
        assert done.returncode == 1, done
        assert agent.state in done.stderr and "error" in done.stderr, done.stderr
        agent.wait_complete()
        assert agent.record("role0").cutoff_ms > 0


def agent_killed_at_any_instant_comes_back_and_forgets_nothing():
    seed = random.Random(2026)
    with World() as (box, agent):
        agent.start()
        agent.wait_complete()
        first_seen = agent.record("role0").enforced()[0].first_seen_ms
        generation = agent.stamp().generation
        for round_ in range(60 if LONG else 8):
            if round_ % 2:
                box.revoke("role0", "2026-01-02T03:04:%02d.000Z" % (6 + round_ // 2))
            time.sleep(seed.random() * 1.5)
            kill(agent)
            record = agent.record("role0")
            assert record and record.cutoff_ms > 0, "a kill lost the cutoff"
            agent.start()
            assert agent.stamp().generation >= generation
            generation = agent.stamp().generation
        agent.wait_complete()
        assert agent.record("role0").enforced()[0].first_seen_ms >= first_seen


def terminated_agent_ends_in_the_middle_of_calls_that_hang():
    with World() as (box, agent):
        agent.start()
        agent.wait_complete()
        asked = sum(box.calls()["actions"].values())
        box.faults(hang=1)
        wait_for(lambda: sum(box.calls()["actions"].values()) > asked, "a call that hangs")
        assert agent.stop() == 0
        box.faults(hang=0)


# --- disks ---

def in_a_namespace(agent, mount):
    """Starts the agent where `mount` (sh) has been done to its state folder; None: not possible."""
    command = ["unshare", "-m", "--propagation", "private", "sh", "-ec",
               mount.replace("STATE", agent.state) + '\nexec "$@"', "sh"]
    if subprocess.run(command + ["true"], stderr=subprocess.DEVNULL).returncode != 0:
        return None
    original = agent.command
    agent.command = lambda *more: command + original(*more)
    agent.start()
    agent.state = "/proc/%d/root%s" % (agent.process.pid, agent.state)
    return agent


def read_only_state_folder_is_an_error_that_names_it():
    with World() as (box, agent):
        agent.start()
        agent.wait_complete()
        agent.stop()
        before = agent.stamp().complete_boot_ms
        state = agent.state
        if in_a_namespace(agent, "mount --bind STATE STATE; mount -o remount,ro,bind STATE") is None:
            raise Skipped("mounting is not permitted here")
        assert agent.process.wait(60) != 0
        agent.reader.join()
        assert any(state in line and "error" in line for line in agent.log), agent.log
        agent.process.stderr.close()
        agent.process, agent.state = None, state
        assert agent.stamp().complete_boot_ms == before


def full_disk_keeps_the_last_table_and_heals():
    with World() as (box, agent):
        os.makedirs(agent.state)
        os.chmod(agent.state, 0o755)
        if in_a_namespace(agent, "mount -t tmpfs -o size=32m,mode=0755 stsgate STATE") is None:
            raise Skipped("mounting is not permitted here")

        def resize(size_kb):
            subprocess.run(["nsenter", "-t", str(agent.process.pid), "-m", "mount", "-o",
                            "remount,size=%dk" % size_kb, agent.state.split("/root", 1)[1]],
                           check=True)

        agent.wait_complete()
        wait_for(agent.kids, "keys")
        disk = os.statvfs(agent.state)
        resize((disk.f_blocks - disk.f_bfree) * disk.f_frsize // 1024 + 64)
        start, before = len(agent.log), agent.stamp()
        box.bulk_roles(5000, prefix="more-")
        agent.wait_log("No space left", start)
        assert agent.record("role0").cutoff_ms > 0
        # What could not be written is not made to look fresh by a stamp.
        held, tries = agent.stamp(), len(agent.log)
        agent.wait_log("No space left", tries)
        assert agent.stamp().generation == held.generation >= before.generation
        assert agent.stamp().complete_boot_ms == held.complete_boot_ms
        resize(32 * 1024)
        wait_for(lambda: len(agent.records()) > 5000,
                 lambda: "the whole table: %s" % agent.log[-5:])
        wait_for(lambda: agent.stamp().complete_boot_ms > held.complete_boot_ms, "the stamp")


def damaged_store_is_named_and_written_anew():
    seed = random.Random(7)
    with World() as (box, agent):
        agent.start()
        agent.wait_complete()
        for round_ in range(20 if LONG else 5):
            agent.stop()
            name = os.path.join(agent.state, seed.choice(["account-prod.cdb", "keys.cdb", "now"]))
            with open(name, "r+b") as file:
                size = os.path.getsize(name)
                if round_ % 2:
                    file.truncate(seed.randrange(size))
                else:
                    at = seed.randrange(size)
                    file.seek(at)
                    byte = file.read(1)[0]
                    file.seek(at)
                    file.write(bytes([byte ^ 1 << seed.randrange(8)]))
            agent.start()
            agent.wait_complete()
            wait_for(lambda: agent.record("role0") and agent.record("role0").cutoff_ms > 0,
                     "the record after damage to " + name)
            wait_for(agent.kids, "the keys after damage to " + name)


# --- servers ---

def assert_unharmed(agent, server, before):
    assert agent.process.poll() is None, agent.log[-5:]
    assert agent.record("role0").cutoff_ms > 0, "a hostile answer took the cutoff away"
    assert agent.stamp().generation >= before.generation
    agent.ask_role("role0", "123456789012")     # it still serves
    assert resident_kb(agent.process.pid) < 300 * 1024, resident_kb(agent.process.pid)
    assert server.sent < 128 << 20, "%d bytes were read" % server.sent


def hostile_iam(mode):
    with World() as (box, agent):
        server = Hostile()
        try:
            agent.start()
            agent.wait_complete()
            server.mode = mode
            before, start = agent.stamp(), len(agent.log)
            agent.configure(settings(server.url, box.issuer()))
            agent.reload()
            wait_for(lambda: any("read=failed" in line for line in agent.log[start:]),
                     lambda: "%s: the end of patience; %s" % (mode, agent.log[-5:]), 120)
            stamp = agent.stamp().complete_boot_ms
            wait_for(lambda: server.served >= 2, mode + ": it is tried again", 120)
            assert agent.stamp().complete_boot_ms == stamp, mode
            assert_unharmed(agent, server, before)
        finally:
            server.close()


def iam_that_floods_or_talks_nonsense_changes_nothing():
    for mode in ("flood", "headers", "garbage", "cut"):
        hostile_iam(mode)


def iam_that_hangs_or_drips_is_given_up_on():
    if not LONG:
        raise Skipped("the agent's patience is a minute: make faults")
    for mode in ("hang", "drip"):
        hostile_iam(mode)


def key_server_that_misbehaves_leaves_iam_and_known_keys_alone():
    modes = ("flood", "garbage", "cut", "headers", "hang", "drip") if LONG else ("flood", "hang")
    for mode in modes:
        with World() as (box, agent):
            server = Hostile()
            try:
                server.mode = "answer"
                server.body = box.fetch(box.issuer() + "/.well-known/jwks.json")[2].encode()
                agent.configure(settings(box.url, box.issuer())
                                + "jwks = %s/jwks.json\n" % server.url)
                agent.start()
                kids = wait_for(agent.kids, "keys")
                agent.stop()
                server.mode = mode
                before, start = agent.stamp(), len(agent.log)
                agent.start()
                wait_for(lambda: any("keys=failed" in line for line in agent.log[start:]),
                         lambda: "%s: keys=failed; %s" % (mode, agent.log[-5:]), 60)
                agent.wait_complete()
                assert agent.kids() == kids, "known keys were dropped"
                assert_unharmed(agent, server, before)
            finally:
                server.close()


if __name__ == "__main__":
    if not stsgate_sandbox.find_binary() or not os.access(agent_host.PROGRAM, os.X_OK):
        print("1..0 # SKIP stsgated or the sandbox is not built")
        sys.exit(77)
    if len(sys.argv) > 1:
        run([globals()[name] for name in sys.argv[1:]])
    run([case for name, case in list(globals().items())
         if callable(case) and getattr(case, "__module__", "") == "__main__"
         and not isinstance(case, type)
         and name not in HELPERS])
