"""From the call that revokes until the gateway's first 401: the whole way, with the sandbox as IAM, by
polling and by events. What IAM itself takes is in it: an event may be acted on before whoever called
has read the answer.

Each revocation is of another role, at a random instant, so that no undo is waited for. One process
revokes, another asks the gateway for each role that is being revoked, over one connection, without
pause; both read the same clock. By events there are two loads: one that the agent reads roles anew as
fast as, by its `calls_per_second`, and one of twice that, where messages wait for each other.
"""

import multiprocessing
import os
import random
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "demo"))
import chain  # noqa: E402

from inside import SMALL  # noqa: E402

REVOCATIONS = int(os.environ.get("REVOCATIONS", "6" if SMALL else "1000"))
# (what, by events, how many, a second on average).
LOADS = (("polled each second", False, REVOCATIONS, 20.0),
         ("events", True, max(2, REVOCATIONS // 5), 4.0),
         ("events, more than the agent's calls allow", True, REVOCATIONS, 20.0))


def mint(world, roles, tokens):
    """A token of a session of each."""
    for role in roles:
        tokens.send((role, world.box.web_identity_token(world.box.assume("julie", role, "julie"),
                                                        chain.AUDIENCE)))
    tokens.close()


def revoke(box, roles, a_second, out):
    """At random instants, so many on average; tells before each call, and again when IAM has answered."""
    due = time.monotonic()
    for role in roles:
        due += random.expovariate(a_second)
        time.sleep(max(0.0, due - time.monotonic()))
        out.send((role, time.monotonic()))
        box.revoke(role)
        out.send((role, None))
    out.close()


class Prober:
    """One connection, one request at a time."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = port

    def status(self, token):
        self.socket.sendall(b"GET /payments/ HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer "
                            + token.encode() + b"\r\n\r\n")
        text = b""
        while b"\r\n\r\n" not in text:
            text += self.more()
        head, body = text.split(b"\r\n\r\n", 1)
        lower = head.lower()
        length = int(lower.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        while len(body) < length:
            body += self.more()
        if b"connection: close" in lower:
            self.socket.close()
            self.__init__(self.port)
        return int(head.split(b" ", 2)[1]), lower

    def more(self):
        part = self.socket.recv(16384)
        if not part:
            raise OSError("the gateway hung up")
        return part


def probe(prober, tokens, told, patience):
    """{role: seconds from the call to the first 401}."""
    active, began, answered, refused = set(), {}, set(), {}
    end, ended = time.monotonic() + patience, False
    while not ended or active:
        chain.must(time.monotonic() < end, "%d roles were never refused" % len(active))
        while not ended and told.poll(0 if active else 0.5):
            try:
                role, at = told.recv()
            except EOFError:
                ended = True
                break
            if at is None:
                answered.add(role)
            else:
                active.add(role)
                began[role] = at
        for role in list(active):
            status, head = prober.status(tokens[role])
            if status == 401:
                chain.must(b"revocation" in head, head.decode())
                refused[role] = time.monotonic()
                active.remove(role)
            else:
                chain.must(status == 200, "%s: %d" % (role, status))
    chain.must(answered == set(tokens), "%d revocations failed" % (len(tokens) - len(answered)))
    return {role: refused[role] - at for role, at in began.items()}


def measure(events, count, a_second):
    roles = ["payments-%04d" % number for number in range(count)]
    world = chain.Chain(account="max_stale = 1d", refresh="1h" if events else "1s", roles=roles,
                        events=events, max_runtime=900)
    child = None
    try:
        world.start_all()
        ours, theirs = multiprocessing.Pipe(False)
        child = multiprocessing.Process(target=mint, args=(world, roles, theirs))
        child.start()
        theirs.close()
        tokens = dict(ours.recv() for _ in roles)
        child.join(60)
        # Evidence lasts until a second or two (`settled`) after the cutoff: tokens must be older.
        time.sleep(3)
        prober = Prober(world.ports["gateway"])
        for role in roles:
            chain.wait_for("a 200 for " + role, lambda: prober.status(tokens[role])[0] == 200, 60)
        random.shuffle(roles)
        ours, theirs = multiprocessing.Pipe(False)
        child = multiprocessing.Process(target=revoke, args=(world.box, roles, a_second, theirs))
        child.start()
        theirs.close()
        took = probe(prober, tokens, ours, 120 + 3 * count / a_second)
        return sorted(1000 * one for one in took.values())
    finally:
        if child is not None and child.is_alive():
            child.kill()
            child.join(10)
        world.stop()


def rows(report, _):
    for what, events, count, a_second in LOADS:
        took = measure(events, count, a_second)
        for name, share in (("least", 0.0), ("median", 0.5), ("p95", 0.95), ("p99", 0.99),
                            ("most", 1.0)):
            value = took[min(len(took) - 1, int(share * len(took)))]
            bar = not events and name == "most"
            report.row("%s, %d revocations, %.0f a second: %s" % (what, len(took), a_second, name), "ms",
                       "<= 2000 ms" if bar else "", value <= 2000 if bar else None, product=value)


SECTIONS = {"latency": ("from the call that revokes to the gateway's first 401, IAM's own time included",
                        rows)}
