#!/usr/bin/env python3
"""test_signer.py - the signer against botocore's: 1,000 requests made of a fixed seed, whatever may
stand in a path, a query, a header, a body, a key or a token; the whole Authorization header is
compared."""

import datetime
import json
import os
import random
import string
import subprocess
import sys
import urllib.parse

try:
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials
except ImportError:
    # The python3 of the PATH may be another than Debian's, which has python3-botocore.
    if sys.executable != "/usr/bin/python3" and os.access("/usr/bin/python3", os.X_OK):
        os.execv("/usr/bin/python3", ["/usr/bin/python3"] + sys.argv)
    print("1..0 # SKIP python3-botocore is not there")
    sys.exit(77)

from agent_host import BUILD, run

PROGRAM = os.path.join(BUILD, "tests", "hosts", "sign_requests")
SEED, COUNT = 20261124, 1000
UNRESERVED = string.ascii_letters + string.digits + "-._~"
ANY = UNRESERVED + " !\"#$%&'()*+,/:;<=>?@[]^`{|}" + "\u00e4\u00df\u20ac\U0001f511"


def word(rng, letters, least, most):
    return "".join(rng.choice(letters) for _ in range(rng.randint(least, most)))


def make_path(rng):
    """As sent: segments percent-encoded; now and then empty, or with dots."""
    if rng.random() < 0.3:
        return "/"
    parts = []
    for _ in range(rng.randint(1, 4)):
        kind = rng.random()
        parts.append("" if kind < 0.05 else "." if kind < 0.1 else ".." if kind < 0.15
                     else urllib.parse.quote(word(rng, ANY, 1, 12), safe=""))
    return "/" + "/".join(parts) + rng.choice(["", "/"])


def make_query(rng):
    if rng.random() < 0.4:
        return ""
    names = [urllib.parse.quote(word(rng, ANY, 1, 6), safe="") for _ in range(rng.randint(1, 8))]
    names += rng.sample(names, rng.randint(0, min(2, len(names))))  # a name may come twice
    return "&".join(rng.choice(["%s=%s" % (name, urllib.parse.quote(word(rng, ANY, 0, 8), safe="")),
                                name, name + "="]) for name in names)


def make_headers(rng):
    host = "%s.example.com%s" % (word(rng, string.ascii_lowercase, 1, 20), rng.choice(["", ":8443"]))
    headers = {"Host": host}
    for _ in range(rng.randint(0, 6)):
        name = "X-" + word(rng, string.ascii_letters + string.digits + "-_", 1, 12)
        if name.lower() not in [known.lower() for known in headers] and \
                name.lower() not in ("x-amz-date", "x-amz-security-token", "x-amzn-trace-id"):
            headers[name] = rng.choice(["", " ", "   "]) + \
                word(rng, UNRESERVED + "     ,;=\"'/+", 0, 30) + rng.choice(["", "  "])
    if rng.random() < 0.6:
        headers[rng.choice(["Content-Type", "content-type"])] = \
            "application/x-www-form-urlencoded; charset=utf-8"
    return headers


def make_request(rng):
    seconds = rng.randint(946684800, 4102444799)  # 2000 to 2099
    return {
        "method": rng.choice(["GET", "POST", "PUT", "DELETE"]),
        "path": make_path(rng), "query": make_query(rng),
        "headers": list(make_headers(rng).items()),
        "body": bytes(rng.getrandbits(8) for _ in range(rng.choice([0, 1, 63, 64, 65, 500]))).hex(),
        "region": rng.choice(["us-east-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1", "x"]),
        "service": rng.choice(["iam", "sts", "sqs", "execute-api"]),
        "now_ms": seconds * 1000 + rng.randint(0, 999),
        "id": word(rng, string.ascii_uppercase + string.digits, 16, 20),
        "secret": word(rng, string.ascii_letters + string.digits + "/+", 40, 40),
        "token": rng.choice([None, word(rng, string.ascii_letters + "/+=", 1, 900)]),
    }


def botocore_signs(request):
    """The steps of SigV4Auth.add_auth(), at the request's time."""
    headers = dict(request["headers"])
    url = "https://%s%s%s" % (headers["Host"], request["path"],
                              "?" + request["query"] if request["query"] else "")
    sent = botocore.awsrequest.AWSRequest(method=request["method"], url=url, headers=headers,
                                          data=bytes.fromhex(request["body"]))
    keys = botocore.credentials.Credentials(request["id"], request["secret"], request["token"])
    auth = botocore.auth.SigV4Auth(keys, request["service"], request["region"])
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=request["now_ms"] // 1000)
    sent.context["timestamp"] = moment.strftime("%Y%m%dT%H%M%SZ")
    auth._modify_request_before_signing(sent)
    canonical = auth.canonical_request(sent)
    auth._inject_signature_to_request(sent, auth.signature(auth.string_to_sign(sent, canonical), sent))
    return sent.headers["Authorization"], canonical


def we_sign(requests):
    done = subprocess.run([PROGRAM], input="".join(json.dumps(one) + "\n" for one in requests),
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def requests_of_the_seed():
    rng = random.Random(SEED)
    return [make_request(rng) for _ in range(COUNT)]


def thousand_requests_are_signed_as_botocore_signs_them():
    requests = requests_of_the_seed()
    ours = we_sign(requests)
    assert len(ours) == COUNT, len(ours)
    for number, (request, signature) in enumerate(zip(requests, ours)):
        expected, canonical = botocore_signs(request)
        assert signature == expected, "request %d\n%s\nours     %s\nbotocore %s\n%s" % (
            number, json.dumps(request), signature, expected, canonical)


def every_part_of_a_request_is_under_the_signature():
    """That the comparison would see it."""
    rng = random.Random(SEED + 1)
    for _ in range(20):
        request = make_request(rng)
        changed = [dict(request, **{name: value}) for name, value in (
            ("method", "PATCH"), ("path", request["path"] + "x"), ("query", request["query"] + "&x=y"),
            ("body", request["body"] + "00"), ("region", "eu-west-1"), ("service", "ec2"),
            ("now_ms", request["now_ms"] + 1000), ("id", request["id"] + "A"),
            ("secret", request["secret"] + "A"), ("token", (request["token"] or "") + "A"),
            ("headers", [[name, value + "x"] for name, value in request["headers"]]))]
        signatures = we_sign([request] + changed)
        assert len({line.split("Signature=")[1] for line in signatures[1:]} -
                   {signatures[0].split("Signature=")[1]}) >= len(changed) - 1, signatures
        assert len(set(signatures)) == len(changed) + 1, signatures


def header_that_comes_twice_is_refused():
    request = make_request(random.Random(SEED + 2))
    request["headers"] = [["Host", "a.example.com"], ["X-A", "1"], ["x-a", "2"]]
    assert we_sign([request]) == ["refused"]


if __name__ == "__main__":
    if not os.access(PROGRAM, os.X_OK):
        print("1..0 # SKIP sign_requests is not built")
        sys.exit(77)
    run([thousand_requests_are_signed_as_botocore_signs_them,
         every_part_of_a_request_is_under_the_signature, header_that_comes_twice_is_refused])
