"""differences.py - where the other evaluator is known not to decide as the IAM reference says; each
is explained, with the reference's sentence, under its name in tests/data/policy/differences.md.

A difference is not a pardon: it rewrites the pair into one that means the same by the reference and
that the other evaluator reads rightly. Only when it then agrees is the disagreement explained."""

import base64
import copy
import ipaddress
import re

import generate

VARIABLE = re.compile(r"\$\{([^}]*)\}")
ARN_NEVER = "arn:never:never:never:never:never"


class Condition:
    """One operator on one key; `had` is what the request has of it: None, a text or a list."""

    def __init__(self, operator, key, values, pair):
        self.set, colon, name = operator.rpartition(":")
        self.set = self.set.lower()
        self.if_exists = name.lower().endswith("ifexists")
        base = (name[:-8] if self.if_exists else name).lower()
        self.base = next(one for one in generate.OPERATORS if one.lower() == base)
        self.kind = generate.kind_of(self.base)
        self.negated = "Not" in self.base
        self.values = [text(value) for value in (values if isinstance(values, list) else [values])]
        self.had = lookup(pair, key)
        self.pair = pair
        document = pair["document"]
        self.has_variables = document.get("Version") == "2012-10-17"

    def operator(self):
        prefix = {"": "", "forallvalues": "ForAllValues:", "foranyvalue": "ForAnyValue:"}[self.set]
        return prefix + self.base + ("IfExists" if self.if_exists else "")

    def become(self, outcome):
        """True or false whatever the request has."""
        self.set, self.if_exists, self.base, self.kind = "", False, "StringEquals", "string"
        self.negated, self.values, self.had = False, ["1"], "1" if outcome else "0"


def text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else "%.15g" % value


def lookup(pair, key):
    """Names are compared without regard to case."""
    return next((value for name, value in pair["context"].items() if name.lower() == key.lower()),
                {"aws:tokenissuetime": pair["issued"], "aws:currenttime": pair["now"],
                 "aws:epochtime": str(pair["now_ms"] // 1000)}.get(key.lower()))


def values_of(had):
    return had if isinstance(had, list) else [] if had is None else [had]


def change_had(condition, change):
    if isinstance(condition.had, list):
        condition.had = [change(one) for one in condition.had]
    elif condition.had is not None:
        condition.had = change(condition.had)


def is_refused(condition):
    return any(value in generate.REFUSED.get(condition.kind, []) for value in condition.values)


# --- what is rewritten; each returns nothing and changes the condition ---

def refused(condition, dates):
    """Indeterminate here: it may hold. As that, it is asked for as one that holds."""
    if is_refused(condition):
        condition.become(True)


def epoch_seconds(condition, dates):
    if condition.kind == "date":
        def change(one):
            return generate.iso(int(one) * 1000) if re.fullmatch("[0-9]+", one) else one
        condition.values = [change(one) for one in condition.values]
        change_had(condition, change)


def date_spelling(condition, dates):
    if condition.kind == "date":
        def change(one):
            return generate.iso(dates[one]) if one in dates else one
        condition.values = [change(one) for one in condition.values]
        change_had(condition, change)


def version(condition, dates):
    if condition.kind in ("string", "arn") and not condition.has_variables:
        condition.values = [one.replace("${", "@(") for one in condition.values]
        change_had(condition, lambda one: one.replace("${", "@("))


def special_characters(condition, dates):
    if condition.kind == "string" and "Like" not in condition.base and condition.has_variables:
        condition.values = [re.sub(r"\$\{([*?$])\}", r"\1", one) for one in condition.values]


def stands_for(condition, inside):
    """What a variable is replaced with; None: it has no value."""
    name, comma, default = inside.partition(", '")
    had = lookup(condition.pair, name)
    if isinstance(had, list) and len(had) == 1:
        had = had[0]
    if isinstance(had, str) and had != "":
        return had
    return default[:-1] if comma else None


def variables(condition, dates):
    """A value whose variable has no value matches nothing; any other is written out."""
    if condition.kind not in ("string", "arn") or not condition.has_variables:
        return
    result = []
    for value in condition.values:
        names = [name for name in VARIABLE.findall(value) if name not in ("*", "?", "$")]
        if any(stands_for(condition, name) is None for name in names):
            result.append(ARN_NEVER if condition.kind == "arn" else "\x02")
        else:
            result.append(VARIABLE.sub(
                lambda found: found[0] if found[1] in ("*", "?", "$")
                else stands_for(condition, found[1]).replace("$", "${$}").replace("*", "${*}")
                .replace("?", "${?}") if "Like" in condition.base or condition.kind == "arn"
                else stands_for(condition, found[1]), value))
    condition.values = result


def one_value(condition, dates):
    if condition.set == "" and isinstance(condition.had, list) and len(condition.had) == 1:
        condition.had = condition.had[0]


def empty_set(condition, dates):
    if condition.had == [] and not condition.set:
        condition.had = None


def empty_string_of_a_set(condition, dates):
    if condition.set == "forallvalues" and values_of(condition.had) == [""]:
        condition.had = None


def if_exists_of_a_set(condition, dates):
    if condition.set == "foranyvalue" and condition.if_exists and not values_of(condition.had):
        condition.become(True)


def has_type(condition, one, dates):
    if condition.kind == "numeric":
        return re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", one)
    if condition.kind == "date":
        return one in dates or re.fullmatch(r"[0-9]+|\d{4}-\d\d-\d\dT[0-9:.]+Z", one)
    if condition.kind == "ip":
        return one in generate.V4 + generate.V6
    return condition.kind != "arn" or one.count(":") >= 5


def wrong_type(condition, dates):
    """What is not of the operator's type equals nothing, so that a negated operator holds."""
    wrong = [one for one in values_of(condition.had) if not has_type(condition, one, dates)]
    if condition.kind == "arn" and condition.negated:
        condition.values = [one for one in condition.values if one.count(":") >= 5]
    if condition.kind not in ("numeric", "date", "ip", "arn") or not wrong:
        return
    if not condition.negated:
        change_had(condition, lambda one: "soon" if one in wrong else one)
    elif condition.set == "forallvalues":
        condition.had = [one for one in values_of(condition.had) if one not in wrong]
    elif condition.set == "foranyvalue" or not isinstance(condition.had, list):
        condition.become(True)


def binary(condition, dates):
    if condition.kind == "binary":
        condition.values = [base64.b64decode(one).decode() for one in condition.values]


def addresses(condition, dates):
    if condition.kind != "ip":
        return
    result = []
    for value in condition.values:
        network = ipaddress.ip_network(value, strict=False)
        if network.prefixlen == 0:
            result += [str(half) for half in network.subnets()]
        else:
            result.append("%s/%d" % (network.network_address.exploded, network.prefixlen))
    condition.values = result
    change_had(condition, lambda one: ipaddress.ip_address(one).exploded
               if one in generate.V4 + generate.V6 else one)


# --- a pair as a whole ---

def expected(pair, ours):
    """What the other evaluator has to say of the pair when all is written out."""
    if ours == "indeterminate" and any(is_refused(one) for one in conditions(pair)):
        return "yes"
    return ours


def conditions(pair):
    for statement in denials(pair):
        for operator, keys in statement.get("Condition", {}).items():
            for key, values in keys.items():
                yield Condition(operator, key, values, pair)


def denials(pair):
    statements = pair["document"]["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        if statement["Effect"] == "Deny":
            yield statement


def rewrite(pair, changes, dates):
    """The pair, each condition changed and put on a key of its own."""
    original, pair = pair, copy.deepcopy(pair)
    extra = {}
    for statement in denials(pair):
        found = [Condition(operator, key, values, original)
                 for operator, keys in statement.get("Condition", {}).items()
                 for key, values in keys.items()]
        if resources in changes:
            found += resources(statement, original)
        statement["Condition"] = result = {}
        for condition in found:
            for change in changes:
                if change is not resources:
                    change(condition, dates)
            name = "test:key%d" % len(extra)
            extra[name] = condition.had
            result.setdefault(condition.operator(), {})[name] = condition.values
    pair["context"].update({name: had for name, had in extra.items() if had is not None})
    return pair


def resources(statement, pair):
    """Matched as ArnLike matches: part for part, in its own case."""
    for member, operator in (("Resource", "ArnLike"), ("NotResource", "ArnNotLike")):
        values = statement.get(member)
        if values is not None and "*" not in (values if isinstance(values, list) else [values]):
            condition = Condition(operator, "test:resource", values, pair)
            condition.had = pair["resource"]
            del statement[member]
            statement["Resource"] = "*"
            yield condition


# In the order in which they are tried, one more each time.
ALL = [refused, epoch_seconds, date_spelling, version, special_characters, variables, one_value,
       empty_set, empty_string_of_a_set, if_exists_of_a_set, binary, wrong_type, addresses,
       resources]
