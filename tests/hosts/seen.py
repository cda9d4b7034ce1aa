"""seen.py - the credentials and keys that a test uses, and the search for them in what programs wrote.
Whoever makes one remembers it here; whoever ends a program searches its logs. A finding never shows
the secret itself."""

import errno
import os
import re

_secrets = set()
LOGS = (".log", ".out", "output", "error.log", "access.log")


def remember(*texts):
    """Secrets, or credentials: of a JWT the signature is what nobody else may have."""
    for text in texts:
        text = text.decode("latin-1") if isinstance(text, bytes) else text or ""
        if text.startswith("eyJ") and text.count(".") == 2:
            text = text.rsplit(".", 1)[1]
        if len(text) >= 16:
            _secrets.add(text)


def search_text(text, where):
    for secret in _secrets:
        if secret in text:
            raise AssertionError("%s holds a credential or a key of the test (%s...)"
                                 % (where, secret[:3]))


def search(folder):
    """The logs in a folder of a program that has ended."""
    for base, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(base, name)
            if name.endswith(LOGS) and os.path.isfile(path):
                with open(path, errors="backslashreplace") as file:
                    search_text(file.read(), path)


def memory(pid):
    """Every byte that a process may write, a piece for each mapping."""
    with open("/proc/%d/maps" % pid) as file, open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in file:
            start, end, rights = re.match(r"(\w+)-(\w+) (....)", line).groups()
            if rights[:2] == "rw" and ("/dev/" not in line or "/dev/zero" in line):
                mem.seek(int(start, 16))
                try:
                    yield mem.read(int(end, 16) - int(start, 16))
                except OSError as error:
                    if error.errno != errno.EIO:    # gone since it was listed
                        raise


def in_memory(pid, secrets):
    """The names, of {name: secret}, of those that a live process holds."""
    pieces = list(memory(pid))
    assert sum(map(len, pieces)) > 100000, "no memory was read"
    return sorted(name for name, secret in secrets.items()
                  if any((secret if isinstance(secret, bytes) else secret.encode()) in piece
                         for piece in pieces))
