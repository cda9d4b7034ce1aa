"""test_login_token.py - `stsgatectl login-token' in each form that gateways take, of a role's session,
a user's and a user's own keys, and what `explain' says of each: the agent against a local STS."""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../sandbox")]
from stsgate_sandbox import Sandbox, find_binary  # noqa: E402
import agent_host  # noqa: E402
import seen  # noqa: E402
import signed  # noqa: E402

TOOL = os.path.join(agent_host.BUILD, "module", "ctl", "stsgatectl")
PLAIN = ([], ["--form", "token"], ["--form", "url"], ["--form", "post"])
COMPANION = (["--role", "app"], ["--form", "companion", "--role", "app"])

SETTINGS = """
[account prod]
id = 123456789012
endpoint = %(url)s/
sts_endpoint = %(url)s/
refresh = 1s

[issuer prod]
kind = aws-caller-identity
account = prod
bind_header = X-K8s-Aws-Id
bind_value = payments
%(more)s
"""
SERVICE = """
[service]
accept = prod
allow_roles = arn:aws:iam::123456789012:role/* arn:aws:iam::123456789012:user/*
"""


class World:
    """A role `app`, a user `bob` with keys of his own, an agent that reads both, and the tool."""

    def __init__(self, more=""):
        self.box = Sandbox(plain_users=["julie"], max_runtime=280).start()
        self.box.make_role("app", trust=["julie"], may=["iam:GetRole"])
        iam = self.box.client("iam", "admin")
        iam.create_user(UserName="bob")
        key = iam.create_access_key(UserName="bob")["AccessKey"]
        self.bob = {"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"],
                    "SessionToken": None}
        self.session = self.box.client("sts", self.bob).get_session_token()["Credentials"]
        self.julie = self.box.assume("julie", self.box.role_arn("app"), "julie")
        for keys in (self.bob, self.session, self.julie):
            seen.remember(keys["SecretAccessKey"])
        self.agent = agent_host.Agent(SETTINGS % {"url": self.box.url, "more": more},
                                      environment=self.box.environment("admin"), service=False)
        with open(os.path.join(self.agent.conf, "services.d", "test.conf"), "w") as file:
            file.write(SERVICE)

    def __enter__(self):
        try:
            self.agent.start()
            self.agent.wait_complete()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, *why):
        try:
            self.agent.__exit__(*why)
        finally:
            self.box.stop()

    def tool(self, *words, who=None, text=None):
        environment = {name: value for name, value in os.environ.items() if name[:4] != "AWS_"}
        done = subprocess.run(
            agent_host.shlex.split(os.environ.get("SG_UNDER", "")) +
            [TOOL, "--conf", self.agent.conf] + list(words), input=text, text=True,
            env=dict(environment, **(self.box.environment(who) if who else {})),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        seen.search_text(done.stdout + done.stderr, "what stsgatectl prints")
        return done

    def make(self, words, who):
        done = self.tool("login-token", "--issuer", "prod", *words, who=who)
        return done.returncode, done.stdout.strip()

    def explain(self, credential):
        done = self.tool("--json", "explain", "-", "--service", "test", text=credential + "\n")
        assert credential not in done.stdout + done.stderr
        told = json.loads(done.stdout)
        return told["verdict"], told["reason"], told["role"]


def passes(world, who, forms, arn):
    made = []
    for words in forms:
        code, credential = world.make(words, who)
        assert code == 0, (words, credential[:12])
        assert world.explain(credential) == ("allow", "ok", arn), (words, world.explain(credential))
        made.append(credential.split(".")[0].split("?")[0])
    return made


def each_form_of_a_role_session_passes():
    with World() as world:
        made = passes(world, world.julie, PLAIN + COMPANION, world.box.role_arn("app"))
        assert made == ["sts-post-v1", "k8s-aws-v1", "https://sts", "sts-post-v1",
                        "sts-post-v1", "sts-post-v1"], made


def each_form_of_a_users_session_passes():
    with World() as world:
        passes(world, world.session, PLAIN, world.box.user_arn("bob"))


def each_form_of_a_users_own_keys_passes_where_it_is_allowed():
    with World(more="allow_long_term = on\n") as world:
        passes(world, world.bob, PLAIN, world.box.user_arn("bob"))


def users_own_keys_are_refused_where_they_are_not_allowed():
    with World() as world:
        for words in PLAIN:
            assert world.make(words, world.bob) == (1, "")
        for form in (signed.token, signed.presigned_url, signed.post):
            assert world.explain(form(world.bob, "payments"))[:2] == ("deny", "long-term-key")


def token_for_another_gateway_is_explained_as_such():
    with World() as world:
        assert world.explain(signed.post(world.julie, "reports"))[:2] == ("deny", "wrong-audience")
        for form in (signed.token, signed.presigned_url):
            assert world.explain(form(world.julie, "reports"))[:2] == ("deny", "bad-signature")


def forms_that_go_not_together_are_usage():
    with World(more="forms = url\n") as world:
        for words in (["--form", "jwt"], ["--form", "companion"], ["--form", "url", "--role", "app"],
                      ["--form", "post"], [], COMPANION[0]):
            assert world.make(words, world.julie) == (2, ""), words
        assert world.make(["--form", "token"], world.julie)[0] == 0


if __name__ == "__main__":
    if not find_binary() or not os.path.exists(TOOL):
        print("1..0 # SKIP the sandbox or stsgatectl is not built")
        sys.exit(77)
    agent_host.run([
        each_form_of_a_role_session_passes,
        each_form_of_a_users_session_passes,
        each_form_of_a_users_own_keys_passes_where_it_is_allowed,
        users_own_keys_are_refused_where_they_are_not_allowed,
        token_for_another_gateway_is_explained_as_such,
        forms_that_go_not_together_are_usage,
    ])
