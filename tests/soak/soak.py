#!/usr/bin/env python3
"""soak.py [SECONDS [KILLS]] - the whole chain under mixed traffic while revocations come and go, nginx
reloads, the agent restarts and workers are killed. Each response is held against a model of what it
must be; at the end memory is flat and no log holds a secret. SG_SOAK="SECONDS KILLS" says the same."""

import base64
import collections
import http.client
import os
import random
import signal
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "demo"), os.path.join(HERE, "..", "sandbox")]
import chain  # noqa: E402
from chain import AGENT, AUDIENCE, ROLE, Chain, wait_for  # noqa: E402

CLIENTS = 3
SETTLED_S = 3       # settle and settled of the chain's configuration are over by then


class Credential:
    """What is presented, and the statuses that may answer it now."""

    def __init__(self, kind, token, *allowed, reason=None):
        self.kind, self.token, self.allowed = kind, token, frozenset(allowed)
        self.minted = time.time()
        self.service = "payments"


class Soak:
    def __init__(self, seconds, kills):
        self.chain = Chain(max_runtime=seconds + 300)
        self.seconds, self.kills = seconds, kills
        self.random = random.Random(20261124)
        self.lock = threading.Lock()
        self.credentials = []
        self.secrets = set()
        self.stop = threading.Event()
        self.wrong, self.counts = [], collections.Counter()
        self.killing = False        # connections may break
        self.broken = 0
        self.memory = collections.defaultdict(list)

    # --- the model ---

    def take(self, credential):
        if credential.token:
            self.secrets.add(credential.token.rsplit(".", 1)[-1])
        with self.lock:
            self.credentials.append(credential)
        return credential

    def live(self, algorithm="RS256"):
        box = self.chain.box
        session = box.assume("julie", ROLE, "julie")
        self.secrets |= {session["SecretAccessKey"], session["SessionToken"]}
        return box.web_identity_token(session, AUDIENCE, algorithm=algorithm)

    def claims(self, **more):
        return dict({"sub": self.chain.box.role_arn(ROLE), "aud": AUDIENCE}, **more)

    def bad_ones(self):
        """Never let in, whatever happens."""
        box, now = self.chain.box, int(time.time())
        good = self.live()
        head, claims, signature = good.split(".")
        raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
        raw[self.random.randrange(len(raw))] ^= 1 << self.random.randrange(8)
        forged = base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")
        mint = lambda **wish: box.mint(defaults=True, **wish)   # noqa: E731
        self.take(Credential("absent", None, 401))
        self.take(Credential("forged", ".".join((head, claims, forged)), 401))
        self.take(Credential("malformed", ".".join((head, claims)), 401))
        self.take(Credential("malformed", "x" * 3000, 401))
        self.take(Credential("expired", mint(claims=self.claims(iat=now - 900, exp=now - 600)), 401))
        self.take(Credential("future", mint(claims=self.claims(iat=now + 7200, exp=now + 7500)), 401))
        self.take(Credential("audience", mint(claims=self.claims(aud="https://other")), 401))
        self.take(Credential("none", mint(claims=self.claims(), alg="none"), 401))
        self.take(Credential("confused", mint(claims=self.claims(), alg="HS256",
                                              hmac_key="rsa-pem"), 401))
        self.take(Credential("foreign", mint(claims=self.claims(), foreign=True), 401))
        # Slow to check: 503 once its client is over budget.
        self.take(Credential("slow forgery", mint(claims=self.claims(), alg="ES384", foreign=True),
                             401, 503))
        self.take(Credential("role", mint(claims=self.claims(
            sub=box.role_arn("other-role"))), 403))

    def first_seen(self, count):
        """New credentials of the current session, good until they expire or are revoked."""
        for number in range(count):
            self.take(Credential("live", self.live("ES384" if number % 4 == 0 else "RS256"), 200))

    def forget_old(self):
        """Tokens near their end may go either way; they leave the traffic."""
        with self.lock:
            self.credentials = [c for c in self.credentials
                                if c.kind != "live" or time.time() - c.minted < 200]

    # --- the traffic ---

    def ask(self, connection, credential):
        headers = {"Authorization": "Bearer " + credential.token} if credential.token else {}
        connection.request("GET", "/payments/", headers=headers)
        answer = connection.getresponse()
        return answer.status, str(answer.headers) + answer.read().decode("latin-1")

    def client(self, number):
        seed = random.Random(number)
        connections = {}
        while not self.stop.is_set():
            with self.lock:
                credential = seed.choice(self.credentials)
                before = credential.allowed
            killing = self.killing
            # Whoever forges what is slow to check has an address of his own, and loses its budget.
            source = "127.0.0.2" if credential.kind == "slow forgery" else "127.0.0.1"
            connection = connections.pop(source, None)
            fresh = connection is None
            try:
                if fresh:
                    connection = http.client.HTTPConnection(
                        "127.0.0.1", self.chain.ports["gateway"], timeout=30,
                        source_address=(source, 0))
                status, text = self.ask(connection, credential)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if fresh and not (killing or self.killing):
                    self.wrong.append("a fresh connection broke: %r" % error)
                self.broken += fresh
                continue
            self.counts[credential.kind, status] += 1
            due = before | credential.allowed
            # nginx is the service as well: the worker that was to answer for it may be the one
            # that was killed. Whoever must not get that far must not get a 502 either.
            if status == 502 and 200 in due and (killing or self.killing):
                self.broken += 1
            elif status not in due:
                self.wrong.append("%s got %d, due %s: %s" % (
                    credential.kind, status, sorted(due), text[-300:]))
            signature = (credential.token or "").rsplit(".", 1)[-1]
            if len(signature) > 15 and signature in text:
                self.wrong.append("a response showed a credential of kind " + credential.kind)
            if seed.random() < 0.02:
                connection.close()
            else:
                connections[source] = connection

    # --- what happens meanwhile ---

    def revoke(self):
        """All that is live dies; what is minted once it has settled lives."""
        with self.lock:
            old = [c for c in self.credentials if c.kind == "live"]
            for credential in old:
                credential.allowed = frozenset({200, 401})
        self.chain.box.revoke(ROLE)
        if old:
            wait_for("the revocation", lambda: self.status(old[0].token) == 401, 60)
        with self.lock:
            for credential in old:
                credential.kind, credential.allowed = "revoked", frozenset({401})
        time.sleep(SETTLED_S)
        wait_for("a new token to be accepted", lambda: self.status(self.live()) == 200, 60)
        with self.lock:     # a few of each stay in the traffic
            revoked = [c for c in self.credentials if c.kind == "revoked"]
            self.credentials = [c for c in self.credentials if c not in revoked[:-20]]
        self.first_seen(6)

    def status(self, token):
        try:
            return self.chain.call("payments", token)[0]
        except (OSError, http.client.HTTPException):
            return 0

    def reload(self):
        self.chain.nginx.send_signal(signal.SIGHUP)

    def restart_agent(self):
        children = self.chain.children
        at = next(i for i, (name, _) in enumerate(children) if name == "stsgated")
        agent = children[at][1]
        agent.send_signal(self.random.choice([signal.SIGTERM, signal.SIGKILL]))
        agent.wait(30)
        del children[at]
        self.chain.start("stsgated", AGENT, "--conf", self.chain.path("conf"), "--foreground",
                         environment=self.chain.box.environment("admin"))

    def workers(self):
        pid = self.chain.nginx.pid
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            return [int(word) for word in file.read().split()]

    def kill_worker(self):
        self.killing = True
        workers = self.workers()
        if workers:
            try:
                os.kill(self.random.choice(workers), signal.SIGKILL)
            except ProcessLookupError:
                pass

    def measure(self):
        """Resident kilobytes; of the workers the largest."""
        def resident(pid):
            try:
                with open("/proc/%d/status" % pid) as file:
                    return next((int(line.split()[1]) for line in file
                                 if line.startswith("VmRSS:")), 0)
            except (FileNotFoundError, ProcessLookupError):
                return 0
        agent = dict(self.chain.children)["stsgated"]
        self.memory["nginx master"].append(resident(self.chain.nginx.pid))
        self.memory["nginx worker"].append(max([resident(pid) for pid in self.workers()] or [0]))
        self.memory["stsgated"].append(resident(agent.pid))

    # --- the run ---

    def events(self):
        end = time.monotonic() + self.seconds
        kills_left, last_revocation, turn = self.kills, time.monotonic(), 0
        while time.monotonic() < end and len(self.wrong) < 5:
            self.killing = kills_left > 0
            self.measure()
            self.forget_old()
            turn += 1
            if turn % 3 == 0:
                self.first_seen(2)
            if turn % 7 == 0:
                self.reload()
            if turn % 11 == 0:
                self.restart_agent()
            if turn % 13 == 5 or time.monotonic() - last_revocation > 60:
                self.revoke()
                last_revocation = time.monotonic()
            left = max(end - time.monotonic(), 0.5)
            burst = min(kills_left, max(1, int(kills_left * 0.6 / left)))
            for _ in range(burst if kills_left else 0):
                self.kill_worker()
                kills_left -= 1
                time.sleep(0.1)
            time.sleep(0.3)
        while kills_left > 0 and len(self.wrong) < 5:
            self.kill_worker()
            kills_left -= 1
            time.sleep(0.1)

    def run(self):
        self.chain.start_all()
        self.chain.box.make_role("other-role", trust=["julie"])
        self.bad_ones()
        time.sleep(SETTLED_S)
        wait_for("the first token", lambda: self.status(self.live()) == 200, 60)
        self.first_seen(8)
        clients = [threading.Thread(target=self.client, args=(n,)) for n in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            self.events()
            if not all(client.is_alive() for client in clients):
                self.wrong.append("a client ended by itself")
        finally:
            self.stop.set()
            for client in clients:
                client.join()

    # --- afterwards ---

    def logs(self):
        for base, _, names in os.walk(self.chain.folder):
            for name in names:
                path = os.path.join(base, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    with open(path, "rb") as file:
                        yield path, file.read()

    def no_response_was_wrong(self):
        assert not self.wrong, self.wrong[:5]

    def every_kind_was_asked_for(self):
        kinds = {kind for kind, _ in self.counts}
        assert {"live", "revoked", "forged", "expired", "malformed", "absent", "role"} <= kinds, kinds
        assert self.counts["live", 200] > 20, self.counts

    def memory_is_flat(self):
        for name, sizes in self.memory.items():
            sizes = [size for size in sizes if size]
            quarter = max(len(sizes) // 4, 1)
            early, late = max(sizes[quarter:2 * quarter] or sizes), max(sizes[-quarter:])
            assert late < early * 1.2 + 4096, (name, early, late)

    def no_log_holds_a_secret(self):
        secrets = [s.encode() for s in self.secrets if len(s) > 15]
        secrets += [key[1].encode() for key in self.chain.box.users.values()]
        assert len(secrets) > 20
        for path, text in self.logs():
            for secret in secrets:
                assert secret not in text, path

    def nothing_crashed(self):
        words = (b"[alert]", b"[emerg]", b"AddressSanitizer", b"runtime error", b"ThreadSanitizer")
        for path, text in self.logs():
            for line in text.splitlines():
                if any(word in line for word in words) and b"exited on signal 9" not in line:
                    raise AssertionError("%s: %s" % (path, line.decode("latin-1")))
        for name, child in self.chain.children:
            assert child.poll() is None, name


def main():
    words = sys.argv[1:] or os.environ.get("SG_SOAK", "20 20").split()
    seconds, kills = int(words[0]), int(words[1]) if len(words) > 1 else 0
    if not os.path.exists(chain.MODULE):
        print("1..0 # SKIP the nginx module is not built")
        sys.exit(77)
    soak = Soak(seconds, kills)
    cases = [soak.no_response_was_wrong, soak.every_kind_was_asked_for, soak.memory_is_flat,
             soak.no_log_holds_a_secret, soak.nothing_crashed]
    failed = 0
    print("1..%d" % len(cases))
    try:
        soak.run()
        for number, case in enumerate(cases, 1):
            try:
                case()
                print("ok %d - %s" % (number, case.__name__))
            except AssertionError as error:
                failed += 1
                print("not ok %d - %s\n# %s" % (number, case.__name__, error))
    finally:
        soak.chain.stop()
    total = sum(soak.counts.values())
    print("# %d s, %d requests, %d kills, %d connections broken" % (seconds, total, kills, soak.broken))
    for (kind, status), count in sorted(soak.counts.items()):
        print("#   %-14s %d  %7d" % (kind, status, count))
    for name, sizes in soak.memory.items():
        print("#   %-14s %d KB at first, %d KB at last" % (name, sizes[0], sizes[-1]))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
