# signed.py: signed GetCallerIdentity requests as clients make them, with Debian's botocore: the
# presigned URL of `aws eks get-token', the signed POST of Vault's login, and the one with a
# companion of Consul's. Not part of stsgate: nothing of ours signs here.
import base64
import json

import botocore.auth
import botocore.awsrequest
import botocore.credentials

STS = "https://sts.us-east-1.amazonaws.com/"
IAM = "https://iam.amazonaws.com/"
BODY = "Action=GetCallerIdentity&Version=2011-06-15"
BIND = "X-K8s-Aws-Id"
PREFIX = "X-Stsgate-GetRole"


def keys(credentials):
    return botocore.credentials.Credentials(credentials["AccessKeyId"],
                                            credentials["SecretAccessKey"],
                                            credentials["SessionToken"])


def presigned_url(credentials, bind, url=STS, region="us-east-1"):
    request = botocore.awsrequest.AWSRequest(
        "GET", url + "?Action=GetCallerIdentity&Version=2011-06-15", headers={BIND: bind})
    botocore.auth.SigV4QueryAuth(keys(credentials), "sts", region, expires=60).add_auth(request)
    return request.url


def token(credentials, bind, **more):
    url = presigned_url(credentials, bind, **more)
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def signed_headers(credentials, service, url, body, headers, region="us-east-1"):
    request = botocore.awsrequest.AWSRequest("POST", url, data=body, headers={
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8", **headers})
    botocore.auth.SigV4Auth(keys(credentials), service, region).add_auth(request)
    return dict(request.headers.items())


def companion(credentials, role, bind):
    """The four headers that carry a signed GetRole."""
    body = "Action=GetRole&RoleName=%s&Version=2010-05-08" % role
    headers = signed_headers(credentials, "iam", IAM, body, {BIND: bind})
    return {PREFIX + "-Method": "POST", PREFIX + "-URL": IAM, PREFIX + "-Body": body,
            PREFIX + "-Headers": json.dumps(headers, separators=(",", ":"))}


def fields(credentials, bind, more=None):
    """Vault's four: method, URL, body, headers."""
    headers = signed_headers(credentials, "sts", STS, BODY, {BIND: bind, **(more or {})})
    return ["POST"] + [base64.b64encode(text.encode()).decode()
                       for text in (STS, BODY, json.dumps(headers))]


def post(credentials, bind, more=None):
    return ".".join(["sts-post-v1"] + fields(credentials, bind, more))
