"""An API whose requests need an access token of Signet, verified with PyJWT (apt install python3-jwt python3-cryptography python3-flask):

    signet api create https://orders.example --permission orders:read
    ISSUER=http://127.0.0.1:8080 AUDIENCE=https://orders.example PORT=8081 python3 pyjwt.py
    curl -H "Authorization: Bearer $token" http://127.0.0.1:8081/orders
"""

import base64
import functools
import json
import os
import threading
import time
import urllib.request
import zlib

import jwt
from flask import Flask, g, request

ISSUER = os.environ.get("ISSUER", "http://127.0.0.1:8080")
AUDIENCE = os.environ.get("AUDIENCE", "https://orders.example")
ALGORITHMS = ("ES256", "EdDSA", "RS256")
MAX_LIST = 1 << 20  # bytes

app = Flask(__name__)


class Unavailable(Exception):
    """Whether the token counts cannot be told now."""


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Makes an error of a redirect: keys and lists come from Signet itself."""

    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(NoRedirects)


class Documents:
    """Documents of Signet as `read` makes them of text. Each is kept for its ttl, and until it expires while there is no newer one."""

    def __init__(self, read):
        self.read, self.lock, self.known = read, threading.Lock(), {}

    def get(self, url):
        with self.lock:
            value, due, expires = self.known.get(url, (None, 0, 0))
            if time.time() < due:
                return value
            began = time.time()
            try:
                with opener.open(url, timeout=5) as answer:
                    value, ttl, expires = self.read(url, answer.read(4 << 20).decode())
            except (OSError, ValueError, KeyError, TypeError, zlib.error, jwt.PyJWTError) as error:
                if began >= expires:
                    raise Unavailable(f"{url}: {error}") from error
                ttl = 1
            self.known = {u: kept for u, kept in self.known.items() if kept[1] > began - 600}
            self.known[url] = value, began + ttl, expires
            return value


def read_keys(_, text):
    """The keys of Signet by kid, each with its algorithm."""
    keys = {k["kid"]: (jwt.PyJWK(k).key, k["alg"]) for k in json.loads(text)["keys"] if k.get("alg") in ALGORITHMS}
    return keys, 60, time.time() + 3600


def read_list(uri, text):
    """A status list (Token Status List §5.1): how many bits an entry has, and all of them."""
    claims = verify(text, "statuslist+jwt", require=["iat", "exp", "sub"])
    if claims["sub"] != uri:
        raise ValueError("another list")
    unpacking = zlib.decompressobj()
    entries = unpacking.decompress(base64.urlsafe_b64decode(claims["status_list"]["lst"] + "=="), MAX_LIST)
    if not unpacking.eof:
        raise ValueError("too large")
    if (bits := claims["status_list"]["bits"]) not in (1, 2, 4, 8):
        raise ValueError(f"entries of {bits} bits")
    return (bits, entries), claims.get("ttl", 10), claims["exp"]


keys, lists = Documents(read_keys), Documents(read_list)


def verify(token, typ, **options):
    """The claims of a JWT that Signet signed. The algorithm is that of the key, whatever the header says."""
    header = jwt.get_unverified_header(token)
    key, algorithm = keys.get(ISSUER + "/.well-known/jwks.json").get(header.get("kid"), (None, None))
    if key is None or header.get("typ") != typ or "crit" in header:
        raise jwt.InvalidTokenError("not signed by a key of Signet, or of another type")
    audience = AUDIENCE if typ == "at+jwt" else None
    return jwt.decode(token, key, algorithms=[algorithm], issuer=ISSUER, audience=audience, leeway=5, options={**options, "verify_aud": audience is not None})


def is_revoked(claims):
    """Whether the status list of a token says that it counts no more (Token Status List §8.3)."""
    uri, index = claims["status"]["status_list"]["uri"], claims["status"]["status_list"]["idx"]
    if not uri.startswith(ISSUER + "/statuslists/"):
        return True
    bits, entries = lists.get(uri)
    if not 0 <= index < len(entries) * 8 // bits:
        return True
    return entries[index * bits // 8] >> (index * bits % 8) & ((1 << bits) - 1) != 0


def requires(scope):
    """Lets requests through whose access token is valid (RFC 9068 §4) and has the scope. Its claims are in g.claims."""

    def refused(status, challenge):
        return {"error": "refused"}, status, {"WWW-Authenticate": challenge}

    def wrap(view):
        @functools.wraps(view)
        def wrapped(*args, **kwargs):
            scheme, _, token = request.headers.get("Authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not token:
                return refused(401, f'Bearer scope="{scope}"')
            try:
                claims = verify(token.strip(), "at+jwt", require=["iss", "aud", "sub", "client_id", "exp", "iat", "jti"])
                if "cnf" in claims or is_revoked(claims):
                    return refused(401, 'Bearer error="invalid_token"')
            except Unavailable as error:
                app.logger.error("%s", error)
                return {"error": "Access tokens cannot be judged at the moment."}, 503, {"Retry-After": "1"}
            except (jwt.PyJWTError, ValueError, KeyError, TypeError, AttributeError):
                return refused(401, 'Bearer error="invalid_token"')
            if scope not in claims.get("scope", "").split():
                return refused(403, f'Bearer error="insufficient_scope", scope="{scope}"')
            g.claims = claims
            return view(*args, **kwargs)

        return wrapped

    return wrap


@app.get("/orders")
@requires("orders:read")
def orders():
    return {"sub": g.claims["sub"]}


if __name__ == "__main__":
    app.run("127.0.0.1", int(os.environ.get("PORT", "8081")))
