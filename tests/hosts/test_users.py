# test_users.py: sessions of IAM users (GetSessionToken), their own keys, and everybody who is
# neither a user nor a role, through nginx, the real gate, the agent and a local STS and IAM: what
# revokes them, and what must never be taken for "nothing revokes them".
import datetime
import signal

import nginx_host
import signed
from nginx_host import until
from whole_host import Whole, signed_conf
from stsgate_sandbox import allow, policy, revocation

GATEWAY = "payments"
DENY_ALL = policy({"Effect": "Deny", "Action": "*", "Resource": "*"})


class Case(Whole):
    SERVICE = """
    [service]
    accept = demo
    allow_roles = arn:aws:iam::%(account)s:user/team/* arn:aws:iam::%(account)s:role/team/*
    """
    DISCOVER = "sweep"

    def setUp(self):
        self.CONF = signed_conf(account="""
        discover = %s
        settle = 1s
        settled = 2s
        """ % self.DISCOVER)
        super().setUp()

    def prepare(self):
        self.iam = self.box.client("iam", "admin")
        self.bob_keys = self.make_user("bob")

    def make_user(self, name, path="/team/"):
        """His keys."""
        self.iam.create_user(UserName=name, Path=path)
        return self.key_of(name)

    def key_of(self, name):
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return {"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"],
                "SessionToken": None}

    def delete_user(self, name, keys):
        self.iam.delete_access_key(UserName=name, AccessKeyId=keys["AccessKeyId"])
        self.iam.delete_user(UserName=name)

    def session(self, keys):
        return self.box.client("sts", keys).get_session_token()["Credentials"]

    def revoke(self, name="bob"):
        self.iam.put_user_policy(UserName=name, PolicyName="AWSRevokeOlderSessions",
                                 PolicyDocument=revocation(
                                     datetime.datetime.now(datetime.timezone.utc) +
                                     datetime.timedelta(seconds=1)))

    def get_by(self, credentials):
        return self.get(signed.token(credentials, GATEWAY)).status

    def passes(self, credentials):
        until(lambda: self.get_by(credentials) == 200, "a user's session to pass")

    def is_refused(self, credentials, reason, status=401):
        until(lambda: self.get_by(credentials) == status and
              "reason=" + reason in self.nginx.read("error.log"), "%d for %s" % (status, reason))

    def check_revocation(self):
        bob = self.session(self.bob_keys)
        self.passes(bob)
        self.revoke()
        self.is_refused(bob, "issue-time-uncertain")
        self.iam.delete_user_policy(UserName="bob", PolicyName="AWSRevokeOlderSessions")
        self.passes(bob)

    def check_group(self):
        self.iam.create_group(GroupName="Ops")
        self.iam.add_user_to_group(GroupName="Ops", UserName="bob")
        bob = self.session(self.bob_keys)
        self.passes(bob)
        self.iam.put_group_policy(GroupName="Ops", PolicyName="stop", PolicyDocument=DENY_ALL)
        self.is_refused(bob, "role-denied")
        self.iam.delete_group_policy(GroupName="Ops", PolicyName="stop")
        self.passes(bob)
        arn = self.iam.create_policy(PolicyName="stop", PolicyDocument=DENY_ALL)["Policy"]["Arn"]
        self.iam.attach_group_policy(GroupName="Ops", PolicyArn=arn)
        until(lambda: self.get_by(bob) == 401, "what is attached to the group")
        self.iam.remove_user_from_group(GroupName="Ops", UserName="bob")
        self.passes(bob)
        self.iam.attach_user_policy(UserName="bob", PolicyArn=arn)
        until(lambda: self.get_by(bob) == 401, "what is attached to the user")

    def check_deletion(self):
        bob = self.session(self.bob_keys)
        token = signed.token(bob, GATEWAY)
        until(lambda: self.get(token).status == 200, "a user's session to pass")
        self.delete_user("bob", self.bob_keys)
        # what STS said of the token is remembered: the record must say that he is gone
        until(lambda: self.get(token).status == 401, "the deletion")
        self.assertIn("reason=role-deleted", self.nginx.read("error.log"))
        again = self.session(self.make_user("bob"))
        self.passes(again)
        self.assertEqual(self.get(token).status, 401)
        until(lambda: "reason=role-recreated" in self.nginx.read("error.log"), "another id")


class Users(Case):
    # Sessions

    def test_session_is_refused_after_the_users_revocation(self):
        self.check_revocation()

    def test_deny_of_a_group_is_the_users(self):
        self.check_group()

    def test_deleted_and_recreated_user_is_another(self):
        self.check_deletion()

    def test_session_passes_with_the_arn_of_its_user(self):
        bob = self.session(self.bob_keys)
        self.passes(bob)
        for credential in (signed.token(bob, GATEWAY), signed.post(bob, GATEWAY)):
            answer = self.get(credential)
            self.assertEqual(answer.status, 200)
            self.assertIn("X-STS-Role: arn:aws:iam::%s:user/team/bob\r\n" % self.box.account,
                          answer.body)

    def test_boundary_is_the_users(self):
        bob = self.session(self.bob_keys)
        self.passes(bob)
        arn = self.iam.create_policy(PolicyName="edge", PolicyDocument=DENY_ALL)["Policy"]["Arn"]
        self.iam.put_user_permissions_boundary(UserName="bob", PermissionsBoundary=arn)
        self.is_refused(bob, "role-denied")

    def test_user_and_role_of_one_name_are_two(self):
        self.box.make_role("bob", trust=["emy"], may=["s3:*"], Path="/team/")
        role = self.box.assume("emy", "arn:aws:iam::%s:role/team/bob" % self.box.account, "emy")
        bob = self.session(self.bob_keys)
        self.passes(bob)
        self.passes(role)
        self.revoke()
        self.is_refused(bob, "issue-time-uncertain")
        self.assertEqual(self.get_by(role), 200)
        self.iam.delete_user_policy(UserName="bob", PolicyName="AWSRevokeOlderSessions")
        self.passes(bob)
        self.iam.put_role_policy(RoleName="bob", PolicyName="stop", PolicyDocument=DENY_ALL)
        self.is_refused(role, "role-denied")
        self.assertEqual(self.get_by(bob), 200)

    def test_user_outside_of_the_patterns_may_not_enter(self):
        self.is_refused(self.session(self.make_user("eve", "/guests/")), "role-not-allowed", 403)

    def test_federated_user_and_root_are_nobody(self):
        self.iam.put_user_policy(UserName="bob", PolicyName="may",
                                 PolicyDocument=policy(allow(["sts:GetFederationToken"])))
        guest = self.box.client("sts", self.bob_keys).get_federation_token(
            Name="bob", Policy=policy(allow(["s3:*"])))["Credentials"]
        self.is_refused(guest, "unsupported-principal")

    # Keys without an issue time

    def test_long_term_key_is_refused_unasked(self):
        self.passes(self.session(self.bob_keys))
        self.box.reset_calls()
        for credential in (signed.token(self.bob_keys, GATEWAY),
                           signed.post(self.bob_keys, GATEWAY)):
            self.assertEqual(self.get(credential).status, 401)
        self.assertIn("reason=long-term-key", self.nginx.read("error.log"))
        self.assertEqual(self.box.calls()["actions"].get("GetCallerIdentity", 0), 0)

    def test_long_term_key_that_is_allowed_obeys_what_needs_no_issue_time(self):
        with open(self.nginx.path("gate/stsgate.conf"), "a") as conf:
            conf.write("allow_long_term = on\n")
        self.nginx.reload()
        self.agent.send_signal(signal.SIGHUP)
        self.passes(self.bob_keys)
        self.assertEqual(self.get(signed.post(self.bob_keys, GATEWAY)).status, 200)
        self.revoke()  # is about sessions alone, as at AWS
        bob = self.session(self.bob_keys)
        until(lambda: self.get_by(bob) == 401, "the revocation")
        self.assertEqual(self.get_by(self.bob_keys), 200)
        self.iam.put_user_policy(UserName="bob", PolicyName="stop", PolicyDocument=DENY_ALL)
        self.is_refused(self.bob_keys, "role-denied")
        lines = [line for line in self.nginx.read("error.log").splitlines()
                 if "reason=role-denied" in line]
        self.assertIn("issued=- ", lines[-1])  # it never was, and not in 1970


class UsersOnDemand(Case):
    DISCOVER = "on-demand"

    def test_session_is_refused_after_the_users_revocation(self):
        self.check_revocation()

    def test_deny_of_a_group_is_the_users(self):
        self.check_group()

    def test_deleted_and_recreated_user_is_another(self):
        self.check_deletion()

    def test_what_may_not_be_read_is_not_taken_for_no_cutoff(self):
        harmless = policy(allow(["s3:*"]))
        reader = self.make_user("reader", "/")
        self.iam.put_user_policy(UserName="reader", PolicyName="read",
                                 PolicyDocument=policy(allow(["iam:Get*", "iam:List*"])))
        self.iam.create_group(GroupName="Ops")
        self.iam.put_group_policy(GroupName="Ops", PolicyName="work", PolicyDocument=harmless)
        self.iam.put_user_policy(UserName="bob", PolicyName="work", PolicyDocument=harmless)
        self.iam.add_user_to_group(GroupName="Ops", UserName="bob")
        self.stop_agent()
        self.start_agent(reader)
        bob = self.session(self.bob_keys)
        for action in ("GetUser", "ListUserPolicies", "GetUserPolicy", "ListAttachedUserPolicies",
                       "ListGroupsForUser", "ListGroupPolicies", "GetGroupPolicy",
                       "ListAttachedGroupPolicies"):
            with self.subTest(action=action):
                self.iam.put_user_policy(
                    UserName="reader", PolicyName="less", PolicyDocument=policy(
                        {"Effect": "Deny", "Action": "iam:" + action, "Resource": "*"}))
                until(lambda: self.get_by(bob) == 503 and
                      "user=bob alarm=access-denied problem=%s: AccessDenied" % action
                      in self.nginx.read("agent.log"), "the permission that lacks: " + action)
        self.iam.delete_user_policy(UserName="reader", PolicyName="less")
        self.passes(bob)


if __name__ == "__main__":
    nginx_host.main(fake=False)
