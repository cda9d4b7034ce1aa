#!/usr/bin/env python3
"""test_agent_files.py - stsgated with source = file: every change is noticed by inotify (`refresh` is
an hour here), what loosens is looked at twice, and what is not trusted is not taken."""

import json
import os
import shutil
import sys

import agent_host
from agent_host import Agent, E_ABSENT, FROM_IAM, OK, run, wait_for

ACCOUNT = "123456789012"


def deny_before(date):
    return json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Action": ["*"], "Resource": ["*"],
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": date}}}]})


def assert_undecided(record):
    """A gateway takes a role without a record for one without revocations: this one it can't take."""
    assert record.state == agent_host.PRESENT and record.stale_since_ms == 1


class Files:
    """An agent, and the folder that it reads."""

    def __init__(self):
        self.agent = Agent("")
        self.folder = os.path.join(self.agent.folder, "roles")
        os.mkdir(self.folder, 0o755)
        # The issuer is never reached; the test is about the account.
        self.agent.configure("[account prod]\nid = %s\nsource = file\nfolder = %s\nrefresh = 1h\n"
                             "max_stale = 1d\n[issuer own]\nkind = jwt\nurl = https://sts.invalid\n"
                             "account = prod\njwks = http://127.0.0.1:9/\nalgorithms = ES256\n"
                             "issue_time = token:iat\n" % (ACCOUNT, self.folder))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.agent.__exit__(*exception)

    def put(self, role, name, text, mode=0o644):
        folder = os.path.join(self.folder, role)
        os.makedirs(folder, 0o755, exist_ok=True)
        path = os.path.join(folder, name)
        with open(path + ".new", "w") as file:
            file.write(text)
        os.chmod(path + ".new", mode)
        os.rename(path + ".new", path)
        return path

    def start(self):
        self.agent.start()
        wait_for(lambda: self.agent.stamp() and self.agent.stamp().complete_boot_ms > 0,
                 lambda: "a complete read; log: %s" % self.agent.log[-8:])
        return self.agent


def change_is_published_at_once():
    with Files() as files:
        files.put("App", "revoke.json", deny_before("2026-01-01T00:00:00Z"))
        agent = files.start()
        first = agent.record("app").cutoff_ms
        assert first > 0
        files.put("App", "more.json", deny_before("2026-02-01T00:00:00Z"))
        wait_for(lambda: agent.record("app").cutoff_ms > first, "the later cutoff")
        assert agent.ask_role("app", ACCOUNT) == OK


def file_written_in_place_is_read_when_it_is_closed():
    with Files() as files:
        path = files.put("app", "revoke.json", deny_before("2026-01-01T00:00:00Z"))
        agent = files.start()
        first = agent.record("app").cutoff_ms
        with open(path, "w") as file:
            file.write(deny_before("2026-03-01T00:00:00Z"))
        wait_for(lambda: agent.record("app").cutoff_ms > first, "the later cutoff")


def new_role_folder_is_noticed():
    with Files() as files:
        agent = files.start()
        files.put("late", "revoke.json", deny_before("2026-01-01T00:00:00Z"))
        wait_for(lambda: agent.record("late") and agent.record("late").cutoff_ms > 0, "the role")
        files.put("late", "revoke.json", deny_before("2026-01-02T00:00:00Z"))
        wait_for(lambda: agent.record("late").cutoff_ms == 1767312000000, "its change")


def statements_are_never_marked_as_iams():
    with Files() as files:
        files.put("app", "revoke.json", deny_before("2026-01-01T00:00:00Z"))
        agent = files.start()
        statements = agent.record("app").statements
        assert statements and not any(s.flags & FROM_IAM for s in statements)
        assert statements[0].policy == "revoke"


def removed_file_counts_only_after_a_second_look():
    with Files() as files:
        path = files.put("app", "revoke.json", deny_before("2026-01-01T00:00:00Z"))
        agent = files.start()
        os.remove(path)
        wait_for(lambda: agent.record("app").enforced()[0].flags & agent_host.GONE_ONCE,
                 "the first look")
        wait_for(lambda: not agent.record("app").enforced(), "the second look")


def removed_folder_takes_the_role_away_after_a_second_look():
    with Files() as files:
        files.put("app", "revoke.json", deny_before("2026-01-01T00:00:00Z"))
        files.put("stays", "revoke.json", deny_before("2026-01-01T00:00:00Z"))
        agent = files.start()
        shutil.rmtree(os.path.join(files.folder, "app"))
        wait_for(lambda: "app" not in agent.records(), "the end of the role")
        assert agent.ask_role("app", ACCOUNT) == E_ABSENT
        assert agent.record("stays").cutoff_ms > 0


def details_tell_arn_and_role_id():
    with Files() as files:
        files.put("App", "role.json", json.dumps({
            "arn": "arn:aws:iam::%s:role/team/App" % ACCOUNT, "role_id": "AROAEXAMPLE",
            "created": "2026-01-01T00:00:00Z"}))
        files.put("bare", "revoke.json", deny_before("2026-01-01T00:00:00Z"))
        agent = files.start()
        record = agent.record("app")
        assert record.arn.endswith(":role/team/App") and record.role_id == "AROAEXAMPLE"
        assert record.created_ms == 1767225600000
        assert agent.record("bare").arn == ""


def details_of_another_role_are_refused():
    with Files() as files:
        files.put("app", "role.json", json.dumps({"arn": "arn:aws:iam::%s:role/other" % ACCOUNT}))
        files.put("app", "revoke.json", deny_before("2026-01-01T00:00:00Z"))
        agent = files.start()
        assert_undecided(agent.record("app"))
        assert any("role.json" in line for line in agent.log)


def document_that_is_no_policy_revokes():
    with Files() as files:
        files.put("app", "broken.json", "{ not json")
        agent = files.start()
        assert agent.record("app").enforced(), "closed, not open"


def policy_that_others_may_write_is_not_taken():
    with Files() as files:
        files.put("app", "revoke.json", deny_before("2026-01-01T00:00:00Z"))
        agent = files.start()
        files.put("app", "revoke.json", deny_before("2020-01-01T00:00:00Z"), mode=0o666)
        record = wait_for(lambda: agent.record("app").stale_since_ms and agent.record("app"), "stale")
        assert record.cutoff_ms == 1767225600000
        files.put("app", "revoke.json", deny_before("2026-05-01T00:00:00Z"))
        wait_for(lambda: not agent.record("app").stale_since_ms, "a whole read")


def symbolic_links_are_not_followed():
    with Files() as files:
        files.put("elsewhere", "revoke.json", deny_before("2026-01-01T00:00:00Z"))
        os.rename(os.path.join(files.folder, "elsewhere"), files.agent.folder + "/elsewhere")
        os.symlink(files.agent.folder + "/elsewhere", os.path.join(files.folder, "app"))
        os.mkdir(os.path.join(files.folder, "real"), 0o755)
        os.symlink(files.agent.folder + "/elsewhere/revoke.json",
                   os.path.join(files.folder, "real", "revoke.json"))
        agent = files.start()
        assert_undecided(agent.record("app"))
        assert_undecided(agent.record("real"))


def folders_that_differ_in_case_only_are_not_guessed_at():
    with Files() as files:
        files.put("app", "revoke.json", deny_before("2026-01-01T00:00:00Z"))
        files.put("APP", "revoke.json", deny_before("2020-01-01T00:00:00Z"))
        agent = files.start()
        assert agent.record("app").stale_since_ms == 1
        files.put("APP", "more.json", deny_before("2020-01-01T00:00:00Z"))
        files.put("other", "revoke.json", deny_before("2020-01-01T00:00:00Z"))
        wait_for(lambda: "other" in agent.records(), "the next look")
        assert agent.record("app").stale_since_ms == 1


def role_that_was_never_read_whole_is_undecided_and_not_free():
    with Files() as files:
        files.put("app", "revoke.json", deny_before("2026-01-01T00:00:00Z"), mode=0o664)
        os.mkdir(os.path.join(files.folder, "open"), 0o755)
        os.chmod(os.path.join(files.folder, "open"), 0o775)
        agent = files.start()
        assert_undecided(agent.record("app"))
        assert_undecided(agent.record("open"))
        os.chmod(os.path.join(files.folder, "app", "revoke.json"), 0o644)
        record = wait_for(lambda: not agent.record("app").stale_since_ms and agent.record("app"),
                          "a whole read")
        assert record.cutoff_ms == 1767225600000


def folder_that_is_not_there_is_an_error_and_no_empty_account():
    with Files() as files:
        os.rmdir(files.folder)
        agent = files.agent.start()
        agent.wait_log("read=failed")
        assert not agent.stamp() or agent.stamp().generation == 0


def account_stays_when_its_folder_goes_away():
    with Files() as files:
        files.put("app", "revoke.json", deny_before("2026-01-01T00:00:00Z"))
        agent = files.start()
        os.rename(files.folder, files.folder + ".away")
        agent.wait_log("read=failed")
        assert agent.record("app").cutoff_ms > 0


if __name__ == "__main__":
    if not os.access(agent_host.PROGRAM, os.X_OK):
        print("1..0 # SKIP stsgated is not built")
        sys.exit(77)
    run([case for name, case in list(globals().items())
         if callable(case) and getattr(case, "__module__", "") == "__main__"
         and not isinstance(case, type) and name not in ("deny_before", "assert_undecided")])
