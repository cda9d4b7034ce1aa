"""In process: what one thread needs, each beside its floor, and how that grows."""

import os

BUILD = os.environ.get("SG_BUILDDIR", os.getcwd())
SMALL = bool(os.environ.get("BENCH_SMALL"))
PIN = ("taskset", "-c", "0")


def program(name):
    return os.path.join(BUILD, "tests", "bench", name)


def at_most(limit, member="product"):
    return lambda line: line[member] <= limit


def micro(report, _):
    report.programs({
        "role_lookup_5000": ("a role of 5,000; floor: bare tinycdb find", "<= 100 ns", at_most(100)),
        "cached_check": ("credential seen before; floor: one Poly1305 over it", "<= 1.2 us",
                         at_most(1200)),
        "claims_length": ("the claims of the next two", "", None),
        "json_scan": ("strict JSON scan; floor: bare json-c", "", None),
        "claims_in_one_pass": ("a token's claims in one pass; floor: bare json-c", "<= 1 us",
                               at_most(1000)),
        "unknown_key_id_refused": ("unknown key id refused, 10,000 different", "<= 3 us",
                                   at_most(3000)),
    }, *PIN, program("bench_gate"))
    bars = {"RS256": 1.35, "ES256": 1.15, "ES384": 1.05, "EdDSA": None}
    report.programs({
        "first_seen_" + alg: ("%s first seen; floor: bare OpenSSL verify" % alg,
                              "<= %.2f" % most if most else "",
                              at_most(most, "ratio") if most else None)
        for alg, most in bars.items()}, *PIN, program("bench_first"))
    report.programs({
        "compile_10_kb": ("policy of 10 KB compiled; floor: bare json-c", "", None),
        "compile_100_kb": ("policy of 100 KB compiled; floor: bare json-c", "", None),
        "compile_10000_statements": ("10,000 statements compiled; floor: bare json-c", "", None),
        "compile_nested_to_the_limit": ("a document of brackets refused", "", None),
        "decide_one_cutoff": ("role of one cutoff decided", "", None),
        "decide_20_conditional": ("role of 20 conditional statements decided", "", None),
        "decide_20_conditional_too_old_to_bite": ("the same, all too old to bite", "", None),
    }, *PIN, program("bench_policy"))


def growth(report, _):
    """Roles times processes; the floor is a store of 1,000 roles in the same processes."""
    for roles in (1, 1000) if SMALL else (1, 1000, 100000, 1000000):
        bars = {"store_%d_roles" % roles: ("%d roles: the one shared copy" % roles,) + (
            ("<= 300 MB", at_most(300)) if roles == 1000000 else ("", None)),
                "publish_%d_roles" % roles: (
                    "%d roles: one role's change seen by a reader, worst of 20" % roles,
                    "<= 50 ms", at_most(50))}
        for count in (1, 4, 16):
            tail = "%d_roles_%d_processes" % (roles, count)
            where = "%d roles, %d processes" % (roles, count)
            bound = ("+ <= 0.5 us", at_most(500, "added")) if roles > 1000 else ("", None)
            bars["check_" + tail] = (where + ": a check; floor: 1,000 roles",) + bound
            bars["lookup_" + tail] = (where + ": a role's name written and looked up; floor: 1,000 roles",) + bound
            bars["private_" + tail] = (where + ": private memory of one more, each account in use",
                                       "<= 1024 KiB", at_most(1024))
            bars["remembered_" + tail] = (where + ": the same, 2,000 credentials remembered", "",
                                          None)
            bars["shared_" + tail] = (where + ": shared memory mapped by one", "", None)
        report.programs(bars, program("bench_growth"), str(roles),
                        *(("1", "2") if SMALL else ("1", "4", "16")))


SECTIONS = {
    "micro": ("one thread, in process", micro),
    "growth": ("more roles, more processes", growth),
}
