# check-docs.py: code, manual and samples name the same things: keys, reasons, directives, variables,
# options, commands, functions, AWS actions. Each check compares both ways. It only reads.
import json
import os
import re
import sys

TOP = os.environ.get("SG_SRCDIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
CHECKS = []


def read(*names):
    text = ""
    for name in names:
        with open(os.path.join(TOP, name), encoding="utf-8") as file:
            text += file.read()
    return text


def sources(folder):
    names = sorted(os.listdir(os.path.join(TOP, folder)))
    return read(*["%s/%s" % (folder, name) for name in names if name.endswith((".c", ".h"))])


def check(function):
    CHECKS.append(function)
    return function


def same(what, code, docs, where):
    """Complaints, when the two sets differ; an empty one is a check that reads nothing."""
    code, docs = set(code), set(docs)
    if not code or not docs:
        yield "nothing found of %s in %s" % (what, "the code" if not code else where)
    for name in sorted(code - docs, key=str):
        yield "%s %s is not in %s" % (what, name, where)
    for name in sorted(docs - code, key=str):
        yield "%s has %s %s, which the code does not" % (where, what, name)


# --- configuration ----------------------------------------------------------------------------

def keys_of_code():
    """{section: {key: default}}; default None: none, False: required."""
    text = re.sub(r"\\\n\s*", " ", read("module/config/keys.h"))
    found = {}
    for section, body in re.findall(r"#define SG_(\w+)_KEYS\(X\)(.*)", text):
        keys = found.setdefault(section.lower(), {})
        for name, default in re.findall(r"X\((\w+), \w+, [\w.]+, (SG_REQUIRED|NULL|\"[^\"]*\")", body):
            keys[name] = {"SG_REQUIRED": False, "NULL": None}.get(default, default.strip('"'))
    return found


def items_of_page(page):
    """{section: {key: text}} of the `.It Ic KEY No =' below each `.Ss [section'."""
    found, section, names = {}, None, []
    for line in read(page).splitlines():
        heading = re.match(r"\.S[sh] (.*)", line)
        if heading:
            name = re.match(r"\[(\w+)", heading.group(1))
            section, names = name and found.setdefault(name.group(1), {}), []
        item = re.match(r"\.It Ic (\w+) No =", line)
        if section is None:
            continue
        if item:
            # Two items in a row share a text.
            names = (names if all(section[name] == "" for name in names) else []) + [item.group(1)]
            section.setdefault(item.group(1), "")
        else:
            for name in names:
                section[name] += re.sub(r"^\.\w+ ", "", line) + " "
    return found


MANUAL = {"agent": "man/stsgate.conf.5", "account": "man/stsgate.conf.5", "issuer": "man/stsgate.conf.5",
          "service": "man/stsgate-service.5", "cutoff": "man/stsgate-service.5"}


@check
def keys_are_those_of_the_manual():
    for section, keys in keys_of_code().items():
        page = MANUAL[section]
        yield from same("[%s]" % section, keys, items_of_page(page).get(section, {}), page)


@check
def manual_tells_the_defaults():
    for section, keys in keys_of_code().items():
        items = items_of_page(MANUAL[section]).get(section, {})
        for name, default in keys.items():
            text = re.sub(r"\b(\d+) (ms|s|m|h|d)\b", r"\1\2", items.get(name, ""))
            if default and not re.search(r"(?<![\w/])%s(?![\w/])" % re.escape(default), text):
                yield "%s: [%s] %s does not tell its default, %s" % (MANUAL[section], section, name, default)
            if default and "efault" not in text:
                yield "%s: [%s] %s speaks of no default" % (MANUAL[section], section, name)
            if default is False and "equired" not in text:
                yield "%s: [%s] %s does not say that it is required" % (MANUAL[section], section, name)


def keys_of_sample(name):
    """(section, key, value, commented) of each key, those after a `;' without a blank included."""
    section = None
    for line in read(name).splitlines():
        commented = re.match(r";(?=[\[a-z])", line) is not None
        line = line[1:] if commented else line
        heading = re.match(r"\[(\w+)[^]]*\]", line)
        pair = re.match(r"(\w+) = ?(.*)", line)
        if heading:
            section = heading.group(1)
        elif pair:
            yield section, pair.group(1), pair.group(2), commented


SAMPLES = ["conf/stsgate.conf", "conf/services.d/payments.conf", "conf/services.d/reports.conf"]


@check
def samples_show_every_key():
    shown = [item for name in SAMPLES for item in keys_of_sample(name)]
    for section, keys in keys_of_code().items():
        yield from same("[%s]" % section, keys, [key for at, key, _, _ in shown if at == section], "conf/")


@check
def samples_show_the_defaults():
    keys, seen = keys_of_code(), set()
    for name in SAMPLES:
        for section, key, value, commented in keys_of_sample(name):
            if commented and (section, key) not in seen and keys[section].get(key) and key != "source":
                seen.add((section, key))
                if value != keys[section][key] and key != "issuer_skew":
                    yield "%s: %s = %s, but the default is %s" % (name, key, value, keys[section][key])
    if len(seen) < 10:
        yield "only %d commented keys found" % len(seen)


# --- the public interface ---------------------------------------------------------------------

HEADER = "include/stsgate/stsgate.h"


def reasons_of_code():
    text = read(HEADER)
    body = text[text.index("#define STSGATE_REASONS(X)"):text.index("enum stsgate_reason {")]
    body = re.sub(r"\\\n\s*", " ", body)
    return re.findall(r'X\(\w+,\s*"([^"]+)",\s*(\d+),\s*"([^"]+)"\)', body)


@check
def reasons_are_those_of_the_manual():
    page = "man/ngx_http_stsgate_module.5"
    rows = re.findall(r"^\.It (\S+) Ta (\d+|-) Ta (.*)$", read(page), re.M)
    code = [(word, "-" if status == "200" else status, text) for word, status, text in reasons_of_code()]
    yield from same("reason", code, rows, page)


@check
def reasons_that_pages_name_exist():
    words = {word for word, _, _ in reasons_of_code()}
    for page in ("man/stsgate.7", "man/stsgate-service.5"):
        for word in re.findall(r"^\.Pq ([a-z]+(?:-[a-z]+)+)(?: [;.,:])?$", read(page), re.M):
            if word not in words:
                yield "%s: there is no reason %s" % (page, word)


@check
def functions_are_those_of_the_manual():
    bare = re.sub(r"/\*.*?\*/", "", read(HEADER), flags=re.S)
    code = re.findall(r"\b(stsgate_[a-z_]+)\s*\(", re.sub(r"^#.*$", "", bare, flags=re.M))
    page = read("man/libstsgate.3").split(".Sh DESCRIPTION")[0]
    yield from same("function", code, re.findall(r"^\.F[no] (stsgate_\w+)", page, re.M), "man/libstsgate.3")


@check
def errors_are_those_of_the_manual():
    code = re.findall(r"\b(STSGATE_E_\w+) =", read(HEADER))
    page = re.findall(r"^\.It Bq Dv (\w+)", read("man/libstsgate.3"), re.M)
    yield from same("error", code, page, "man/libstsgate.3")


# --- nginx ------------------------------------------------------------------------------------

NGINX_PAGE = "man/ngx_http_stsgate_module.5"


def directives():
    text = read("module/hosts/nginx/ngx_http_stsgate_module.c")
    table = text[text.index("ngx_http_stsgate_commands[] = {"):text.index("ngx_null_command")]
    return re.findall(r'ngx_string\("(\w+)"\)', table)


def variables():
    text = read("module/hosts/nginx/ngx_http_stsgate_variables.c")
    table = text[text.index("ngx_http_stsgate_variables[] = {"):text.index("ngx_http_null_variable")]
    return re.findall(r'ngx_string\("(\w+)"\)', table)


@check
def directives_are_those_of_the_manual():
    yield from same("directive", directives(), re.findall(r"^\.It Ic (stsgate\w*) ", read(NGINX_PAGE), re.M),
                    NGINX_PAGE)
    yield from same("directive", directives(),
                    re.findall(r"^\s*(stsgate\w*) [^;]+;", read("conf/nginx/stsgate.conf"), re.M),
                    "conf/nginx/stsgate.conf")


@check
def variables_are_those_of_the_manual():
    code = ["$" + name for name in variables()]
    yield from same("variable", code, re.findall(r"^\.It Va (\$\w+)", read(NGINX_PAGE), re.M), NGINX_PAGE)
    for name in ("conf/nginx/stsgate.conf", "README.md", NGINX_PAGE):
        for variable in re.findall(r"\$stsgate_\w+", read(name)):
            if variable not in code:
                yield "%s: there is no variable %s" % (name, variable)


@check
def sample_hands_every_variable_on():
    sample = "conf/nginx/stsgate-headers.conf"
    pairs = re.findall(r"^proxy_set_header X-STS-(\w+)\s+\$stsgate_(\w+);", read(sample), re.M)
    yield from same("variable", [name[len("stsgate_"):] for name in variables()],
                    [variable for header, variable in pairs if header.lower() == variable], sample)
    if 'proxy_set_header Authorization "";' not in read(sample):
        yield sample + " hands the credential on"


TELLINGS = {"TELLS": "yes", "TELLS_ABSENT": "absent", "TELLS_NOT": "unknown",
            "TELLS_OR_ABSENT": "yes/absent", "TELLS_OR_NOT": "yes/unknown"}


@check
def condition_keys_are_those_of_the_manual():
    code, docs = [], []
    for name, traits, *told in re.findall(
            r'X\(\w+, "([^"]+)", (\w+), (\w+), (\w+), (\w+)\)', read("module/policy/keys.h")):
        whose = "session" if "C" in traits else "principal" if "P" in traits else "request"
        code.append(" ".join([name + ("*" if "F" in traits else ""), whose]
                             + [TELLINGS[word] for word in told]))
    for row in re.findall(r"^\.It Li (\S+ Ta .*)$", read("man/stsgate-policy.5"), re.M):
        docs.append(row.replace(" Ta ", " "))
    yield from same("condition key", code, docs, "man/stsgate-policy.5")


@check
def limits_are_those_of_the_manual():
    text = sources("module/hosts/nginx") + read(HEADER)
    text += read("module/store/ask.h", "module/agent/keys.c", "module/agent/main.c")
    for name, value, page, words in (
            ("NGX_HTTP_STSGATE_WAIT", "3000", NGINX_PAGE, "at most 3 seconds"),
            ("NGX_HTTP_STSGATE_SLOW", "64", NGINX_PAGE, "64 places"),
            ("STSGATE_MAX_WAITING", "256", NGINX_PAGE, "at most 256 wait"),
            ("STSGATE_CREDENTIAL_MAX", "8192", NGINX_PAGE, "up to 8192 bytes"),
            ("SG_KEY_REFETCH_WINDOW_MS", "30000", "man/stsgate.conf.5", "once in 30 seconds"),
            ("REFRESH_MS", r"\(5 \* SG_MINUTE_MS\)", "man/stsgate.conf.5", "every 5 minutes")):
        if not re.search(r"#define %s\s+%s\b" % (name, value) if value.isdigit() else
                         r"#define %s\s+%s" % (name, value), text):
            yield "%s is not %s any more, which %s says" % (name, value, page)
        if words not in read(page):
            yield "%s does not say: %s" % (page, words)


# --- programs ---------------------------------------------------------------------------------

def flags(page):
    """Options of a page, with their dashes."""
    found = set()
    for line in read(page).splitlines():
        if not line.startswith("."):
            continue
        found |= {"--" + name for name in re.findall(r"Fl Fl (\w+)", line)}
        found |= {"-" + name for name in re.findall(r"(?<!Fl )Fl (\w)\b", line)}
    return found


@check
def agent_options_are_those_of_the_manual():
    text = read("module/agent/main.c")
    code = {"--" + name for name in re.findall(r'\{"([a-z]+)", (?:no|required)_argument', text)}
    letters = re.search(r'getopt_long\(\w+, \w+, "([a-z:]+)"', text)
    code |= {"-" + letter for letter in (letters.group(1) if letters else "").replace(":", "")}
    yield from same("option", code, flags("man/stsgated.8"), "man/stsgated.8")
    unit = read("conf/systemd/stsgated.service.in")
    for option in re.findall(r"stsgated (--\w+)", unit):
        if option not in code:
            yield "conf/systemd/stsgated.service.in: there is no option %s" % option


@check
def tool_is_that_of_the_manual():
    text = sources("module/ctl")
    code = set(re.findall(r'"(--[a-z]+)=?"', text))
    yield from same("option", code, flags("man/stsgatectl.1"), "man/stsgatectl.1")
    table = text[text.index("} commands[] = {"):text.index("static void print_usage")]
    commands = re.findall(r'^    \{"([\w-]+)", ctl_', table, re.M)
    page = read("man/stsgatectl.1")
    yield from same("command", commands, re.findall(r"^\.It Cm ([\w-]+)", page, re.M), "man/stsgatectl.1")
    synopsis = page.split(".Sh DESCRIPTION")[0]
    yield from same("command", commands, re.findall(r"^\.Cm ([\w-]+)", synopsis, re.M), "its synopsis")
    for name in ["README.md"] + ["man/" + page for page in os.listdir(os.path.join(TOP, "man"))]:
        for command in re.findall(r"^\s*(?:\.Dl \$ |\.Cm |\$ )?stsgatectl (?!\d)([a-z-]+)", read(name), re.M):
            if command not in commands:
                yield "%s: stsgatectl has no command %s" % (name, command)
    for number, meaning in re.findall(r"CTL_\w+ = (\d), */\* (\w+)", text):
        if not re.search(r"^\.It %s$" % number, page, re.M):
            yield "man/stsgatectl.1: exit code %s (%s ...) is missing" % (number, meaning)


# --- AWS --------------------------------------------------------------------------------------

@check
def agent_may_do_in_aws_what_it_does():
    actions = set(re.findall(
        r'\.(?:action|get|list|read|attached|groups) = "(\w+)"', sources("module/agent")))
    told = actions
    actions = actions - {"GetCallerIdentity"}  # STS's, which no policy allows or denies
    policy = json.loads(read("conf/aws/agent-policy.json"))["Statement"][0]
    yield from same("action", ["iam:" + name for name in actions], policy["Action"],
                    "conf/aws/agent-policy.json")
    part = read("README.md").split("### 2.")[1].split("### 3.")[0]
    yield from same("action", ["iam:" + name for name in actions], re.findall(r"iam:\w+", part), "README.md")
    page = read("man/stsgated.8").split(".Ss What it reads from AWS")[1].split(".Ss ")[0]
    yield from same("action", told, re.findall(r"\b(?:Get|List)[A-Z]\w+", page), "man/stsgated.8")


@check
def tool_names_what_it_does_in_aws():
    actions = re.findall(r'action = "(\w+)"', sources("module/ctl"))
    yield from same("action", actions, re.findall(r"iam:(\w+)", read("man/stsgatectl.1")), "man/stsgatectl.1")


# --- README -----------------------------------------------------------------------------------

@check
def readme_has_the_two_commands():
    lines = read("README.md").splitlines()
    for line in ("    ./autogen.sh --deps && ./configure && make demo      # Try it",
                 "    ./autogen.sh --deps && ./configure && make check     # Test it"):
        if line not in lines:
            yield "README.md lacks the line: " + line.strip()


@check
def make_targets_that_documents_name_exist():
    makefile = read("Makefile.am")
    known = set(re.findall(r"^([a-z-]+):", makefile, re.M)) | {"check", "install", "uninstall", "dist", "distcheck"}
    for name in ("README.md", "CONTRIBUTING.md", "NEWS.md"):
        for target in re.findall(r"(?:`|&& |sudo )make ([a-z-]+)", read(name)):
            if target not in known:
                yield "%s: there is no make %s" % (name, target)


@check
def files_that_documents_name_exist():
    for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md", "NEWS.md"):
        for path in re.findall(r"(?<![\w/])((?:conf|man|tests|module)/[\w./-]*[\w])", read(name)):
            if "NAME" not in path and not os.path.exists(os.path.join(TOP, path)):
                yield "%s: there is no %s" % (name, path)
    for name in ("man/stsgate.conf.5", "man/stsgated.8", NGINX_PAGE):
        for path in re.findall(r"^\.(?:It )?Pa (conf/\S+)", read(name), re.M):
            if not os.path.exists(os.path.join(TOP, path)):
                yield "%s: there is no %s" % (name, path)


def main():
    failed = 0
    for number, function in enumerate(CHECKS, 1):
        try:
            complaints = list(function())
        except (OSError, ValueError, IndexError, KeyError) as error:
            complaints = ["%s: %s" % (type(error).__name__, error)]
        failed += bool(complaints)
        print("%sok %d - %s" % ("not " if complaints else "", number, function.__name__))
        for complaint in complaints:
            print("# " + complaint)
    print("1..%d" % len(CHECKS))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
