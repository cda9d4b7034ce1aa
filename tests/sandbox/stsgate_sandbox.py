"""Starts and drives stsgate-sandbox for tests and the demo.  See README.md beside this file.

Needs Debian's python3-boto3: run it with /usr/bin/python3.
"""

import datetime
import json
import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

try:
    import boto3
except ImportError:
    # The python3 of the PATH may be another than Debian's, which has python3-boto3.
    if sys.executable != "/usr/bin/python3" and os.path.isfile(sys.argv[0]):
        os.execv("/usr/bin/python3", ["/usr/bin/python3"] + sys.argv)
    raise
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "hosts"))
import seen  # noqa: E402

ADMIN = "admin"
REVOCATION = "AWSRevokeOlderSessions"
HERE = os.path.dirname(os.path.abspath(__file__))


class CallFailed(Exception):
    """A raw call that was answered with an error."""

    def __init__(self, status, body):
        super().__init__("%d: %s" % (status, body[:500]))
        self.status = status
        self.body = body
        try:
            self.code = json.loads(body)["Error"]["Code"]
        except (ValueError, KeyError, TypeError):
            self.code = None


def find_binary():
    """The sandbox's program: $SANDBOX, else below a build folder, else None."""
    if os.environ.get("SANDBOX"):
        return os.environ["SANDBOX"]
    tops = [os.environ.get("SG_BUILDDIR"), os.environ.get("top_builddir"), os.getcwd(),
            os.path.join(HERE, "..", "..")]
    for top in filter(None, tops):
        path = os.path.join(top, "tests", "sandbox", "stsgate-sandbox")
        if os.access(path, os.X_OK):
            return os.path.abspath(path)
    return None


def policy(*statements):
    """A policy document of these statements, as text."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*"):
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def revocation(at):
    """The document that the console attaches; at: an aware datetime or a string."""
    if isinstance(at, datetime.datetime):
        at = at.astimezone(datetime.timezone.utc)
        at = at.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (at.microsecond // 1000)
    return json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Action": ["*"], "Resource": ["*"],
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": at}}}]})


def _keys(credentials):
    """(access key, secret, token or None) of an STS answer, a dict of ours, or a tuple."""
    if isinstance(credentials, tuple):
        return credentials if len(credentials) == 3 else credentials + (None,)
    return (credentials["AccessKeyId"], credentials["SecretAccessKey"],
            credentials.get("SessionToken"))


class Sandbox:
    """One running sandbox.  Use as a context manager, or start() and stop()."""

    def __init__(self, users=(), plain_users=(), accounts=("123456789012",), options=(),
                 binary=None, log=None, max_runtime=600):
        """users, plain_users: NAME or ACCOUNT/NAME; an admin named "admin" is added."""
        self.accounts = list(accounts)
        self.account = self.accounts[0]
        self.users = {}
        self.process = None
        self.port = None
        self.url = None
        self._clients = {}
        self._binary = binary or find_binary()
        self._options = ["--max-runtime", str(max_runtime)] + list(options)
        for account in self.accounts:
            self._options += ["--account", account]
        if log:
            self._options += ["--log", log]
        for number, name in enumerate([ADMIN] + list(users)):
            self._add_user("--user", name, "AKIAADMINUSER%07d" % number)
        for number, name in enumerate(plain_users):
            self._add_user("--plain-user", name, "AKIAPLAINUSER%07d" % number)

    def _add_user(self, option, name, key):
        secret = "secret-of-%s-%s" % (name.replace("/", "-"), os.urandom(8).hex())
        seen.remember(secret)
        self.users[name] = (key, secret, None)
        self._options += [option, "%s:%s:%s" % (name, key, secret)]

    def start(self):
        if not self._binary:
            raise RuntimeError("stsgate-sandbox is not built: set SANDBOX, or run make first")
        # Never under valgrind: it makes RSA keys too slowly, and sanitizers cover it.
        self.process = subprocess.Popen([self._binary, "--port", "0"] + self._options,
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().strip()
        if not line.startswith("listening on "):
            self.process.wait(10)
            raise RuntimeError("stsgate-sandbox did not start (%s)" % self._binary)
        self.url = line[len("listening on "):]
        self.port = int(self.url.rsplit(":", 1)[1])
        return self

    def stop(self):
        """Ends it; its exit code (0 is clean)."""
        if self.process is None:
            return None
        self.process.terminate()
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait(10)
        self.process.stdout.close()
        self.process = None
        return code

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # Clients

    def credentials(self, who):
        """Keys of a user by name; anything else is taken for credentials already."""
        return _keys(self.users[who] if isinstance(who, str) else who)

    def client(self, service, who=ADMIN, region="us-east-1", retries=0, timeout=10):
        """A boto3 client for a user's name or for credentials."""
        key, secret, token = self.credentials(who)
        kind = (service, key, secret, token, region, retries, timeout)
        if kind not in self._clients:
            self._clients[kind] = self._make_client(*kind)
        return self._clients[kind]

    def _make_client(self, service, key, secret, token, region, retries, timeout):
        config = botocore.config.Config(retries={"total_max_attempts": retries + 1},
                                        connect_timeout=timeout, read_timeout=timeout)
        session = boto3.session.Session(key, secret, token, region_name=region)
        return session.client(service, endpoint_url=self.url, config=config)

    def environment(self, who=ADMIN, region="us-east-1"):
        """Variables with which a child (the agent, the aws CLI) reaches this sandbox."""
        key, secret, token = self.credentials(who)
        variables = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret,
                     "AWS_REGION": region, "AWS_DEFAULT_REGION": region,
                     "AWS_ENDPOINT_URL": self.url, "AWS_ENDPOINT_URL_IAM": self.url,
                     "AWS_ENDPOINT_URL_STS": self.url, "AWS_EC2_METADATA_DISABLED": "true",
                     "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        if token:
            variables["AWS_SESSION_TOKEN"] = token
        return variables

    def signed_request(self, who, service, parameters, headers=None, region="us-east-1"):
        """A signed POST as (url, body, headers), for sending or for presenting to somebody."""
        key, secret, token = self.credentials(who)
        body = urllib.parse.urlencode(parameters)
        request = botocore.awsrequest.AWSRequest("POST", self.url + "/", data=body, headers={
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
            **(headers or {})})
        signer = botocore.auth.SigV4Auth(botocore.credentials.Credentials(key, secret, token),
                                         service, region)
        signer.add_auth(request)
        prepared = request.prepare()
        return prepared.url, body, dict(prepared.headers.items())

    def call(self, who, service, action, parameters=None, region="us-east-1"):
        """Any action, asked for JSON: the decoded answer, or CallFailed."""
        version = {"iam": "2010-05-08", "sts": "2011-06-15"}[service]
        fields = {"Action": action, "Version": version, **(parameters or {})}
        url, body, headers = self.signed_request(who, service, fields,
                                                 {"Accept": "application/json"}, region)
        status, _, text = self.fetch(url, body.encode(), headers)
        if status != 200:
            raise CallFailed(status, text)
        return json.loads(text)[action + "Response"]

    def fetch(self, url, data=None, headers=None, timeout=10):
        """(status, headers, text) of a plain HTTP request; errors are answers too."""
        if url.startswith("/"):
            url = self.url + url
        request = urllib.request.Request(url, data=data, headers=headers or {})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=timeout) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode()

    # STS

    def assume(self, who, role, name="session", **more):
        """AssumeRole; role is an ARN or a name in the default account."""
        answer = self.client("sts", who).assume_role(
            RoleArn=self.role_arn(role), RoleSessionName=name, **more)
        seen.remember(answer["Credentials"]["SecretAccessKey"],
                      answer["Credentials"]["SessionToken"])
        return answer["Credentials"]

    def web_identity_token(self, who, audience, algorithm="RS256", duration=300, tags=None,
                           region="us-east-1"):
        """GetWebIdentityToken, which Debian 12's boto3 doesn't know: the JWT."""
        audiences = [audience] if isinstance(audience, str) else list(audience)
        fields = {"SigningAlgorithm": algorithm, "DurationSeconds": str(duration)}
        for number, one in enumerate(audiences, 1):
            fields["Audience.member.%d" % number] = one
        for number, (key, value) in enumerate(sorted((tags or {}).items()), 1):
            fields["Tags.member.%d.Key" % number] = key
            fields["Tags.member.%d.Value" % number] = value
        answer = self.call(who, "sts", "GetWebIdentityToken", fields, region)
        seen.remember(answer["GetWebIdentityTokenResult"]["WebIdentityToken"])
        return answer["GetWebIdentityTokenResult"]["WebIdentityToken"]

    def presigned_identity(self, who, region="us-east-1", expires=60):
        """A presigned GetCallerIdentity URL."""
        return self.client("sts", who, region).generate_presigned_url(
            "get_caller_identity", ExpiresIn=expires, HttpMethod="GET")

    def issuer(self, account=None):
        return "%s/issuer/%s" % (self.url, account or self.account)

    # IAM

    def user_arn(self, name):
        account, _, bare = name.rpartition("/")
        return "arn:aws:iam::%s:user/%s" % (account or self.account, bare)

    def role_arn(self, role):
        if role.startswith("arn:"):
            return role
        return "arn:aws:iam::%s:role/%s" % (self.account, role)

    def trust(self, names):
        """A trust policy for these users."""
        return json.dumps({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"AWS": [self.user_arn(name) for name in names]}}]})

    def make_role(self, name, trust=(), may=("sts:GetWebIdentityToken",), who=ADMIN, **more):
        """A role that these users may assume and that may do these actions; its ARN."""
        iam = self.client("iam", who)
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=self.trust(trust),
                               **more)["Role"]
        if may:
            iam.put_role_policy(RoleName=name, PolicyName="permissions",
                                PolicyDocument=policy(allow(list(may))))
        return role["Arn"]

    def set_trust(self, name, trust, who=ADMIN):
        self.client("iam", who).update_assume_role_policy(RoleName=name,
                                                          PolicyDocument=self.trust(trust))

    def revoke(self, name, at=None, who=ADMIN):
        """What the console's button does, at: the cutoff (default: now); the document."""
        if at is None:  # later than what was issued within this very millisecond
            at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(milliseconds=1)
            while datetime.datetime.now(datetime.timezone.utc) < at:
                pass
        document = revocation(at)
        self.client("iam", who).put_role_policy(RoleName=name, PolicyName=REVOCATION,
                                                PolicyDocument=document)
        return document

    def undo(self, name, who=ADMIN):
        self.client("iam", who).delete_role_policy(RoleName=name, PolicyName=REVOCATION)

    # Control

    def control(self, path, **fields):
        """GET without fields, POST with (None values left out); the decoded JSON."""
        fields = {key: str(value) for key, value in fields.items() if value is not None}
        data = urllib.parse.urlencode(fields).encode() if fields else None
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if fields else {}
        return self._control(path, data, headers)

    def _control(self, path, data, headers):
        status, _, text = self.fetch("/_sandbox/" + path, data, headers)
        answer = json.loads(text)
        if status != 200:
            raise ValueError("%s: %s" % (path, answer.get("error")))
        return answer

    def faults(self, **fields):
        """Sets faults; without any, the faults in force."""
        return self.control("faults", **fields)

    def calm(self):
        """No faults any more."""
        return self.faults(reset=1)

    def calls(self):
        return self.control("calls")

    def reset_calls(self):
        return self.control("calls/reset", now=1)

    def rotate_keys(self, account=None, keep=True, same_kid=False):
        return self.control("rotate-keys", account=account, keep=int(keep),
                            same_kid=int(same_kid))["kids"]

    def events(self, queue="events", account=None, sessions=False, **fields):
        """The account's calls are told to this queue from now on ("": no more); its URL."""
        return self.control("events", account=account or self.account, queue=queue,
                            sessions=int(sessions), **fields).get("queue_url")

    def mint(self, **wish):
        """A JWT of the test's making: see README."""
        token = self._control("mint", json.dumps(wish).encode(),
                              {"Content-Type": "application/json"})["token"]
        seen.remember(token)
        return token

    def session(self, role, name="session", **fields):
        """Credentials of a session made without AssumeRole: issued=, expires= epoch seconds."""
        return self.control("sessions", role=self.role_arn(role), name=name, **fields)

    def bulk_roles(self, count, prefix="role-", **fields):
        return self.control("roles", count=count, prefix=prefix, **fields)["created"]


if __name__ == "__main__":
    # By hand: a sandbox with an admin and a few users, and how to reach it.
    with Sandbox(plain_users=sys.argv[1:] or ["bob"], max_runtime=3600) as _box:
        for _name in _box.users:
            print("# " + _name)
            print("\n".join("export %s=%s" % pair for pair in _box.environment(_name).items()))
        sys.stdout.flush()
        _box.process.wait()
