# test_libstsgate_page.py: the program in libstsgate(3) is at most 40 lines, compiles without a warning
# and does what the page says: loads libstsgate.so, checks one token against a key file, no agent.
import base64
import hashlib
import hmac
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

SRC = os.environ.get("SG_SRCDIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILD = os.environ.get("SG_BUILDDIR", os.getcwd())
CC = shlex.split(os.environ.get("CC") or "cc")
PRELOAD = os.environ.get("SG_PRELOAD", "").strip()
UNDER = os.environ.get("SG_UNDER", "").split()
SECRET = b"a secret of more than thirty-two bytes, of a test"
ROLE = "arn:aws:iam::123456789012:role/payments-writer"
NOW = int(time.time())

HOST = """
[issuer lab]
kind = jwt
url = https://sts.example.com
keys = %s/secret
algorithms = HS256
issue_time = session:iat
"""
SERVICE = """
[service]
accept = lab
audience = https://payments.example.com
allow_roles = arn:aws:iam::123456789012:role/payments-*
issued_before = 2020-01-01T00:00:00Z
[cutoff arn:aws:iam::123456789012:role/payments-old]
issued_before = 2100-01-01T00:00:00Z
"""


def write(text, *names):
    path = os.path.join(*names)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode("ascii"))


def program():
    """The text between the page's marks, as a reader sees it."""
    with open(os.path.join(SRC, "man", "libstsgate.3"), encoding="ascii") as file:
        page = file.read()
    part = re.search(r'^\.\\" begin check-token\.c\n\.Bd -literal\n(.*?)^\.Ed\n\.\\" end check-token\.c$',
                     page, re.S | re.M)
    return part.group(1).replace("\\e", "\\")


def part(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(secret=SECRET, **changed):
    claims = {"iss": "https://sts.example.com", "aud": "https://payments.example.com", "sub": ROLE,
              "iat": NOW - 60, "exp": NOW + 600}
    claims.update(changed)
    text = "%s.%s" % (part({"alg": "HS256", "typ": "JWT"}), part(claims))
    return "%s.%s" % (text, part(hmac.new(secret, text.encode(), hashlib.sha256).digest()))


def compile_program(folder):
    text = program()
    lines = len(text.splitlines())
    if lines > 40:
        raise AssertionError("the program has %d lines, more than 40" % lines)
    write(text, folder, "check-token.c")
    done = subprocess.run(CC + ["-std=c11", "-Wall", "-Wextra", "-Werror", "-I", os.path.join(SRC, "include"),
                                "check-token.c", "-o", "check-token"], cwd=folder, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stdout)


def check(folder, credential, service="payments", conf=None):
    """(exit code, what it printed)"""
    environment = dict(os.environ, LD_LIBRARY_PATH=os.path.join(BUILD, ".libs"), LD_PRELOAD=PRELOAD,
                       ASAN_OPTIONS="detect_leaks=0")
    done = subprocess.run(UNDER + [folder + "/check-token", conf or folder, service], input=credential + "\n",
                          env=environment, timeout=120, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False)
    return done.returncode, done.stdout.strip(), done.stderr


CASES = [
    ("a_good_token_is_allowed", lambda: token(), (0, "allow ok " + ROLE)),
    ("a_token_of_another_secret_is_refused", lambda: token(b"x" * 40), (1, "refuse bad-signature")),
    ("a_token_for_another_audience_is_refused", lambda: token(aud="https://other.example.com"),
     (1, "refuse wrong-audience")),
    ("an_expired_token_is_refused", lambda: token(iat=NOW - 900, exp=NOW - 300), (1, "refuse expired")),
    ("a_session_before_the_service_s_cutoff_is_refused", lambda: token(sub=ROLE.replace("writer", "old")),
     (1, "refuse service-cutoff " + ROLE.replace("writer", "old"))),
    ("a_role_that_may_not_enter_is_refused", lambda: token(sub=ROLE.replace("payments", "reports")),
     (1, "refuse role-not-allowed " + ROLE.replace("payments", "reports"))),
    ("an_empty_line_is_no_credential", lambda: "", (1, "refuse no-credential")),
]


def main():
    folder = tempfile.mkdtemp(prefix="stsgate-page-")
    number = failed = 0

    def result(name, why=""):
        nonlocal number, failed
        number += 1
        failed += bool(why)
        print("%sok %d - %s" % ("not " if why else "", number, name))
        print("".join("# %s\n" % line for line in why.splitlines()), end="")

    try:
        write(HOST % folder, folder, "stsgate.conf")
        write(SERVICE, folder, "services.d", "payments.conf")
        write(SECRET, folder, "secret")
        os.chmod(os.path.join(folder, "secret"), 0o600)
        write("[agent]\nstat = /\n", folder, "bad", "stsgate.conf")
        try:
            compile_program(folder)
            result("program_of_the_page_compiles_without_a_warning")
        except (AssertionError, AttributeError) as why:
            result("program_of_the_page_compiles_without_a_warning", str(why))
            return 1
        for name, make, wanted in CASES:
            came = check(folder, make())
            result(name, "" if came[:2] == wanted else "expected %s, came %s" % (wanted, came))
        came = check(folder, token(), service="absent")
        result("an_unknown_service_is_refused", "" if came[:2] == (1, "refuse unknown-service") else str(came))
        came = check(folder, token(), conf=folder + "/bad")
        told = came[0] == 2 and "stsgate.conf:2: unknown key" in came[2]
        result("mistakes_of_a_configuration_are_told", "" if told else str(came))
        return 1 if failed else 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        print("1..%d" % number)


if __name__ == "__main__":
    sys.exit(main())
