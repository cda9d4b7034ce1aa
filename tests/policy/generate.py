"""generate.py - pairs of a policy and a request, from a seed: every operator, IfExists, sets,
variables, wildcards, date forms, missing, empty and multi-valued keys, names in odd case. A pair is
written so that its statements match about as often as they do not; it must be valid IAM, but for
the few values that say so."""

import random

TAGS = ["aws:PrincipalTag/team", "aws:PrincipalTag/role", "aws:PrincipalTag/level",
        "aws:RequestTag/cost-center"]
WORDS = ["red", "Red", "blue", "ann", "ann@example.com", "AROAEXAMPLE:ann", "r.d", "a*b", "a?b",
         "x/y/z", "x:y", "re d", "[red]", "r+d", "$5", "", "\u00e9t\u00e9", "o-1/r-2/ou-3/", "true",
         "10"]
ARNS = ["arn:aws:iam::123456789012:role/app", "arn:aws:iam::123456789012:role/ops/eu/app",
        "arn:aws:lambda:us-east-2:123456789012:function:pay",
        "arn:aws:sns:eu-west-1:210987654321:t",
        "arn:aws-cn:iam::123456789012:role/app", "arn:aws:s3:::bucket/a:b/c"]
V4 = ["203.0.113.7", "203.0.113.200", "198.51.100.9", "10.1.31.255", "0.0.0.1", "255.255.255.255"]
V6 = ["2001:db8::7", "2001:db8:1234:5678::1", "fe80::1", "::1", "2001:db8:0:0:1:0:0:1"]
ACTIONS = ["execute-api:Invoke", "s3:GetObject", "iam:ListAccessKeys"]
RESOURCES = ["arn:aws:execute-api:eu-west-1:123456789012:pay/prod/GET/a",
             "arn:aws:s3:::bucket/a/test/b", "arn:aws:iam::123456789012:user/ann"]
# What IAM does not take in a policy.
REFUSED = {"numeric": ["ten", "2024-05-01"], "date": ["soon", "2024-13-01", "20240501T120000Z"],
           "ip": ["1.2.3.4/33", "example.com"], "bool": ["maybe", "1"], "null": ["maybe"],
           "binary": ["c!Vk"]}
NOON_MS = 1714564800000

STRING = ["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase",
          "StringLike", "StringNotLike"]
NUMERIC = ["NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals",
           "NumericGreaterThan", "NumericGreaterThanEquals"]
DATE = ["DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan",
        "DateGreaterThanEquals"]
IP = ["IpAddress", "NotIpAddress"]
ARN = ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"]
OPERATORS = STRING + NUMERIC + DATE + IP + ARN + ["Bool", "BinaryEquals", "Null"]

# Which keys have values of that type; any other key is tried now and then.
KEYS = {
    "string": TAGS + ["aws:SourceIdentity", "aws:userid", "aws:PrincipalAccount", "aws:UserAgent",
                      "aws:referer", "identitystore:UserId", "aws:PrincipalOrgID",
                      "aws:FederatedProvider", "aws:PrincipalOrgPaths", "aws:TagKeys"],
    "numeric": ["aws:MultiFactorAuthAge", "aws:PrincipalTag/level", "aws:EpochTime"],
    "date": ["aws:TokenIssueTime", "aws:CurrentTime", "aws:EpochTime", "aws:PrincipalTag/until"],
    "bool": ["aws:SecureTransport", "aws:MultiFactorAuthPresent", "aws:ViaAWSService"],
    "ip": ["aws:SourceIp", "aws:VpcSourceIp"],
    "arn": ["aws:PrincipalArn", "lambda:SourceFunctionArn", "aws:SourceArn"],
}
MULTI = ["aws:PrincipalOrgPaths", "aws:TagKeys"]
FIXED = ["aws:TokenIssueTime", "aws:CurrentTime", "aws:EpochTime"]  # of the request, always there


def kind_of(operator):
    for kind, names in (("string", STRING), ("numeric", NUMERIC), ("date", DATE), ("ip", IP),
                        ("arn", ARN), ("bool", ["Bool"]), ("binary", ["BinaryEquals"])):
        if operator in names:
            return kind
    return "null"


def iso(ms):
    """As the console writes it."""
    days, rest = divmod(ms, 86400000)
    era, day_of_era = divmod(days + 719468, 146097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524
                   - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    return "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ" % (
        year, month, day_of_year - (153 * shifted + 2) // 5 + 1, rest // 3600000,
        rest // 60000 % 60, rest // 1000 % 60, rest % 1000)


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.turn = 0
        self.dates = {}     # each date text that was written, and its instant in ms

    def chance(self, share):
        return self.random.random() < share

    def pick(self, things):
        return self.random.choice(things)

    def odd_case(self, name):
        return "".join(c.upper() if self.chance(0.5) else c.lower() for c in name)

    # --- the request ---

    def date(self, ms):
        """A text for that instant, or for one near it that the form can tell."""
        form = self.random.randrange(12)
        second, minute, day = ms - ms % 1000, ms - ms % 60000, ms - ms % 86400000
        if form == 0:
            text, at = str(ms // 1000), second
        elif form == 1:
            text, at = iso(day)[:10], day
        elif form == 2:
            text, at = iso(minute)[:16] + "Z", minute
        elif form == 3:
            text, at = iso(second)[:19] + "Z", second
        elif form == 4:
            text, at = iso(second)[:19], second
        elif form == 5:
            text, at = iso(ms)[:23] + "000", ms
        elif form == 6:
            text, at = iso(ms + 7200000)[:23] + "+02:00", ms
        elif form == 7:
            text, at = iso(ms - 19800000)[:23] + "-05:30", ms
        elif form == 8:
            text, at = iso(ms).lower(), ms
        elif form == 9:
            text, at = iso(second + 3600000)[:19] + self.pick(["+0100", "+01"]), second
        else:
            text, at = iso(ms), ms
        self.dates[text] = at
        return text

    def value(self, key):
        if key in KEYS["bool"]:
            return self.pick(["true", "false"])
        if key in KEYS["ip"]:
            return self.pick(V4 + V6)
        if key in KEYS["arn"]:
            return self.pick(ARNS)
        if key in KEYS["numeric"]:
            return self.pick(["0", "1", "3600", "10", "10.5", "-5", "3599.75"])
        if key == "aws:PrincipalTag/until":
            return self.date(NOON_MS + self.random.randrange(-2, 3) * 43200000)
        return self.pick(WORDS)

    def context(self):
        context = {}
        for keys in KEYS.values():
            for key in keys:
                if key in FIXED or self.chance(0.35):
                    continue
                if key in MULTI and self.chance(0.8):
                    context[key] = [self.pick(WORDS) for _ in range(self.random.randrange(4))]
                else:
                    context[key] = self.value(key)
        return context

    # --- values of the policy ---

    def like(self, text):
        """A pattern made of a text: it matches, unless it was spoiled."""
        for _ in range(self.random.randrange(3)):
            at = self.random.randrange(len(text) + 1)
            end = min(len(text), at + self.random.randrange(4))
            text = text[:at] + self.pick(["*", "*", "?", "**"]) + text[end:]
        return text

    def spoil(self, text):
        how = self.random.randrange(5)
        if how == 0:
            return text.swapcase() if text.isascii() else text + "x"
        if how == 1:
            return text + self.pick("xX *")
        if how == 2:
            return text[:-1]
        if how == 3:
            return self.pick(WORDS)
        return self.pick("xX") + text

    def variable(self, pair, key, name):
        """A value with a variable; half the time the request's value is what it stands for."""
        front, back = self.pick(["", "x-", "a/"]), self.pick(["", "-y", "/b"])
        default = self.pick([None, None, "none", "red"])
        inside = (self.odd_case(name) if self.chance(0.3) else name)
        if default is not None:
            inside += ", '%s'" % default
        had = pair["context"].get(name)
        stands_for = had if isinstance(had, str) and had != "" else default
        if stands_for is not None and key not in FIXED and key not in MULTI and self.chance(0.6):
            pair["context"][key] = front + stands_for + back
        return front + "${" + inside + "}" + back

    def string(self, pair, operator, key, text):
        if self.chance(0.2):
            return self.variable(pair, key, self.pick(TAGS + ["aws:SourceIdentity", "aws:userid",
                                                              "aws:PrincipalOrgPaths", "no:Such"]))
        if self.chance(0.4):
            text = self.spoil(text)
        if "Like" in operator and self.chance(0.7):
            text = self.like(text)
        special = self.chance(0.05)
        if special and key not in FIXED + MULTI:
            text = pair["context"][key] = self.pick(["a*b", "a?b", "$5"])
        if special or self.chance(0.2):
            for plain, spelled in (("$", "${$}"), ("*", "${*}"), ("?", "${?}")):
                text = text.replace(plain, spelled)
        return text

    def numeric(self, text):
        try:
            number = float(text)
        except ValueError:
            number = self.random.randrange(20)
        number += self.pick([0, 0, 1, -1, 0.5, -100])
        if number == int(number):
            return self.pick([str(int(number)), int(number), "%.1f" % number])
        return self.pick([str(number), number])

    def ip(self, text):
        if text not in V4 + V6:
            return self.pick(["203.0.113.0/24", "2001:db8::/32"])
        address = self.pick([text, text, self.pick(V4 + V6)])
        width = 128 if ":" in address else 32
        prefix = self.pick([0, 1, width // 4, width // 2, width - 7, width - 1, width])
        return self.pick([address, "%s/%d" % (address, prefix)])

    def arn(self, pair, key, text):
        if text.count(":") < 5:
            text = self.pick(ARNS)
        parts = text.split(":", 5)
        if self.chance(0.1):
            parts[5] = self.variable(pair, key, "aws:SourceIdentity")
            if isinstance(pair["context"].get(key), str):
                pair["context"][key] = ":".join(parts[:5] + [pair["context"][key]])
        for _ in range(self.random.randrange(3)):
            i = self.random.randrange(1, 6)
            if "${" not in parts[i]:
                parts[i] = self.pick([self.like(parts[i]), "*", self.spoil(parts[i])])
        return ":".join(part.replace(":", "") if i < 5 else part for i, part in enumerate(parts))

    def policy_value(self, pair, operator, key, text):
        kind = kind_of(operator)
        if kind in REFUSED and self.chance(0.008):
            return self.pick(REFUSED[kind])
        if kind == "string":
            return self.string(pair, operator, key, text)
        if kind == "numeric":
            return self.numeric(text)
        if kind == "date":
            near = {"aws:CurrentTime": pair["now_ms"], "aws:EpochTime": pair["now_ms"],
                    "aws:TokenIssueTime": pair["issued_ms"]}.get(key, self.dates.get(text, NOON_MS))
            return self.date(near + self.pick([0, 0, 1, -1, 1000, -1000, 3600000, -86400000]))
        if kind == "ip":
            return self.ip(text)
        if kind == "arn":
            return self.arn(pair, key, text)
        if kind == "binary":
            import base64
            text = text if self.chance(0.6) else self.spoil(text)
            return base64.b64encode(text.encode()).decode()
        return self.pick(["true", "false", "True", "FALSE", True, False])

    # --- statements ---

    def operator_and_key(self):
        operator = self.pick(OPERATORS)
        pool = KEYS.get(kind_of(operator), [key for keys in KEYS.values() for key in keys])
        key = self.pick(pool if self.chance(0.95) else KEYS["string"])
        name = operator
        if operator != "Null":
            if self.chance(0.2):
                name += "IfExists"
            if self.chance(0.4 if key in MULTI else 0.12):
                name = self.pick(["ForAllValues:", "ForAnyValue:"]) + name
        return name, operator, key

    def condition_of_one(self, pair, name, operator, key):
        had = pair["context"].get(key, "red")
        text = had if isinstance(had, str) else self.pick(had + ["red"])
        values = [self.policy_value(pair, operator, key, text)
                  for _ in range(self.pick([1, 1, 1, 2, 3]))]
        if len(values) == 1 and self.chance(0.7):
            values = values[0]
        if self.chance(0.05):
            values = values if isinstance(values, list) else [values]
            values = values[:0] if self.chance(0.2) else values
        return (self.odd_case(name) if self.chance(0.08) else name,
                self.odd_case(key) if self.chance(0.15) else key, values)

    def scope(self, text, names):
        """Action or Resource: a member's name and its value."""
        if self.chance(0.6):
            return names[0], self.pick(["*", ["*"]])
        head, colon, rest = text.rpartition(":")
        values = []
        for _ in range(self.pick([1, 1, 2])):
            other = self.pick([rest, self.like(rest), self.spoil(rest).replace(":", ""), "*"])
            other = other.replace(" ", "") or "*"
            values.append(self.pick([head + colon + other, "sqs:*" if names[0] == "Action"
                                     else "arn:aws:sqs:*:*:*"]))
        if names[0] == "Action" and self.chance(0.3):
            values = [self.odd_case(value) for value in values]
        if names[0] == "Resource" and self.chance(0.15):
            last = text.split(":", 5)[5].rpartition("/")[2]
            values[0] = text[:len(text) - len(last)] + "${%s}" % self.pick(
                TAGS[:2] + [TAGS[0] + ", '%s'" % last])
        return self.pick(names), values if len(values) > 1 or self.chance(0.5) else values[0]

    def statement(self, pair):
        statement = {"Effect": "Deny"}
        name, value = self.scope(pair["action"], ["Action", "NotAction"])
        statement[name] = value
        name, value = self.scope(pair["resource"], ["Resource", "NotResource"])
        statement[name] = value
        condition = {}
        for _ in range(self.pick([0, 1, 1, 1, 1, 2, 2, 3])):
            operator, key, values = self.condition_of_one(pair, *self.operator_and_key())
            # Two spellings of one name would be two members that mean the same.
            if operator.lower() not in [one.lower() for one in condition]:
                condition[operator] = {}
            same = [one for one in condition if one.lower() == operator.lower()][0]
            if key.lower() not in [one.lower() for one in condition[same]]:
                condition[same][key] = values
        if condition or self.chance(0.5):
            statement["Condition"] = condition
        return statement

    def focused_statement(self, pair):
        """Nothing but one operator on one key, each combination in its turn."""
        turn, self.turn = self.turn, self.turn + 1
        turn, absent = divmod(turn, 2)
        turn, how = divmod(turn, 4)
        operator = OPERATORS[turn % len(OPERATORS)]
        name = operator
        if operator != "Null":
            name = [name, name + "IfExists", "ForAllValues:" + name, "ForAnyValue:" + name][how]
        key = self.pick([key for key in KEYS.get(kind_of(operator), TAGS) if key not in FIXED])
        if absent:
            pair["context"].pop(key, None)
        elif key not in pair["context"]:
            pair["context"][key] = self.value(key)
        elif self.chance(0.1):
            pair["context"][key] = self.pick(["", [], [self.value(key)]])
        name, key, values = self.condition_of_one(pair, name, operator, key)
        return {"Effect": "Deny", "Action": "*", "Resource": "*",
                "Condition": {name: {key: values}}}

    def pair(self):
        which = self.random.randrange(3)
        pair = {"context": self.context(), "action": ACTIONS[which], "resource": RESOURCES[which],
                "issued_ms": NOON_MS + self.random.randrange(-3, 4) * 1800500,
                "now_ms": NOON_MS + self.random.randrange(0, 5) * 7200000 + 3600000}
        if self.chance(0.1):
            pair["action"] = self.odd_case(pair["action"])
        if self.chance(0.3):
            statements = [self.focused_statement(pair)]
        else:
            statements = [self.statement(pair) for _ in range(self.pick([1, 1, 1, 2]))]
        if self.chance(0.1):
            statements.insert(0, {"Effect": "Allow", "Action": "*", "Resource": "*"})
        document = {}
        version = self.pick(["2012-10-17"] * 6 + ["2008-10-17", None])
        if version is not None:
            document["Version"] = version
        document["Statement"] = (statements[0] if len(statements) == 1 and self.chance(0.5)
                                 else statements)
        pair["document"] = document
        pair["issued"], pair["now"] = iso(pair["issued_ms"]), iso(pair["now_ms"])
        return pair
