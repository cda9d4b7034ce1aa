# nginx_host.py: what the nginx tests share: an nginx under a prefix of its own on loopback, a
# client that can misbehave, an upstream that shows what reached it, the fake gate's agent, and TAP.
# It must never touch an nginx that it did not start.
import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import seen  # noqa: E402

BUILD = os.environ.get("SG_BUILDDIR", os.getcwd())
NGINX = os.environ.get("SG_NGINX") or shutil.which("nginx", path="/usr/sbin:/usr/bin") or ""
MODULE = os.environ.get("SG_NGINX_MODULE") or ""
FAKE = os.environ.get("SG_FAKE_GATE") or os.path.join(BUILD, "tests/hosts/.libs/fake_gate.so")
PRELOAD = os.environ.get("SG_PRELOAD", "").split()
UNDER = os.environ.get("SG_UNDER", "").split()
unittest.TestCase.maxDiff = None
PATIENCE = 60 if UNDER or PRELOAD else 15  # seconds until a condition counts as missed


def until(condition, what):
    """Waits until condition() is true, and returns what it returned."""
    deadline = time.monotonic() + PATIENCE
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain for: " + what)
        time.sleep(0.002)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Response:
    def __init__(self, raw):
        self.status = raw.status
        self.headers = [(k.lower(), v) for k, v in raw.getheaders()]
        self.body = raw.read().decode("latin-1")

    def all(self, name):
        return [v for k, v in self.headers if k == name.lower()]

    def get(self, name):
        return ", ".join(self.all(name))


class Connection:
    """One client connection. Requests are written as they are, so that they may be wrong."""

    def __init__(self, port, context=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    def send(self, path, credential=None, method="GET", headers=(), body=None):
        lines = ["%s %s HTTP/1.1" % (method, path), "Host: localhost"]
        if credential is not None:
            lines.append("Authorization: Bearer " + credential)
            if credential.startswith("eyJ"):
                seen.remember(credential)
        lines += headers
        if body is not None:
            lines.append("Content-Length: %d" % len(body))
        self.method = method
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode("latin-1") + (body or b""))
        return self

    def receive(self):
        raw = http.client.HTTPResponse(self.socket, method=self.method)
        raw.begin()
        return Response(raw)

    def close(self):
        self.socket.close()


class Upstream:
    """Answers each request with the very bytes of its head, and its body's."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        os.chmod(path, 0o777)
        self.socket.listen(512)
        self.requests = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, contextlib.suppress(OSError):
            data = b""
            while b"\r\n\r\n" not in data:
                more = connection.recv(65536)
                if not more:
                    return
                data += more
            head, body = data.split(b"\r\n\r\n", 1)
            length = 0
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            while len(body) < length:
                body += connection.recv(65536)
            self.requests.append(head.decode("latin-1"))
            answer = head + b"\r\n\r\n" + body
            extra = b"X-Accel-Redirect: /accel/page.html\r\n" if b"/accelerate" in head else b""
            connection.sendall(b"HTTP/1.0 200 OK\r\n" + extra + b"Content-Length: %d\r\n\r\n"
                               % len(answer) + answer)

    def close(self):
        self.socket.close()


class Agent:
    """The other end of the fake gate's socket. Nothing is answered until answer() says so."""

    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()
        self.connections, self.questions = [], []
        self.automatic = None  # a suffix: "" answers at once, "?" wakes at once
        self.closed = False
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o777)
        self.socket.listen(64)
        threading.Thread(target=self.run, args=(self.socket,), daemon=True).start()

    def run(self, listening):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with self.lock:
                    if self.closed:  # accepted, but close() had been and gone
                        connection.close()
                        return
                    self.connections.append(connection)
                threading.Thread(target=self.read, args=(connection,), daemon=True).start()

    def read(self, connection):
        with contextlib.suppress(OSError):
            for line in connection.makefile("r"):
                with self.lock:
                    self.questions.append(line.strip())
                if self.automatic is not None:
                    connection.sendall((line.strip() + self.automatic + "\n").encode())

    def asked(self, count):
        until(lambda: len(self.questions) >= count, "%d questions to the agent" % count)

    def answer(self, name, suffix=""):
        with self.lock:
            for connection in self.connections:
                with contextlib.suppress(OSError):
                    connection.sendall(("ask-%s%s\n" % (name, suffix)).encode())

    def drop(self):
        """Ends the connections; whoever asks anew comes through a new one."""
        with self.lock:
            for connection in self.connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()
            self.connections = []

    def close(self):
        with self.lock:
            self.closed = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self.drop()


CONF = """
load_module %(module)s;
%(user)s
pid %(prefix)s/nginx.pid;
error_log %(prefix)s/error.log notice;
worker_processes %(workers)d;
%(main)s
events { worker_connections 2048; }
http {
    client_body_temp_path %(prefix)s/body;
    proxy_temp_path %(prefix)s/proxy;
    fastcgi_temp_path %(prefix)s/fastcgi;
    scgi_temp_path %(prefix)s/scgi;
    uwsgi_temp_path %(prefix)s/uwsgi;
    log_format told '$request_uri $status decision=$stsgate_decision reason=$stsgate_reason '
                    'role=$stsgate_role account=$stsgate_account session=$stsgate_session '
                    'issued=$stsgate_issued cutoff=$stsgate_cutoff';
    access_log %(prefix)s/access.log told;
    %(http)s
}
"""


class Nginx:
    def __init__(self, http="", main="", workers=1, fake=True, folder=None):
        self.prefix = tempfile.mkdtemp(prefix="stsgate-nginx-")
        os.chmod(self.prefix, 0o755)
        self.port = free_port()
        self.process = None
        self.main, self.workers, self.fake = main, workers, fake
        self.folder = folder or self.path("gate")
        os.makedirs(self.path("html"))
        if fake:
            os.makedirs(self.path("gate/services.d"))
            os.chmod(self.path("gate"), 0o777)
            self.service("payments")
            self.service("other")
        self.configure(http)

    def path(self, name):
        return os.path.join(self.prefix, name)

    def write(self, name, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w") as file:
            file.write(text)
        os.chmod(self.path(name), mode)

    def read(self, name):
        try:
            with open(self.path(name), errors="backslashreplace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def service(self, name):
        self.write("gate/services.d/%s.conf" % name, "")

    def configure(self, http):
        self.write("nginx.conf", CONF % {
            "module": MODULE, "prefix": self.prefix, "main": self.main, "workers": self.workers,
            "user": "user nobody nogroup;" if os.getuid() == 0 else "",
            "http": http.replace("PORT", str(self.port)).replace("PREFIX", self.prefix)
            .replace("FOLDER", self.folder)})

    def command(self):
        return [NGINX, "-p", self.prefix, "-c", self.path("nginx.conf"), "-e",
                self.path("error.log"), "-g", "daemon off;"]

    def environment(self):
        preload = PRELOAD + ([FAKE] if self.fake else [])
        environment = dict(os.environ, LD_PRELOAD=" ".join(preload))
        # nginx frees little when it ends: what the module leaks shows in its memory over reloads.
        environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        environment.setdefault("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1")
        return environment

    def test(self):
        """nginx -t: its exit code, and what it said."""
        done = subprocess.run(self.command() + ["-t"], env=self.environment(),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE,
                              check=False)
        return done.returncode, done.stdout.decode("utf-8", "backslashreplace")

    def start(self):
        with open(self.path("output"), "wb") as output:
            self.process = subprocess.Popen(UNDER + self.command(), env=self.environment(),
                                            stdout=output, stderr=output)
        until(self.ready, "nginx to listen")
        if "master_process off" not in self.main:
            until(lambda: len(self.workers_now()) == self.workers, "the workers")
        return self

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError("nginx did not start: " + self.read("output")
                                 + self.read("error.log"))
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True

    def children(self):
        """The workers' (and helpers') process ids."""
        pid = self.process.pid
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            return [int(word) for word in file.read().split()]

    def workers_now(self):
        """Those that serve: not the ones that only finish what they have."""
        log = self.read("error.log")
        ended = set(re.findall(r" process (\d+) exited ", log)
                    + re.findall(r" (\d+)#\d+: (?:\*\d+ )?gracefully shutting down", log))
        return [int(pid) for pid in re.findall(r"start worker process (\d+)", log)
                if pid not in ended]

    def reload(self):
        """Returns once the new workers have replaced the old."""
        old = set(self.workers_now())
        self.process.send_signal(signal.SIGHUP)
        until(lambda: len(new := self.workers_now()) == self.workers and not old & set(new),
              "new workers after a reload")

    def stop(self, with_signal=signal.SIGQUIT):
        """The exit code of the master."""
        if self.process is None or self.process.poll() is not None:
            return self.process and self.process.returncode
        self.process.send_signal(with_signal)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("nginx did not stop") from None

    def remove(self):
        try:
            self.stop(signal.SIGTERM)
            seen.search(self.prefix)
        finally:
            shutil.rmtree(self.prefix, ignore_errors=True)

    def connect(self, context=None):
        return Connection(self.port, context)

    def get(self, path, credential=None, method="GET", headers=(), body=None):
        connection = self.connect()
        try:
            return connection.send(path, credential, method, headers, body).receive()
        finally:
            connection.close()

    # What the fake gate was called with.

    def trace(self):
        """Starts the trace anew."""
        self.write("gate/trace", "", 0o666)

    def calls(self, word):
        return [line for line in self.read("gate/trace").splitlines()
                if line.partition(" ")[2].startswith(word)]


def alarms(log):
    """Lines of an error log that no test should leave behind."""
    return [line for line in log.splitlines()
            if re.search(r"\[alert\]|\[emerg\]|exited (on signal|with code [1-9])|AddressSanitizer"
                         r"|runtime error|^==\d+== ", line)]


class Case(unittest.TestCase):
    """One nginx for all cases of a class; HTTP is the inside of its http block."""

    HTTP = ""
    MAIN = ""
    WORKERS = 1
    forgiven = ()

    @classmethod
    def setUpClass(cls):
        cls.nginx = Nginx(cls.HTTP, cls.MAIN, cls.WORKERS)
        cls.addClassCleanup(cls.nginx.remove)
        cls.upstream = Upstream(cls.nginx.path("upstream.sock"))
        cls.addClassCleanup(cls.upstream.close)
        cls.prepare()
        cls.nginx.start()

    @classmethod
    def prepare(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        code = cls.nginx.stop()
        found = [line for line in alarms(cls.nginx.read("error.log") + cls.nginx.read("output"))
                 if not any(word in line for word in cls.forgiven)]
        if code != 0 or found:
            raise AssertionError("nginx exited with %s, and said: %s" % (code, "\n".join(found)))

    def setUp(self):
        self.nginx.trace()

    def get(self, *args, **kwargs):
        return self.nginx.get(*args, **kwargs)


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.count = 0

    def line(self, passed, test, note=""):
        self.count += 1
        name = getattr(test, "_testMethodName", str(test)).removeprefix("test_")
        print("%s %d - %s%s" % ("ok" if passed else "not ok", self.count, name, note), flush=True)

    def failed(self, test, error):
        self.line(False, test)
        for line in self._exc_info_to_string(error, test).splitlines():
            print("# " + line, flush=True)

    def addSuccess(self, test):
        self.line(True, test)

    def addError(self, test, err):
        super().addError(test, err)
        self.failed(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.failed(test, err)

    def addSkip(self, test, reason):
        self.count += 1
        name = getattr(test, "_testMethodName", str(test)).removeprefix("test_")
        print("ok %d # SKIP %s: %s" % (self.count, name, reason), flush=True)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            print("# in %s" % subtest, flush=True)
            self.failed(test, err)


def main(fake=True):
    """Runs the cases of the calling program (or those named on the command line) as TAP."""
    for what, path in ("nginx", NGINX), ("the module", MODULE), ("the fake gate", fake and FAKE):
        if path is not False and not os.path.exists(path):
            print("1..0 # SKIP %s is not there (%s)" % (what, path))
            sys.exit(0)
    loader, module = unittest.TestLoader(), sys.modules["__main__"]
    if len(sys.argv) > 1:
        suite = loader.loadTestsFromNames(sys.argv[1:], module)
    else:
        suite = loader.loadTestsFromModule(module)
    result = TapResult()
    suite.run(result)
    print("1..%d" % result.count)
    sys.exit(0 if result.wasSuccessful() else 1)
