# SPDX-License-Identifier: Apache-2.0
"""A running payd and its clients, for the integration tests.

`Payd` is one process on a data directory and a port of its own; `Client` speaks HTTP/1.1 over one
kept connection; `Bank` puts the verbs of the domain on a client: open_wallet, fund, pay. The
programs come from the variables PAYD and PAYCTL, as meson sets them.
"""
import base64
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import types
import urllib.parse
import uuid

ROOT = pathlib.Path(os.environ.get("SOURCE_ROOT", pathlib.Path(__file__).parents[2]))
PAYD = os.environ.get("PAYD", str(ROOT / "build/bin/payd"))
PAYCTL = os.environ.get("PAYCTL", str(ROOT / "build/bin/payctl"))
COMMAND_S = 120  # of payctl, on a busy machine
READY_S = 60  # sanitized builds start slowly
ANSWER_S = 30
STOP_S = 20
SHOWN_MAX = 1500  # characters of a request or answer in a failure
SHARDS = int(os.environ.get("SHARDS", "1"))  # of each payd that is not given a number
# With SPREAD=on, what is named by nobody in particular lies in any of them, else in the first.
SPREAD = os.environ.get("SPREAD") == "on"
SLOTS = 65536
NOT_FINAL = {429, 503}  # nothing happened, or nobody knows: ask again with the same key


class Unanswered(Exception):
    """The connection ended before the whole answer came; whether it was done is unknown."""


class NotReady(Exception):
    """payd left, or did not get ready in time."""


# --- processes --------------------------------------------------------------------------------


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def clean_environment():
    """Ours without what payd would take for a setting."""
    names = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "PATH", "HOME", "TMPDIR", "LANG")
    return {name: os.environ[name] for name in names if name in os.environ}


class Payd:
    """One node. Its directory lives until close(); start and stop it as often as you like.

    `settings` are flags without dashes: Payd(shards=2, log_level="debug"). Nobody is limited
    unless rate_limits="on": tests and benchmarks are one client at one address.
    """

    def __init__(self, data=None, port=None, **settings):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="payd-"))
        self.data = pathlib.Path(data) if data else self.root / "data"
        self.port = port or free_port()
        self.settings = {"dev_issuer": "on", "rate_limits": "off", "shards": SHARDS, **settings}
        self.shards = int(self.settings["shards"])
        self.process = None
        self.stderr = self.root / "stderr"

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def arguments(self):
        named = {"database_url": f"sqlite:{self.data}", "port": self.port, **self.settings}
        return [PAYD] + [text for name, value in named.items() if value is not None
                         for text in (f"--{name.replace('_', '-')}", str(value))]

    def spawn(self, wrap=()):
        """Starts it, possibly under another program, and does not wait."""
        with self.stderr.open("ab") as stderr:
            self.process = subprocess.Popen([*wrap, *self.arguments()], stdout=stderr,
                                            stderr=stderr, env=self.environment())
        return self

    def environment(self):
        return clean_environment()

    def wait_ready(self, patience_s=READY_S):
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise NotReady(f"payd left with exit code {self.process.returncode}: {self.log()}")
            try:
                with Client(self, token=None) as client:
                    if client.get("/health/ready").status == 200:
                        return self
            except (OSError, Unanswered):
                pass
            time.sleep(0.005)
        raise NotReady(f"payd was not ready after {patience_s} s: {self.log()}")

    def start(self, wrap=()):
        return self.spawn(wrap).wait_ready()

    def kill(self):
        self.process.kill()
        return self.process.wait()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self, patience_s=STOP_S):
        """SIGTERM; the exit code."""
        self.terminate()
        return self.process.wait(patience_s)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def close(self):
        if self.running():
            self.kill()
        shutil.rmtree(self.root, ignore_errors=True)

    def log(self, lines=8):
        text = self.stderr.read_text(errors="replace") if self.stderr.exists() else ""
        return " | ".join(text.strip().splitlines()[-lines:])

    def at(self, service):
        """The port of a service, for who wants a port: payd.at("wallet")."""
        found = re.findall(rf'"service":"{service}_service".*"port":(\d+)',
                           self.stderr.read_text(errors="replace"))
        return types.SimpleNamespace(port=int(found[-1]), shards=self.shards, token=self.token)

    def token(self, **form):
        """From the development issuer; form: scope, tenant, subject."""
        return self.ask_token(**form).expect(200).json["access_token"]

    def ask_token(self, **form):
        with Client(self, token=None) as client:
            form = {"grant_type": "client_credentials", **form}
            return client.send("POST", "/oauth2/token", urllib.parse.urlencode(form).encode(), {
                "Authorization": "Basic " + base64.b64encode(b"dev:dev-secret").decode(),
                "Content-Type": "application/x-www-form-urlencoded"})

    def client_of(self, token):
        return Client(self, token)

    def client(self, **form):
        return Client(self, self.token(**form))

    def bank(self, **form):
        return Bank(self, self.token(**form))


def operator(payd, *words):
    """What payctl answers on the node's socket."""
    done = subprocess.run([PAYCTL, "--socket", payd.data / "payd.sock", "--json", *words],
                          check=True, stdout=subprocess.PIPE, timeout=60)
    return json.loads(done.stdout)


def refused_start(*arguments, patience_s=READY_S, environment=None):
    """Runs payd where it must not come up: exit code and the lines it said."""
    done = subprocess.run([PAYD, *map(str, arguments)], capture_output=True, text=True,
                          errors="replace", timeout=patience_s,
                          env={**clean_environment(), **(environment or {})}, check=False)
    return done.returncode, (done.stdout + done.stderr).strip().splitlines()


def payctl(socket, *words, code=0, tenant="", stdin=None):
    """Runs a command on the node of this socket; what it said, or what it said went wrong."""
    environment = {**clean_environment(), "PAYCTL_SOCKET": str(socket)}
    if tenant:
        environment["PAYCTL_TENANT"] = tenant
    done = subprocess.run([PAYCTL, *map(str, words)], capture_output=True, text=True,
                          env=environment, timeout=COMMAND_S, input=stdin, check=False)
    if done.returncode != code:
        raise AssertionError(f"payctl {' '.join(map(str, words))}: exit code {done.returncode} "
                             f"instead of {code}\n{done.stdout}{done.stderr}")
    return done.stdout if code == 0 else done.stderr


# --- HTTP -------------------------------------------------------------------------------------


def shortened(text):
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}... ({len(text)} characters)"


class Answer:
    def __init__(self, request, status, headers, body):
        self.request, self.status, self.headers, self.body = request, status, headers, body

    @property
    def json(self):
        return json.loads(self.body) if self.body else None

    @property
    def code(self):
        """Of a problem, else None."""
        if self.headers.get("content-type") != "application/problem+json":
            return None
        return self.json["code"]

    @property
    def replayed(self):
        return self.headers.get("idempotency-replayed") == "true"

    @property
    def etag(self):
        return self.headers.get("etag")

    def __str__(self):
        return (f"{shortened(self.request)}\n    answered {self.status} "
                f"{shortened(self.body.decode(errors='replace'))}")

    def expect(self, status, code=None, field=None):
        """This answer if it is what was expected, else a failure that tells the whole exchange."""
        wanted = f"{status}{' ' + code if code else ''}"
        if self.status != status or (code is not None and self.code != code):
            raise AssertionError(f"expected {wanted} for {self}")
        if field is not None and field not in self.fields():
            raise AssertionError(f"expected {wanted} to name the field {field} for {self}")
        if status >= 400 and self.code is not None:
            problem = self.json
            for member in ("type", "title", "status", "code"):
                if member not in problem:
                    raise AssertionError(f"the problem lacks {member}: {self}")
            if problem["status"] != status:
                raise AssertionError(f"the problem tells another status: {self}")
        return self

    def fields(self):
        return [e.get("field") for e in self.json.get("errors", [])]


class Client:
    """One connection, made when needed and kept. Not for two threads at once."""

    def __init__(self, payd, token=None):
        self.port, self.token = payd.port, token
        self.shards = getattr(payd, "shards", 1)
        self.socket, self.rest = None, b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.socket, self.rest = None, b""

    def connect(self):
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=ANSWER_S)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, method, path, body=None, headers=None):
        """Bytes in, Answer out. OSError if it could not be sent, Unanswered if nothing came."""
        head = {"Host": f"127.0.0.1:{self.port}", **(headers or {})}
        if body is not None:
            head["Content-Length"] = len(body)
        lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in head.items()), "", ""]
        shown = {k: v for k, v in head.items()
                 if k not in ("Authorization", "Host", "Content-Length")}
        text = f"{method} {path} {(body or b'').decode(errors='replace')} {shown}"
        self.connect()
        try:
            self.socket.sendall("\r\n".join(lines).encode() + (body or b""))
            return self.receive(text)
        except OSError as e:
            self.close()
            raise Unanswered(f"{text}: {e}") from e
        except Unanswered:
            self.close()
            raise

    def receive(self, request):
        while b"\r\n\r\n" not in self.rest:
            self.fill(request)
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        length = 0 if request.startswith("HEAD ") else int(headers.get("content-length", 0))
        while len(self.rest) < length:
            self.fill(request)
        body, self.rest = self.rest[:length], self.rest[length:]
        if headers.get("connection") == "close":
            self.close()
        return Answer(request, int(first.split(" ")[1]), headers, body)

    def fill(self, request):
        data = self.socket.recv(65536)
        if not data:
            raise Unanswered(f"{request}: the connection ended")
        self.rest += data

    def request(self, method, path, body=None, key=None, headers=None):
        """`body` is a dict, or JSON text as it is; key=True makes a new Idempotency-Key."""
        all_headers = dict(headers or {})
        if self.token is not None:
            all_headers["Authorization"] = f"Bearer {self.token}"
        if key is not None:
            all_headers["Idempotency-Key"] = new_key() if key is True else key
        data = None
        if body is not None:
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            all_headers.setdefault("Content-Type", "application/json")
        elif method in ("POST", "PUT", "PATCH"):
            data = b""
        return self.send(method, path, data, all_headers)

    def get(self, path, **query):
        text = urllib.parse.urlencode(query)
        return self.request("GET", f"{path}?{text}" if text else path)

    def post(self, path, body=None, key=True, **headers):
        return self.request("POST", path, body, key, headers)

    def pages(self, path, name, **query):
        """Every item of a list, following its cursors."""
        items = []
        while True:
            page = self.get(path, **query).expect(200).json
            items += page[name]
            if "next_cursor" not in page:
                return items
            query["cursor"] = page["next_cursor"]


def new_key():
    return str(uuid.uuid4())


# --- the domain -------------------------------------------------------------------------------


class Bank(Client):
    """What people do, each expected to succeed. Not all money moves between shards, so users
    without a name, accounts, and ids of new_id() are all in shard 0, unless SPREAD is on."""

    def somebody(self, shard=None):
        """A new user of this tenant whose things are in this shard."""
        if shard is None:
            shard = random.randrange(self.shards) if SPREAD else 0
        claims = self.token.split(".")[1]
        tenant = json.loads(base64.urlsafe_b64decode(claims + "=="))["tenant"]
        while True:
            user = "user-" + uuid.uuid4().hex[:12]
            if shard_of(slot_of_owner(tenant, user), self.shards) == shard:
                return user

    def open_wallet(self, user=None, currency="USD", funds=None):
        body = {"currency": currency, "user_id": user or self.somebody()}
        wallet = self.post("/wallets", body).expect(201).json["wallet_id"]
        if funds is not None:
            self.fund(wallet, funds)
        return wallet

    def fund(self, wallet, amount):
        return self.post(f"/wallets/{wallet}/fund", {"amount": amount}).expect(201).json

    def transfer(self, source, target, amount):
        body = {"to_wallet_id": target, "amount": amount}
        return self.post(f"/wallets/{source}/transfer", body).expect(201).json

    def pay(self, source, target, amount, **more):
        body = {"from_account": source, "to_account": target, "amount": amount, "currency": "USD",
                **more}
        return self.post("/payments", body).expect(201).json

    def authorise(self, source, target, amount, **more):
        return self.pay(source, target, amount, capture="manual", **more)

    def balance(self, wallet):
        return self.get(f"/wallets/{wallet}/balance").expect(200).json

    def open_account(self, *flags, code=100, currency="USD", **more):
        body = {"currency": currency, "code": code, "flags": list(flags), **more}
        if self.shards > 1:
            body.setdefault("account_id", new_id("acc"))
        return self.post("/accounts", body).expect(201).json["account_id"]

    def move(self, debit, credit, amount, **more):
        body = {"debit_account_id": debit, "credit_account_id": credit, "amount": amount,
                "currency": "USD", **more}
        return self.post("/transfers", body).expect(201).json

    def account(self, account):
        return self.get(f"/accounts/{account}").expect(200).json

    def entries(self, account):
        """Oldest first."""
        return self.pages(f"/accounts/{account}/entries", "entries", limit=1000)[::-1]

    def check_books(self, **query):
        """Debits equal credits in every currency, posted and pending apart."""
        trial = self.get("/trial-balance", **query).expect(200).json
        for line in trial["lines"]:
            if not (line["balanced"] and line["debits_posted"] == line["credits_posted"]
                    and line["debits_pending"] == line["credits_pending"]):
                raise AssertionError(f"the books do not balance: {line}")
        if not trial["balanced"]:
            raise AssertionError(f"the books do not balance: {trial}")
        return trial["lines"]


DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def slot_of_owner(tenant, user):
    return int.from_bytes(hashlib.sha256(f"{tenant}\0{user}".encode()).digest()[14:16], "big")


def slot_of(thing):
    """The last 16 bits of an id."""
    value = 0
    for digit in thing.split("_")[1]:
        value = value << 5 | DIGITS.index(digit)
    return value % SLOTS


def shard_of(slot, shards):
    """Equal ranges, in order."""
    return next(i for i in range(shards) if slot < (i + 1) * SLOTS // shards)


def slot_in(shard, shards):
    return random.randrange(shard * SLOTS // shards, (shard + 1) * SLOTS // shards)


def new_id(prefix, slot=None):
    """An id of something that does not exist."""
    if slot is None:
        slot = random.randrange(SLOTS) if SPREAD else 0
    value = int(time.time() * 1000) << 80 | random.getrandbits(63) << 16 | slot
    return f"{prefix}_" + "".join(DIGITS[value >> shift & 31] for shift in range(125, -1, -5))


def account_of(wallet):
    """A wallet's ledger account has the wallet's own 128 bits."""
    return "acc_" + wallet.split("_")[1]


def cents(text):
    whole, _, fraction = text.partition(".")
    return int(whole) * 100 + int(fraction.ljust(2, "0"))


def amount(number):
    return f"{number // 100}.{number % 100:02}"


def parallel(count, work):
    """Runs work(0..count-1) in threads; their results, or the first failure."""
    results, failures = [None] * count, []

    def run(index):
        try:
            results[index] = work(index)
        except BaseException as e:  # told by the caller's thread
            failures.append(e)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results


# --- tokens as an issuer would never give them ---------------------------------------------------


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def der_integers(data):
    """All integers of a DER structure, in order; sequences and octet strings are opened."""
    numbers, at = [], 0
    while at + 2 <= len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length >= 128:
            count = length - 128
            length, at = int.from_bytes(data[at:at + count], "big"), at + count
        content, at = data[at:at + length], at + length
        if tag == 0x02:
            numbers.append(int.from_bytes(content, "big"))
        elif tag in (0x30, 0x04):
            numbers += der_integers(content)
    return numbers


class Forger:
    """Signs any claims with the development issuer's own RSA key."""

    SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")

    def __init__(self, payd):
        pem = (payd.data / "issuer" / "rs256.pem").read_text()
        body = "".join(line for line in pem.splitlines() if not line.startswith("-----"))
        numbers = [n for n in der_integers(base64.b64decode(body)) if n > 1 << 1000]
        self.modulus, self.exponent = numbers[0], numbers[1]
        header, claims, _ = payd.token().split(".")
        self.header, self.claims = self.part(header), self.part(claims)

    @staticmethod
    def part(text):
        return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))

    def token(self, header=None, **claims):
        """A token of the issuer with some claims changed; None leaves one out."""
        payload = {k: v for k, v in {**self.claims, **claims}.items() if v is not None}
        text = ".".join(base64url(json.dumps(part).encode())
                        for part in ({**self.header, **(header or {})}, payload))
        size = (self.modulus.bit_length() + 7) // 8
        digest = self.SHA256 + hashlib.sha256(text.encode()).digest()
        padded = b"\x00\x01" + b"\xff" * (size - 3 - len(digest)) + b"\x00" + digest
        signature = pow(int.from_bytes(padded, "big"), self.exponent, self.modulus)
        return f"{text}.{base64url(signature.to_bytes(size, 'big'))}"
