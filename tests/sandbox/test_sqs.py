#!/usr/bin/python3
"""Drives the sandbox's SQS and its events with boto3 and with raw requests of the JSON protocol."""

import json
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import stsgate_sandbox as sandbox  # noqa: E402  (switches to Debian's python3 where needed)
import test_sandbox  # noqa: E402
import botocore.auth  # noqa: E402
import botocore.awsrequest  # noqa: E402
import botocore.credentials  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

OTHER = "210987654321"


def raw(box, who, action, headers=None, **fields):
    """(status, decoded answer) of the JSON protocol, which Debian 12's boto3 does not speak."""
    body = json.dumps(fields)
    request = botocore.awsrequest.AWSRequest("POST", box.url + "/", data=body, headers={
        "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS." + action})
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(*box.credentials(who)), "sqs",
                            "us-east-1").add_auth(request)
    prepared = request.prepare()
    status, _, text = box.fetch(prepared.url, body.encode(),
                                {**dict(prepared.headers.items()), **(headers or {})}, timeout=40)
    return status, json.loads(text)


def receive(box, url, wait=0, **more):
    status, answer = raw(box, "admin", "ReceiveMessage", QueueUrl=url, WaitTimeSeconds=wait,
                         MaxNumberOfMessages=10, **more)
    assert status == 200, answer
    return answer.get("Messages", [])


class QueueTest(unittest.TestCase):
    def setUp(self):
        self.box = sandbox.Sandbox(plain_users=["bob"], accounts=("123456789012", OTHER)).start()
        self.addCleanup(self.box.stop)
        self.sqs = self.box.client("sqs", timeout=40)
        self.url = self.sqs.create_queue(QueueName="events")["QueueUrl"]

    def test_message_is_sent_received_and_deleted_with_boto3(self):
        self.assertEqual(self.sqs.get_queue_url(QueueName="events")["QueueUrl"], self.url)
        sent = self.sqs.send_message(QueueUrl=self.url, MessageBody="<a> & \"b\"")
        got = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10,
                                       AttributeNames=["All"])["Messages"]
        self.assertEqual([message["Body"] for message in got], ["<a> & \"b\""])
        self.assertEqual(got[0]["MessageId"], sent["MessageId"])
        self.assertEqual(got[0]["Attributes"]["ApproximateReceiveCount"], "1")
        self.assertNotIn("Messages", self.sqs.receive_message(QueueUrl=self.url))
        self.sqs.delete_message_batch(QueueUrl=self.url, Entries=[
            {"Id": "0", "ReceiptHandle": got[0]["ReceiptHandle"]}])
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])
        self.assertEqual(attributes["Attributes"]["ApproximateNumberOfMessages"], "0")
        self.assertEqual(attributes["Attributes"]["ApproximateNumberOfMessagesNotVisible"], "0")

    def test_json_protocol_does_the_same(self):
        status, answer = raw(self.box, "admin", "SendMessage", QueueUrl=self.url, MessageBody="x")
        self.assertEqual(status, 200)
        got = receive(self.box, self.url)
        self.assertEqual([message["Body"] for message in got], ["x"])
        status, answer = raw(self.box, "admin", "DeleteMessageBatch", QueueUrl=self.url, Entries=[
            {"Id": "a", "ReceiptHandle": got[0]["ReceiptHandle"]}])
        self.assertEqual((status, answer), (200, {"Successful": [{"Id": "a"}]}))

    def test_long_poll_ends_with_the_message_that_comes(self):
        self.sqs.send_message(QueueUrl=self.url, MessageBody="late", DelaySeconds=1)
        self.assertEqual([message["Body"] for message in receive(self.box, self.url, wait=20)],
                         ["late"])

    def test_long_poll_that_sees_nothing_ends_empty(self):
        self.assertEqual(receive(self.box, self.url, wait=1), [])

    def test_message_that_is_not_deleted_comes_back_and_ends_in_the_dead_letter_queue(self):
        dead = self.sqs.create_queue(QueueName="dead")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
        url = self.sqs.create_queue(QueueName="bounded", Attributes={
            "VisibilityTimeout": "0", "RedrivePolicy": json.dumps({
                "deadLetterTargetArn": arn["Attributes"]["QueueArn"],
                "maxReceiveCount": "2"})})["QueueUrl"]
        self.sqs.send_message(QueueUrl=url, MessageBody="poison")
        counts = [receive(self.box, url, AttributeNames=["All"])[0]["Attributes"]
                  ["ApproximateReceiveCount"] for _ in range(2)]
        self.assertEqual(counts, ["1", "2"])
        self.assertEqual(receive(self.box, url), [])
        self.assertEqual([message["Body"] for message in receive(self.box, dead)], ["poison"])

    def test_handle_of_an_earlier_receipt_deletes_nothing(self):
        self.sqs.send_message(QueueUrl=self.url, MessageBody="x")
        first = receive(self.box, self.url, VisibilityTimeout=0)[0]["ReceiptHandle"]
        second = receive(self.box, self.url, VisibilityTimeout=0)[0]["ReceiptHandle"]
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=first)
        self.assertEqual(len(receive(self.box, self.url, VisibilityTimeout=0)), 1)
        self.sqs.change_message_visibility(
            QueueUrl=self.url, VisibilityTimeout=600,
            ReceiptHandle=receive(self.box, self.url, VisibilityTimeout=0)[0]["ReceiptHandle"])
        self.assertEqual(receive(self.box, self.url), [])
        self.assertTrue(second)

    def test_calls_that_are_not_signed_or_not_allowed_are_refused(self):
        with self.assertRaises(ClientError) as caught:
            self.box.client("sqs", "bob").receive_message(QueueUrl=self.url)
        self.assertEqual(caught.exception.response["Error"]["Code"], "AccessDenied")
        status, answer = raw(self.box, "bob", "ReceiveMessage", QueueUrl=self.url,
                             WaitTimeSeconds=20)
        self.assertEqual((status, answer["__type"]), (403, "com.amazonaws.sqs#AccessDenied"))
        status, answer = raw(self.box, "admin", "ReceiveMessage", {"X-Amz-Target":
                             "AmazonSQS.GetQueueUrl"}, QueueUrl=self.url)
        self.assertEqual(status, 403)
        self.assertIn("SignatureDoesNotMatch", answer["__type"])
        status, answer = raw(self.box, "admin", "ReceiveMessage", QueueUrl=self.url + "x")
        self.assertEqual((status, answer["__type"]), (400, "com.amazonaws.sqs#QueueDoesNotExist"))

    def test_faults_speak_the_protocol_that_was_spoken(self):
        self.box.faults(fail_every=1, fail="ServiceUnavailable", only="sqs")
        status, answer = raw(self.box, "admin", "ReceiveMessage", QueueUrl=self.url)
        self.assertEqual((status, answer["__type"]), (503, "com.amazonaws.sqs#ServiceUnavailable"))
        with self.assertRaises(ClientError):
            self.sqs.receive_message(QueueUrl=self.url)
        self.box.client("iam").list_roles()


class EventTest(unittest.TestCase):
    def setUp(self):
        self.box = sandbox.Sandbox(plain_users=["julie"], accounts=("123456789012", OTHER)).start()
        self.addCleanup(self.box.stop)
        self.url = self.box.events(sessions=True)

    def events(self, count):
        got = []
        until = time.monotonic() + 30
        while len(got) < count and time.monotonic() < until:
            got += [json.loads(message["Body"]) for message in receive(self.box, self.url, wait=5)]
        self.assertEqual(len(got), count, got)
        return got

    def test_revocation_is_told_with_its_document(self):
        self.box.make_role("app", trust=["julie"])
        document = self.box.revoke("app")
        event = self.events(3)[2]
        self.assertEqual((event["detail-type"], event["source"], event["account"]),
                         ("AWS API Call via CloudTrail", "aws.iam", self.box.account))
        detail = event["detail"]
        self.assertEqual(detail["eventName"], "PutRolePolicy")
        self.assertEqual(detail["requestParameters"],
                         {"roleName": "app", "policyName": sandbox.REVOCATION,
                          "policyDocument": document})
        self.assertEqual(detail["userIdentity"]["type"], "IAMUser")
        self.assertNotIn("errorCode", detail)

    def test_session_is_told_with_its_access_key_and_never_its_secret(self):
        self.box.make_role("app", trust=["julie"], may=("iam:DeleteRolePolicy",))
        credentials = self.box.assume("julie", "app", "julie")
        with self.assertRaises(ClientError):
            self.box.client("iam", credentials).delete_role_policy(RoleName="app", PolicyName="x")
        issued, failed = self.events(4)[2:]
        elements = issued["detail"]["responseElements"]
        self.assertEqual(issued["source"], "aws.sts")
        self.assertEqual(elements["credentials"]["accessKeyId"], credentials["AccessKeyId"])
        self.assertTrue(elements["assumedRoleUser"]["arn"].endswith(":assumed-role/app/julie"))
        self.assertNotIn(credentials["SecretAccessKey"], json.dumps(issued))
        self.assertEqual(failed["detail"]["errorCode"], "NoSuchEntity")
        identity = failed["detail"]["userIdentity"]
        self.assertEqual((identity["type"], identity["accessKeyId"]),
                         ("AssumedRole", credentials["AccessKeyId"]))
        self.assertEqual(identity["sessionContext"]["sessionIssuer"]["arn"],
                         self.box.role_arn("app"))
        self.assertEqual(identity["sessionContext"]["attributes"]["creationDate"],
                         issued["detail"]["eventTime"])

    def test_other_accounts_and_reads_are_not_told(self):
        self.box.make_role("app")
        self.events(2)
        self.box.client("iam").get_role(RoleName="app")
        self.box.events(queue="")
        self.box.revoke("app")
        self.assertEqual(receive(self.box, self.url), [])
        with self.assertRaises(ValueError):
            self.box.events(account="999999999999")


if __name__ == "__main__":
    sys.exit(test_sandbox.main(sys.modules[__name__]))
