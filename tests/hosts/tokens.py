# tokens.py: keys and session tokens of an issuer that a test makes up. Signs with the openssl tool,
# or with HMAC; verifies nothing.
import base64
import hashlib
import hmac
import json
import os
import secrets
import subprocess

import seen


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*arguments, stdin=None):
    return subprocess.run(["openssl", *arguments], input=stdin, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def raw_signature(der, size):
    """r and s of an ECDSA signature side by side, as JWS has them."""
    numbers, at = [], 2 if der[1] < 0x80 else 3
    for _ in range(2):
        length = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2:at + 2 + length], "big").to_bytes(size, "big"))
        at += 2 + length
    return b"".join(numbers)


class Issuer:
    """`public` is what the key file of the gateway holds."""

    OPTIONS = {
        "RS256": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        "ES256": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "ES384": ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    }

    def __init__(self, folder, algorithm, url):
        self.algorithm, self.url = algorithm, url
        self.private = os.path.join(folder, algorithm + ".key")
        self.public = os.path.join(folder, algorithm + ".pem")
        if algorithm == "HS256":
            self.secret = secrets.token_hex(32).encode()
            seen.remember(self.secret)
            with open(self.public, "wb") as file:
                file.write(self.secret)
            os.chmod(self.public, 0o600)
        else:
            openssl("genpkey", "-algorithm", *self.OPTIONS[algorithm], "-out", self.private)
            openssl("pkey", "-in", self.private, "-pubout", "-out", self.public)

    def sign(self, data):
        if self.algorithm == "HS256":
            return hmac.new(self.secret, data, hashlib.sha256).digest()
        der = openssl("dgst", "-sha" + self.algorithm[2:], "-sign", self.private, stdin=data)
        sizes = {"ES256": 32, "ES384": 48}
        return raw_signature(der, sizes[self.algorithm]) if self.algorithm in sizes else der

    def token(self, claims, algorithm=None):
        header = {"alg": algorithm or self.algorithm, "typ": "JWT"}
        signed = ".".join(base64url(json.dumps(part).encode())
                          for part in (header, dict({"iss": self.url}, **claims)))
        token = signed + "." + base64url(self.sign(signed.encode()))
        seen.remember(token)
        return token
