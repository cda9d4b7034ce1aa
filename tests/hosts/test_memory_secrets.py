#!/usr/bin/env python3
"""test_memory_secrets.py - what is in the memory of a live gateway and a live agent after use, page
by page: no AWS key in a gateway, nothing of a token but what nginx itself keeps, no secret that was
replaced, no signing key and no signature of a call that is over."""

import base64
import datetime
import hashlib
import hmac
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "sandbox"), HERE]
import stsgate_sandbox
from stsgate_sandbox import Sandbox

import agent_host
import nginx_host
import seen
from agent_host import Agent, Skipped, run, wait_for
from tokens import Issuer, base64url

ACCOUNT = "123456789012"
CONF = """
[agent]
state = %(prefix)s/state
socket = %(prefix)s/run/agent.sock
user = %(user)d
"""
ISSUER = """
[issuer %(name)s]
kind = jwt
url = %(url)s
keys = %(keys)s
algorithms = %(name)s
issue_time = session:session_issued
"""
SERVICE = ("[service]\naccept = %s\naudience = https://test.example\n"
           "allow_roles = arn:aws:iam::" + ACCOUNT + ":role/*\n")
HTTP = """
stsgate_conf FOLDER;
server { listen 127.0.0.1:PORT; location / { stsgate test; root PREFIX/html; } }
"""
if os.environ.get("SG_UNDER") or os.environ.get("SG_PRELOAD"):
    print("1..0 # SKIP valgrind and the sanitizers keep what was freed")
    sys.exit(77)


def found(pid, secrets):
    """The names of those that are somewhere in its memory."""
    try:
        return seen.in_memory(pid, secrets)
    except PermissionError:
        raise Skipped("the memory of children can't be read here") from None


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def gateway(algorithms):
    """An nginx on the real gate with key files, not started; its issuers by name."""
    nginx = nginx_host.Nginx(HTTP, fake=False)
    for folder in "keys", "gate/services.d":
        os.makedirs(nginx.path(folder))
    issuers = {name: Issuer(nginx.path("keys"), name, "https://%s.example" % name.lower())
               for name in algorithms}
    conf = CONF % {"prefix": nginx.prefix, "user": os.geteuid()}
    for name, issuer in issuers.items():
        conf += ISSUER % {"name": name, "url": issuer.url, "keys": issuer.public}
    nginx.write("gate/stsgate.conf", conf)
    nginx.write("gate/services.d/test.conf", SERVICE % " ".join(algorithms))
    nginx.write("html/index.html", "in")
    return nginx, issuers


def token_of(issuer, marker):
    now = int(time.time())
    return issuer.token({"sub": "arn:aws:iam::%s:role/app" % ACCOUNT, "aud": "https://test.example",
                         "iat": now, "exp": now + 3600, "session_issued": now - 300,
                         "marker": marker})


# --- the gateway ---

def nothing_that_was_decoded_of_a_token_stays_in_a_worker():
    nginx, issuers = gateway(["RS256", "ES384", "HS256"])
    try:
        nginx.start()
        secrets = {}
        for name, issuer in issuers.items():
            marker = os.urandom(12).hex()
            token = token_of(issuer, marker)
            assert [nginx.get("/", token).status for _ in range(2)] == [200, 200]
            head, body, signature = token.split(".")
            forged = "%s.%s.%s" % (head, body, base64url(decoded(signature)[:-8] + os.urandom(8)))
            assert nginx.get("/", forged).status == 401
            secrets["the claims of " + name] = marker
            secrets["the signature of " + name] = decoded(signature)
            secrets["a half of the signature of " + name] = decoded(signature)[-24:]
        for pid in nginx.workers_now():
            wait_for(lambda: found(pid, secrets) == [],
                     lambda: "%s to be gone from %d" % (found(pid, secrets), pid))
    finally:
        nginx.remove()


def secret_that_was_replaced_is_in_no_process_of_nginx():
    nginx, issuers = gateway(["HS256"])
    try:
        nginx.start()
        old = issuers["HS256"].secret
        assert nginx.get("/", token_of(issuers["HS256"], "a")).status == 200
        # The probe works: it is there while it is needed.
        assert found(nginx.workers_now()[0], {"old": old}) == ["old"]
        new = Issuer(nginx.path("keys"), "HS256", issuers["HS256"].url)
        nginx.reload()
        assert nginx.get("/", token_of(new, "b")).status == 200
        for pid in nginx.workers_now() + [nginx.process.pid]:
            wait_for(lambda: found(pid, {"old": old, "half": old[32:]}) == [],
                     "the old secret to be gone from %d" % pid)
    finally:
        nginx.remove()


# --- the agent ---

def signing_keys(secret, region="us-east-1", services=("iam", "sts")):
    """What SigV4 derives from a secret, for the days around now."""
    keys = {}
    for days in (-1, 0, 1):
        day = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
        key = hmac.new(b"AWS4" + secret.encode(), day.strftime("%Y%m%d").encode(),
                       hashlib.sha256).digest()
        keys["key of day %d" % days] = key
        key = hmac.new(key, region.encode(), hashlib.sha256).digest()
        keys["key of region, day %d" % days] = key
        for service in services:
            step = hmac.new(key, service.encode(), hashlib.sha256).digest()
            keys["key of %s, day %d" % (service, days)] = step
            keys["signing key of %s, day %d" % (service, days)] = hmac.new(
                step, b"aws4_request", hashlib.sha256).digest()
    return keys


def agent_settings(box):
    return ("[account prod]\nid = %s\nendpoint = %s\nrefresh = 1s\nprofile = reader\n"
            "[issuer prod]\nkind = aws-web-identity\nurl = %s\naccount = prod\n"
            % (box.account, box.url, box.issuer()))


def write_profile(path, box, who):
    key, secret, token = box.credentials(who)
    with open(path + ".new", "w") as file:
        file.write("[reader]\naws_access_key_id = %s\naws_secret_access_key = %s\n" % (key, secret))
        if token:
            file.write("aws_session_token = %s\n" % token)
    os.rename(path + ".new", path)
    return secret, token


def agent_keeps_no_key_that_was_derived_and_no_secret_that_was_replaced():
    with Sandbox(users=["other"]) as box:
        box.make_role("app")
        agent = Agent(agent_settings(box))
        path = os.path.join(agent.folder, "credentials")
        old, _ = write_profile(path, box, "admin")
        agent.environment.update(AWS_SHARED_CREDENTIALS_FILE=path, AWS_CONFIG_FILE=os.devnull)
        with agent:
            agent.wait_complete()
            derived = signing_keys(old)
            assert found(agent.process.pid, {"old": old}) == ["old"]
            wait_for(lambda: found(agent.process.pid, derived) == [],
                     lambda: "%s to go" % found(agent.process.pid, derived))
            new, _ = write_profile(path, box, "other")
            agent.reload()
            agent.wait_complete()
            wait_for(lambda: found(agent.process.pid, dict(derived, old=old)) == [],
                     lambda: "%s to go" % found(agent.process.pid, dict(derived, old=old)))
            wait_for(lambda: found(agent.process.pid, {"new": new}) == ["new"], "the new secret")


if __name__ == "__main__":
    if not stsgate_sandbox.find_binary() or not os.access(agent_host.PROGRAM, os.X_OK):
        print("1..0 # SKIP stsgated or the sandbox is not built")
        sys.exit(77)
    CASES = [agent_keeps_no_key_that_was_derived_and_no_secret_that_was_replaced]
    if os.path.exists(nginx_host.MODULE):
        CASES += [nothing_that_was_decoded_of_a_token_stays_in_a_worker,
                  secret_that_was_replaced_is_in_no_process_of_nginx]
    run(CASES)
