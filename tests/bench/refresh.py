"""What a refresh costs the agent, and requests: ten thousand roles read again each second."""

import os
import signal
import statistics
import sys
import time
import xml.parsers.expat

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "sandbox"))
import stsgate_sandbox as sandbox  # noqa: E402

from figures import pairs  # noqa: E402
from inside import SMALL  # noqa: E402
from nginx_load import PAIRS, Gateway  # noqa: E402

ROLES = 1000 if SMALL else 10000
READS = 2 if SMALL else 10


def cpu_ms(pid):
    total = 0
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, task), encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e6


def pages(box):
    """The answers that the agent reads, as they come."""
    found, marker = [], None
    while True:
        fields = {"Action": "GetAccountAuthorizationDetails", "Version": "2010-05-08",
                  "Filter.member.1": "Role", "MaxItems": "1000"}
        if marker:
            fields["Marker"] = marker
        url, body, headers = box.signed_request("admin", "iam", fields)
        status, _, text = box.fetch(url, body.encode(), headers, timeout=60)
        if status != 200:
            raise RuntimeError("GetAccountAuthorizationDetails: %d" % status)
        found.append(text.encode())
        if "<Marker>" not in text:
            return found
        marker = text.split("<Marker>", 1)[1].split("</Marker>", 1)[0]


def bare_expat_ms(texts):
    began = time.thread_time()
    for text in texts:
        xml.parsers.expat.ParserCreate().Parse(text, True)
    return (time.thread_time() - began) * 1000


def reads(box):
    """How many have ended: the next has begun."""
    calls = box.calls()["actions"].get("GetAccountAuthorizationDetails", 0)
    return calls // max(1, -(-ROLES // 1000))


def idle_only(pid):
    """Runs only where nothing else wants to: two cores are nginx's and wrk's."""
    for task in os.listdir("/proc/%d/task" % pid):
        os.sched_setscheduler(int(task), os.SCHED_IDLE, os.sched_param(0))


def cost(report, box, gateway):
    texts = pages(box)
    products, floors = [], []
    for _ in range(READS):
        end = time.monotonic() + 60
        before, used = reads(box), cpu_ms(gateway.agent.pid)
        while reads(box) < before + 3 and time.monotonic() < end:
            time.sleep(0.02)
        done = reads(box) - before
        products.append((cpu_ms(gateway.agent.pid) - used) / max(1, done))
        floors.append(bare_expat_ms(texts))
    row = pairs(products, floors)
    report.row("%d roles read again: CPU of the agent; floor: bare expat" % ROLES, "ms", "<= 80 ms",
               row["product"] <= 80, "answers of %.1f MB" % (sum(map(len, texts)) / 1e6), **row)


def waits(report, box, gateway):
    """p99 of requests at one connection while the agent publishes, and while it is stopped."""
    tokens = gateway.tokens("RS256", 1000)
    idle_only(gateway.agent.pid)
    idle_only(box.process.pid)
    gateway.load("gate", tokens, 8)
    with_, without = [], []
    for number in range(PAIRS):
        os.kill(gateway.agent.pid, signal.SIGSTOP)
        without.append(gateway.load("gate", tokens, 1))
        os.kill(gateway.agent.pid, signal.SIGCONT)
        # A change, so that the next reads publish a table.
        (box.revoke if number % 2 == 0 else box.undo)("role-000001")
        with_.append(gateway.load("gate", tokens, 1))
    row = pairs([one.p99_us for one in with_], [one.p99_us for one in without])
    report.row("p99 of requests while tables are published; floor: agent stopped", "us", "<= 1.25",
               row["ratio"] <= 1.25, "p50 %.0f and %.0f us" % (
                   statistics.median(one.p50_us for one in with_),
                   statistics.median(one.p50_us for one in without)), **row)


def rows(report, _):
    with sandbox.Sandbox(max_runtime=900) as box:
        document = sandbox.revocation("2026-01-02T03:04:05.678Z")
        for start in range(0, ROLES, 1000):
            box.bulk_roles(min(1000, ROLES - start), prefix="role-", start=start,
                           policy=document if start == 0 else None)
        iam = box.client("iam")
        iam.create_role(RoleName="payments-writer", Path="/team/",
                        AssumeRolePolicyDocument=box.trust([]))
        gateway = Gateway(account="endpoint = %s/\nrefresh = 1s\nsettle = 1s\nsettled = 2s\n"
                          % box.url, environment=box.environment("admin"))
        try:
            gateway.start()
            cost(report, box, gateway)
            waits(report, box, gateway)
        finally:
            gateway.stop()


SECTIONS = {"refresh": ("the agent reads %d roles each second" % ROLES, rows)}
