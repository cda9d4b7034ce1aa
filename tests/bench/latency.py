"""From IAM's answer to a revocation until the gateway's first 401: the whole way, with the sandbox as
IAM, by polling and by events.

Each revocation is of another role, at a random instant, so that no undo is waited for. One process
revokes, another asks the gateway for each role that is being revoked, over one connection, without
pause; both read the same clock.
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
A_SECOND = 20.0
REFRESH_MS = 1000


def mint(world, roles, tokens):
    """A token of a session of each."""
    for role in roles:
        tokens.send((role, world.box.web_identity_token(world.box.assume("julie", role, "julie"),
                                                        chain.AUDIENCE)))
    tokens.close()


def revoke(box, roles, out):
    """At random instants, A_SECOND of them on average; tells when it begins and when IAM answered."""
    due = time.monotonic()
    for role in roles:
        due += random.expovariate(A_SECOND)
        time.sleep(max(0.0, due - time.monotonic()))
        out.send((role, None))
        box.revoke(role)
        out.send((role, time.monotonic()))
    out.close()


class Prober:
    """One connection, one request at a time."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port, self.rest = port, b""

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


def probe(prober, tokens, told):
    """{role: seconds from IAM's answer to the first 401}."""
    active, answered, refused = set(), {}, {}
    end, ended = time.monotonic() + 120 + REVOCATIONS / A_SECOND * 3, False
    while not ended or active or len(refused) < len(answered):
        chain.must(time.monotonic() < end, "%d roles were never refused" % len(active))
        while not ended and told.poll(0 if active else 0.5):
            try:
                role, at = told.recv()
            except EOFError:
                ended = True
                break
            if at is None:
                active.add(role)
            else:
                answered[role] = at
        for role in list(active):
            status, head = prober.status(tokens[role])
            if status == 401:
                chain.must(b"revocation" in head, head.decode())
                refused[role] = time.monotonic()
                active.remove(role)
            else:
                chain.must(status == 200, "%s: %d" % (role, status))
    return {role: refused[role] - at for role, at in answered.items()}


def measure(events):
    roles = ["payments-%04d" % number for number in range(REVOCATIONS)]
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
        child = multiprocessing.Process(target=revoke, args=(world.box, roles, theirs))
        child.start()
        theirs.close()
        return sorted(1000 * took for took in probe(prober, tokens, ours).values())
    finally:
        if child is not None and child.is_alive():
            child.kill()
            child.join(10)
        world.stop()


def rows(report, _):
    for events in (False, True):
        took = measure(events)
        what = "events" if events else "polled each second"
        for name, share in (("least", 0.0), ("median", 0.5), ("p95", 0.95), ("p99", 0.99),
                            ("most", 1.0)):
            value = took[min(len(took) - 1, int(share * len(took)))]
            bar = not events and name == "most"
            report.row("%s, %d revocations: %s" % (what, len(took), name), "ms",
                       "<= 2000 ms" if bar else "", value <= 2000 if bar else None, product=value)


SECTIONS = {"latency": ("from IAM's answer to the gateway's first 401; below 0: before the answer was read", rows)}
