#!/usr/bin/env python3
"""coverage.py FOLDER: which lines of module/ ran, in a build with --enable-coverage below FOLDER, by
gcov. Fails below tests/coverage.floor, which may only rise. `make check-coverage' runs it."""

import collections
import json
import os
import subprocess
import sys

TOP = os.environ.get("SG_SRCDIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
FLOOR = os.path.join(TOP, "tests", "coverage.floor")


def counts(folder):
    """{source below module/: {line: times}}; a file that several programs hold is summed."""
    found = collections.defaultdict(lambda: collections.defaultdict(int))
    data = [os.path.join(base, name) for base, _, names in os.walk(folder) for name in names
            if name.endswith(".gcno") and os.path.relpath(base, folder).startswith("module")]
    for path in sorted(data):
        done = subprocess.run(["gcov", "--json-format", "--stdout", path], cwd=folder,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        for line in done.stdout.splitlines():
            for file in json.loads(line)["files"]:
                at = file["file"].find("module/")
                if at < 0:
                    continue
                for entry in file["lines"]:
                    found[file["file"][at:]][entry["line_number"]] += entry["count"]
    return found


def main():
    folder = os.path.abspath(sys.argv[1])
    areas = collections.defaultdict(lambda: [0, 0])
    worst = []
    for source, lines in counts(folder).items():
        ran = sum(1 for times in lines.values() if times)
        area = os.path.dirname(source)
        areas[area][0] += ran
        areas[area][1] += len(lines)
        worst.append((100.0 * ran / len(lines), len(lines) - ran, source))
    for area in sorted(areas):
        print("%-24s %6d of %6d lines  %5.1f %%"
              % (area, areas[area][0], areas[area][1], 100.0 * areas[area][0] / areas[area][1]))
    print("most lines that never ran:")
    for share, missed, source in sorted(worst, key=lambda one: -one[1])[:12]:
        print("    %-40s %4d  %5.1f %%" % (source, missed, share))
    ran, total = (sum(pair[i] for pair in areas.values()) for i in (0, 1))
    if total == 0:
        sys.exit("coverage: nothing was measured below " + folder)
    share = 100.0 * ran / total
    with open(FLOOR, encoding="ascii") as file:
        floor = float(file.read().split()[0])
    print("module/: %d of %d lines, %.1f %%; the floor is %.1f %%" % (ran, total, share, floor))
    if share >= floor + 1:
        print("The floor may rise: write %.1f into tests/coverage.floor" % (int(share * 2) / 2))
    sys.exit(0 if share >= floor else 1)


if __name__ == "__main__":
    main()
