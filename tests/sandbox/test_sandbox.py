#!/usr/bin/python3
"""Drives stsgate-sandbox with boto3 and with raw requests: what AWS refuses it must refuse too."""

import base64
import datetime
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import stsgate_sandbox as sandbox  # noqa: E402  (switches to Debian's python3 where needed)
import opaque  # noqa: E402  (of tests/hosts, where the sandbox's module looks, too)
from botocore.exceptions import ClientError, HTTPClientError  # noqa: E402

AUDIENCE = "https://payments.example.com"
UTC = datetime.timezone.utc
AWS = "https://sts.amazonaws.com/"


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def claims_of(token):
    return json.loads(decode(token.split(".")[1]))


def header_of(token):
    return json.loads(decode(token.split(".")[0]))


def number(part):
    return int.from_bytes(decode(part), "big")


def rs256_holds(token, jwk):
    """RFC 8017 8.2.2, by arithmetic: no library of the sandbox's own is involved."""
    head, body, signature = token.split(".")
    n, e = number(jwk["n"]), number(jwk["e"])
    size = (n.bit_length() + 7) // 8
    digest = hashlib.sha256((head + "." + body).encode()).digest()
    info = bytes.fromhex("3031300d060960864801650304020105000420") + digest
    expected = b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info
    return pow(number(signature), e, n) == int.from_bytes(expected, "big")


P = 2 ** 384 - 2 ** 128 - 2 ** 96 + 2 ** 32 - 1
N = int("ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf"
        "581a0db248b0a77aecec196accc52973", 16)
G = (int("aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a38"
         "5502f25dbf55296c3a545e3872760ab7", 16),
     int("3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c0"
         "0a60b1ce1d7e819d7a431d7c90ea0e5f", 16))


def add(a, b):
    """Points of P-384; None is the point at infinity."""
    if a is None or b is None:
        return b if a is None else a
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    if a == b:
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def times(k, point):
    total = None
    while k:
        if k & 1:
            total = add(total, point)
        point = add(point, point)
        k >>= 1
    return total


def es384_holds(token, jwk):
    head, body, signature = token.split(".")
    raw = decode(signature)
    r, s = int.from_bytes(raw[:48], "big"), int.from_bytes(raw[48:], "big")
    z = int.from_bytes(hashlib.sha384((head + "." + body).encode()).digest(), "big")
    key = number(jwk["x"]), number(jwk["y"])
    w = pow(s, -1, N)
    point = add(times(z * w % N, G), times(r * w % N, key))
    return len(raw) == 96 and point is not None and point[0] % N == r


def holds(token, keys):
    """Whether a key of the set verifies the token."""
    header = header_of(token)
    for jwk in keys["keys"]:
        if jwk["kid"] == header["kid"]:
            check = rs256_holds if jwk["kty"] == "RSA" else es384_holds
            return check(token, jwk)
    return False


class Case(unittest.TestCase):
    """One sandbox for all cases of a class; each case has roles of its own."""

    options = ()
    accounts = ("123456789012",)

    @classmethod
    def setUpClass(cls):
        cls.box = sandbox.Sandbox(plain_users=["bob", "julie"], options=cls.options,
                                  accounts=cls.accounts).start()
        cls.addClassCleanup(cls.stop)
        cls.iam = cls.box.client("iam")

    @classmethod
    def stop(cls):
        code = cls.box.stop()
        if code != 0:
            raise AssertionError("the sandbox ended with %s" % code)

    def setUp(self):
        self.box.control("faults", reset=1, enforce_delay_ms=0, clock_offset_ms=0)
        self.role = "r-" + self._testMethodName[-50:]

    def refused(self, code, function, *arguments, **named):
        """The error that the call must end in."""
        with self.assertRaises((ClientError, sandbox.CallFailed)) as caught:
            function(*arguments, **named)
        error = caught.exception
        actual = error.code if isinstance(error, sandbox.CallFailed) else \
            error.response["Error"]["Code"]
        self.assertEqual(actual, code, str(error))
        return error

    def make(self, **more):
        return self.box.make_role(self.role, ["julie"], **more)

    def assumed(self, **more):
        return self.box.assume("julie", self.make(**more), "julie")

    def mint(self, credentials, **more):
        return self.box.web_identity_token(credentials, AUDIENCE, **more)

    def keys(self):
        return json.loads(self.box.fetch(self.box.issuer() + "/.well-known/jwks.json")[2])


class Trust(Case):
    accounts = ("123456789012", "210987654321")

    def test_user_that_trust_does_not_name_is_refused(self):
        arn = self.make()
        error = self.refused("AccessDenied", self.box.assume, "bob", self.role)
        self.assertIn("User: %s is not authorized to perform: sts:AssumeRole on resource: %s"
                      % (self.box.user_arn("bob"), arn), str(error))

    def test_user_that_trust_names_gets_a_session(self):
        credentials = self.assumed()
        self.assertTrue(credentials["AccessKeyId"].startswith("ASIA"))
        left = (credentials["Expiration"] - datetime.datetime.now(UTC)).total_seconds()
        self.assertTrue(3590 < left <= 3600, left)

    def test_trusting_the_account_needs_a_policy_of_the_callers_own(self):
        self.make()
        document = {"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}}
        self.iam.update_assume_role_policy(RoleName=self.role,
                                           PolicyDocument=json.dumps(document))
        self.refused("AccessDenied", self.box.assume, "bob", self.role)
        self.box.assume("admin", self.role)

    def test_deny_in_trust_beats_its_allow(self):
        self.make()
        document = json.loads(self.box.trust(["julie", "bob"]))
        document["Statement"].append({"Effect": "Deny", "Action": "*", "Principal": {
            "AWS": self.box.user_arn("bob")}})
        self.iam.update_assume_role_policy(RoleName=self.role,
                                           PolicyDocument=json.dumps(document))
        self.refused("AccessDenied", self.box.assume, "bob", self.role)
        self.box.assume("julie", self.role)

    def test_condition_of_trust_is_obeyed(self):
        self.make()
        document = json.loads(self.box.trust(["julie"]))
        document["Statement"][0]["Condition"] = {"StringEquals": {"sts:ExternalId": "right"}}
        self.iam.update_assume_role_policy(RoleName=self.role,
                                           PolicyDocument=json.dumps(document))
        self.refused("AccessDenied", self.box.assume, "julie", self.role)
        self.refused("AccessDenied", self.box.assume, "julie", self.role, ExternalId="wrong")
        self.box.assume("julie", self.role, ExternalId="right")

    def test_changed_trust_takes_no_session_away(self):
        credentials = self.assumed()
        self.box.set_trust(self.role, ["bob"])
        self.refused("AccessDenied", self.box.assume, "julie", self.role)
        self.mint(credentials)

    def test_missing_role_is_access_denied_not_missing(self):
        self.refused("AccessDenied", self.box.assume, "admin", "no-such-role")

    def test_duration_must_lie_between_900_and_the_roles_own(self):
        self.make(MaxSessionDuration=7200)
        for seconds in (899, 7201, 43201):
            self.refused("ValidationError", self.box.call, "julie", "sts", "AssumeRole", {
                "RoleArn": self.box.role_arn(self.role), "RoleSessionName": "julie",
                "DurationSeconds": str(seconds)})
        for seconds in (900, 7200):
            self.box.assume("julie", self.role, DurationSeconds=seconds)

    def test_chained_session_is_new_and_at_most_an_hour(self):
        first = self.assumed(may=["sts:AssumeRole", "sts:GetWebIdentityToken"])
        second = self.box.make_role(self.role + "2", MaxSessionDuration=7200)
        document = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"AWS": self.box.role_arn(self.role)}}]}
        self.iam.update_assume_role_policy(RoleName=self.role + "2",
                                           PolicyDocument=json.dumps(document))
        self.refused("ValidationError", self.box.assume, first, second, DurationSeconds=7200)
        chained = self.box.assume(first, second)
        self.box.revoke(self.role)
        self.refused("AccessDenied", self.box.assume, first, second)
        self.mint(chained)

    def test_other_account_needs_trust_and_a_policy(self):
        arn = self.make()
        document = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]}
        self.iam.update_assume_role_policy(RoleName=self.role,
                                           PolicyDocument=json.dumps(document))
        with sandbox.Sandbox(users=["210987654321/ada"],
                             plain_users=["210987654321/eve"]) as box:
            role = box.make_role("app", ["admin"])
            self.assertEqual(role.split(":")[4], "123456789012")
            box.client("iam").update_assume_role_policy(RoleName="app",
                                                        PolicyDocument=json.dumps(document))
            box.assume("210987654321/ada", role)
            self.refused("AccessDenied", box.assume, "210987654321/eve", role)
        self.assertTrue(arn)


class Signatures(Case):
    def identity(self, who=None, change=None, headers=None):
        """Status and code of a signed GetCallerIdentity, changed after signing."""
        url, body, fields = self.box.signed_request(
            who or "julie", "sts", {"Action": "GetCallerIdentity", "Version": "2011-06-15"},
            {"Accept": "application/json", **(headers or {})})
        if change:
            url, body, fields = change(url, body, fields)
        status, _, text = self.box.fetch(url, body.encode(), fields)
        return status, json.loads(text).get("Error", {}).get("Code")

    def test_true_signature_is_accepted(self):
        self.assertEqual(self.identity(), (200, None))

    def test_wrong_secret_is_refused(self):
        key = self.box.users["julie"][0]
        self.assertEqual(self.identity((key, "not the secret")), (403, "SignatureDoesNotMatch"))

    def test_unknown_key_is_refused(self):
        self.assertEqual(self.identity(("AKIANOBODY", "x")), (403, "InvalidClientTokenId"))

    def test_changed_body_is_refused(self):
        self.assertEqual(self.identity(change=lambda u, b, h: (u, b.replace("06", "07"), h)),
                         (403, "SignatureDoesNotMatch"))

    def test_changed_query_is_refused(self):
        self.assertEqual(self.identity(change=lambda u, b, h: (u + "?X=1", b, h)),
                         (403, "SignatureDoesNotMatch"))

    def test_changed_signed_header_is_refused(self):
        def change(url, body, headers):
            return url, body, {**headers, "X-Server-Id": "another"}
        self.assertEqual(self.identity(change=change, headers={"X-Server-Id": "mine"}),
                         (403, "SignatureDoesNotMatch"))

    def test_unsigned_amz_header_is_refused(self):
        self.assertEqual(
            self.identity(change=lambda u, b, h: (u, b, {**h, "X-Amz-Extra": "1"})),
            (403, "SignatureDoesNotMatch"))

    def test_unsigned_call_is_refused(self):
        def change(url, body, headers):
            return url, body, {k: v for k, v in headers.items() if k != "Authorization"}
        self.assertEqual(self.identity(change=change), (403, "MissingAuthenticationToken"))

    def test_incomplete_authorization_is_refused(self):
        def change(url, body, headers):
            return url, body, {**headers, "Authorization": "AWS4-HMAC-SHA256 Credential=a/b"}
        self.assertEqual(self.identity(change=change), (400, "IncompleteSignature"))

    def test_old_signature_is_refused(self):
        request = self.box.signed_request(
            "julie", "sts", {"Action": "GetCallerIdentity", "Version": "2011-06-15"})
        for offset_s, status in ((14 * 60, 200), (16 * 60, 403), (-16 * 60, 403)):
            self.box.faults(clock_offset_ms=offset_s * 1000)
            answer = self.box.fetch(request[0], request[1].encode(), request[2])
            self.assertEqual(answer[0], status, offset_s)

    def test_scope_of_another_service_is_refused(self):
        url, body, headers = self.box.signed_request(
            "julie", "iam", {"Action": "GetCallerIdentity", "Version": "2011-06-15"})
        status, _, text = self.box.fetch(url, body.encode(), headers)
        self.assertEqual(status, 403)
        self.assertIn("scoped to correct service", text)

    def test_temporary_key_without_its_token_is_refused(self):
        key, secret, token = self.box.credentials(self.assumed())
        for wrong in (None, token[:-1] + ("A" if token[-1] != "A" else "B"), token + "A", "x"):
            self.assertEqual(self.identity((key, secret, wrong)), (403, "InvalidClientTokenId"))
        self.assertEqual(self.identity((key, secret, token)), (200, None))

    def test_time_in_a_session_token_is_the_issue_time(self):
        self.make()
        token = self.box.credentials(self.box.session(self.role, issued=1795500000))[2]
        self.assertEqual(opaque.issued(token), 1795500000)
        self.assertEqual([number for number, _, _ in opaque.fields(token)], list(range(1, 8)))
        self.assertEqual(opaque.altered(token, 1795500000), token)

    def test_altered_time_is_refused_unless_told_to_be_lax(self):
        key, secret, token = self.box.credentials(self.assumed())
        later = opaque.issued(token) + 1
        wrong = {"altered": opaque.altered(token, later),
                 "duplicated": opaque.duplicated(token, later)}
        self.addCleanup(self.box.calm)
        for lax in ("off", "altered", "duplicated"):
            self.box.faults(lax_tokens=lax)
            for name, one in wrong.items():
                expected = (200, None) if name == lax else (403, "InvalidClientTokenId")
                self.assertEqual(self.identity((key, secret, one)), expected, (lax, name))
            broken = token[:-9] + ("A" if token[-9] != "A" else "B") + token[-8:]
            self.assertEqual(self.identity((key, secret, broken)), (403, "InvalidClientTokenId"))
            self.assertEqual(self.identity((key, secret, token)), (200, None))

    def test_long_term_key_with_a_token_is_refused(self):
        key, secret, _ = self.box.users["julie"]
        self.assertEqual(self.identity((key, secret, "token")), (403, "InvalidClientTokenId"))

    def test_expired_session_is_refused(self):
        self.make()
        now = int(time.time())
        old = self.box.session(self.role, issued=now - 3600, expires=now - 1)
        self.assertEqual(self.identity(old), (403, "ExpiredToken"))

    def test_unknown_action_is_refused(self):
        self.assertEqual(self.refused("InvalidAction", self.box.call, "admin", "iam",
                                      "DeleteEverything").status, 400)

    def test_badly_encoded_form_is_refused(self):
        status, _, text = self.box.fetch("/", b"Action=%zz", {
            "Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual((status, "MalformedInput" in text), (400, True))


class Identity(Case):
    def test_signed_post_and_presigned_get_agree(self):
        credentials = self.assumed()
        posted = self.box.client("sts", credentials).get_caller_identity()
        status, headers, text = self.box.fetch(self.box.presigned_identity(credentials))
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/xml")
        self.assertTrue(headers["Date"].endswith("GMT") and headers["x-amzn-requestid"])
        self.assertTrue(text.startswith("<GetCallerIdentityResponse "
                                        "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"))
        for name in ("Arn", "UserId", "Account"):
            self.assertIn("<%s>%s</%s>" % (name, posted[name], name), text)
        self.assertEqual(posted["Arn"], "arn:aws:sts::123456789012:assumed-role/%s/julie"
                         % self.role)
        self.assertRegex(posted["UserId"], "^AROA[A-Z2-7]{17}:julie$")

    def test_presigned_url_that_was_changed_is_refused(self):
        url = self.box.presigned_identity("julie")
        for change in (url + "&X=1", url[:-1] + ("0" if url[-1] != "0" else "1")):
            self.assertEqual(self.box.fetch(change)[0], 403)

    def test_presigned_url_works_for_15_minutes_whatever_it_says(self):
        url = self.box.presigned_identity("julie", expires=60)
        self.box.faults(clock_offset_ms=14 * 60 * 1000)
        self.assertEqual(self.box.fetch(url)[0], 200)
        self.box.faults(clock_offset_ms=16 * 60 * 1000)
        self.assertEqual(self.box.fetch(url)[0], 403)

    def test_answers_are_json_for_who_accepts_it(self):
        _, headers, text = self.box.fetch(self.box.presigned_identity("julie"),
                                          headers={"Accept": "application/json"})
        self.assertEqual(headers["Content-Type"], "application/json")
        answer = json.loads(text)["GetCallerIdentityResponse"]
        self.assertEqual(answer["GetCallerIdentityResult"]["Arn"], self.box.user_arn("julie"))
        self.assertIn("RequestId", answer["ResponseMetadata"])


class Tokens(Case):
    def test_claims_are_those_of_aws(self):
        credentials = self.assumed(Path="/team/a/", Tags=[{"Key": "team", "Value": "a"}])
        token = self.mint(credentials, duration=900, region="eu-central-1")
        claims = claims_of(token)
        arn = "arn:aws:iam::123456789012:role/team/a/" + self.role
        self.assertEqual(header_of(token), {"kid": "RSA_0", "typ": "JWT", "alg": "RS256"})
        self.assertEqual((claims["iss"], claims["aud"], claims["sub"]),
                         (self.box.issuer(), AUDIENCE, arn))
        self.assertEqual(claims["exp"] - claims["iat"], 900)
        self.assertEqual(claims[AWS], {
            "aws_account": "123456789012", "source_region": "eu-central-1", "principal_id": arn,
            "principal_tags": {"team": "a"},
            "original_session_exp": credentials["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ")})
        self.assertEqual(set(claims), {"iss", "aud", "sub", "iat", "exp", "jti", AWS})

    def test_several_audiences_are_an_array(self):
        token = self.box.web_identity_token(self.assumed(), [AUDIENCE, "b"])
        self.assertEqual(claims_of(token)["aud"], [AUDIENCE, "b"])

    def test_keys_are_found_by_discovery_and_verify_both_algorithms(self):
        credentials = self.assumed()
        issuer = self.box.issuer()
        document = json.loads(
            self.box.fetch(issuer + "/.well-known/openid-configuration")[2])
        self.assertEqual((document["issuer"], document["jwks_uri"]),
                         (issuer, issuer + "/.well-known/jwks.json"))
        keys = self.keys()
        self.assertEqual([(k["kid"], k.get("alg")) for k in keys["keys"]],
                         [("RSA_0", None), ("EC384_0", "ES384")])
        for algorithm in ("RS256", "ES384"):
            token = self.mint(credentials, algorithm=algorithm)
            self.assertTrue(holds(token, keys), algorithm)
            head, body, signature = token.split(".")
            other = self.mint(credentials, algorithm=algorithm).split(".")[1]
            self.assertFalse(holds(".".join([head, other, signature]), keys), algorithm)

    def test_users_token_has_no_session_expiry(self):
        claims = claims_of(self.mint("admin"))
        self.assertEqual(claims["sub"], self.box.user_arn("admin"))
        self.assertNotIn("original_session_exp", claims[AWS])

    def test_token_needs_an_allow(self):
        self.refused("AccessDenied", self.mint, self.assumed(may=["s3:*"]))
        self.refused("AccessDenied", self.mint, "bob")

    def test_token_never_outlives_the_session(self):
        self.make()
        now = int(time.time())
        credentials = self.box.session(self.role, issued=now - 3000, expires=now + 200)
        self.refused("SessionDurationEscalationException", self.mint, credentials, duration=300)
        self.mint(credentials, duration=60)

    def test_bad_requests_are_refused(self):
        credentials = self.assumed()
        self.refused("ValidationError", self.mint, credentials, algorithm="HS256")
        self.refused("ValidationError", self.mint, credentials, duration=59)
        self.refused("ValidationError", self.mint, credentials, duration=3601)
        self.refused("ValidationError", self.box.web_identity_token, credentials, [])
        self.refused("ValidationError", self.box.web_identity_token, credentials, ["x"] * 11)

    def test_disabled_federation_mints_nothing(self):
        credentials = self.assumed()
        self.box.call("admin", "iam", "DisableOutboundWebIdentityFederation")
        self.addCleanup(self.box.call, "admin", "iam", "EnableOutboundWebIdentityFederation")
        self.refused("OutboundWebIdentityFederationDisabledException", self.mint, credentials)


class Revocation(Case):
    def assert_revoked(self, credentials):
        self.refused("AccessDenied", self.mint, credentials)
        self.refused("AccessDenied", self.box.client("iam", credentials).get_role,
                     RoleName=self.role)
        self.box.client("sts", credentials).get_caller_identity()

    def test_revoked_session_can_do_nothing_but_say_who_it_is(self):
        credentials = self.assumed(may=["*"])
        self.box.client("iam", credentials).get_role(RoleName=self.role)
        self.box.revoke(self.role)
        self.assert_revoked(credentials)
        error = self.refused("AccessDenied", self.mint, credentials)
        self.assertIn("with an explicit deny in an identity-based policy", str(error))

    def test_session_after_the_cutoff_works(self):
        self.make()
        self.box.revoke(self.role, datetime.datetime.now(UTC) - datetime.timedelta(seconds=1))
        self.mint(self.box.assume("julie", self.role))

    def test_cutoff_ahead_revokes_new_sessions_too(self):
        self.make()
        self.box.revoke(self.role, datetime.datetime.now(UTC) + datetime.timedelta(seconds=30))
        self.refused("AccessDenied", self.mint, self.box.assume("julie", self.role))

    def test_undo_brings_the_old_session_back(self):
        credentials = self.assumed()
        self.box.revoke(self.role)
        self.refused("AccessDenied", self.mint, credentials)
        self.box.undo(self.role)
        self.mint(credentials)

    def test_session_issued_at_the_cutoff_is_not_revoked(self):
        self.make()
        now = int(time.time()) - 10
        credentials = self.box.session(self.role, issued=now)
        for at, revoked in ((now - 1, False), (now, False), (now + 1, True)):
            self.box.revoke(self.role, datetime.datetime.fromtimestamp(at, UTC))
            if revoked:
                self.refused("AccessDenied", self.mint, credentials)
            else:
                self.mint(credentials)

    def test_every_date_form_is_read(self):
        self.make()
        credentials = self.box.session(self.role, issued=1714564800, expires=4000000000)
        cases = {"2024-05-01T12:00:00.001Z": True, "2024-05-01T12:00:00Z": False,
                 "2024-05-01T12:00:00.500000": True, "2024-05-01T14:00:01+02:00": True,
                 "2024-05-01T14:00:00+0200": False, "2024-05-02": True, "2024-05": False,
                 "2024-05-02T00:00Z": True, "2024-05-01t12:00:01z": True, "2024": False,
                 "1714564801": True, "1714564800": False, "1714608000000": True,
                 "2099-01-01T00:00:00Z": True, "9223372036854775807": True}
        for text, revoked in cases.items():
            with self.subTest(text):
                self.box.revoke(self.role, text)
                if revoked:
                    self.refused("AccessDenied", self.mint, credentials)
                else:
                    self.mint(credentials)

    def test_conditions_narrow_a_deny(self):
        self.make()
        julie = self.box.session(self.role, "julie", source_identity="julie")
        emy = self.box.session(self.role, "emy")
        cases = [({"StringLike": {"aws:userId": "*:julie"}}, True, False),
                 ({"StringEquals": {"aws:SourceIdentity": "julie"}}, True, False),
                 ({"StringNotEquals": {"aws:SourceIdentity": "julie"}}, False, True),
                 ({"Null": {"aws:TokenIssueTime": "false"}}, True, True),
                 ({"Null": {"aws:SourceIdentity": "true"}}, False, True),
                 ({"DateLessThan": {"aws:TokenIssueTime": "2001-01-01"}}, False, False),
                 ({"DateLessThanIfExists": {"aws:TokenIssueTime": "2099-01-01"}}, True, True),
                 ({"datelessthan": {"AWS:TOKENISSUETIME": ["2001-01-01", "2099-01-01"]}},
                  True, True),
                 ({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/r-*"}}, True, True),
                 ({"DateLessThan": {"aws:TokenIssueTime": "2099-01-01"},
                   "StringLike": {"aws:userid": "*:em?"}}, False, True)]
        for condition, first, second in cases:
            with self.subTest(condition):
                statement = {"Effect": "Deny", "Action": "*", "Resource": "*",
                             "Condition": condition}
                self.iam.put_role_policy(RoleName=self.role, PolicyName="x",
                                         PolicyDocument=sandbox.policy(statement))
                for credentials, revoked in ((julie, first), (emy, second)):
                    if revoked:
                        self.refused("AccessDenied", self.mint, credentials)
                    else:
                        self.mint(credentials)

    def test_managed_policy_and_boundary_revoke_as_well(self):
        credentials = self.assumed()
        document = json.loads(sandbox.revocation("2099-01-01"))
        document["Statement"].append(sandbox.allow("*"))
        arn = self.iam.create_policy(PolicyName=self.role,
                                     PolicyDocument=json.dumps(document))["Policy"]["Arn"]
        self.iam.attach_role_policy(RoleName=self.role, PolicyArn=arn)
        self.assert_revoked(credentials)
        self.iam.detach_role_policy(RoleName=self.role, PolicyArn=arn)
        self.mint(credentials)
        self.iam.put_role_permissions_boundary(RoleName=self.role, PermissionsBoundary=arn)
        self.assert_revoked(credentials)
        self.iam.create_policy_version(PolicyArn=arn, SetAsDefault=True,
                                       PolicyDocument=sandbox.policy(sandbox.allow("*")))
        self.mint(credentials)
        self.iam.create_policy_version(PolicyArn=arn, SetAsDefault=True,
                                       PolicyDocument=sandbox.policy(sandbox.allow("s3:*")))
        self.refused("AccessDenied", self.mint, credentials)

    def test_aws_deny_all_denies_all(self):
        credentials = self.assumed()
        self.iam.attach_role_policy(RoleName=self.role,
                                    PolicyArn="arn:aws:iam::aws:policy/AWSDenyAll")
        self.assert_revoked(credentials)

    def test_session_policy_limits_the_session(self):
        self.make()
        limited = self.box.assume("julie", self.role,
                                  Policy=sandbox.policy(sandbox.allow("s3:*")))
        self.refused("AccessDenied", self.mint, limited)

    def test_delayed_enforcement_is_seen_by_reads_at_once(self):
        credentials = self.assumed()
        self.box.faults(enforce_delay_ms=60000)
        self.box.revoke(self.role)
        self.iam.get_role_policy(RoleName=self.role, PolicyName=sandbox.REVOCATION)
        self.mint(credentials)
        self.box.faults(clock_offset_ms=61000)
        self.refused("AccessDenied", self.mint, credentials)


class Iam(Case):
    def test_missing_role_and_missing_policy_differ_in_the_message_only(self):
        self.make()
        error = self.refused("NoSuchEntity", self.iam.get_role_policy, RoleName="nobody",
                             PolicyName="x")
        self.assertIn("The role with name nobody cannot be found.", str(error))
        error = self.refused("NoSuchEntity", self.iam.get_role_policy, RoleName=self.role,
                             PolicyName="nothing")
        self.assertIn("The role policy with name nothing cannot be found.", str(error))
        self.refused("NoSuchEntity", self.iam.get_role, RoleName="nobody")
        self.refused("NoSuchEntity", self.iam.delete_role_policy, RoleName=self.role,
                     PolicyName="nothing")

    def raw(self, action, accept=None, **fields):
        url, body, headers = self.box.signed_request(
            "admin", "iam", {"Action": action, "Version": "2010-05-08", **fields},
            {"Accept": accept} if accept else None)
        return self.box.fetch(url, body.encode(), headers)

    def test_errors_have_the_shape_of_awss(self):
        status, headers, text = self.raw("GetRole", RoleName="<&>")
        self.assertEqual((status, headers["Content-Type"]), (404, "text/xml"))
        self.assertRegex(re.sub(r">\s+<", "><", text.strip()),
                         '^<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
                         "<Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>The role "
                         "with name &lt;&amp;&gt; cannot be found.</Message></Error><RequestId>"
                         "[0-9a-f-]{36}</RequestId></ErrorResponse>$")
        status, headers, text = self.raw("GetRole", "application/json", RoleName="nobody")
        self.assertEqual((status, headers["Content-Type"]), (404, "application/json"))
        self.assertEqual(json.loads(text)["Error"]["Code"], "NoSuchEntity")

    def test_documents_are_percent_encoded_and_kept_as_sent(self):
        self.make()
        document = sandbox.revocation("2026-11-24T10:00:00+00:00")
        self.iam.put_role_policy(RoleName=self.role, PolicyName="a b+c", PolicyDocument=document)
        text = self.raw("GetRolePolicy", RoleName=self.role, PolicyName="a b+c")[2]
        encoded = re.search("<PolicyDocument>(.*)</PolicyDocument>", text).group(1)
        self.assertEqual(encoded, urllib.parse.quote(document, safe="-._~"))
        self.assertIn("%2B00%3A00", encoded)

    def test_json_has_plain_lists_numbers_for_dates_and_nulls(self):
        self.make()
        result = self.box.call("admin", "iam", "ListRoles", {"MaxItems": "1000"})
        roles = result["ListRolesResult"]["Roles"]
        role = [r for r in roles if r["RoleName"] == self.role][0]
        self.assertIsInstance(role["CreateDate"], int)
        self.assertIs(result["ListRolesResult"]["IsTruncated"], False)
        self.assertIsNone(result["ListRolesResult"]["Marker"])
        self.assertIsNone(role["Description"])

    def test_role_names_know_no_case(self):
        self.make()
        role = self.iam.get_role(RoleName=self.role.upper())["Role"]
        self.assertEqual(role["RoleName"], self.role)
        self.refused("EntityAlreadyExists", self.iam.create_role, RoleName=self.role.upper(),
                     AssumeRolePolicyDocument=self.box.trust(["bob"]))

    def test_role_made_again_has_another_id_and_its_old_sessions_are_dead(self):
        credentials = self.assumed()
        before = self.iam.get_role(RoleName=self.role)["Role"]
        self.refused("DeleteConflict", self.iam.delete_role, RoleName=self.role)
        self.iam.delete_role_policy(RoleName=self.role, PolicyName="permissions")
        self.iam.delete_role(RoleName=self.role)
        identify = self.box.client("sts", credentials).get_caller_identity
        self.refused("InvalidClientTokenId", identify)
        self.make()
        after = self.iam.get_role(RoleName=self.role)["Role"]
        self.assertEqual(before["Arn"], after["Arn"])
        self.assertNotEqual(before["RoleId"], after["RoleId"])
        self.refused("InvalidClientTokenId", identify)

    def test_bad_documents_are_refused_and_change_nothing(self):
        self.make()
        good = json.loads(sandbox.revocation("2026-01-01"))
        bad = ["", "{", "[]", "{}", '{"Statement":[]} x',
               json.dumps(good).replace("2026-01-01", "20260101T000000Z"),
               json.dumps(good).replace("2026-01-01", "2026-02-30"),
               json.dumps(good).replace("2026-01-01", "2026-01-01T24:00:00Z"),
               json.dumps(good).replace("2026-01-01", "2026-01-01T00:00:00.0123456789Z"),
               json.dumps(good).replace("2026-01-01", "Thu, 01 Jan 2026 00:00:00 GMT"),
               json.dumps(good).replace("Deny", "deny"),
               json.dumps(good).replace("DateLessThan", "DateOlderThan"),
               json.dumps(good).replace('"Action"', '"Akshun"'),
               json.dumps(good).replace('"Resource"', '"Resauce"'),
               self.box.trust(["bob"])]
        for document in bad:
            with self.subTest(document[:120]), self.assertRaises(Exception):
                self.iam.put_role_policy(RoleName=self.role, PolicyName="bad",
                                         PolicyDocument=document)
        self.assertEqual(self.iam.list_role_policies(RoleName=self.role)["PolicyNames"],
                         ["permissions"])
        self.refused("MalformedPolicyDocument", self.iam.update_assume_role_policy,
                     RoleName=self.role, PolicyDocument=json.dumps(good))

    def test_inline_policies_together_are_at_most_10240_characters(self):
        self.make()
        long = sandbox.policy({**sandbox.allow("s3:*"), "Sid": "x" * 6000})
        self.iam.put_role_policy(RoleName=self.role, PolicyName="a", PolicyDocument=long)
        self.iam.put_role_policy(RoleName=self.role, PolicyName="a", PolicyDocument=long)
        self.refused("LimitExceeded", self.iam.put_role_policy, RoleName=self.role,
                     PolicyName="b", PolicyDocument=long)

    def test_identity_center_roles_cannot_be_edited(self):
        self.make(Path="/aws-reserved/sso.amazonaws.com/", may=())
        self.refused("UnmodifiableEntity", self.iam.put_role_policy, RoleName=self.role,
                     PolicyName="x", PolicyDocument=sandbox.policy(sandbox.allow("*")))

    def test_plain_users_may_read_nothing(self):
        self.make()
        iam = self.box.client("iam", "bob")
        for call in (iam.get_account_authorization_details, iam.list_roles):
            self.refused("AccessDenied", call)
        self.refused("AccessDenied", iam.get_role, RoleName=self.role)
        self.refused("AccessDenied", iam.get_role, RoleName="nobody")

    def test_update_role_changes_what_it_is_given(self):
        self.make()
        self.iam.update_role(RoleName=self.role, MaxSessionDuration=7200, Description="d")
        role = self.iam.get_role(RoleName=self.role)["Role"]
        self.assertEqual((role["MaxSessionDuration"], role["Description"]), (7200, "d"))

    def test_federation_info_tells_the_issuer(self):
        result = self.box.call("admin", "iam", "GetOutboundWebIdentityFederationInfo")
        info = result["GetOutboundWebIdentityFederationInfoResult"]
        self.assertEqual(info, {"IssuerIdentifier": self.box.issuer(), "JwtVendingEnabled": True})


class Paging(Case):
    options = ("--page-size", "7")

    def setUp(self):
        """The page size is the class's, so faults are left alone."""
        self.role = "r-" + self._testMethodName[-50:]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.box.bulk_roles(20, "page-", policy=sandbox.revocation("2026-01-01"))

    def details(self, **more):
        pages = self.iam.get_paginator("get_account_authorization_details").paginate(**more)
        return list(pages)

    def test_every_role_is_listed_once(self):
        pages = list(self.iam.get_paginator("list_roles").paginate())
        names = [r["RoleName"] for page in pages for r in page["Roles"]]
        wanted = ["page-%06d" % n for n in range(20)]
        self.assertEqual([n for n in names if n.startswith("page-")], wanted)
        self.assertTrue(all(len(page["Roles"]) <= 7 for page in pages))
        self.assertGreaterEqual(len(pages), 3)

    def test_details_page_through_every_kind(self):
        arn = self.iam.create_policy(PolicyName="local", PolicyDocument=sandbox.policy(
            sandbox.allow("s3:*")))["Policy"]["Arn"]
        for policy in (arn, "arn:aws:iam::aws:policy/IAMReadOnlyAccess"):
            self.iam.attach_role_policy(RoleName="page-000000", PolicyArn=policy)
        pages = self.details()
        users = [u["UserName"] for p in pages for u in p["UserDetailList"]]
        roles = [r for p in pages for r in p["RoleDetailList"] if r["RoleName"] != self.role]
        policies = [d["PolicyName"] for p in pages for d in p["Policies"]]
        self.assertEqual(users, ["admin", "bob", "julie"])
        self.assertEqual(len([r for r in roles if r["RoleName"].startswith("page-")]), 20)
        self.assertEqual(policies, ["local", "IAMReadOnlyAccess"])
        self.assertEqual(roles[0]["RolePolicyList"][0]["PolicyName"], sandbox.REVOCATION)
        self.assertEqual(roles[0]["RolePolicyList"][0]["PolicyDocument"],
                         json.loads(sandbox.revocation("2026-01-01")))
        self.assertEqual([a["PolicyName"] for a in roles[0]["AttachedManagedPolicies"]],
                         ["local", "IAMReadOnlyAccess"])
        only = self.details(Filter=["Role"])
        self.assertFalse(any(p["UserDetailList"] or p["Policies"] for p in only))

    def test_page_holds_while_roles_come_and_go(self):
        first = self.iam.list_roles()
        names = [r["RoleName"] for r in first["Roles"]]
        self.box.make_role(self.role, may=())
        gone = "page-000003"
        self.iam.delete_role_policy(RoleName=gone, PolicyName=sandbox.REVOCATION)
        self.iam.delete_role(RoleName=gone)
        marker = first["Marker"]
        while marker:
            page = self.iam.list_roles(Marker=marker)
            names += [r["RoleName"] for r in page["Roles"]]
            marker = page.get("Marker")
        self.assertEqual(len(names), len(set(names)))
        self.assertTrue({"page-%06d" % n for n in range(20)} <= set(names))
        self.box.bulk_roles(1, "page-", start=3, policy=sandbox.revocation("2026-01-01"))

    def test_bad_marker_and_bad_maxitems_are_refused(self):
        for fields in ({"Marker": "x"}, {"Marker": "YXQ6MQ=="}, {"Marker": "A" * 300},
                       {"MaxItems": "0"}, {"MaxItems": "1001"}, {"MaxItems": "x"}):
            with self.subTest(fields):
                self.refused("ValidationError", self.box.call, "admin", "iam", "ListRoles",
                             fields)

    def test_unknown_filter_is_refused(self):
        self.refused("ValidationError", self.box.call, "admin", "iam",
                     "GetAccountAuthorizationDetails", {"Filter.member.1": "Everything"})


class Faults(Case):
    def test_down_drops_every_connection_but_control(self):
        self.box.faults(down=1)
        with self.assertRaises(HTTPClientError):
            self.iam.list_roles()
        self.box.calm()
        self.iam.list_roles()

    def test_hang_holds_requests_until_it_is_lifted(self):
        self.box.faults(hang=1)
        with self.assertRaises(HTTPClientError):
            self.box.client("iam", timeout=1).list_roles()
        self.box.calm()
        self.iam.list_roles()

    def test_latency_delays(self):
        self.box.faults(latency_ms=300)
        begin = time.monotonic()
        self.iam.list_roles()
        self.assertGreaterEqual(time.monotonic() - begin, 0.3)

    def test_named_failure_is_answered_to_every_nth(self):
        self.box.faults(fail="Throttling", fail_every=2)
        outcomes = []
        for _ in range(4):
            try:
                self.iam.list_roles()
                outcomes.append(None)
            except ClientError as error:
                outcomes.append((error.response["Error"]["Code"],
                                 error.response["ResponseMetadata"]["HTTPStatusCode"]))
        self.assertEqual(outcomes, [None, ("Throttling", 400)] * 2)

    def test_failures_of_each_kind(self):
        for code, status in (("ServiceFailure", 500), ("AccessDenied", 403), ("503", 503),
                             ("SlowDown", 503), ("garbage", 200), ("truncated", 200)):
            with self.subTest(code):
                self.box.faults(reset=1, fail=code)
                url, body, headers = self.box.signed_request(
                    "admin", "iam", {"Action": "ListRoles", "Version": "2010-05-08"})
                answer = self.box.fetch(url, body.encode(), headers)
                self.assertEqual(answer[0], status)
                self.assertNotIn("</ListRolesResponse>", answer[2])

    def test_dropped_connections(self):
        self.box.reset_calls()
        self.box.faults(drop_every=2)
        self.iam.list_roles()
        with self.assertRaises(HTTPClientError):
            self.iam.list_roles()
        self.assertEqual(self.box.calls()["dropped"], 1)

    def test_throttle_is_a_bucket_for_each_action(self):
        self.box.faults(throttle="0.001/2")
        self.iam.list_roles()
        self.iam.list_roles()
        self.refused("Throttling", self.iam.list_roles)
        self.box.client("sts").get_caller_identity()

    def test_faults_touch_only_what_they_name(self):
        self.box.faults(fail="500", only="jwks,GetRole")
        jwks = self.box.issuer() + "/.well-known/jwks.json"
        self.assertEqual(self.box.fetch(jwks)[0], 500)
        self.assertEqual(
            self.box.fetch(self.box.issuer() + "/.well-known/openid-configuration")[0], 200)
        self.iam.list_roles()
        with self.assertRaises(ClientError):
            self.iam.get_role(RoleName="x")

    def test_bad_faults_are_refused_and_change_nothing(self):
        before = self.box.faults()
        for fields in ({"latency": 1}, {"latency_ms": -1}, {"down": 2}, {"throttle": "1"},
                       {"throttle": "0/1"}, {"page_size": "x"}, {"down": 1, "nonsense": 1},
                       {"clock_offset_ms": "soon"}):
            with self.subTest(fields), self.assertRaises(ValueError):
                self.box.faults(**fields)
        self.assertEqual(self.box.faults(), before)

    def test_calls_are_counted_by_action_and_path(self):
        self.box.reset_calls()
        self.iam.list_roles()
        self.refused("NoSuchEntity", self.iam.get_role, RoleName="nobody")
        path = "/issuer/%s/.well-known/jwks.json" % self.box.account
        self.box.fetch(path)
        self.box.fetch("/nonsense")
        self.assertEqual(self.box.calls(), {
            "actions": {"ListRoles": 1, "GetRole": 1}, "codes": {"NoSuchEntity": 1},
            "paths": {"/": 2, path: 1, "other": 1}, "dropped": 0})


class Control(Case):
    def test_rotation_makes_new_kids_and_keeps_old_keys_unless_told(self):
        old = self.box.mint(claims={}, defaults=True)
        kids = self.box.rotate_keys()
        new = self.box.mint(claims={}, defaults=True)
        self.assertNotEqual(header_of(old)["kid"], header_of(new)["kid"])
        self.assertEqual(header_of(new)["kid"], kids[0])
        keys = self.keys()
        self.assertTrue(holds(old, keys) and holds(new, keys))
        self.box.rotate_keys(keep=False)
        self.assertEqual([k["kid"].split("_")[0] for k in self.keys()["keys"]],
                         ["RSA", "EC384"])
        kept = header_of(self.box.mint(claims={}))["kid"]
        last = self.box.mint(claims={})
        self.box.rotate_keys(same_kid=True)
        self.assertEqual(header_of(self.box.mint(claims={}))["kid"], kept)
        self.assertFalse(holds(last, self.keys()))

    def test_mint_fills_in_defaults_only_where_absent(self):
        token = self.box.mint(defaults=True, claims={"sub": "arn:aws:iam::1:role/x", "iat": 5})
        claims = claims_of(token)
        self.assertEqual((claims["iss"], claims["iat"], claims["exp"]),
                         (self.box.issuer(), 5, 305))
        self.assertEqual(claims[AWS]["principal_id"], "arn:aws:iam::1:role/x")
        self.assertTrue(holds(token, self.keys()))

    def test_mint_makes_bad_tokens(self):
        keys = self.keys()
        self.assertFalse(holds(self.box.mint(claims={}, foreign=True), keys))
        self.assertFalse(holds(self.box.mint(claims={}, alg="ES384", foreign=True), keys))
        self.assertEqual(self.box.mint(claims={}, alg="none").split(".")[2], "")
        confused = self.box.mint(claims={}, alg="HS256", kid="RSA_0", hmac_key="rsa-pem")
        self.assertEqual(header_of(confused), {"kid": "RSA_0", "typ": "JWT", "alg": "HS256"})
        twice = self.box.mint(claims_text='{"sub":"a","sub":"b"}')
        self.assertEqual(decode(twice.split(".")[1]), b'{"sub":"a","sub":"b"}')
        header = header_of(self.box.mint(claims={}, kid=None, header={
            "crit": ["b64"], "typ": None}))
        self.assertEqual(header, {"alg": "RS256", "crit": ["b64"]})
        mixed = self.box.mint(claims={}, alg="RS256", sign_with="ES384")
        self.assertEqual(len(decode(mixed.split(".")[2])), 96)

    def test_bad_wishes_are_refused(self):
        for wish in ({}, {"claims": 1}, {"claims": {}, "alg": "XX"}, {"claims": {}, "alg": "HS256"},
                     {"claims": {}, "account": "999999999999"}):
            with self.subTest(wish), self.assertRaises(ValueError):
                self.box.mint(**wish)
        for path, fields in (("nothing", {"x": 1}), ("roles", {"count": 0}),
                             ("roles", {"count": 1, "policy": "{"}),
                             ("sessions", {"role": "arn:aws:iam::123456789012:role/no"}),
                             ("rotate-keys", {"account": "999999999999"})):
            with self.subTest(path), self.assertRaises(ValueError):
                self.box.control(path, **fields)

    def test_session_of_any_age_can_be_made(self):
        self.make()
        credentials = self.box.session(self.role, "old", issued=1000000000, expires=4000000000,
                                       identity_store_user_id="u-1")
        claims = claims_of(self.mint(credentials))
        self.assertEqual(claims[AWS]["identity_store_user_id"], "u-1")
        self.assertEqual(claims[AWS]["original_session_exp"], "2096-10-02T07:06:40Z")


class Lifecycle(unittest.TestCase):
    def test_sigterm_ends_it_cleanly_even_while_requests_hang(self):
        box = sandbox.Sandbox().start()
        self.addCleanup(box.stop)
        box.faults(hang=1)
        with self.assertRaises(HTTPClientError):
            box.client("iam", timeout=1).list_roles()
        self.assertEqual(box.stop(), 0)

    def test_it_ends_by_itself(self):
        box = sandbox.Sandbox(max_runtime=1).start()
        self.addCleanup(box.stop)
        self.assertEqual(box.process.wait(10), 0)

    def test_port_file_names_the_port(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "port")
            with sandbox.Sandbox(options=["--port-file", path]) as box, open(path) as file:
                self.assertEqual(int(file.read()), box.port)

    def test_bad_options_are_refused(self):
        for words in (["--port", "x"], ["--account", "12"], ["--user", "a:b"], ["--nonsense"],
                      ["--user", "a:K:s", "--plain-user", "b:K:s"], ["--throttle", "fast"],
                      ["--latency", "-1"], ["stray"], ["--log", "/nowhere/log"]):
            with self.subTest(words):
                run = subprocess.run([sandbox.find_binary()] + words, capture_output=True,
                                     text=True, timeout=20, check=False)
                self.assertEqual(run.returncode, 2)
                self.assertIn("stsgate-sandbox: ", run.stderr)

    def test_log_tells_who_did_what_and_no_secret(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "log")
            with sandbox.Sandbox(plain_users=["julie"], log=path) as box:
                box.make_role("app", ["julie"])
                credentials = box.assume("julie", "app")
                token = box.web_identity_token(credentials, AUDIENCE)
                box.fetch(box.presigned_identity(credentials))
            with open(path) as file:
                text = file.read()
            lines = [json.loads(line) for line in text.splitlines()]
            self.assertEqual([line["action"] for line in lines],
                             ["CreateRole", "PutRolePolicy", "AssumeRole", "GetWebIdentityToken",
                              "GetCallerIdentity"])
            self.assertEqual(lines[2]["principal"], box.user_arn("julie"))
            for secret in (credentials["SecretAccessKey"], credentials["SessionToken"], token,
                           box.users["julie"][1], "Signature"):
                self.assertNotIn(secret, text)


class Tap(unittest.TestResult):
    """One line a case, named by its behaviour."""

    count = 0

    def line(self, ok, case, note=""):
        Tap.count += 1
        name = case.id().split(".")[-1].replace("test_", "", 1).rstrip(")")
        print("%sok %d - %s%s" % ("" if ok else "not ", Tap.count, name, note), flush=True)

    def addSuccess(self, test):
        self.line(True, test)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.fail_line(subtest, err, test)

    def fail_line(self, test, err, case=None):
        self.line(False, case or test)
        text = self._exc_info_to_string(err, case or test) + str(test)
        print("# " + text.replace("\n", "\n# "), flush=True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.fail_line(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.fail_line(test, err)

    def addSkip(self, test, reason):
        self.line(True, test, " # SKIP " + reason)


def main(module=None):
    """Runs the cases of a module, this one's by default."""
    module = module or sys.modules[__name__]
    if sandbox.find_binary() is None:
        print("1..0 # SKIP stsgate-sandbox is not built")
        return 77
    signal.alarm(240)
    names = sys.argv[1:]
    loader = unittest.defaultTestLoader
    suite = loader.loadTestsFromNames(names, module) if names else \
        loader.loadTestsFromModule(module)
    result = Tap()
    suite.run(result)
    print("1..%d" % Tap.count)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
