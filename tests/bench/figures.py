"""The rows of `make bench`: printed as they are measured, kept as JSON a section, and written as
RESULTS.md from that file alone. Nothing here measures."""

import datetime
import json
import os
import platform
import re
import statistics
import subprocess

COLUMNS = ("what", "product", "floor", "ratio (spread)", "bar", "met")


def output(*command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True,
                          timeout=900, **more).stdout


def first_line(*command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=20, check=False)
    except OSError:
        return ""
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else ""


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found = re.search(r"model name\s*:\s*(.*)", file.read())
    return found.group(1) if found else platform.machine()


def machine(nginx):
    """What the figures depend on, and nothing that tells whose machine it is."""
    with open("/etc/os-release", encoding="utf-8") as file:
        system = re.search(r'PRETTY_NAME="(.*)"', file.read())
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory = int(re.search(r"MemTotal:\s+(\d+)", file.read()).group(1))
    return {"processor": processor(), "cores": os.cpu_count(),
            "memory": "%.0f GiB" % (memory / 1048576),
            "system": system.group(1) if system else "", "kernel": platform.release().split("-")[0],
            "openssl": first_line("openssl", "version"), "nginx": first_line(nginx, "-v"),
            "compiler": first_line("gcc", "--version"),
            "stsgate": first_line(os.path.join(os.environ.get("SG_BUILDDIR", os.getcwd()),
                                               "module/ctl/stsgatectl"), "--version")}


def human(value, unit):
    if unit == "ns" and value >= 10000:
        return "%.1f us" % (value / 1000)
    if isinstance(value, float) and abs(value) < 100:
        return "%.2f %s" % (value, unit)
    return "%.0f %s" % (value, unit)


def pairs(products, floors, better="less"):
    """The members of a row that come of adjacent pairs. better "less": times the floor; "more": the
    floor's cost through the product's, which is the share of the floor's speed that is left."""
    ratios = [p / f if better == "less" else f / p for p, f in zip(products, floors)]
    return {"product": statistics.median(products), "floor": statistics.median(floors),
            "ratio": statistics.median(ratios), "ratio_least": min(ratios),
            "ratio_most": max(ratios),
            "added": statistics.median(p - f for p, f in zip(products, floors))}


class Report:
    """Rows by section; in the file also those of earlier runs of other sections."""

    def __init__(self, path, nginx, command):
        self.path, self.command = path, command
        self.machine = machine(nginx)
        self.sections = {}
        self.failed = False
        if os.path.exists(path):
            with open(path, encoding="ascii") as file:
                self.sections = json.load(file)
        self.name = None

    def begin(self, name, what):
        self.name = name
        self.sections[name] = {
            "what": what, "machine": self.machine, "command": self.command, "rows": [],
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")}
        print("\n%s: %s\n" % (name, what))
        print("| %s |\n|%s" % (" | ".join(COLUMNS), "---|" * len(COLUMNS)), flush=True)

    def row(self, name, unit="", bar="", met=None, note="", **figures):
        """figures: product (a number, or words) and where there is one floor, ratio, ratio_least,
        ratio_most. met: True, False, or None where there is no bar."""
        row = dict(figures, name=name, unit=unit, bar=bar, met=met, note=note)
        self.sections[self.name]["rows"].append(row)
        self.failed = self.failed or met is False
        print(line(row), flush=True)
        self.save()

    def save(self):
        with open(self.path + ".new", "w", encoding="ascii") as file:
            json.dump(self.sections, file, indent=1)
        os.rename(self.path + ".new", self.path)

    def programs(self, bars, *command):
        """The lines of one of our programs, each a row as soon as it comes. bars: {name: (what it
        is, text of the bar or "", function of the line that tells whether it holds)}; {name: line}."""
        found = {}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for text in process.stdout:
                one = json.loads(text)
                found[one["name"]] = one
                what, bar, holds = bars.get(one["name"], (one["name"].replace("_", " "), "", None))
                if what is None:
                    continue
                self.row(what, bar=bar, met=None if holds is None else bool(holds(one)),
                         **{key: value for key, value in one.items() if key != "name"})
        if process.returncode != 0:
            raise RuntimeError("%s: exit %d" % (os.path.basename(command[-1]), process.returncode))
        return found


def line(row):
    def figure(key):
        value = row.get(key)
        return "" if value is None else value if isinstance(value, str) else human(value, row["unit"])

    ratio = ""
    if row.get("ratio") is not None:
        ratio = "%.3f (%.3f to %.3f)" % (row["ratio"], row["ratio_least"], row["ratio_most"])
    product = figure("product") + (" (%s)" % row["note"] if row["note"] else "")
    met = "" if row["met"] is None else "yes" if row["met"] else "NO"
    return "| %s |" % " | ".join((row["name"], product, figure("floor"), ratio, row["bar"], met))


def results(path, into, order):
    """RESULTS.md of what the file holds."""
    with open(path, encoding="ascii") as file:
        sections = json.load(file)
    text = ["# Results of `make bench`", "",
            "Written by `tests/bench/run --results` from what a run measured; not edited by hand.",
            "Product and floor are of the same seconds, in adjacent pairs; a ratio is the median of the",
            "pairs' ratios, with the least and the most of them: product through floor, or, where the",
            "floor is plain nginx, floor through product, the share of its speed that is left.",
            "In-process figures are the least of 25 batches; the gateway's are medians of CPU time a",
            "request of the one worker, its threads included."]
    told = None
    for name in sorted(sections, key=lambda one: order.index(one) if one in order else len(order)):
        one = sections[name]
        text += ["", "## " + name, "", one["what"] + ".", ""]
        if one["machine"] != told:
            told = one["machine"]
            text += ["- %s: %s" % (key, value) for key, value in told.items() if value] + [""]
        text += ["Measured %s by `%s`." % (one["date"], one["command"]), "",
                 "| %s |" % " | ".join(COLUMNS), "|" + "---|" * len(COLUMNS)]
        text += [line(row) for row in one["rows"]]
    with open(into, "w", encoding="utf-8") as file:
        file.write("\n".join(text) + "\n")
