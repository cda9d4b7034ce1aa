#!/usr/bin/python3
"""A thousand signed requests that nobody has seen, all at once, at nginx with one worker: how long a
location that has nothing to do with them takes meanwhile, how often STS was asked, and what was
answered. The agent, the gate and nginx are the real ones; AWS is the sandbox, 20 ms away. The worker
and the client that measures have a core of their own; beside it, the same crowd where nothing is
checked.

    tests/bench/caller_load.py [REQUESTS]    with SG_BUILDDIR, SG_SRCDIR and SG_NGINX_MODULE set
"""

import collections
import http.client
import json
import os
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../hosts"))

IDLE_S = 5


def probe(port):
    """Asks for /plain/ until its standard input ends; milliseconds each, as JSON. A process of its
    own: nothing that presents requests is in its way."""
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    os.sched_setaffinity(0, {0})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    took = []
    while not ended.is_set():
        began = time.perf_counter()
        connection.request("GET", "/plain/index.html")
        connection.getresponse().read()
        took.append((time.perf_counter() - began) * 1000)
        time.sleep(0.002)
    print(json.dumps(took))


def probing(port, work):
    """(what work() returns, the p99 of the probes meanwhile)."""
    command = [sys.executable, os.path.abspath(__file__), "--probe", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        done = work()
        took = sorted(json.loads(process.communicate(timeout=60)[0]))
    return done, took[len(took) * 99 // 100]


def measure(requests=1000):
    """A dict of the figures."""
    import test_identity_load

    class World(test_identity_load.Signed):
        MAIN = "worker_rlimit_nofile 8192; worker_cpu_affinity 01;"
        HTTP = test_identity_load.Signed.HTTP.replace("location / {", """
            location /plain/ { alias PREFIX/html/; }
            location /bare/ { proxy_pass http://app; }
            location / {""")

        def runTest(self):
            pass

    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    world = World()
    try:
        world.setUp()
        return crowd(world, requests)
    finally:
        world.doCleanups()
        world.nginx.stop()


def crowd(world, requests):
    world.nginx.write("html/index.html", "in")
    tokens = [world.fresh("s%d" % number) for number in range(requests)]
    world.box.faults(latency_ms=20, only="GetCallerIdentity")
    found = {"requests": requests, "answers": collections.Counter()}
    _, found["p99_idle_ms"] = probing(world.nginx.port, lambda: time.sleep(IDLE_S))

    def bare():
        world.all_at_once(tokens, world.far, "/bare/")

    def all_at_once(waiting):
        answers = world.all_at_once(waiting, lambda at: world.far(tokens.index(waiting[at])))
        found["answers"].update(str(answer.status) for answer in answers)
        return [token for token, answer in zip(waiting, answers) if answer.status != 200]

    _, found["p99_unchecked_ms"] = probing(world.nginx.port, bare)
    began, before = time.monotonic(), world.sts_calls()
    waiting, found["p99_loaded_ms"] = probing(world.nginx.port, lambda: all_at_once(tokens))
    found["seconds"] = time.monotonic() - began
    found["calls"] = world.sts_calls() - before
    found["calls_allowed"] = 202 + 100 * found["seconds"]
    found["undecided_at_first"] = len(waiting)
    for _ in range(60):
        if waiting:
            waiting = all_at_once(waiting)
    found["never_decided"] = len(waiting)
    found["calls_in_all"] = world.sts_calls() - before
    found["answers"] = dict(found["answers"])
    return found


def main():
    if sys.argv[1:2] == ["--probe"]:
        probe(int(sys.argv[2]))
        return 0
    found = measure(*[int(text) for text in sys.argv[1:2]])
    for name, value in found.items():
        print("%-20s %s" % (name, "%.2f" % value if isinstance(value, float) else value))
    good = (found["p99_loaded_ms"] <= 2 * found["p99_idle_ms"] and not found["never_decided"]
            and found["calls"] <= found["calls_allowed"]
            and found["calls_in_all"] == found["requests"])
    print("p99 within 2x of idle, each verified once, within the budget: %s"
          % ("yes" if good else "NO"))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
