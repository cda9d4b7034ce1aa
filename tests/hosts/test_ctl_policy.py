#!/usr/bin/env python3
"""test_ctl_policy.py - stsgatectl policy test: what a script relies on (exit codes, JSON), and what
a person reads: which statement decided, and what each part of it came to."""

import json
import os
import subprocess
import sys
import tempfile

import agent_host
from agent_host import run

PROGRAM = os.path.join(agent_host.BUILD, "module", "ctl", "stsgatectl")
YES, NO, USAGE, UNDECIDED = 0, 1, 2, 3

REVOKE = {"Effect": "Deny", "Action": "*", "Resource": "*",
          "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2024-05-01T12:00:00Z"}}}


def deny(condition, **more):
    return dict({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}, **more)


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def ctl(*arguments, words=None, under=()):
    return subprocess.run(list(under) + [PROGRAM] + list(arguments), input=words,
                          capture_output=True, text=True, timeout=60)


def policy_test(words, *context, options=()):
    """Exit code, JSON and what people see, of the same document and context."""
    arguments = [part for one in context for part in ("--context", one)] + list(options)
    shown = ctl("policy", "test", "-", *arguments, words=words)
    said = ctl("--json", "policy", "test", "-", *arguments, words=words)
    assert shown.returncode == said.returncode, (shown, said)
    assert "\033" not in shown.stdout
    return shown.returncode, json.loads(said.stdout), shown.stdout


def a_session_issued_before_the_cutoff_is_denied():
    code, said, shown = policy_test(document(REVOKE), "aws:TokenIssueTime=2024-05-01T11:59:59Z")
    assert code == NO and said["verdict"] == "denied" and said["statement"] == 1
    assert "result: denied by statement 1" in shown, shown


def a_session_issued_at_the_cutoff_is_not_denied():
    code, said, shown = policy_test(document(REVOKE), "aws:TokenIssueTime=2024-05-01T12:00:00Z")
    assert code == YES and said["verdict"] == "not denied" and said["statement"] is None
    assert "result: not denied" in shown, shown


def a_session_without_an_issue_time_is_issued_now():
    assert policy_test(document(REVOKE))[0] == YES


def an_interval_astride_the_cutoff_is_undecided():
    code, said, shown = policy_test(
        document(REVOKE), "aws:TokenIssueTime=2024-05-01T11:00:00Z..2024-05-01T13:00:00Z")
    assert code == UNDECIDED and said["verdict"] == "undecided" and said["statement"] == 1
    assert "statement 1" in shown.splitlines()[-1], shown


def an_unknown_issue_time_is_undecided_and_none_at_all_is_not_denied():
    assert policy_test(document(REVOKE), "aws:TokenIssueTime=?")[0] == UNDECIDED
    assert policy_test(document(REVOKE), "aws:TokenIssueTime")[0] == YES


def each_part_is_shown_with_what_the_policy_and_the_request_have():
    words = document(deny({"StringLike": {"aws:userid": "*:ann"},
                           "StringNotEqualsIfExists": {"aws:SourceIdentity": "bob"}}))
    code, said, shown = policy_test(words, "aws:userid=AROAX:ann", "aws:SourceIdentity=carl")
    assert code == NO, shown
    steps = {step["what"]: step for step in said["statements"][0]["steps"]}
    assert steps["StringLike"]["key"] == "aws:userid"
    assert "*:ann" in steps["StringLike"]["values"]
    assert "AROAX:ann" in steps["StringLike"]["request"]
    assert {step["result"] for step in steps.values()} == {"match"}
    for name in "Action", "Resource", "StringLike", "StringNotEqualsIfExists":
        assert len([line for line in shown.splitlines()
                    if line.startswith("  match ") and " %s " % name in line]) == 1, shown


def the_part_that_fails_is_told():
    words = document(deny({"StringLike": {"aws:userid": "*:ann"}}))
    code, said, _ = policy_test(words, "aws:userid=AROAX:bob")
    failed = [step["what"] for step in said["statements"][0]["steps"] if step["result"] != "match"]
    assert code == YES and failed == ["StringLike"], said


def a_key_that_is_not_given_is_absent():
    words = document(deny({"StringEquals": {"aws:SourceIdentity": "ann"}}))
    assert policy_test(words)[0] == YES
    assert policy_test(words, "aws:SourceIdentity")[0] == YES
    negated = document(deny({"StringNotEquals": {"aws:SourceIdentity": "ann"}}))
    assert policy_test(negated)[0] == NO


def an_unknown_key_is_undecided_and_an_empty_one_is_empty():
    words = document(deny({"StringEquals": {"aws:SourceIdentity": "ann"}}))
    assert policy_test(words, "aws:SourceIdentity=?")[0] == UNDECIDED
    assert policy_test(words, "aws:SourceIdentity=")[0] == YES
    assert policy_test(document(deny({"StringLike": {"aws:SourceIdentity": "*"}})),
                       "aws:SourceIdentity=")[0] == NO


def a_key_given_twice_has_two_values():
    words = document(deny({"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": ["a", "b"]},
                           "Null": {"aws:PrincipalOrgPaths": "false"}}))
    options = ["--deny", "all"]
    assert policy_test(words, "aws:PrincipalOrgPaths=a", "AWS:principalorgpaths=b",
                       options=options)[0] == NO
    assert policy_test(words, "aws:PrincipalOrgPaths=a", "aws:PrincipalOrgPaths=c",
                       options=options)[0] == YES


def a_value_may_hold_an_equals_sign():
    words = document(deny({"StringEquals": {"aws:SourceIdentity": "a=b"}}))
    assert policy_test(words, "aws:SourceIdentity=a=b")[0] == NO


def the_kind_of_credential_tells_what_is_unknown():
    words = document(deny({"StringLike": {"aws:userid": "*:ann"}}))
    assert policy_test(words, options=["--credential", "aws-web-identity"])[0] == UNDECIDED
    negated = document(deny({"StringNotEquals": {"aws:SourceIdentity": "ann"}}))
    assert policy_test(negated, options=["--credential=aws-web-identity"])[0] == NO
    assert policy_test(negated, options=["--credential=jwt"])[0] == UNDECIDED
    assert policy_test(negated, "aws:SourceIdentity=ann", options=["--credential=jwt"])[0] == YES


def the_second_statement_may_decide():
    code, said, shown = policy_test(document(REVOKE, deny({"StringEquals": {
        "aws:SourceIdentity": "ann"}}, Sid="Ann")), "aws:SourceIdentity=ann")
    assert code == NO and said["statement"] == 2 and said["statements"][1]["sid"] == "Ann"
    assert "denied by statement 2" in shown, shown


def a_sure_denial_outdoes_an_undecided_statement():
    words = document(deny({"StringEquals": {"aws:userid": "x"}}),
                     deny({"StringEquals": {"aws:SourceIdentity": "ann"}}))
    code, said, _ = policy_test(words, "aws:userid=?", "aws:SourceIdentity=ann")
    assert code == NO and said["statement"] == 2, said


def another_service_is_not_denied_unless_that_is_asked():
    words = document(dict(REVOKE, Action="s3:*"))
    issued = "aws:TokenIssueTime=2024-05-01T11:00:00Z"
    assert policy_test(words, issued)[0] == YES
    assert policy_test(words, issued, options=["--action", "s3:GetObject"])[0] == NO
    words = document(dict(REVOKE, Resource="arn:aws:s3:::bucket/*"))
    assert policy_test(words, issued)[0] == YES
    assert policy_test(words, issued, options=["--resource=arn:aws:s3:::bucket/a"])[0] == NO


def a_guardrail_is_listed_and_enforced_with_deny_all_only():
    words = document(deny({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}))
    code, said, shown = policy_test(words, "aws:SourceIp=203.0.113.7")
    assert code == YES and not said["statements"][0]["enforced"], said
    assert "statement 1 is enforced with deny = all only" in shown, shown
    assert policy_test(words, "aws:SourceIp=203.0.113.7", options=["--deny", "all"])[0] == NO


def a_document_that_only_allows_denies_nothing():
    code, said, shown = policy_test(document({"Effect": "Allow", "Action": "*", "Resource": "*"}))
    assert code == YES and said["statements"] == [] and "no statement denies" in shown, shown


def what_cannot_be_read_is_undecided_and_said():
    for words in ("not JSON", "{\"Statement\": 1}",
                  document(deny({"DateLessThan": {"aws:TokenIssueTime": "tomorrow"}}))):
        done = ctl("policy", "test", "-", words=words)
        assert done.returncode == UNDECIDED and done.stderr, done


def a_file_is_read_like_standard_input():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "deny.json")
        with open(path, "w", encoding="ascii") as file:
            file.write(document(REVOKE))
        done = ctl("policy", "test", path, "--context", "aws:TokenIssueTime=2024-01-01")
        assert done.returncode == NO and path in done.stdout, done
        done = ctl("policy", "test", os.path.join(folder, "none.json"))
        assert done.returncode == USAGE and "none.json" in done.stderr, done


def a_document_over_the_limit_is_refused():
    done = ctl("policy", "test", "-", words=document(REVOKE) + " " * 140000)
    assert done.returncode in (USAGE, UNDECIDED) and done.stderr, done


def nothing_unprintable_comes_out():
    words = document(deny({"StringEquals": {"aws:SourceIdentity": "a\u001b[2J\u009b"}}))
    _, _, shown = policy_test(words, "aws:SourceIdentity=\x1b[31m")
    assert "\x1b" not in shown and "\u009b" not in shown, shown


def wrong_usage_is_two():
    words = document(REVOKE)
    for arguments in (["policy"], ["policy", "test"], ["policy", "nonsense", "-"],
                      ["policy", "test", "-", "more"], ["policy", "test", "-", "--nonsense", "x"],
                      ["policy", "test", "-", "--context"],
                      ["policy", "test", "-", "--context", "=x"],
                      ["policy", "test", "-", "--context", "aws:TokenIssueTime=tomorrow"],
                      ["policy", "test", "-", "--context", "aws:CurrentTime=never"],
                      ["policy", "test", "-", "--context", "aws:TokenIssueTime=2024-02..2024-01"],
                      ["policy", "test", "-", "--context", "a=1", "--context", "a=?"],
                      ["policy", "test", "-", "--credential", "x"],
                      ["policy", "test", "-", "--deny", "nothing"]):
        done = ctl(*arguments, words=words)
        assert done.returncode == USAGE and done.stderr and not done.stdout, (arguments, done)


if __name__ == "__main__":
    if not os.access(PROGRAM, os.X_OK):
        print("1..0 # SKIP stsgatectl is not built")
        sys.exit(77)
    run([case for case in list(globals().values())
         if callable(case) and getattr(case, "__module__", "") == "__main__"
         and case not in (deny, document, ctl, policy_test)])
