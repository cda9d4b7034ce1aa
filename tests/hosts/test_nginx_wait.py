# test_nginx_wait.py: requests that wait for the agent or for the thread, with everything that can
# happen to them meanwhile: clients and agents that leave, reloads, stops, kills.
import os
import signal
import socket
import struct
import unittest

import nginx_host
from nginx_host import Agent, Case, Nginx, until


class Waiting(Case):
    HTTP = """
    stsgate_conf FOLDER;
    upstream app { server unix:PREFIX/upstream.sock; }
    server {
        listen 127.0.0.1:PORT backlog=1024;
        root PREFIX/html;
        location / { stsgate payments; }
        location /app { stsgate payments; proxy_pass http://app; }
        location /two { stsgate payments; try_files /nowhere /other.html; }
        location /other.html { stsgate other; }
    }
    """
    names = iter(range(10 ** 6))

    @classmethod
    def prepare(cls):
        cls.nginx.write("html/index.html", "in")
        cls.nginx.write("html/other.html", "other")

    def setUp(self):
        super().setUp()
        self.agent = Agent(self.nginx.path("gate/agent.sock"))
        self.addCleanup(self.agent.close)
        self.name = "n%d" % next(self.names)

    def wait(self, path="/", then="allow", name=None, **kwargs):
        """Sends a request that waits for self.name."""
        connection = self.nginx.connect()
        self.addCleanup(connection.close)
        return connection.send(path, "ask-%s.%s" % (name or self.name, then), **kwargs)

    def log_has(self, text):
        until(lambda: text in self.nginx.read("error.log"), "a log line with " + text)

    def test_answered_request_runs_on(self):
        request = self.wait()
        self.agent.asked(1)
        self.agent.answer(self.name)
        self.assertEqual(request.receive().status, 200)

    def test_answered_request_may_still_be_refused(self):
        request = self.wait(then="deny-session-revoked")
        self.agent.asked(1)
        self.agent.answer(self.name)
        answer = request.receive()
        self.assertEqual(answer.status, 401)
        self.assertIn("invalid_token", answer.get("WWW-Authenticate"))

    def test_next_request_on_the_connection_is_served(self):
        request = self.wait(method="POST", path="/app", body=b"c" * 200000)
        self.agent.asked(1)
        self.agent.answer(self.name)
        self.assertTrue(request.receive().body.endswith("c" * 200000))
        self.assertEqual(request.send("/", "allow").receive().status, 200)

    def test_request_pipelined_behind_a_waiting_one_is_served(self):
        request = self.wait()
        request.send("/", "deny-expired")
        self.agent.asked(1)
        self.agent.answer(self.name)
        data = b""
        while data.count(b"HTTP/1.1 ") < 2:
            data += request.socket.recv(65536)
        self.assertTrue(data.startswith(b"HTTP/1.1 200 "))
        self.assertIn(b"HTTP/1.1 401 ", data)

    def test_others_are_served_meanwhile(self):
        request = self.wait()
        self.agent.asked(1)
        self.assertEqual(self.get("/", "allow").status, 200)
        self.assertEqual(self.get("/", "deny-expired").status, 401)
        self.agent.answer(self.name)
        self.assertEqual(request.receive().status, 200)

    def test_a_hundred_wait_on_one_connection(self):
        requests = [self.wait() for _ in range(100)]
        self.agent.asked(100)
        self.assertEqual(len(self.agent.connections), 1)
        self.agent.answer(self.name)
        self.assertEqual([request.receive().status for request in requests], [200] * 100)

    def test_each_is_woken_by_its_own_answer(self):
        requests = [self.wait(name="%s-%d" % (self.name, i)) for i in range(20)]
        self.agent.asked(20)
        for i in reversed(range(20)):
            self.agent.answer("%s-%d" % (self.name, i))
            self.assertEqual(requests[i].receive().status, 200)

    def test_more_than_256_waiting_are_busy(self):
        requests = [self.wait() for _ in range(256)]
        self.agent.asked(256)
        answer = self.wait().receive()
        self.assertEqual((answer.status, answer.get("Retry-After")), (503, "7"))
        self.log_has("reason=busy")
        self.agent.answer(self.name)
        self.assertEqual([request.receive().status for request in requests], [200] * 256)

    def test_absent_agent_is_503_at_once(self):
        self.agent.close()
        answer = self.wait().receive()
        self.assertEqual((answer.status, answer.get("Retry-After")), (503, "7"))

    def test_agent_that_comes_back_is_asked_again(self):
        request = self.wait()
        self.agent.asked(1)
        self.agent.drop()
        self.agent.asked(2)
        self.agent.answer(self.name)
        self.assertEqual(request.receive().status, 200)

    def test_agent_that_goes_for_good_is_503(self):
        requests = [self.wait() for _ in range(10)]
        self.agent.asked(10)
        self.agent.close()
        self.assertEqual([request.receive().status for request in requests], [503] * 10)

    def test_agent_that_keeps_dropping_is_503(self):
        request = self.wait()
        for count in 1, 2, 3:
            self.agent.asked(count)
            self.agent.drop()
        self.assertEqual(request.receive().status, 503)

    def test_agent_that_never_knows_is_503(self):
        self.agent.automatic = "?"
        self.assertEqual(self.wait().receive().status, 503)
        self.assertEqual(len(self.agent.questions), 3)

    def test_silent_agent_is_503_after_three_seconds(self):
        answer = self.wait().receive()
        self.assertEqual((answer.status, answer.get("Retry-After")), (503, "7"))
        self.assertEqual(len(self.nginx.calls("forget")), 1)
        self.agent.answer(self.name)
        self.assertEqual(self.get("/", "allow").status, 200)

    def test_service_may_let_in_what_stays_undecided(self):
        self.agent.automatic = "?"
        connection = self.nginx.connect().send("/", "lenient.ask-%s.allow" % self.name)
        self.assertEqual(connection.receive().status, 200)
        connection.close()
        self.assertEqual(len(self.agent.questions), 3)
        self.log_has("let through undecided service=payments reason=role-pending")

    def test_service_that_lets_in_the_undecided_still_refuses_what_is_decided(self):
        self.agent.automatic = ""
        connection = self.nginx.connect().send("/", "lenient.ask-%s.deny-expired" % self.name)
        self.assertEqual(connection.receive().status, 401)
        connection.close()

    def test_question_that_nobody_waits_for_is_503_at_once(self):
        answer = self.get("/", "key-%s.allow" % self.name)
        self.assertEqual(answer.status, 503)
        self.agent.asked(1)
        self.log_has("reason=unknown-key")

    def test_second_service_may_ask_for_itself(self):
        request = self.wait("/two")
        self.agent.asked(1)
        self.agent.answer(self.name)
        answer = request.receive()
        self.assertEqual((answer.status, answer.body), (200, "other"))

    def test_client_that_leaves_is_forgotten(self):
        for reset in False, True:
            with self.subTest(reset=reset):
                self.nginx.trace()
                request = self.wait()
                until(lambda: self.nginx.calls("ask"), "the question")
                if reset:
                    request.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                              struct.pack("ii", 1, 0))
                request.close()
                until(lambda: self.nginx.calls("forget"), "the gate to be told")
                self.agent.answer(self.name, "?")
                self.assertEqual(self.get("/", "allow").status, 200)

    def test_clients_that_leave_give_their_places_back(self):
        for _ in range(2):
            self.nginx.trace()
            requests = [self.wait() for _ in range(256)]
            until(lambda: len(self.nginx.calls("ask")) == 256, "256 questions")
            for request in requests:
                request.close()
            until(lambda: len(self.nginx.calls("forget")) == 256, "256 to be forgotten")
        request = self.wait()
        until(lambda: len(self.nginx.calls("ask")) == 257, "another question")
        self.agent.answer(self.name)
        self.assertEqual(request.receive().status, 200)

    def test_client_may_send_its_body_while_it_waits(self):
        connection = self.nginx.connect()
        connection.send("/app", "ask-%s.allow" % self.name, "POST", ["Content-Length: 5"])
        self.agent.asked(1)
        connection.socket.sendall(b"hello")
        self.agent.answer(self.name)
        self.assertTrue(connection.receive().body.endswith("hello"))
        connection.close()

    def test_new_connection_with_the_number_of_a_lost_one_is_watched(self):
        self.agent.automatic = ""
        self.assertEqual(self.wait().receive().status, 200)

        # While the worker sleeps the request comes first and the agent goes after it, so that
        # the gate finds its connection dead, and replaces it, within stsgate_ask().
        connection = self.nginx.connect()
        self.assertEqual(connection.send("/", "allow").receive().status, 200)
        worker = self.nginx.workers_now()[0]
        os.kill(worker, signal.SIGSTOP)
        connection.send("/", "ask-%s-again.allow" % self.name)
        self.agent.drop()
        os.kill(worker, signal.SIGCONT)
        self.assertEqual(connection.receive().status, 200)
        connection.close()

    @unittest.skipIf(nginx_host.UNDER, "valgrind reloads more slowly than a request waits")
    def test_reload_lets_a_waiting_request_finish(self):
        request = self.wait()
        self.agent.asked(1)
        self.nginx.reload()
        self.assertEqual(self.get("/", "allow").status, 200)
        self.agent.answer(self.name)
        self.assertEqual(request.receive().status, 200)


class Slow(Case):
    HTTP = """
    stsgate_conf FOLDER;
    server {
        listen 127.0.0.1:PORT backlog=1024;
        root PREFIX/html;
        location / { stsgate payments; }
    }
    """

    @classmethod
    def prepare(cls):
        cls.nginx.write("html/index.html", "in")

    def hold(self):
        self.nginx.write("gate/hold", "")
        self.addCleanup(self.release)

    def release(self):
        if os.path.exists(self.nginx.path("gate/hold")):
            os.unlink(self.nginx.path("gate/hold"))

    def slow(self, then="allow"):
        connection = self.nginx.connect()
        self.addCleanup(connection.close)
        return connection.send("/", "slow.hold." + then)

    def verifying(self):
        until(lambda: self.nginx.calls("verify"), "the thread to be at work")

    def test_slow_signature_is_verified_by_the_thread(self):
        self.assertEqual(self.get("/", "slow.allow").status, 200)
        self.assertEqual(len(self.nginx.calls("verify")), 1)
        self.assertEqual(self.nginx.calls("slow-inline"), [])

    def test_verified_session_may_still_be_refused(self):
        self.assertEqual(self.get("/", "slow.deny-session-revoked").status, 401)

    def test_forgery_is_refused_by_the_thread(self):
        answer = self.get("/", "slow.forged")
        self.assertEqual(answer.status, 401)
        self.assertEqual(self.nginx.calls("check payments bad-signature"),
                         self.nginx.calls("check")[1:])
        self.assertEqual(len(self.nginx.calls("check")), 2)

    def test_others_are_served_while_the_thread_works(self):
        self.hold()
        request = self.slow()
        self.verifying()
        self.assertEqual(self.get("/", "allow").status, 200)
        self.release()
        self.assertEqual(request.receive().status, 200)

    def test_queue_is_bounded(self):
        self.hold()
        requests = [self.slow() for _ in range(64)]
        until(lambda: len(self.nginx.calls("check payments slow-signature")) == 64, "64 tasks")
        answer = self.slow().receive()
        self.assertEqual((answer.status, answer.get("Retry-After")), (503, "7"))
        self.release()
        self.assertEqual([request.receive().status for request in requests], [200] * 64)
        self.assertNotIn("queue overflow", self.nginx.read("error.log"))

    def test_client_that_leaves_meanwhile_harms_nobody(self):
        self.hold()
        requests = [self.slow() for _ in range(10)]
        until(lambda: len(self.nginx.calls("check payments slow-signature")) == 10, "10 tasks")
        for request in requests:
            request.close()
        self.release()
        self.assertEqual(self.get("/", "slow.allow").status, 200)

    def test_reload_lets_a_request_before_the_thread_finish(self):
        self.hold()
        request = self.slow()
        self.verifying()
        self.nginx.reload()
        self.assertEqual(self.get("/", "allow").status, 200)
        self.release()
        self.assertEqual(request.receive().status, 200)


class Ends(unittest.TestCase):
    """Each has an nginx of its own, since it ends it or one of its workers."""

    def start(self, **kwargs):
        nginx = Nginx("stsgate_conf FOLDER; server { listen 127.0.0.1:PORT; root PREFIX/html; "
                      "stsgate payments; }", **kwargs)
        self.addCleanup(nginx.remove)
        nginx.write("html/index.html", "in")
        self.agent = Agent(nginx.path("gate/agent.sock"))
        self.addCleanup(self.agent.close)
        nginx.trace()
        return nginx.start()

    def send(self, nginx, credential):
        connection = nginx.connect()
        self.addCleanup(connection.close)
        return connection.send("/", credential)

    def assert_quiet(self, nginx):
        self.assertEqual(nginx_host.alarms(nginx.read("error.log") + nginx.read("output")), [])

    def test_quick_stop_with_waiting_requests_is_clean(self):
        nginx = self.start()
        for _ in range(10):
            self.send(nginx, "ask-a.allow")
        self.agent.asked(10)
        self.assertEqual(nginx.stop(signal.SIGTERM), 0)
        self.assert_quiet(nginx)
        self.assertEqual(len(nginx.calls("reader-close")), 2)

    def test_quiet_stop_answers_waiting_requests(self):
        nginx = self.start()
        request = self.send(nginx, "ask-a.allow")
        self.agent.asked(1)
        nginx.process.send_signal(signal.SIGQUIT)
        until(lambda: not nginx.workers_now(), "the worker to be told")
        self.agent.answer("a")
        self.assertEqual(request.receive().status, 200)
        self.assertEqual(nginx.process.wait(nginx_host.PATIENCE), 0)
        self.assert_quiet(nginx)

    def test_quick_stop_while_the_thread_works_is_clean(self):
        nginx = self.start()
        nginx.write("gate/hold", "")
        for _ in range(5):
            self.send(nginx, "slow.hold.allow")
        until(lambda: nginx.calls("verify"), "the thread to be at work")
        nginx.process.send_signal(signal.SIGTERM)
        os.unlink(nginx.path("gate/hold"))
        self.assertEqual(nginx.process.wait(nginx_host.PATIENCE), 0)
        self.assert_quiet(nginx)

    def test_killed_worker_is_replaced(self):
        nginx = self.start()
        for _ in range(10):
            self.send(nginx, "ask-a.allow")
        self.agent.asked(10)
        worker = nginx.workers_now()[0]
        os.kill(worker, signal.SIGKILL)
        until(lambda: nginx.workers_now() and worker not in nginx.workers_now(), "a new worker")
        request = self.send(nginx, "ask-a.allow")
        self.agent.asked(11)
        self.agent.answer("a")
        self.assertEqual(request.receive().status, 200)

    def test_worker_without_a_reader_is_closed_and_recovers(self):
        nginx = Nginx("stsgate_conf FOLDER; server { listen 127.0.0.1:PORT; root PREFIX/html; "
                      "stsgate payments; }")
        self.addCleanup(nginx.remove)
        nginx.write("html/index.html", "in")
        nginx.write("gate/no-readers", "")
        nginx.start()
        answer = nginx.get("/", "allow")
        self.assertEqual((answer.status, answer.get("Retry-After")), (503, "1"))
        os.unlink(nginx.path("gate/no-readers"))
        self.assertEqual(nginx.get("/", "allow").status, 200)
        self.assertEqual(nginx.get("/", "slow.allow").status, 200)

    def test_helper_processes_have_no_reader(self):
        nginx = Nginx("proxy_cache_path PREFIX/cache keys_zone=a:1m; stsgate_conf FOLDER; "
                      "server { listen 127.0.0.1:PORT; stsgate payments; }")
        self.addCleanup(nginx.remove)
        nginx.trace()
        nginx.start()
        until(lambda: len(nginx.children()) >= 2, "the cache manager")
        worker = nginx.workers_now()
        nginx.stop()
        self.assertEqual({line.split()[0] for line in nginx.calls("reader-open")},
                         {str(pid) for pid in worker})

    def test_single_process_serves_and_stops(self):
        # no reload: nginx itself does not survive one with master_process off
        nginx = self.start(main="master_process off;")
        self.assertEqual(nginx.get("/", "allow").status, 200)
        self.assertEqual(nginx.get("/", "slow.allow").status, 200)
        self.assertEqual(nginx.stop(signal.SIGTERM), 0)
        self.assert_quiet(nginx)
        self.assertEqual(len(nginx.calls("reader-close")), 2)
        self.assertEqual(len(nginx.calls("close")), 1)


if __name__ == "__main__":
    nginx_host.main()
