"""opaque.py - what the holder of a session can write into its token: the creation time stands there
in clear. Knows AWS's layout of type 33 only: name, key, region, signature, user, time, rest."""

import base64

TIME = 6


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _number(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def fields(token):
    """[(number, bytes of the whole field, value)] behind the type byte."""
    data = base64.b64decode(token, validate=True)
    assert data[0] == 33, "another type of token"
    at, found = 1, []
    while at < len(data):
        begin = at
        tag, at = _varint(data, at)
        value, at = _varint(data, at)
        if tag & 7 == 2:
            value, at = data[at:at + value], at + value
        found.append((tag >> 3, data[begin:at], value))
    return found


def join(parts):
    return base64.b64encode(b"\x21" + b"".join(parts)).decode()


def time_field(seconds):
    return bytes([TIME << 3]) + _number(seconds)


def issued(token):
    return dict((number, value) for number, _, value in fields(token))[TIME]


def altered(token, seconds):
    """With another time in place of its own."""
    return join(time_field(seconds) if number == TIME else raw for number, raw, _ in fields(token))


def duplicated(token, seconds, last=True):
    """With another time beside its own."""
    parts = []
    for number, raw, _ in fields(token):
        if number == TIME and last:
            raw += time_field(seconds)
        elif number == TIME:
            raw = time_field(seconds) + raw
        parts.append(raw)
    return join(parts)
