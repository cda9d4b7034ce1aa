#!/usr/bin/env python3
"""test_agent_credentials.py - where the agent gets its AWS credentials: a container's endpoint that
comes and goes, keys that AWS stops taking, a process that hangs; and an IAM that has inline policies
alone."""

import http.server
import json
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sandbox"))
import stsgate_sandbox
from stsgate_sandbox import Sandbox

import agent_host
from agent_host import ASK_STATUS, OK, Agent, run, wait_for

NO_KEYS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": ""}


class Container:
    """The endpoint that ECS and EKS put beside a container; keys: what it hands out, None: 500."""

    def __init__(self):
        self.keys, self.token, self.asked = None, None, 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                outer.token = self.headers.get("Authorization")
                body = json.dumps(outer.keys or {}).encode()
                self.send_response(200 if outer.keys else 500)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/role" % self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def give(self, credentials):
        self.keys = {"AccessKeyId": credentials["AccessKeyId"],
                     "SecretAccessKey": credentials["SecretAccessKey"],
                     "Token": credentials["SessionToken"],
                     "Expiration": credentials["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ")}

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class World:
    """A sandbox with the role "reader", a container's endpoint, an agent; more: of [account prod]."""

    def __init__(self, more="", environment=None, further=""):
        self.box, self.more, self.further = Sandbox(), more, further
        self.environment = environment or {}

    def __enter__(self):
        self.box.start()
        self.box.make_role("reader", trust=["admin"], may=("iam:*",))
        self.container = Container()
        text = ("[account prod]\nid = %s\nendpoint = %s\nrefresh = 1s\n%s\n"
                "[issuer prod]\nkind = aws-web-identity\nurl = %s\naccount = prod\n%s"
                % (self.box.account, self.box.url, self.more, self.box.issuer(), self.further))
        environment = dict(self.box.environment("admin"), **self.environment)
        environment.setdefault("AWS_CONTAINER_CREDENTIALS_FULL_URI", self.container.url)
        self.agent = Agent(text.replace("ENDPOINT", self.box.url), environment)
        return self

    def __exit__(self, *exception):
        try:
            self.agent.__exit__(*exception)
        finally:
            self.container.stop()
            self.box.stop()

    def status(self):
        with self.agent.connect() as connection:
            _, packet = self.agent.question(ASK_STATUS)
            connection.send(packet)
            return connection.recv(65536).decode()


def container_signs_for_the_account_and_status_says_so():
    with World(environment=dict(NO_KEYS, AWS_CONTAINER_AUTHORIZATION_TOKEN="Bearer x")) as world:
        world.container.give(world.box.assume("admin", "reader"))
        world.agent.start()
        world.agent.wait_complete()
        assert world.container.token == "Bearer x" and world.container.asked == 1
        text = world.status()
        credentials = json.loads(text)["accounts"][0]["credentials"]
        assert credentials["source"] == "container", credentials  # its path is a secret
        assert credentials["usable"] and credentials["until"].endswith("Z"), credentials
        assert world.container.keys["SecretAccessKey"] not in text
        assert world.container.keys["Token"] not in text


def container_that_goes_away_takes_nothing_with_it():
    with World(environment=NO_KEYS) as world:
        world.container.give(world.box.assume("admin", "reader"))
        world.agent.start()
        world.agent.wait_complete()
        world.container.keys = None
        world.agent.wait_complete()
        assert json.loads(world.status())["accounts"][0]["good"] is True


def keys_that_aws_stops_taking_are_fetched_anew():
    with World(environment=NO_KEYS) as world:
        world.container.give(world.box.assume("admin", "reader"))
        world.agent.start()
        world.agent.wait_complete()
        iam = world.box.client("iam")
        world.box.make_role("second", trust=["admin"], may=("iam:*",))
        world.container.give(world.box.assume("admin", "second"))
        iam.delete_role_policy(RoleName="reader", PolicyName="permissions")
        iam.delete_role(RoleName="reader")  # its sessions get InvalidClientTokenId
        world.agent.wait_complete()
        assert world.container.asked == 2, world.container.asked


def account_whose_process_hangs_holds_up_no_other():
    further = ("[account slow]\nid = 210987654321\nendpoint = ENDPOINT\nprofile = slow\n"
               "[issuer slow]\nkind = aws-web-identity\nurl = https://slow.example.com\n"
               "jwks = http://127.0.0.1:1/\naccount = slow\n")
    with World(further=further) as world:
        config = os.path.join(world.agent.folder, "aws-config")
        told = os.path.join(world.agent.folder, "pid")
        with open(config, "w", encoding="utf-8") as file:
            file.write("[profile slow]\ncredential_process = /bin/sh -c 'echo $$ > %s.new; mv "
                       "%s.new %s; exec sleep 600'\n" % ((told,) * 3))
        world.agent.environment["AWS_CONFIG_FILE"] = config
        world.agent.start()
        world.agent.wait_complete()
        world.agent.wait_complete()
        accounts = {one["label"]: one for one in json.loads(world.status())["accounts"]}
        assert accounts["prod"]["good"] is True
        assert accounts["slow"]["good"] is False and not accounts["slow"]["credentials"]["usable"]
        wait_for(lambda: os.path.exists(told), "the process")
        with open(told, encoding="ascii") as file:
            process = "/proc/%d" % int(file.read())
        assert os.path.exists(process)
        assert world.agent.stop() == 0
        assert not os.path.exists(process), "the process must end with the agent, and be waited for"


def iam_of_inline_policies_alone_is_asked_for_no_others():
    with World(more="discover = on-demand\npolicies = inline\n") as world:
        world.box.make_role("app")
        world.box.revoke("app", "2026-02-02T00:00:00.000Z")
        world.box.faults(fail="AccessDenied", fail_every=1, only="ListAttachedRolePolicies")
        world.agent.start()
        assert world.agent.ask_role("app", world.box.account) == OK
        assert world.agent.record("app").cutoff_ms > 0
        assert not world.agent.record("app").stale_since_ms
        assert "ListAttachedRolePolicies" not in world.box.calls()["actions"]


def iam_that_refuses_attached_policies_decides_nothing_unless_told_so():
    with World(more="discover = on-demand\n") as world:
        world.box.make_role("app")
        world.box.faults(fail="AccessDenied", fail_every=1, only="ListAttachedRolePolicies")
        world.agent.start()
        assert world.agent.ask_role("app", world.box.account) != OK
        assert world.agent.record("app") is None


if __name__ == "__main__":
    if not os.access(agent_host.PROGRAM, os.X_OK) or stsgate_sandbox.find_binary() is None:
        print("1..0 # SKIP stsgated or the sandbox is not built")
        sys.exit(77)
    run([container_signs_for_the_account_and_status_says_so,
         container_that_goes_away_takes_nothing_with_it,
         keys_that_aws_stops_taking_are_fetched_anew,
         account_whose_process_hangs_holds_up_no_other,
         iam_of_inline_policies_alone_is_asked_for_no_others,
         iam_that_refuses_attached_policies_decides_nothing_unless_told_so])
