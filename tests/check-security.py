#!/usr/bin/env python3
"""check-security.py - holds SECURITY.md and the tests together: each test that its table names is
there, each class of mistake has its row, and the house rules that no run can show. It only reads."""

import os
import re
import sys

TOP = os.environ.get("SG_SRCDIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")

# What the table must speak of: ids of the classes, one a class where it has several.
CLASSES = """CVE-2015-9235 CVE-2026-44699 CVE-2018-0114 CVE-2025-59420 CVE-2022-21449 CVE-2024-25189
    CVE-2025-30144 CVE-2025-27144 CVE-2023-37464 CVE-2025-64527 CVE-2021-21378 CVE-2020-16250
    CVE-2022-2385 CVE-2025-11621 CVE-2022-29266 CVE-2025-64484 CVE-2022-31813 CVE-2025-23013
    CVE-2022-0547 CVE-2025-62875 CVE-2022-27774 CVE-2023-28625 CVE-2025-31492""".split()


def read(*names):
    with open(os.path.join(TOP, *names), encoding="utf-8") as file:
        return file.read()


def files(folder, *ends):
    for base, _, names in os.walk(os.path.join(TOP, folder)):
        for name in sorted(names):
            if name.endswith(ends):
                yield os.path.relpath(os.path.join(base, name), TOP)


def rows():
    section = read("SECURITY.md").split("## Mistakes of others", 1)[1].split("\n## ", 1)[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and not cells[0].startswith(("mistake", "---")):
            yield cells


def test_names():
    """Tests that run: registered with cmocka, methods of unittest, functions of run(), and ours."""
    names = {case.__name__ for case in CASES}
    for path in files("tests", ".c"):
        text = read(path)
        defined = set(re.findall(r"^static void (\w+)\(void \*\*state\)", text, re.M))
        names |= {name for name in defined if len(re.findall(r"\b%s\b" % name, text)) > 1}
    for path in files("tests", ".py"):
        text = read(path)
        names |= set(re.findall(r"^    def test_(\w+)\(", text, re.M))
        names |= set(re.findall(r"^def (\w+)\(\):", text, re.M))
    return names


# --- cases ---

def each_test_of_the_table_is_there():
    there = test_names()
    missing = [name for row in rows() for name in re.findall(r"`(\w+)`", row[2])
               if name not in there]
    assert not missing, missing


def each_row_names_a_test_or_says_why_not():
    bare = [row[0] for row in rows() if "`" not in row[2] and not row[2].startswith("none: ")]
    assert not bare, bare


def each_class_of_mistake_has_a_row():
    told = " ".join(row[1] for row in rows())
    missing = [name for name in CLASSES if name not in told]
    assert not missing and len(list(rows())) >= 35, missing


def macs_are_compared_in_constant_time():
    for path in ("module/credential/jws.c", "module/gate/verify.c"):
        text = read(path)
        assert "CRYPTO_memcmp(" in text, path
        bad = [line for line in text.splitlines() if re.search(r"(?<!CRYPTO_)\b(mem|str)n?cmp\(", line)
               and re.search(r"expected|mac\b|seal|signature", line)]
        assert not bad, bad


def configuration_is_const_to_requests():
    assert "const struct stsgate *gate;" in read("module/gate/gate.h")
    for path in files("module/gate", ".c"):
        casts = re.findall(r"\(struct (?:stsgate|sg_config|sg_service|sg_issuer|sg_account) \*\)",
                           read(path))
        assert not casts, (path, casts)


def verdicts_are_data_that_must_be_looked_at():
    text = read("include/stsgate/stsgate.h")
    for name in ("stsgate_check", "stsgate_wait"):
        declared = re.search(r"enum stsgate_verdict\s+%s\([^;]*;" % name, text)
        assert declared and "warn_unused_result" in declared.group(0), name
    assert re.search(r"STSGATE_DENY = 0", text)


def defaults_of_the_table_are_those_of_the_code():
    section = read("SECURITY.md").split("## What each default chooses", 1)[1].split("\n## ", 1)[0]
    told = re.findall(r"^\| `(\w+)` \| (\w+)", section, re.M)
    code = dict(re.findall(r'X\((\w+), \w+, [\w.]+, "([^"]*)"', read("module", "config", "keys.h")))
    wrong = [pair for pair in told if code.get(pair[0], pair[1]) != pair[1]]
    assert len(told) >= 7 and not wrong, wrong


CASES = [each_test_of_the_table_is_there, each_row_names_a_test_or_says_why_not,
         each_class_of_mistake_has_a_row, macs_are_compared_in_constant_time,
         defaults_of_the_table_are_those_of_the_code, configuration_is_const_to_requests,
         verdicts_are_data_that_must_be_looked_at]

if __name__ == "__main__":
    print("1..%d" % len(CASES))
    failed = 0
    for number, case in enumerate(CASES, 1):
        try:
            case()
            print("ok %d - %s" % (number, case.__name__))
        except AssertionError as error:
            failed += 1
            print("not ok %d - %s\n# %s" % (number, case.__name__, error))
    sys.exit(1 if failed else 0)
