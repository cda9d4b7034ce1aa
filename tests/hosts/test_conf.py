# test_conf.py: each sample in conf/ is taken by the program that it is for: as it stands, and with
# every commented key in force. Paths of the system are replaced by the test's own, nothing else.
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

SRC = os.environ.get("SG_SRCDIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILD = os.environ.get("SG_BUILDDIR", os.getcwd())
CONF = os.path.join(SRC, "conf")
CTL = os.path.join(BUILD, "module", "ctl", "stsgatectl")
AGENT = os.path.join(BUILD, "module", "agent", "stsgated")
NGINX = os.environ.get("SG_NGINX") or ""
MODULE = os.environ.get("SG_NGINX_MODULE") or ""
UNDER = os.environ.get("SG_UNDER", "").split()
PRELOAD = os.environ.get("SG_PRELOAD", "").strip()
# A public key of nobody's, for keys = PATH.
PUBLIC_KEY = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
"""


class Skipped(Exception):
    pass


def read(*names):
    with open(os.path.join(*names), encoding="ascii") as file:
        return file.read()


def write(text, *names):
    path = os.path.join(*names)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def must(good, why):
    if not good:
        raise AssertionError(why)


def run(*command, environment=None, wanted=0):
    done = subprocess.run(command, env=dict(os.environ, **(environment or {})), timeout=120,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    must(done.returncode == wanted, "%s: exit %d, expected %d:\n%s"
         % (" ".join(command), done.returncode, wanted, done.stdout))
    return done.stdout


def samples():
    """Below conf/, without the build's list and what a build in the tree makes."""
    made = re.compile(r"Makefile\.inc|.*\.dirstamp|systemd/(stsgated\.service|(sysusers|tmpfiles)\.d/.*)")
    for folder, _, names in os.walk(CONF):
        for name in names:
            name = os.path.relpath(os.path.join(folder, name), CONF)
            if not made.fullmatch(name):
                yield name


def copy_configuration(folder, change=lambda text: text):
    for name in samples():
        if name == "stsgate.conf" or name.startswith("services.d"):
            text = change(read(CONF, name)).replace("/etc/stsgate", folder)
            write(text, folder, name)
    write(PUBLIC_KEY, folder, "keys", "lab.pem")


def uncomment(text):
    return re.sub(r"^;(?=[\[a-z])", "", text, flags=re.M)


def configuration_is_good_as_it_stands(folder):
    copy_configuration(folder)
    said = run(*UNDER, CTL, "--conf", folder, "check")
    must("2 services, 1 issuers, 1 accounts" in said, said)
    run(*UNDER, AGENT, "--check", "--conf", folder)


def configuration_is_good_with_every_key_in_force(folder):
    copy_configuration(folder, uncomment)
    must(";[" not in read(folder, "stsgate.conf"), "a section stayed commented")
    said = run(*UNDER, CTL, "--conf", folder, "check")
    must("2 services, 3 issuers, 2 accounts" in said, said)


def configuration_with_a_mistake_is_refused(folder):
    copy_configuration(folder, lambda text: text.replace("audience", "audiance"))
    said = run(*UNDER, CTL, "--conf", folder, "check", wanted=1)
    must(len(re.findall(r'services\.d/\w+\.conf:\d+: unknown key "audiance"', said)) == 2, said)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def nginx_configuration_is_good(folder):
    if not NGINX or not MODULE or not os.path.exists(MODULE):
        raise Skipped("no nginx, or no module for it")
    copy_configuration(folder + "/stsgate")
    for name in ("load-stsgate.conf", "stsgate.conf", "stsgate-headers.conf"):
        text = read(CONF, "nginx", name)
        must("modules/ngx_http_stsgate_module.so" in text or name != "load-stsgate.conf", text)
        text = text.replace("modules/ngx_http_stsgate_module.so", MODULE)
        text = text.replace("stsgate_conf /etc/stsgate;", "stsgate_conf %s/stsgate;" % folder)
        text = text.replace("/etc/nginx/snippets", folder).replace("/var/log/nginx", folder)
        text = text.replace("listen 127.0.0.1:8080;", "listen 127.0.0.1:%d;" % free_port())
        write(text, folder, name)
    paths = "".join("%s_temp_path %s/%s; " % (name, folder, name)
                    for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    write("include %(folder)s/load-stsgate.conf;\npid %(folder)s/pid;\nevents {}\nhttp { %(paths)s\n"
          "include %(folder)s/stsgate.conf; }\n" % {"folder": folder, "paths": paths}, folder, "nginx.conf")
    said = run(NGINX, "-t", "-q", "-p", folder, "-c", folder + "/nginx.conf", "-e", folder + "/error.log",
               environment={"LD_PRELOAD": PRELOAD, "ASAN_OPTIONS": "detect_leaks=0"} if PRELOAD else {})
    must("warn" not in said and "emerg" not in said, said)


def unit_is_good(folder):
    if shutil.which("systemd-analyze") is None:
        raise Skipped("no systemd-analyze")
    unit = read(CONF, "systemd", "stsgated.service.in")
    # The programs must be there for systemd-analyze, and the pages for its man.
    unit = re.sub(r"^Documentation=.*\n", "", unit, flags=re.M)
    write(unit.replace("@sbindir@/stsgated", shutil.which("true")), folder, "stsgated.service")
    said = run("systemd-analyze", "--man=no", "verify", folder + "/stsgated.service")
    must("stsgated.service" not in said, said)


def unit_hardens_the_agent(_):
    unit = read(CONF, "systemd", "stsgated.service.in").splitlines()
    for line in ("User=stsgate", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=",
                 "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX", "StateDirectory=stsgate",
                 "RuntimeDirectory=stsgate", "StateDirectoryMode=0755", "RuntimeDirectoryMode=0755",
                 "Type=notify", "SystemCallFilter=@system-service", "MemoryDenyWriteExecute=yes"):
        must(line in unit, "stsgated.service lacks " + line)
    # The store tells boots apart by /proc/sys/kernel/random/boot_id.
    must("ProcSubset=pid" not in unit, "the agent could not read the boot id")


def user_and_folders_are_those_of_the_unit(_):
    must(re.search(r"^u stsgate - ", read(CONF, "systemd", "stsgate.sysusers.conf"), re.M), "no user")
    folders = re.findall(r"^d (\S+) +(\d+) (\w+) (\w+)", read(CONF, "systemd", "stsgate.tmpfiles.conf"), re.M)
    must(folders == [("/var/lib/stsgate", "0755", "stsgate", "stsgate"),
                     ("/run/stsgate", "0755", "stsgate", "stsgate")], str(folders))


def aws_policies_are_policies(_):
    for name in samples():
        if name.startswith("aws/") and name.endswith("-policy.json"):
            policy = json.loads(read(CONF, name))
            must(policy["Version"] == "2012-10-17", name)
            for statement in policy["Statement"]:
                must(set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}
                     and statement["Effect"] == "Allow", name)
    agent = json.loads(read(CONF, "aws", "agent-policy.json"))["Statement"]
    must(all(re.match(r"iam:(Get|List)[A-Z]", action) for one in agent for action in one["Action"]),
         "the agent may do more than read")


def every_sample_is_parsed_here(_):
    known = {"stsgate.conf", "services.d/payments.conf", "services.d/reports.conf", "nginx/load-stsgate.conf",
             "nginx/stsgate.conf", "nginx/stsgate-headers.conf", "systemd/stsgated.service.in",
             "systemd/stsgate.sysusers.conf", "systemd/stsgate.tmpfiles.conf", "aws/agent-policy.json",
             "aws/caller-policy.json", "aws/agent-assume-policy.json", "aws/events.json",
             "aws/events-forward.json", "aws/reader-role.json"}  # see test_aws_samples.py
    must(set(samples()) == known, "conf/ and this test differ: %s" % (set(samples()) ^ known))


def main():
    tests = [configuration_is_good_as_it_stands, configuration_is_good_with_every_key_in_force,
             configuration_with_a_mistake_is_refused, nginx_configuration_is_good, unit_is_good,
             unit_hardens_the_agent, user_and_folders_are_those_of_the_unit, aws_policies_are_policies,
             every_sample_is_parsed_here]
    failed = 0
    for number, test in enumerate(tests, 1):
        folder = tempfile.mkdtemp(prefix="stsgate-conf-")
        try:
            test(folder)
            print("ok %d - %s" % (number, test.__name__))
        except Skipped as why:
            print("ok %d # SKIP %s: %s" % (number, test.__name__, why))
        except (AssertionError, OSError, ValueError, KeyError, subprocess.SubprocessError) as why:
            failed += 1
            print("not ok %d - %s" % (number, test.__name__))
            print("".join("# %s\n" % line for line in str(why).splitlines()), end="")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    print("1..%d" % len(tests))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
