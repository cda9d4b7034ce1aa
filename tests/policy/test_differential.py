#!/usr/bin/env python3
"""test_differential.py [PAIRS [SEED]] - generated policies and requests, decided by the compiled
evaluator and by an independent one (npm's @cloud-copilot/iam-simulate, in a process of its own): no
difference that tests/data/policy/differences.md does not explain. Skipped where node, npm or its
registry can't be had. npm puts the package, its version pinned, below $SG_BUILDDIR only."""

import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import differences
import generate

BUILD = os.environ.get("SG_BUILDDIR") or os.path.join(HERE, "..", "..")
PROGRAM = os.path.join(BUILD, "tests", "policy", "policy_decide")
ORACLE = os.path.join(HERE, "oracle")
HOME = os.path.join(BUILD, "policy-oracle")  # never below tests, which `make dist' ships whole
EXPLAINED = os.path.join(HERE, "..", "data", "policy", "differences.md")
BATCH = 5000
SHOWN = 5


def skip(why):
    print("1..0 # SKIP %s" % why)
    sys.exit(77)


# --- the other evaluator ---

def oracle_home():
    """Where the package is, put there if need be."""
    with open(os.path.join(ORACLE, "package-lock.json"), encoding="utf-8") as file:
        want = json.load(file)["packages"]["node_modules/@cloud-copilot/iam-simulate"]["version"]
    home = os.path.join(HOME, want)
    if os.path.exists(home):
        return home
    os.makedirs(HOME, exist_ok=True)
    fresh = tempfile.mkdtemp(prefix="new-", dir=HOME)
    try:
        for name in "package.json", "package-lock.json":
            shutil.copyfile(os.path.join(ORACLE, name), os.path.join(fresh, name))
        done = subprocess.run(
            ["npm", "ci", "--prefix", fresh, "--ignore-scripts", "--no-audit", "--no-fund",
             "--fetch-retries=0", "--fetch-timeout=20000"], cwd=fresh, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=90)
        if done.returncode != 0:
            skip("npm could not get iam-simulate %s: %s" % (
                want, " ".join(done.stdout.split())[:200]))
        os.rename(fresh, home)
    except (OSError, subprocess.TimeoutExpired) as error:
        if not os.path.exists(home):
            skip("npm could not get iam-simulate %s: %s" % (want, error))
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return home


def oracle_line(pair):
    context = dict(pair["context"])
    context.update({"aws:TokenIssueTime": pair["issued"], "aws:CurrentTime": pair["now"],
                    "aws:EpochTime": str(pair["now_ms"] // 1000)})
    return json.dumps({"policy": pair["document"], "context": context, "action": pair["action"],
                       "resource": pair["resource"]})


def our_line(pair):
    return json.dumps({name: pair[name] for name in ("document", "context", "issued", "now",
                                                     "action", "resource")})


def decide(*runs):
    """[(command, lines)]: what each prints, a list of words; they run side by side."""
    started, results = [], []
    try:
        for command, lines in runs:
            source, answers = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")
            source.write("".join(line + "\n" for line in lines))
            source.seek(0)
            started.append((subprocess.Popen(command, stdin=source, stdout=answers,
                                             env=dict(os.environ, TZ="UTC")), answers))
            source.close()
        for (process, answers), (command, lines) in zip(started, runs):
            process.wait(timeout=240)
            answers.seek(0)
            results.append(answers.read().splitlines())
            assert len(results[-1]) == len(lines), "%s answered %d of %d lines" % (
                command[0], len(results[-1]), len(lines))
    finally:
        for process, answers in started:
            if process.poll() is None:
                process.kill()
                process.wait()
            answers.close()
    return results


# --- the comparison ---

class Comparison:
    def __init__(self, home, seed):
        self.oracle = ["node", os.path.join(ORACLE, "oracle.mjs"), home]
        self.generator = generate.Generator(seed)
        self.agreed = 0
        self.met = collections.Counter()        # how often each difference explained one
        self.reached = collections.Counter()    # (operator, prefix, suffix, outcome)
        self.unexplained = []

    def probe(self):
        pair = self.generator.pair()
        pair["document"] = {"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}
        try:
            words = decide((self.oracle, [oracle_line(pair)]))[0]
        except OSError as error:
            skip("node can't run the other evaluator: %s" % error)
        assert words == ["yes"], words

    def note_operators(self, pair, outcome):
        """Of the pairs whose outcome hangs on one operator alone."""
        statements = list(differences.denials(pair))
        if len(statements) != 1 or statements[0].get("Action") not in ("*", ["*"]) or \
                statements[0].get("Resource") not in ("*", ["*"]):
            return
        tests = [(operator, key) for operator, keys in statements[0].get("Condition", {}).items()
                 for key in keys]
        if len(tests) == 1:
            one = differences.Condition(tests[0][0], tests[0][1], [], pair)
            presence = "absent" if one.had is None else "several" if isinstance(one.had, list) \
                else "present"
            for fact in (one.set or "plain", "IfExists" if one.if_exists else "plain", presence):
                self.reached[one.base, fact, outcome] += 1

    def run(self, count):
        while count > 0:
            pairs = [self.generator.pair() for _ in range(min(count, BATCH))]
            count -= len(pairs)
            written_out = map_list(self.written_out, pairs)
            changed = [i for i, pair in enumerate(written_out) if pair is not None]
            ours, theirs = decide(
                ([PROGRAM], map_list(our_line, pairs)),
                (self.oracle, map_list(oracle_line, pairs + [written_out[i] for i in changed])))
            clear = dict(zip(changed, theirs[len(pairs):]))
            differing = []
            for i, (pair, our, their) in enumerate(zip(pairs, ours, theirs)):
                self.note_operators(pair, our)
                self.agreed += our == their
                if clear.get(i, their) != differences.expected(pair, our):
                    self.unexplained.append((pair, our, clear.get(i, their)))
                elif our != their:
                    differing.append((pair, our))
            self.attribute(differing)

    def written_out(self, pair):
        """The pair without anything that the two are known to read differently; None: it has
        nothing of that kind."""
        result = differences.rewrite(pair, differences.ALL, self.generator.dates)
        same = differences.rewrite(pair, [], self.generator.dates)
        return None if result == same else result

    def attribute(self, differing):
        """Which difference it was: one more of them written out each time."""
        steps = range(1, len(differences.ALL) + 1)
        lines, which = [], []
        for i, (pair, our) in enumerate(differing):
            for step in steps:
                lines.append(oracle_line(differences.rewrite(pair, differences.ALL[:step],
                                                             self.generator.dates)))
                which.append((i, step))
        found = {}
        for (i, step), word in zip(which, decide((self.oracle, lines))[0] if lines else []):
            if i not in found and word == differences.expected(*differing[i]):
                found[i] = differences.ALL[step - 1].__name__
        self.met.update(found.values())


def map_list(function, things):
    return [function(thing) for thing in things]


# --- what must hold ---

def nothing_differs_but_what_is_documented(comparison):
    for pair, our, their in comparison.unexplained[:SHOWN]:
        print("# ours %s, theirs %s: %s" % (our, their, our_line(pair)))
    assert not comparison.unexplained, "%d pairs differ" % len(comparison.unexplained)


def most_agree_as_they_stand(comparison):
    total = comparison.agreed + sum(comparison.met.values())
    assert comparison.agreed >= 0.9 * total, (comparison.agreed, total)


def every_operator_is_reached_with_both_outcomes(comparison):
    for operator in generate.OPERATORS:
        facts = ["plain", "present", "absent"]
        if operator != "Null":
            facts += ["IfExists", "forallvalues", "foranyvalue"]
        for fact in facts:
            assert any(comparison.reached[operator, fact, outcome] for outcome in ("yes", "no")), \
                (operator, fact)
        for outcome in "yes", "no":
            assert comparison.reached[operator, "present", outcome], (operator, outcome)


def every_documented_difference_is_met(comparison):
    names = {one.__name__ for one in differences.ALL}
    assert names == set(comparison.met), (names ^ set(comparison.met))


def the_document_names_the_same_differences(comparison):
    with open(EXPLAINED, encoding="utf-8") as file:
        written = re.findall(r"^## ([a-z_0-9]+)$", file.read(), re.M)
    assert written == [one.__name__ for one in differences.ALL], written


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    if not os.access(PROGRAM, os.X_OK):
        skip("policy_decide is not built")
    if shutil.which("node") is None or shutil.which("npm") is None:
        skip("no node or no npm here: the policy language is not compared with another evaluator")
    comparison = Comparison(oracle_home(), seed)
    comparison.probe()
    comparison.run(count)
    print("# %d pairs alike; explained: %s" % (
        comparison.agreed, ", ".join("%s %d" % one for one in comparison.met.most_common())))
    cases = [nothing_differs_but_what_is_documented, most_agree_as_they_stand,
             every_operator_is_reached_with_both_outcomes, every_documented_difference_is_met,
             the_document_names_the_same_differences]
    print("1..%d" % len(cases))
    failed = 0
    for number, case in enumerate(cases, 1):
        try:
            case(comparison)
            print("ok %d - %s" % (number, case.__name__))
        except AssertionError as error:
            failed += 1
            print("# %s\nnot ok %d - %s" % (error, number, case.__name__))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
