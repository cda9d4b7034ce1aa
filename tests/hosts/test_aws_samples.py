# test_aws_samples.py: what conf/aws asks AWS for and what stsgated does must be the same: each action
# that the code calls is allowed, and no other; each event that a rule lets through is one that the
# code reads. Templates are whole: every reference names something that is there.
import json
import os
import re
import shutil
import subprocess
import sys

SRC = os.environ.get("SG_SRCDIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
AWS = os.path.join(SRC, "conf", "aws")
TEMPLATES = ("events.json", "events-forward.json", "reader-role.json")
# Needs no permission.
FREE = {"sts:GetCallerIdentity"}
PSEUDO = {"AWS::Region", "AWS::AccountId", "AWS::Partition", "AWS::NoValue"}


def read(*names):
    with open(os.path.join(SRC, *names), encoding="ascii") as file:
        return file.read()


def once(pairs):
    """An object without duplicate members."""
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), names
    return dict(pairs)


def load(name):
    return json.loads(read("conf", "aws", name), object_pairs_hook=once)


def code(folder):
    base = os.path.join(SRC, "module", folder)
    return "\n".join(read("module", folder, name) for name in sorted(os.listdir(base))
                     if name.endswith(".c"))


def actions_of_the_code():
    """service:Action of every call that the agent makes by itself."""
    text = code("agent") + code("aws")
    called = set(re.findall(r'\.(?:action|get|list|read|attached|groups) = "(\w+)"', text))
    sts = set(re.findall(r'"(AssumeRole\w*|GetCallerIdentity)"', code("aws") + code("agent"))) & {
        "GetCallerIdentity", "AssumeRole", "AssumeRoleWithWebIdentity"}
    found = {"iam:" + name for name in called - sts} | {"sts:" + name for name in sts}
    queue = set(re.findall(r'"AmazonSQS\.(\w+)"', text))
    assert queue, "no call of SQS was found"
    # A batch needs the permission of the single call. Web identity signs nothing.
    found |= {"sqs:" + name.replace("MessageBatch", "Message") for name in queue}
    return found - {"sts:AssumeRoleWithWebIdentity"}


def statements(document):
    assert document["Version"] == "2012-10-17"
    for statement in document["Statement"]:
        assert set(statement) <= {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
        assert statement["Effect"] == "Allow", statement
        yield statement


def actions(document):
    found = []
    for statement in statements(document):
        action = statement["Action"]
        found += [action] if isinstance(action, str) else action
    assert len(found) == len(set(found)) and not any("*" in one for one in found), found
    return set(found)


def resource(template, name):
    return load(template)["Resources"][name]["Properties"]


def every_action_of_the_agent_is_allowed_and_no_other():
    wanted = actions_of_the_code() - FREE
    read_roles = actions(load("agent-policy.json"))
    events = actions(resource("events.json", "AgentPolicy")["PolicyDocument"])
    assume = actions(load("agent-assume-policy.json"))
    assert read_roles == {one for one in wanted if one.startswith("iam:")}, (read_roles, wanted)
    assert events == {one for one in wanted if one.startswith("sqs:")}, (events, wanted)
    assert assume == {one for one in wanted if one.startswith("sts:")}, (assume, wanted)


def reader_of_a_member_account_may_what_the_agent_may():
    role = resource("reader-role.json", "Reader")
    inline = [policy["PolicyDocument"] for policy in role["Policies"]]
    assert len(inline) == 1 and actions(inline[0]) == actions(load("agent-policy.json"))
    trust = role["AssumeRolePolicyDocument"]["Statement"]
    assert len(trust) == 1 and "sts:ExternalId" in trust[0]["Condition"]["StringEquals"]
    assert role["RoleName"] in load("agent-assume-policy.json")["Statement"][0]["Resource"]


def names_in(table):
    text = code("agent")
    body = re.search(table + r"\[\] = \{(.*?)\n\};", text, re.S).group(1)
    return set(re.findall(r'^    \{?"(\w+)"', body, re.M))


def rules_let_through_what_the_code_reads_and_no_failed_call():
    for template in ("events.json", "events-forward.json"):
        for name, table, service in (("RoleEvents", "changes", "iam"),
                                     ("SessionsIssued", "issuing", "sts")):
            pattern = resource(template, name)["EventPattern"]
            assert set(pattern["detail"]["eventName"]) == names_in(table), (template, name)
            assert pattern["source"] == ["aws." + service]
            assert pattern["detail"]["eventSource"] == [service + ".amazonaws.com"]
            assert pattern["detail"]["errorCode"] == [{"exists": False}]
            assert pattern["detail-type"] == ["AWS API Call via CloudTrail"]


def only_the_rules_may_send_to_the_queue():
    template = load("events.json")["Resources"]
    policies = [one["Properties"]["PolicyDocument"] for one in template.values()
                if one["Type"] == "AWS::SQS::QueuePolicy"]
    assert len(policies) == 1
    found = list(statements(policies[0]))
    assert len(found) == 1 and found[0]["Action"] == "sqs:SendMessage"
    assert found[0]["Principal"] == {"Service": "events.amazonaws.com"}
    rules = {name for name, one in template.items() if one["Type"] == "AWS::Events::Rule"}
    assert arns_in(found[0]["Condition"]["ArnEquals"]["aws:SourceArn"]) == rules
    queue = template["Queue"]["Properties"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 3 and queue["VisibilityTimeout"] >= 30
    assert all(one["Properties"]["SqsManagedSseEnabled"] for one in template.values()
               if one["Type"] == "AWS::SQS::Queue")


def arns_in(value):
    if isinstance(value, list):
        return set().union(*map(arns_in, value)) if value else set()
    if isinstance(value, dict):
        if "Fn::GetAtt" in value:
            return {value["Fn::GetAtt"][0]}
        return set().union(*map(arns_in, value.values()))
    return set()


def no_session_token_leaves_eventbridge():
    target = resource("events.json", "SessionsIssued")["Targets"][0]["InputTransformer"]
    assert not any("sessionToken" in path for path in target["InputPathsMap"].values())
    used = set(re.findall(r"<(\w+)>", target["InputTemplate"]))
    assert used == set(target["InputPathsMap"]), used
    json.loads(re.sub(r"<\w+>", '"x"', target["InputTemplate"]))


def references(value):
    """(kind, name) of everything that a template's value names."""
    if isinstance(value, list):
        for one in value:
            yield from references(one)
    if not isinstance(value, dict):
        return
    for name, inner in value.items():
        if name == "Ref":
            yield "any", inner
        elif name == "Fn::GetAtt":
            yield "resource", inner[0]
        elif name == "Fn::Sub":
            for one in re.findall(r"\$\{([^}]+)\}", inner):
                yield "any", one
        elif name == "Fn::If":
            yield "condition", inner[0]
        elif name == "Condition" and isinstance(inner, str):
            yield "condition", inner
        yield from references(inner)


def every_reference_of_a_template_is_there_and_every_parameter_is_used():
    for name in TEMPLATES:
        template = load(name)
        assert template["AWSTemplateFormatVersion"] == "2010-09-09"
        assert len(template["Description"]) <= 1024  # CloudFormation's limit
        resources, parameters = set(template["Resources"]), set(template.get("Parameters", {}))
        known = {"any": resources | parameters | PSEUDO, "resource": resources,
                 "condition": set(template.get("Conditions", {}))}
        used = list(references(template))
        for kind, one in used:
            assert one in known[kind], (name, kind, one)
        assert parameters <= {one for _, one in used}, name
        assert known["condition"] <= {one for kind, one in used if kind == "condition"}, name


def linter_has_nothing_to_say():
    linter = shutil.which("cfn-lint")
    if linter is None:
        return " # SKIP no cfn-lint"
    done = subprocess.run([linter] + [os.path.join(AWS, name) for name in TEMPLATES], timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return ""


def every_global_region_of_iam_is_known_to_the_rule():
    text = read("module", "aws", "endpoints.c")
    regions = set(re.findall(r'"((?:us|cn|eu|eusc)-[a-z]+(?:-[a-z]+)?-\d)"', text))
    condition = load("events-forward.json")["Conditions"]["InGlobalRegion"]["Fn::Or"]
    assert regions and {one["Fn::Equals"][1] for one in condition} == regions, regions


def main():
    tests = [every_action_of_the_agent_is_allowed_and_no_other,
             reader_of_a_member_account_may_what_the_agent_may,
             rules_let_through_what_the_code_reads_and_no_failed_call,
             only_the_rules_may_send_to_the_queue, no_session_token_leaves_eventbridge,
             every_reference_of_a_template_is_there_and_every_parameter_is_used,
             every_global_region_of_iam_is_known_to_the_rule, linter_has_nothing_to_say]
    failed = 0
    for number, test in enumerate(tests, 1):
        try:
            print("ok %d - %s%s" % (number, test.__name__, test() or ""))
        except (AssertionError, KeyError, ValueError, OSError, AttributeError) as why:
            failed += 1
            print("not ok %d - %s" % (number, test.__name__))
            print("".join("# %s\n" % line for line in repr(why).splitlines()), end="")
    print("1..%d" % len(tests))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
