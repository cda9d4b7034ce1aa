# test_nginx_conf.py: nginx -t tells every mistake with its place, a reload with mistakes changes
# nothing, and reloads under load lose no request and leave nothing behind.
import contextlib
import http.client
import os
import signal
import threading
import unittest

import nginx_host
from nginx_host import Nginx, until

SERVER = "server { listen 127.0.0.1:PORT; root PREFIX/html; location / { stsgate payments; } }"


class Mistakes(unittest.TestCase):
    def make(self, http, **kwargs):
        nginx = Nginx(http, **kwargs)
        self.addCleanup(nginx.remove)
        return nginx

    def refused(self, http, *expected, **kwargs):
        nginx = self.make(http, **kwargs)
        code, said = nginx.test()
        self.assertNotEqual(code, 0)
        for text in expected:
            self.assertIn(text.replace("PREFIX", nginx.prefix), said)
        return said

    def line_of(self, nginx, text):
        for number, line in enumerate(nginx.read("nginx.conf").splitlines(), 1):
            if text in line:
                return number
        raise AssertionError(text)

    def test_good_configuration_passes(self):
        code, said = self.make("stsgate_conf FOLDER;" + SERVER).test()
        self.assertEqual(code, 0, said)
        self.assertNotIn("stsgate:", said)

    def test_every_mistake_in_the_folder_is_told(self):
        nginx = self.make("stsgate_conf FOLDER;" + SERVER)
        nginx.write("gate/problems",
                    "stsgate.conf:3: unknown key\nservices.d/payments.conf:9: bad %s value %n\n")
        code, said = nginx.test()
        self.assertNotEqual(code, 0)
        self.assertIn("[emerg]", said)
        self.assertIn("stsgate: stsgate.conf:3: unknown key", said)
        self.assertIn("stsgate: services.d/payments.conf:9: bad %s value %n", said)
        self.assertIn('2 mistakes above, error -2) in %s:%d'
                      % (nginx.path("nginx.conf"), self.line_of(nginx, "stsgate_conf")), said)

    def test_every_unknown_service_is_told_with_its_place(self):
        nginx = self.make("stsgate_conf FOLDER;\nserver { listen 127.0.0.1:PORT;\nstsgate first;\n"
                          "location /a { stsgate payments; }\nlocation /b {\nstsgate second; }\n"
                          "include PREFIX/more.conf;\n}")
        nginx.write("more.conf", "# a comment\n\nlocation /c { stsgate third; }\n")
        code, said = nginx.test()
        self.assertNotEqual(code, 0)
        for name in "first", "second":
            place = "%s:%d" % (nginx.path("nginx.conf"), self.line_of(nginx, name))
            self.assertIn('no service "%s": "%s/services.d/%s.conf" is not there, expected by '
                          '"stsgate" in %s' % (name, nginx.folder, name, place), said)
        self.assertIn("in %s:3" % nginx.path("more.conf"), said)
        self.assertNotIn('no service "payments"', said)

    def test_every_gate_without_a_folder_is_told(self):
        said = self.refused(SERVER.replace("location", "\nlocation /b { stsgate other; } location"))
        self.assertIn('"stsgate payments" needs "stsgate_conf FOLDER" in the http block', said)
        self.assertIn('"stsgate other" needs "stsgate_conf FOLDER" in the http block', said)

    def test_off_needs_no_folder(self):
        code, said = self.make(SERVER.replace("payments", "off")).test()
        self.assertEqual(code, 0, said)

    def test_folder_may_be_named_after_its_use_and_relative_to_nginx_s(self):
        code, said = self.make(SERVER + "stsgate_conf gate;").test()
        self.assertEqual(code, 0, said)

    def test_absent_folder_is_a_mistake(self):
        self.refused("stsgate_conf /nonexistent;" + SERVER, '"stsgate_conf /nonexistent"')

    def test_duplicates_are_mistakes(self):
        self.refused("stsgate_conf FOLDER; stsgate_conf FOLDER;",
                     '"stsgate_conf" directive is duplicate')
        self.refused("stsgate_conf FOLDER; stsgate payments; stsgate off;",
                     '"stsgate" directive is duplicate')
        self.refused("stsgate_conf FOLDER; stsgate_credential $arg_a; stsgate_credential $arg_b;",
                     '"stsgate_credential" directive is duplicate')

    def test_wrong_arguments_are_mistakes(self):
        self.refused("stsgate_conf FOLDER; stsgate;", "invalid number of arguments")
        self.refused("stsgate_conf FOLDER; stsgate a b;", "invalid number of arguments")
        self.refused('stsgate_conf FOLDER; stsgate "";', "needs the name of a service")
        self.refused("stsgate_conf FOLDER; stsgate_credential constant;",
                     'needs a variable, or "bearer"')
        self.refused("stsgate_conf FOLDER; stsgate_credential $no_such;",
                     'unknown "no_such" variable')

    def test_folder_belongs_into_the_http_block(self):
        self.refused("server { stsgate_conf FOLDER; }", '"stsgate_conf" directive is not allowed')

    def test_gate_is_not_allowed_in_an_if_block(self):
        self.refused("stsgate_conf FOLDER; server { location / { if ($arg_a) { stsgate off; } } }",
                     '"stsgate" directive is not allowed')

    def test_thread_pool_s_name_is_reserved(self):
        self.refused("stsgate_conf FOLDER;" + SERVER, "is the stsgate module's",
                     main="thread_pool stsgate threads=4;")

    def test_satisfy_any_is_warned_of_once_where_it_begins(self):
        nginx = self.make("stsgate_conf FOLDER; server { listen 127.0.0.1:PORT;\n"
                          "stsgate payments;\nlocation /all { }\n"
                          "location /any { satisfy any; location /any/a { } } }")
        code, said = nginx.test()
        self.assertEqual(code, 0)
        self.assertEqual(said.count('"satisfy any" lets requests'), 1)
        self.assertIn('location "/any"', said)
        self.assertIn("in %s:%d" % (nginx.path("nginx.conf"),
                                    self.line_of(nginx, "stsgate payments")), said)

    def test_satisfy_any_without_a_gate_is_not_warned_of(self):
        code, said = self.make("stsgate_conf FOLDER; server { satisfy any; stsgate off; }").test()
        self.assertEqual(code, 0)
        self.assertNotIn("satisfy any", said)


class Reload(unittest.TestCase):
    HTTP = "stsgate_conf FOLDER; keepalive_timeout 60s;" + SERVER

    def setUp(self):
        self.nginx = Nginx(self.HTTP)
        self.addCleanup(self.nginx.remove)
        self.nginx.write("html/index.html", "in")
        self.nginx.trace()
        self.nginx.start()

    def test_reload_with_a_mistake_keeps_the_old_configuration(self):
        worker = self.nginx.workers_now()
        self.nginx.write("gate/problems", "stsgate.conf:1: a mistake\n")
        self.nginx.process.send_signal(signal.SIGHUP)
        until(lambda: "stsgate.conf:1: a mistake" in self.nginx.read("error.log"), "the mistake")
        self.assertEqual(self.nginx.get("/", "allow").status, 200)
        self.assertEqual(self.nginx.get("/").status, 401)
        self.assertEqual(self.nginx.workers_now(), worker)

    def test_reload_takes_a_new_gate(self):
        self.nginx.configure(self.HTTP.replace("stsgate payments", "stsgate added"))
        self.nginx.service("added")
        self.nginx.reload()
        until(lambda: len(self.nginx.children()) == 1, "the old worker to end")
        self.assertEqual(self.nginx.get("/", "allow").status, 200)
        self.assertEqual(len(self.nginx.calls("check added ok")), 1)

    def test_gates_and_readers_are_closed(self):
        for _ in range(3):
            self.nginx.reload()
        until(lambda: len(self.nginx.children()) == 1, "the old workers to end")
        self.assertEqual(self.nginx.stop(), 0)
        master = str(self.nginx.process.pid)
        calls = [line.split()[:2] for line in self.nginx.read("gate/trace").splitlines()]
        self.assertEqual(calls.count([master, "open"]), 4)
        self.assertEqual(calls.count([master, "close"]), 4)
        self.assertEqual(sum(call[1] == "reader-open" for call in calls), 8)
        self.assertEqual(sum(call[1] == "reader-close" for call in calls), 8)

    def master(self):
        """Resident kilobytes and open descriptors of the master."""
        pid = self.nginx.process.pid
        with open("/proc/%d/status" % pid) as file:
            resident = [int(line.split()[1]) for line in file if line.startswith("VmRSS:")][0]
        return resident, len(os.listdir("/proc/%d/fd" % pid))

    def load(self, stop, failures, served):
        while not stop.is_set():
            for credential, status in ("allow", 200), ("slow.allow", 200), ("deny-expired", 401):
                try:
                    answer = self.nginx.get("/", credential, headers=["Connection: close"])
                    served.append(answer.status)
                    if answer.status != status:
                        failures.append("%s: %d" % (credential, answer.status))
                except (OSError, http.client.HTTPException) as error:
                    failures.append("%s: %r" % (credential, error))

    def test_reloads_under_load_lose_no_request_and_leak_nothing(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.nginx.path("gate/trace"))
        stop, failures, served = threading.Event(), [], []
        clients = [threading.Thread(target=self.load, args=(stop, failures, served))
                   for _ in range(4)]
        for client in clients:
            client.start()
        try:
            for _ in range(20):
                self.nginx.reload()
            early = self.master()
            for _ in range(40):
                self.nginx.reload()
            late = self.master()
        finally:
            stop.set()
            for client in clients:
                client.join()
        self.assertEqual(failures, [])
        self.assertGreater(len(served), 20)
        if not nginx_host.PRELOAD and not nginx_host.UNDER:  # those keep freed memory
            self.assertLess(late[0] - early[0], 512, "resident kB: %s, %s" % (early, late))
        until(lambda: len(self.nginx.children()) == 1, "the old workers to end")
        descriptors = self.master()[1]
        self.nginx.reload()
        until(lambda: len(self.nginx.children()) == 1 and self.master()[1] <= descriptors,
              "as few descriptors after one more reload")
        logs = self.nginx.read("error.log") + self.nginx.read("output")
        self.assertEqual(nginx_host.alarms(logs), [])

    def test_keep_alive_connections_end_with_the_old_worker(self):
        connection = self.nginx.connect()
        self.assertEqual(connection.send("/", "allow").receive().status, 200)
        self.nginx.reload()
        self.assertEqual(connection.socket.recv(1), b"")
        connection.close()


if __name__ == "__main__":
    nginx_host.main()
