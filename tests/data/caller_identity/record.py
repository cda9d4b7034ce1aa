#!/usr/bin/python3
# Records aws-eks-get-token.token: what `aws eks get-token' of Debian's awscli prints, at a fixed
# instant and with keys of nobody's (tests/unit/identity_maker.h). No network.
#   /usr/bin/python3 record.py > aws-eks-get-token.token
import contextlib
import datetime
import io
import json
import os
import sys

os.environ.update(
    AWS_ACCESS_KEY_ID="ASIARZPUZDIKFJKRENE2", AWS_CONFIG_FILE=os.devnull,
    AWS_SECRET_ACCESS_KEY="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    AWS_SESSION_TOKEN="IQoJb3JpZ2luX2VjEXAMPLE/abc+def==", AWS_SHARED_CREDENTIALS_FILE=os.devnull)
NOW = datetime.datetime(2026, 11, 24, 10, 0, 0)


class Stopped(datetime.datetime):
    @classmethod
    def utcnow(cls):
        return NOW

    @classmethod
    def now(cls, tz=None):
        return NOW.replace(tzinfo=datetime.timezone.utc).astimezone(tz) if tz else NOW


datetime.datetime = Stopped
import awscli.clidriver  # noqa: E402

out = io.StringIO()
with contextlib.redirect_stdout(out):
    code = awscli.clidriver.create_clidriver().main(
        ["eks", "get-token", "--cluster-name", "payments.example.com", "--region", "us-east-1",
         "--output", "json"])
if code:
    sys.exit(code)
print(json.loads(out.getvalue())["status"]["token"])
