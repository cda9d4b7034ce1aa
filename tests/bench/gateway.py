"""nginx with the module beside the same nginx without it: CPU time a request of the one worker, its
threads included, in adjacent pairs against the same file served to the same credential unread.

First seen means that: before each such load the worker is replaced by one that remembers nothing,
and a load that ran out of tokens is no result.
"""

import http.server
import json
import threading
import time

import nginx_load
from figures import output, pairs
from inside import PIN, SMALL, program
from nginx_load import PAIRS, SECONDS, Gateway

# Most times the bare verification, batch of it, tokens a second of load.
FIRST_SEEN = {"RS256": (1.35, 300, 30000), "ES256": (1.15, 100, 20000), "ES384": (1.05, 12, 3000)}


def tokens_of(gateway, alg, a_second):
    return gateway.tokens(alg, 2000 if SMALL else a_second * int(SECONDS))


def against_plain(report, gateway, what, place, tokens, least, connections=32, delay_ms=0, fresh=False,
                  refused=0.0):
    """One row: the share of plain nginx's speed that is left. least: the bar, or None."""
    gates, plains, wrong, most = [], [], [], 0
    for _ in range(PAIRS):
        plains.append(gateway.load("plain", tokens, connections, delay_ms).cpu_ns)
        if fresh:
            gateway.renew()
        gate = gateway.load(place, tokens, connections, delay_ms)
        gates.append(gate.cpu_ns)
        wrong.append(gate.wrong)
        most = max(most, gate.requests + connections)
    row = pairs(gates, plains, "more")
    right = all(abs(one - refused) < 0.01 for one in wrong)
    note = "+%.2f us, %.1f %% refused" % (row["added"] / 1000, 100 * max(wrong))
    if fresh and most > count(tokens):
        note, right = note + ", TOKENS RAN OUT", False
    report.row(what, "ns", ">= %.2f" % least if least else "",
               None if least is None else row["ratio"] >= least and right, note, **row)


def count(tokens):
    with open(tokens, encoding="ascii") as file:
        return sum(1 for _ in file)


def plain_and_seen(report, gateway):
    seen = tokens_of(gateway, "RS256", 1000)
    against_plain(report, gateway, "plain nginx, again", "plain", seen, None)
    against_plain(report, gateway, "auth_request to a location of the same server", "inside", seen,
                  None)
    against_plain(report, gateway, "auth_request over loopback to a server that checks nothing", "hop",
                  seen, None)
    # One connection; as many requests of each as the other; as many as go.
    for alg, connections, delay_ms in (("RS256", 1, 0), ("RS256", 32, 1), ("RS256", 32, 0),
                                       ("ES384", 32, 0)):
        tokens = gateway.tokens(alg, 1000)
        warm(gateway, tokens)
        against_plain(report, gateway, "%s seen before, %d connections%s" % (
            alg, connections, ", %d ms between requests" % delay_ms if delay_ms else ""),
                      "gate", tokens, 0.90, connections, delay_ms)


def warm(gateway, tokens):
    """Until all of them are remembered."""
    for _ in range(20):
        if gateway.load("gate", tokens, 8).wrong == 0:
            return
    raise RuntimeError("valid credentials are refused: see what the agent and nginx say")


def first_seen(report, gateway):
    """Beside what no gate can save: the same worker, the same load, and for each request one bare
    verification. A loop of its own, warm, makes that cheaper than an event loop ever sees it."""
    for alg, (most, batch, a_second) in FIRST_SEEN.items():
        tokens = tokens_of(gateway, alg, a_second)
        added, bare, loop, wrong, ran_out = [], [], [], 0.0, False
        for _ in range(PAIRS):
            plain = gateway.load("plain", tokens)
            floor = gateway.load("bare-" + alg, tokens)
            gateway.renew()
            gate = gateway.load("gate", tokens)
            verify = json.loads(output(*PIN, program("bench_verify"), alg, str(batch)))
            added.append(gate.cpu_ns - plain.cpu_ns)
            bare.append(floor.cpu_ns - plain.cpu_ns)
            loop.append(verify["product_median"])
            wrong = max(wrong, gate.wrong)
            ran_out = ran_out or gate.requests + 32 > count(tokens)
        row = pairs(added, bare)
        report.row("%s first seen: CPU added; floor: a bare OpenSSL verify in its place" % alg, "ns",
                   "<= %.2f" % most, row["ratio"] <= most and wrong == 0 and not ran_out,
                   ("TOKENS RAN OUT, " if ran_out else "") + "%.1f %% refused" % (100 * wrong), **row)
        report.row("%s first seen: CPU added; floor: the same verify in a warm loop" % alg, "ns",
                   **pairs(added, loop))
    against_plain(report, gateway, "HS512 first seen", "gate", tokens_of(gateway, "HS512", 75000), 0.80,
                  fresh=True)


def forge(gateway, tokens):
    """The same, but each tenth has a signature that is wrong."""
    path = tokens + "-forged"
    with open(tokens, encoding="ascii") as source, open(path, "w", encoding="ascii") as file:
        for number, line in enumerate(source, 1):
            if number % 10 == 0:
                at = (line.rindex(".") + len(line)) // 2
                line = line[:at] + ("A" if line[at] != "A" else "B") + line[at + 1:]
            file.write(line)
    return path


def attacked(report, gateway):
    for alg, least in (("RS256", 0.80), ("ES384", 0.60)):
        tokens = gateway.tokens(alg, 1000)
        gateway.renew()
        warm(gateway, tokens)
        forged = forge(gateway, tokens)
        against_plain(report, gateway, "%s, one in ten forged, the rest seen before" % alg, "gate",
                      forged, least, refused=0.1)
        calm, attack = [], []
        for _ in range(PAIRS):
            calm.append(gateway.load("gate", tokens, 1).p99_us)
            attack.append(gateway.load("gate", forged, 1, forged=10).p99_us)
        row = pairs(attack, calm)
        report.row("%s, the same, one connection: p99 of the good; floor: unattacked" % alg, "us",
                   "<= 2", row["ratio"] <= 2, **row)


class Keys(http.server.BaseHTTPRequestHandler):
    body, fetched = b"", []

    def do_GET(self):  # noqa: N802 (the library's name)
        self.fetched.append(time.monotonic())
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_):
        pass


def unknown_keys(report, _):
    """Ten thousand key ids at full load, with an agent that could fetch keys for each."""
    Keys.body = output(program("bench_tokens"), "--keys", "ES256").encode()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    gateway = Gateway()
    gateway.own_keys = "jwks = http://127.0.0.1:%d/keys" % server.server_address[1]
    try:
        gateway.start()
        end = time.monotonic() + 30
        while not Keys.fetched and time.monotonic() < end:
            time.sleep(0.05)
        path = gateway.path("unknown")
        with open(path, "w", encoding="ascii") as file:
            rest = gateway.token("ES256", nginx_load.OWN).split(".", 1)[1]
            for number in range(10000):
                head = json.dumps({"alg": "ES256", "typ": "JWT", "kid": "%08x" % (number * 2654435761
                                                                                 % (1 << 32))})
                file.write(nginx_load.base64url(head.encode()) + "." + rest + "\n")
        gateway.load("gate", path)  # the first of them may fetch
        plain, flood, asked, began = [], [], len(Keys.fetched), time.monotonic()
        for _ in range(PAIRS):
            plain.append(gateway.load("plain", path).cpu_ns)
            load = gateway.load("gate", path)
            flood.append(load.cpu_ns)
        report.row("10,000 unknown key ids in turn", "ns", note="%.1f %% refused" % (100 * load.wrong),
                   **pairs(flood, plain, "more"))
        report.row("key fetches meanwhile, in %.0f s" % (time.monotonic() - began), "",
                   "<= 1 in 30 s", len(Keys.fetched) - asked <= 1 + (time.monotonic() - began) // 30,
                   product=float(len(Keys.fetched) - asked))
    finally:
        gateway.stop()
        server.shutdown()
        server.server_close()
        thread.join()


def gateway_rows(report, world):
    plain_and_seen(report, world.gateway())
    first_seen(report, world.gateway())


def attack_rows(report, world):
    attacked(report, world.gateway())
    unknown_keys(report, world)


SECTIONS = {
    "gateway": ("nginx, one worker on one core, wrk on another", gateway_rows),
    "attack": ("the same under forged credentials and unknown keys", attack_rows),
}
