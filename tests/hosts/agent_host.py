"""Runs stsgated for a test: its configuration, its log, its socket, and what it wrote into the store.

The store is read here from its bytes alone, so that a mistake in the readers can't hide one in the
agent.
"""

import os
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import seen  # noqa: E402

SOURCE = os.environ.get("SG_SRCDIR") or os.path.abspath(
    os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILD = os.environ.get("SG_BUILDDIR") or SOURCE
PROGRAM = os.path.join(BUILD, "module", "agent", "stsgated")
PATIENCE_S = 60.0 if os.environ.get("SG_UNDER") else 20.0

ASK_MAGIC = 0x71676731
ASK_ROLE, ASK_KEYS, ASK_STATUS = 1, 2, 3
OK, E_ABSENT, E_BUSY, E_NETWORK = 0, -5, -9, -10
ENFORCED, INDETERMINATE, FROM_IAM, GONE_ONCE, RATCHETED = 1, 64, 128, 256, 512
INLINE, ATTACHED, BOUNDARY, EXTRA = range(4)
PRESENT, DELETED = 1, 2
NEVER = -(1 << 62)


def wait_for(condition, what, patience_s=None):
    """The first true value of condition(); fails with `what` when it does not come."""
    end = time.monotonic() + (patience_s or PATIENCE_S)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited in vain for: " + (what() if callable(what) else what))
        time.sleep(0.02)


def read_cdb(path):
    """{key: value} of a constant table."""
    with open(path, "rb") as file:
        data = file.read()
    end = min(struct.unpack_from("<II", data, 8 * i)[0] for i in range(256))
    at, found = 2048, {}
    while at < end:
        key, value = struct.unpack_from("<II", data, at)
        at += 8
        found[data[at:at + key]] = data[at + key:at + key + value]
        at += key + value
    return found


class Statement:
    def __init__(self, data):
        (self.size, self.flags, self.origin, self.cutoff_ms, self.bites_before_ms,
         self.first_seen_ms, self.last_seen_ms,
         self.kept_until_ms) = struct.unpack_from("<IHBxqqqqq", data)
        at, length = struct.unpack_from("<HH", data, 64)
        self.policy = data[at:at + length].decode()


class Record:
    def __init__(self, data):
        (size, self.state, self.residual, self.cutoff_ms, self.created_ms, self.stale_since_ms,
         arn_at, arn_length, id_at, id_length, at, length) = struct.unpack_from("<IHHqqqHHHHII", data)
        assert size == len(data)
        self.arn = data[arn_at:arn_at + arn_length].decode()
        self.role_id = data[id_at:id_at + id_length].decode()
        self.statements = []
        end = at + length
        while at < end:
            self.statements.append(Statement(data[at:end]))
            at += self.statements[-1].size

    def enforced(self):
        return [s for s in self.statements if s.flags & ENFORCED]


class Stamp:
    def __init__(self, data):
        (self.kind, self.generation, self.complete_boot_ms, self.complete_aws_ms,
         self.tried_boot_ms) = struct.unpack_from("<IxxxxQqqq", data, 64)


class Agent:
    """One stsgated with a folder of its own. settings(): text of stsgate.conf after [agent]."""

    def __init__(self, settings, environment=None, service=True, arguments=()):
        self.folder = tempfile.mkdtemp(prefix="stsgate-agent.")
        self.conf = os.path.join(self.folder, "conf")
        self.state = os.path.join(self.folder, "state")
        self.socket_path = os.path.join(self.folder, "run", "agent.sock")
        os.makedirs(os.path.join(self.conf, "services.d"))
        os.makedirs(os.path.join(self.folder, "run"), 0o755)
        self.environment = dict(os.environ, **(environment or {}))
        self.arguments = list(arguments)
        self.log = []
        self.process = None
        self.reader = None
        self.next_id = 0
        self.configure(settings, service)

    def configure(self, settings, service=True):
        with open(os.path.join(self.conf, "stsgate.conf"), "w") as file:
            file.write("[agent]\nstate = %s\nsocket = %s\nuser = %d\n\n%s"
                       % (self.state, self.socket_path, os.geteuid(), settings))
        if service:
            issuers = [line.split()[1].rstrip("]") for line in settings.splitlines()
                       if line.startswith("[issuer ")]
            with open(os.path.join(self.conf, "services.d", "test.conf"), "w") as file:
                file.write("[service]\naccept = %s\naudience = https://test.example\n"
                           "allow_roles = arn:aws:iam::*:role/*\n" % " ".join(issuers))

    def command(self, *more):
        under = shlex.split(os.environ.get("SG_UNDER", ""))
        return under + [PROGRAM, "--conf", self.conf, "-v"] + self.arguments + list(more)

    def start(self):
        self.process = subprocess.Popen(self.command("--foreground"), env=self.environment,
                                        stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._read_log, args=(self.process.stderr,))
        self.reader.start()
        return self

    def _read_log(self, stream):
        for line in stream:
            self.log.append(line.rstrip("\n"))

    def run_once(self):
        """(exit code, log) of --once."""
        done = subprocess.run(self.command("--once"), env=self.environment, timeout=120,
                              stderr=subprocess.PIPE, text=True)
        self.log += done.stderr.splitlines()
        return done.returncode, done.stderr

    def stop(self):
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.reader.join()
        self.process.stderr.close()
        self.process = None
        return code

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        code = self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        seen.search_text("\n".join(self.log), "the log of stsgated")
        if kind is not None:
            print("# log of stsgated:\n" + "\n".join("#   " + line for line in self.log[-40:]))
        elif code not in (None, 0):
            raise AssertionError("stsgated ended with %d: %s" % (code, self.log[-10:]))

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def wait_log(self, word, start=0):
        wait_for(lambda: any(word in line for line in self.log[start:]),
                 lambda: "%r in the log; it says: %s" % (word, self.log[-8:]))
        return next(line for line in self.log[start:] if word in line)

    # What it wrote

    def records(self, label="prod"):
        try:
            table = read_cdb(os.path.join(self.state, "account-%s.cdb" % label))
        except FileNotFoundError:
            return {}
        return {key.rstrip(b"\0").split(b"\0")[-1].decode(): Record(value)
                for key, value in table.items()}

    def record(self, role, label="prod"):
        return self.records(label).get(role)

    def kids(self, issuer="prod"):
        try:
            table = read_cdb(os.path.join(self.state, "keys.cdb"))
        except FileNotFoundError:
            return []
        wanted = issuer.encode() + b"\0"
        return sorted(key[len(wanted):].decode() for key in table if key.startswith(wanted))

    def stamp(self, label="prod", kind=1):
        try:
            with open(os.path.join(self.state, "now"), "rb") as file:
                page = file.read()
        except FileNotFoundError:
            return None
        for at in range(128, len(page) - 127, 128):
            entry = page[at + 8:at + 128]
            if entry[:48].rstrip(b"\0").decode() == label:
                stamp = Stamp(entry)
                if stamp.kind == kind:
                    return stamp
        return None

    def wait_complete(self, label="prod"):
        """Waits for a complete read that begins after this call."""
        before = self.stamp(label)
        before = before.complete_boot_ms if before else NEVER
        for _ in range(2):
            wait_for(lambda: (self.stamp(label) or Stamp(bytes(120))).complete_boot_ms > max(before, 0),
                     lambda: "a complete read of %s; log: %s" % (label, self.log[-8:]))
            before = self.stamp(label).complete_boot_ms

    # Its socket

    def connect(self):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.settimeout(PATIENCE_S)

        def attempt():
            try:
                connection.connect(self.socket_path)
                return True
            except (FileNotFoundError, ConnectionRefusedError):
                return False
        wait_for(attempt, lambda: "the agent's socket; log: %s" % self.log[-8:])
        return connection

    def question(self, kind, label="", account="", role="", partition=""):
        self.next_id += 1
        packet = struct.pack("<IIQ48s33s13s65sx", ASK_MAGIC, kind, self.next_id, label.encode(),
                             partition.encode(), account.encode(), role.encode())
        return self.next_id, packet

    def ask(self, connection, kind, **fields):
        identity, packet = self.question(kind, **fields)
        connection.send(packet)
        return self.answer(connection, identity)

    def answer(self, connection, identity):
        magic, status, got = struct.unpack("<IiQ", connection.recv(64))
        assert (magic, got) == (ASK_MAGIC, identity)
        return status

    def ask_role(self, role, account, label="prod", connection=None):
        if connection is not None:
            return self.ask(connection, ASK_ROLE, label=label, account=account, role=role,
                            partition="aws")
        with self.connect() as fresh:
            return self.ask_role(role, account, label, fresh)


class Skipped(Exception):
    """Raised by a case that can't be run here; its text says why."""


def run(cases):
    """Runs each case, says TAP, and exits."""
    print("1..%d" % len(cases))
    failed = 0
    for number, case in enumerate(cases, 1):
        try:
            case()
            print("ok %d - %s" % (number, case.__name__))
        except Skipped as why:
            print("ok %d # SKIP %s: %s" % (number, case.__name__, why))
        except Exception:
            failed += 1
            print("not ok %d - %s" % (number, case.__name__))
            print("".join("# " + line + "\n" for line in traceback.format_exc().splitlines()))
        sys.stdout.flush()
    sys.exit(1 if failed else 0)
