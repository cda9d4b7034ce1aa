#!/usr/bin/env python3
"""test_bench.py - the benchmark's programs and sections run at all, as short as they can be, and README
quotes no figure that RESULTS.md does not hold. What is measured on a busy machine is not looked at."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
NGINX = os.environ.get("SG_NGINX") or "/usr/sbin/nginx"
SECTIONS = {"micro": None, "growth": None, "gateway": "nginx", "attack": "nginx", "refresh": "nginx",
            "latency": "nginx", "reload": "nginx"}


def missing():
    if os.environ.get("SG_UNDER") or os.environ.get("SG_PRELOAD", "").strip():
        return ["time for a gateway that is watched"]
    return [name for name in (NGINX, os.environ.get("SG_WRK") or "wrk", "taskset")
            if shutil.which(name) is None]


def run(section, path):
    """What is wrong with the section, or None."""
    done = subprocess.run(["/usr/bin/python3", os.path.join(HERE, "run")], timeout=150,
                          env=dict(os.environ, ONLY=section, BENCH_SMALL="1", BENCH_JSON=path),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    try:
        with open(path, encoding="ascii") as file:
            rows = json.load(file)[section]["rows"]
    except (OSError, ValueError, KeyError):
        rows = []
    # 1: a bar that was not met.
    if done.returncode in (0, 1) and rows and "Traceback" not in done.stdout:
        return None
    return done.stdout[-2000:]


def text_of(*names):
    try:
        with open(os.path.join(HERE, *names), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def quoted():
    """Numbers of README's paragraphs that point to RESULTS.md, which are not in it."""
    numbers = re.compile(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?![\w.]*\w)")
    there = set(numbers.findall(text_of("RESULTS.md")))
    return ["README quotes %s, which RESULTS.md does not have" % one
            for part in text_of("..", "..", "README.md").split("\n\n") if "RESULTS.md" in part
            for one in numbers.findall(part.replace("tests/bench/RESULTS.md", ""))
            if one not in there]


def main():
    folder = tempfile.mkdtemp(prefix="stsgate-bench-test-")
    path = os.path.join(folder, "bench.json")
    bad, began = 0, time.monotonic()
    print("1..%d" % (len(SECTIONS) + 1))
    try:
        for number, (section, needs) in enumerate(SECTIONS.items(), 1):
            if time.monotonic() - began > 120:
                print("ok %d - %s # SKIP the machine is too busy" % (number, section))
                continue
            if needs and missing():
                print("ok %d - %s # SKIP no %s" % (number, section, " ".join(missing())))
                continue
            wrong = run(section, path)
            if wrong is not None:
                bad += 1
                print("".join("# %s\n" % line for line in wrong.splitlines()), end="")
            print("%s %d - bench_section_%s_runs" % ("ok" if wrong is None else "not ok", number,
                                                     section), flush=True)
        wrong = quoted()
        bad += len(wrong)
        print("".join("# %s\n" % one for one in wrong), end="")
        print("%s %d - readme_quotes_only_measured_figures" % ("not ok" if wrong else "ok",
                                                               len(SECTIONS) + 1))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
