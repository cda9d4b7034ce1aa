#!/usr/bin/env python3
"""test_agent.py - stsgated against the sandbox's IAM and key sets: what it publishes, and what it
never does: read an error as "no cutoff"."""

import datetime
import json
import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sandbox"))
import stsgate_sandbox
from stsgate_sandbox import Sandbox, revocation

import agent_host
from agent_host import (Agent, ASK_KEYS, ASK_STATUS, DELETED, E_ABSENT, E_BUSY, FROM_IAM,
                        GONE_ONCE, OK, PRESENT, run, wait_for)


def settings(box, refresh="1s", account_more="", issuer_more="", url=None):
    if refresh == "1h":
        account_more += "max_stale = 1d\n"
    return ("[account prod]\nid = %s\nendpoint = %s\nrefresh = %s\n%s\n"
            "[issuer prod]\nkind = aws-web-identity\nurl = %s\naccount = prod\n%s"
            % (box.account, box.url, refresh, account_more, url or box.issuer(), issuer_more))


class World:
    """A sandbox and an agent that reads it."""

    def __init__(self, **options):
        self.box = Sandbox(plain_users=["bob"])
        self.options = options

    def __enter__(self):
        self.box.start()
        self.agent = Agent(settings(self.box, **self.options), self.box.environment("admin"))
        return self.box, self.agent

    def __exit__(self, *exception):
        try:
            self.agent.__exit__(*exception)
        finally:
            self.box.stop()


def in_ms(text):
    at = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
    return round(at.replace(tzinfo=datetime.timezone.utc).timestamp() * 1000)


# --- sweeps ---

def sweep_publishes_every_role_of_every_page():
    with World() as (box, agent):
        for number in range(7):
            box.make_role("Role%d" % number)
        box.revoke("Role3", "2026-01-02T03:04:05.678Z")
        box.faults(page_size=2)
        agent.start()
        records = wait_for(agent.records, "records")
        assert sorted(records) == ["role%d" % n for n in range(7)], sorted(records)
        assert records["role3"].cutoff_ms == in_ms("2026-01-02T03:04:05.678Z")
        assert all(r.cutoff_ms < 0 for name, r in records.items() if name != "role3")
        assert records["role3"].arn == box.role_arn("Role3") and records["role3"].role_id
        assert records["role3"].enforced()[0].flags & FROM_IAM
        assert box.calls()["actions"]["GetAccountAuthorizationDetails"] >= 4


def attached_policy_and_boundary_revoke_too():
    with World() as (box, agent):
        iam = box.client("iam")
        box.make_role("attached")
        box.make_role("bounded")
        arn = iam.create_policy(PolicyName="revoke", PolicyDocument=revocation(
            "2026-01-02T03:04:05.000Z"))["Policy"]["Arn"]
        iam.attach_role_policy(RoleName="attached", PolicyArn=arn)
        iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=arn)
        agent.start()
        records = wait_for(agent.records, "records")
        for role, origin in (("attached", 1), ("bounded", 2)):
            assert records[role].cutoff_ms == in_ms("2026-01-02T03:04:05.000Z")
            assert records[role].enforced()[0].origin == origin


def revocation_counts_at_once_and_its_end_needs_two_reads():
    with World() as (box, agent):
        box.make_role("app")
        agent.start()
        agent.wait_complete()
        box.revoke("app")
        record = wait_for(lambda: agent.record("app").enforced() and agent.record("app"), "cutoff")
        first_seen = record.enforced()[0].first_seen_ms
        assert first_seen > 0 and record.cutoff_ms > 0
        agent.wait_complete()
        assert agent.record("app").enforced()[0].first_seen_ms == first_seen
        calls = box.calls()["actions"]["GetAccountAuthorizationDetails"]
        box.undo("app")
        wait_for(lambda: not agent.record("app").enforced(), "the end of the revocation")
        assert box.calls()["actions"]["GetAccountAuthorizationDetails"] >= calls + 2
        assert "warning" in agent.wait_log("alarm=cutoff-younger-than-5m")


def earlier_date_is_taken_only_by_the_second_read():
    with World() as (box, agent):
        box.make_role("app")
        box.revoke("app", "2026-01-02T00:00:00.000Z")
        agent.start()
        agent.wait_complete()
        box.revoke("app", "2026-01-01T00:00:00.000Z")
        both = wait_for(lambda: len(agent.record("app").enforced()) == 2 and agent.record("app"),
                        "the old statement beside the new")
        assert both.cutoff_ms == in_ms("2026-01-02T00:00:00.000Z")
        assert sum(1 for s in both.enforced() if s.flags & GONE_ONCE) == 1
        wait_for(lambda: agent.record("app").cutoff_ms == in_ms("2026-01-01T00:00:00.000Z"),
                 "the earlier date")


def unchanged_account_moves_the_stamp_only():
    with World() as (box, agent):
        box.make_role("app")
        agent.start()
        agent.wait_complete()
        before = agent.stamp()
        agent.wait_complete()
        after = agent.stamp()
        assert after.generation == before.generation and after.complete_boot_ms > before.complete_boot_ms


def stamp_of_a_long_sweep_is_not_behind_awss_clock():
    with World() as (box, agent):
        for number in range(4):
            box.make_role("Role%d" % number)
        box.faults(page_size=1, latency_ms=700)
        agent.start()
        agent.wait_complete()
        stamp = agent.stamp()
        apart_ms = time.time() * 1000 - time.clock_gettime(time.CLOCK_BOOTTIME) * 1000
        # Date has whole seconds; the sweep took three.
        assert stamp.complete_aws_ms > stamp.complete_boot_ms + apart_ms - 1200
        # What the first page told is that old now.
        assert stamp.complete_boot_ms < time.clock_gettime(time.CLOCK_BOOTTIME) * 1000 - 2000


def label_given_to_another_account_is_not_fresh_by_the_old_table():
    with World() as (box, agent):
        box.make_role("app")
        agent.start()
        agent.wait_complete()
        assert agent.stop() == 0
        name = os.path.join(agent.conf, "stsgate.conf")
        with open(name) as file:
            text = file.read()
        assert box.account in text
        with open(name, "w") as file:
            file.write(text.replace(box.account, "999999999999"))
        agent.start()
        agent.wait_log("the keys belong to another account")
        assert agent.stamp().complete_boot_ms == agent_host.NEVER
        assert agent.ask_role("app", "999999999999") < 0


def absent_role_is_deleted_only_when_get_role_says_so():
    with World() as (box, agent):
        iam = box.client("iam")
        box.make_role("gone")
        agent.start()
        agent.wait_complete()
        old = agent.record("gone").role_id
        iam.delete_role_policy(RoleName="gone", PolicyName="permissions")
        iam.delete_role(RoleName="gone")
        wait_for(lambda: agent.record("gone").state == DELETED, "the deleted role")
        assert box.calls()["actions"]["GetRole"] >= 1
        box.make_role("gone")
        again = wait_for(lambda: agent.record("gone").state == PRESENT and agent.record("gone"),
                         "the role that was made again")
        assert again.role_id != old


def absent_role_stays_when_get_role_is_refused():
    with World() as (box, agent):
        iam = box.client("iam")
        box.make_role("gone")
        box.revoke("gone")
        agent.start()
        agent.wait_complete()
        box.faults(fail="AccessDenied", fail_every=1, only="GetRole")
        iam.delete_role_policy(RoleName="gone", PolicyName="permissions")
        iam.delete_role_policy(RoleName="gone", PolicyName="AWSRevokeOlderSessions")
        iam.delete_role(RoleName="gone")
        record = wait_for(lambda: agent.record("gone").stale_since_ms and agent.record("gone"),
                          "a stale record")
        assert record.state == PRESENT and record.cutoff_ms > 0
        agent.wait_log("AccessDenied")


def absent_role_ages_when_get_role_gets_no_answer():
    with World() as (box, agent):
        iam = box.client("iam")
        box.make_role("gone")
        agent.start()
        agent.wait_complete()
        box.faults(fail="503", fail_every=1, only="GetRole")
        iam.delete_role_policy(RoleName="gone", PolicyName="permissions")
        iam.delete_role(RoleName="gone")
        record = wait_for(lambda: agent.record("gone").stale_since_ms and agent.record("gone"),
                          "a stale record, though sweeps go on")
        assert record.state == PRESENT
        box.faults(reset=1)
        wait_for(lambda: agent.record("gone").state == DELETED, "the deleted role")


def keys_of_another_account_publish_nothing():
    with World() as (box, agent):
        box.make_role("app")
        agent.configure(settings(box).replace(box.account, "999999999999", 1))
        agent.start()
        agent.wait_log("the keys belong to another account")
        assert not agent.records()


# --- trouble ---

def iam_down_keeps_the_last_records_and_heals_by_itself():
    with World() as (box, agent):
        box.make_role("app")
        box.revoke("app")
        agent.start()
        agent.wait_complete()
        box.faults(down=1)
        agent.wait_log("read=failed")
        stamp = agent.stamp()
        agent.wait_log("failures=2")
        assert agent.stamp().complete_boot_ms == stamp.complete_boot_ms
        assert agent.record("app").cutoff_ms > 0
        box.calm()
        wait_for(lambda: agent.stamp().complete_boot_ms > stamp.complete_boot_ms, "a new stamp", 60)


def every_kind_of_error_leaves_cutoffs_alone():
    with World() as (box, agent):
        box.make_role("app")
        box.revoke("app")
        agent.start()
        agent.wait_complete()
        for code in ("AccessDenied", "InvalidClientTokenId", "SignatureDoesNotMatch", "NoSuchEntity",
                     "ValidationError"):
            start = len(agent.log)
            box.faults(fail=code, fail_every=1)
            agent.wait_log("read=failed", start)
            assert agent.record("app").cutoff_ms > 0, code
            box.calm()
            wait_for(lambda: any("read=complete" in line for line in agent.log[start:]), code, 60)
        assert agent.record("app").cutoff_ms > 0 and not agent.record("app").stale_since_ms


def clock_that_is_wrong_is_told_and_signed_around():
    with World() as (box, agent):
        box.make_role("app")
        box.revoke("app")
        box.faults(clock_offset_ms=3600000)
        agent.start()
        agent.wait_complete()
        assert "behind AWS's" in agent.wait_log("problem=clock")
        stamp, here = agent.stamp(), time.time() * 1000
        assert stamp.complete_aws_ms > here + 3000000, "AWS's time, not ours"
        assert agent.record("app").enforced()[0].first_seen_ms > here + 3000000
        box.faults(clock_offset_ms=0)
        wait_for(lambda: agent.stamp().complete_aws_ms < time.time() * 1000 + 60000,
                 "the way back", 60)


def throttling_is_waited_out():
    with World() as (box, agent):
        for number in range(4):
            box.make_role("role%d" % number)
        box.faults(fail="Throttling", fail_every=2, page_size=1, only="iam")
        agent.start()
        wait_for(lambda: len(agent.records()) == 4, lambda: str(agent.log[-5:]), 60)
        assert box.calls()["codes"]["Throttling"] >= 1


def once_tells_by_its_exit_code():
    with World() as (box, agent):
        box.make_role("app")
        assert agent.run_once()[0] == 0
        assert agent.record("app")
        box.faults(fail="AccessDenied", fail_every=1, only="iam")
        assert agent.run_once()[0] == 1
        assert agent.record("app")


def no_credentials_are_an_error_that_says_what_to_do():
    with World() as (box, agent):
        del agent.environment["AWS_ACCESS_KEY_ID"]
        agent.environment["HOME"] = "/nonexistent"
        code, log = agent.run_once()
        assert code == 1 and "no AWS credentials" in log


def profile_of_the_shared_files_signs():
    with World() as (box, agent):
        box.make_role("app")
        key, secret, _ = box.credentials("admin")
        path = os.path.join(agent.folder, "credentials")
        with open(path, "w") as file:
            file.write("[reader]\naws_access_key_id = %s\naws_secret_access_key = %s\n"
                       % (key, secret))
        agent.configure(settings(box, account_more="profile = reader\n"))
        agent.environment.update(AWS_SHARED_CREDENTIALS_FILE=path, AWS_ACCESS_KEY_ID="AKIAWRONG",
                                 AWS_SECRET_ACCESS_KEY="wrong")
        code, log = agent.run_once()
        assert code == 0, log
        assert agent.record("app")


# --- questions ---

def known_role_is_answered_without_a_call():
    with World(refresh="1h") as (box, agent):
        box.make_role("app")
        agent.start()
        wait_for(agent.records, "records")
        wait_for(lambda: agent.stamp().complete_boot_ms > 0, "stamp")
        box.reset_calls()
        assert agent.ask_role("app", box.account) == OK
        assert not box.calls()["actions"]


def many_askers_of_one_new_role_cause_one_fetch():
    with World(refresh="1h") as (box, agent):
        agent.start()
        wait_for(lambda: agent.stamp() and agent.stamp().complete_boot_ms > 0, "stamp")
        box.make_role("late")
        box.revoke("late", "2026-01-02T00:00:00.000Z")
        box.reset_calls()
        box.faults(latency_ms=300, only="GetRole")
        connections = [agent.connect() for _ in range(20)]
        identities = []
        for connection in connections:
            identity, packet = agent.question(1, "prod", box.account, "late", "aws")
            connection.send(packet)
            identities.append(identity)
        for connection, identity in zip(connections, identities):
            assert agent.answer(connection, identity) == OK
            connection.close()
        assert agent.record("late").cutoff_ms == in_ms("2026-01-02T00:00:00.000Z")
        assert box.calls()["actions"]["GetRole"] == 1, box.calls()


def unknown_role_is_found_to_be_deleted():
    with World(refresh="1h") as (box, agent):
        agent.start()
        assert agent.ask_role("never-was", box.account) == OK
        assert agent.record("never-was").state == DELETED


def question_for_what_is_not_configured_is_an_error():
    with World() as (box, agent):
        box.make_role("app")
        agent.start()
        agent.wait_complete()
        assert agent.ask_role("app", box.account, label="other") == E_ABSENT
        assert agent.ask_role("app", "999999999999") == E_ABSENT
        with agent.connect() as connection:
            assert agent.ask(connection, ASK_KEYS, label="other") == E_ABSENT


def malformed_question_ends_the_connection_only():
    with World() as (box, agent):
        box.make_role("app")
        agent.start()
        agent.wait_complete()
        _, good = agent.question(1, "prod", box.account, "app", "aws")
        for bad in (b"x", good[:-1], good + b"\0", b"\0" + good[1:], good[:-1] + b"\1",
                    good.replace(b"app\0", b"a/p\0"), good.replace(b"prod\0", b"pr/d\0")):
            with agent.connect() as connection:
                connection.send(bad)
                assert connection.recv(64) == b"", bad
        assert agent.ask_role("app", box.account) == OK


def connections_never_take_the_descriptors_that_reading_needs():
    under = os.environ.get("SG_UNDER", "")
    connections = []
    with World() as (box, agent):
        box.make_role("app")
        os.environ["SG_UNDER"] = "prlimit --nofile=200:200 " + under
        try:
            agent.start()
        finally:
            os.environ["SG_UNDER"] = under
        agent.wait_complete()
        try:
            def refused():
                try:
                    connections.append(agent.connect())
                except BlockingIOError:
                    pass  # the listener's queue is full just now
                return any("too many connections" in line for line in agent.log)
            wait_for(refused, "a connection that is one too many")
            box.revoke("app", "2026-02-02T00:00:00.000Z")
            wait_for(lambda: agent.record("app").cutoff_ms == in_ms("2026-02-02T00:00:00.000Z"),
                     "the revocation to be published")
        finally:
            for connection in connections:
                connection.close()


def question_during_an_outage_gets_an_error():
    with World() as (box, agent):
        box.faults(down=1)
        agent.start()
        assert agent.ask_role("app", box.account) < 0
        assert agent.ask_role("app", box.account) < 0


def status_is_json():
    with World() as (box, agent):
        box.make_role("app")
        agent.start()
        agent.wait_complete()
        with agent.connect() as connection:
            _, packet = agent.question(ASK_STATUS)
            connection.send(packet)
            status = json.loads(connection.recv(65536))
        account = status["accounts"][0]
        assert account["label"] == "prod" and account["good"] is True and account["roles"] == 1
        assert status["issuers"][0]["label"] == "prod"


# --- on demand ---

def on_demand_reads_only_the_roles_that_were_asked_for():
    with World(account_more="discover = on-demand\n") as (box, agent):
        iam = box.client("iam")
        box.make_role("Asked")
        box.make_role("other")
        arn = iam.create_policy(PolicyName="revoke", PolicyDocument=revocation(
            "2026-01-02T03:04:05.000Z"))["Policy"]["Arn"]
        iam.attach_role_policy(RoleName="Asked", PolicyArn=arn)
        agent.start()
        assert agent.ask_role("asked", box.account) == OK
        assert list(agent.records()) == ["asked"]
        assert agent.record("asked").cutoff_ms == in_ms("2026-01-02T03:04:05.000Z")
        assert agent.stamp().complete_boot_ms > 0
        assert "GetAccountAuthorizationDetails" not in box.calls()["actions"]
        box.revoke("Asked", "2026-02-02T00:00:00.000Z")
        wait_for(lambda: agent.record("asked").cutoff_ms == in_ms("2026-02-02T00:00:00.000Z"),
                 "the role to be read again")


def on_demand_knows_its_roles_after_a_restart():
    with World(account_more="discover = on-demand\n") as (box, agent):
        box.make_role("app")
        agent.start()
        assert agent.ask_role("app", box.account) == OK
        assert agent.stop() == 0
        box.revoke("app", "2026-02-02T00:00:00.000Z")
        agent.start()
        wait_for(lambda: agent.record("app").cutoff_ms == in_ms("2026-02-02T00:00:00.000Z"),
                 "the role to be read after the restart")


def on_demand_policy_that_is_refused_makes_the_role_stale_not_free():
    with World(account_more="discover = on-demand\n") as (box, agent):
        box.make_role("app")
        box.revoke("app")
        agent.start()
        assert agent.ask_role("app", box.account) == OK
        cutoff = agent.record("app").cutoff_ms
        box.faults(fail="AccessDenied", fail_every=1, only="GetRolePolicy")
        record = wait_for(lambda: agent.record("app").stale_since_ms and agent.record("app"), "stale")
        assert record.cutoff_ms == cutoff
        box.calm()
        wait_for(lambda: not agent.record("app").stale_since_ms, "a whole read")


# --- keys ---

def keys_are_found_by_discovery_and_asked_for_once_in_a_window():
    with World() as (box, agent):
        box.make_role("app")
        agent.start()
        wait_for(lambda: agent.kids() == ["EC384_0", "RSA_0"], lambda: str(agent.kids()))
        stamp = agent.stamp("prod", 2)
        fresh = box.rotate_keys()
        with agent.connect() as connection:
            for _ in range(5):
                assert agent.ask(connection, ASK_KEYS, label="prod") == E_BUSY
        paths = box.calls()["paths"]
        assert paths["/issuer/%s/.well-known/jwks.json" % box.account] == 1, paths
        assert agent.stop() == 0
        agent.start()
        wait_for(lambda: set(fresh) <= set(agent.kids()), "the rotated keys")
        wait_for(lambda: agent.stamp("prod", 2).generation > stamp.generation, "a new generation")


def keys_stay_when_the_key_server_is_down():
    with World() as (box, agent):
        box.make_role("app")
        agent.start()
        wait_for(agent.kids, "keys")
        assert agent.stop() == 0
        box.faults(fail="503", fail_every=1, only="jwks,discovery")
        agent.start()
        agent.wait_log("keys=failed")
        assert agent.kids() == ["EC384_0", "RSA_0"]
        box.calm()
        agent.wait_log("issuer=prod keys=good")


def discovery_document_of_another_issuer_is_refused():
    with World() as (box, agent):
        box.make_role("app")
        url = box.issuer().replace("127.0.0.1", "localhost")
        agent.configure(settings(box, url=url))
        agent.start()
        agent.wait_log("discovery document is of issuer")
        assert agent.kids() == []


def keys_of_a_label_that_means_another_issuer_now_are_dropped_at_once():
    with World() as (box, agent):
        box.make_role("app")
        agent.start()
        wait_for(agent.kids, "keys")
        box.faults(down=1, only="jwks,discovery")
        agent.configure(settings(box, url=box.url + "/issuer/other"))
        agent.reload()
        agent.wait_log("keys=dropped")
        wait_for(lambda: agent.kids() == [], lambda: str(agent.kids()))
        agent.configure(settings(box))
        agent.reload()
        agent.wait_log("keys=failed")
        assert agent.kids() == []


# --- life ---

def reload_takes_a_good_configuration_and_leaves_the_old_one_for_a_bad():
    with World() as (box, agent):
        box.make_role("app")
        agent.start()
        agent.wait_complete()
        agent.configure(settings(box).replace("refresh = 1s", "refresh = soon\nnonsense = 1"))
        agent.reload()
        agent.wait_log("reload=refused")
        assert any("stsgate.conf:" in line and "refresh" in line for line in agent.log)
        assert any("stsgate.conf:" in line and "nonsense" in line for line in agent.log)
        agent.wait_complete()
        agent.configure(settings(box).replace("account prod", "account other")
                        .replace("account = prod", "account = other"))
        agent.reload()
        agent.wait_log("reload=done")
        wait_for(lambda: agent.record("app", "other"), "the new label")
        assert agent.ask_role("app", box.account, "other") == OK


def restart_keeps_first_sight_and_records():
    with World() as (box, agent):
        box.make_role("app")
        box.revoke("app")
        agent.start()
        agent.wait_complete()
        first = agent.record("app").enforced()[0].first_seen_ms
        assert agent.stop() == 0
        agent.start()
        agent.wait_complete()
        assert agent.record("app").enforced()[0].first_seen_ms == first


def two_agents_do_not_share_a_store():
    with World() as (box, agent):
        box.make_role("app")
        agent.start()
        agent.wait_complete()
        code, log = agent.run_once()
        assert code == 1 and "error" in log


def systemd_is_told():
    with World() as (box, agent):
        path = os.path.join(agent.folder, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            notify.settimeout(60)
            agent.environment.update(NOTIFY_SOCKET=path, WATCHDOG_USEC="200000")
            agent.start()
            assert notify.recv(100) == b"READY=1"
            assert notify.recv(100) == b"WATCHDOG=1"
            agent.reload()
            agent.wait_log("reload=done")
            assert agent.stop() == 0
            notify.setblocking(False)
            words = []
            try:
                while True:
                    words.append(notify.recv(100))
            except BlockingIOError:
                pass
            assert any(word.startswith(b"RELOADING=1") for word in words) and words[-1] == b"STOPPING=1"


def no_secret_is_logged():
    with World() as (box, agent):
        box.make_role("app")
        agent.start()
        agent.wait_complete()
        box.faults(fail="SignatureDoesNotMatch", fail_every=1)
        agent.wait_log("read=failed")
        agent.stop()
        secret = box.credentials("admin")[1]
        assert not any(secret in line or "Signature=" in line for line in agent.log)


if __name__ == "__main__":
    if not stsgate_sandbox.find_binary() or not os.access(agent_host.PROGRAM, os.X_OK):
        print("1..0 # SKIP stsgated or the sandbox is not built")
        sys.exit(77)
    run([case for name, case in list(globals().items())
         if callable(case) and getattr(case, "__module__", "") == "__main__"
         and not isinstance(case, type) and name not in ("settings", "in_ms")])
