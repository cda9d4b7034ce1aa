"""What shows only while it runs: how soon a revocation in a folder ends the last acceptance, and
what a thousand reloads under load lose and leave behind."""

import http.client
import json
import os
import re
import signal
import statistics
import threading
import time

ROUNDS = int(os.environ.get("ROUNDS", "2" if os.environ.get("BENCH_SMALL") else "10"))
RELOADS = int(os.environ.get("RELOADS", "10" if os.environ.get("BENCH_SMALL") else "1000"))


class Client(threading.Thread):
    """Requests without pause until stop; notes the wall time of each 200 and what was lost."""

    def __init__(self, port, path, token, keep):
        super().__init__(daemon=True)
        self.port, self.path, self.keep = port, path, keep
        self.headers = {"Authorization": "Bearer " + token}
        if not keep:
            self.headers["Connection"] = "close"
        self.stop = threading.Event()
        self.last_200 = 0.0
        self.done = self.lost = self.other = 0
        self.start()

    def run(self):
        connection = None
        while not self.stop.is_set():
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                connection.request("GET", self.path, headers=self.headers)
                answer = connection.getresponse()
                answer.read()
                self.done += 1
                if answer.status == 200:
                    self.last_200 = time.time()
                else:
                    self.other += 1
                if not self.keep or answer.getheader("Connection") == "close":
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException):
                self.lost += 1
                connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def finish(self):
        self.stop.set()
        self.join(30)
        return self


def noticed_at(log):
    """When the agent saw the revocation, by its own log; 0: not yet."""
    with open(log, encoding="ascii", errors="replace") as file:
        found = re.findall(r"^(\S+) notice: .*revocation=new", file.read(), re.M)
    if not found:
        return 0.0
    at = time.strptime(found[-1][:19], "%Y-%m-%dT%H:%M:%S")
    return (time.mktime(at) - time.timezone) + float("0" + found[-1][19:].rstrip("Z"))


def revocations(gateway, token):
    """Milliseconds from the agent's notice to the last acceptance, a round each."""
    path = gateway.path("roles", "payments-writer", "AWSRevokeOlderSessions.json")
    found = []
    for _ in range(ROUNDS):
        clients = [Client(gateway.port, "/gate/1k", token, keep=True) for _ in range(8)]
        end = time.monotonic() + 20
        while not all(client.last_200 for client in clients):
            if time.monotonic() > end:
                raise RuntimeError("not let in: see what the agent and nginx say")
            time.sleep(0.01)
        with open(gateway.agent_log, "w", encoding="ascii"):
            pass
        with open(path + ".new", "w", encoding="ascii") as file:
            json.dump({"Version": "2012-10-17", "Statement": [{
                "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"DateLessThan": {
                    "aws:TokenIssueTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}}}]},
                      file)
        os.rename(path + ".new", path)
        end = time.monotonic() + 20
        while time.monotonic() < end and not (
                noticed_at(gateway.agent_log) and all(client.other > 20 for client in clients)):
            time.sleep(0.01)
        last = max(client.finish().last_200 for client in clients)
        found.append((last - noticed_at(gateway.agent_log)) * 1000)
        os.unlink(path)
        probe = Client(gateway.port, "/gate/1k", token, keep=False)
        while not probe.last_200 and time.monotonic() < end + 20:
            time.sleep(0.01)
        probe.finish()
    return found


def resident_kib(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))


def reloads(gateway, path, token):
    """(lost on Connection: close, lost on keep-alive, answers that were not 200, KiB that the master
    grew by after the first tenth) in RELOADS reloads under load."""
    clients = [Client(gateway.port, path, token, keep) for keep in (False, True)]
    early = 0
    for number in range(RELOADS):
        before = gateway.workers()
        gateway.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 20
        while not (gateway.workers() - before) and time.monotonic() < end:
            time.sleep(0.002)
        if not gateway.workers() - before:
            raise RuntimeError("reload %d made no new worker" % number)
        if number == RELOADS // 10:
            early = resident_kib(gateway.process.pid)
    for client in clients:
        client.finish()
    return (clients[0].lost, clients[1].lost, sum(client.other for client in clients),
            resident_kib(gateway.process.pid) - early, sum(client.done for client in clients))


def rows(report, world):
    gateway = world.gateway()
    token = gateway.token()
    gaps = revocations(gateway, token)
    report.row("file source: the agent's notice to the last acceptance, 8 connections, worst of %d"
               % len(gaps), "ms", "<= 100 ms", max(gaps) <= 100,
               "median %.0f ms" % statistics.median(gaps), product=max(gaps))
    plain = reloads(gateway, "/plain/1k", token)
    gate = reloads(gateway, "/gate/1k", token)
    report.row("%d reloads under load: lost with Connection: close" % RELOADS, "", "0",
               gate[0] == 0 and gate[2] == 0, "of %d; not 200: %d" % (gate[4], gate[2]),
               product=gate[0], floor=plain[0])
    report.row("the same: lost on keep-alive; floor: without the module", "", "floor + 3",
               gate[1] <= plain[1] + 3, product=gate[1], floor=plain[1])
    report.row("the same: growth of the master after the first tenth", "KiB", product=gate[3],
               floor=plain[3])


SECTIONS = {"reload": ("revocations by file, and reloads under load", rows)}
