#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hostile HTTP: what two programs could understand differently is refused, and the connection ends.

Bytes go in as they are; after each scenario the money is where it was and payd answers others.
"""
import re
import socket
import sys
import time

import scenarios
from payd import Bank, Payd, new_key
from scenarios import equal, true

STATUS = re.compile(rb"HTTP/1\.1 \d\d\d ")
SLOW_S = 45.0  # longer than any time limit for a head or a body


class World:
    def __init__(self, payd):
        self.payd, self.token = payd, payd.token()
        self.bank = Bank(payd, self.token)
        self.ann, self.bob = self.bank.open_wallet(funds="100.00"), self.bank.open_wallet()
        self.spend = ('{"to_wallet_id":"%s","amount":"1.00"}' % self.bob).encode()

    def head(self, method, path, *lines):
        return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: a",
                            f"Authorization: Bearer {self.token}", *lines, "", ""]).encode()

    def transfer(self, *lines, body=None, length=True):
        body = self.spend if body is None else body
        sized = [f"Content-Length: {len(body)}"] if length else []
        return self.head("POST", f"/wallets/{self.ann}/transfer", f"Idempotency-Key: {new_key()}",
                         "Content-Type: application/json", *sized, *lines) + body

    def get(self):
        return self.head("GET", f"/wallets/{self.ann}/balance")

    def tell(self, *pieces, wait_s=0.0, patience_s=20):
        """All that comes back until the end of the connection."""
        with socket.create_connection(("127.0.0.1", self.payd.port), timeout=patience_s) as s:
            try:
                for piece in pieces:
                    s.sendall(piece)
                    time.sleep(wait_s)
                s.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # refused before all was said
            got = b""
            try:
                while more := s.recv(65536):
                    got += more
            except ConnectionError:
                pass
            return got

    def unchanged(self):
        equal((self.bank.balance(self.ann)["balance"], self.bank.balance(self.bob)["balance"]),
              ("100.00", "0.00"), "the balances")
        self.bank.check_books()

    def refused(self, request, status, code=None):
        """One problem, the end of the connection, nothing done."""
        got = self.tell(request, self.get())
        equal(len(STATUS.findall(got)), 1, f"how many answers there are to {shown(request)}: {got}")
        first = got.split(b"\r\n")[0].decode()
        wanted = status if isinstance(status, tuple) else (status,)
        true(int(first.split(" ")[1]) in wanted, f"{status} for {shown(request)}, found {got}")
        true(b"\r\nConnection: close\r\n" in got, f"the connection to end: {got}")
        true(b"application/problem+json" in got and b'"code":"' in got, f"a problem: {got}")
        if code is not None:
            true(f'"code":"{code}"'.encode() in got, f"{code} for {shown(request)}, found {got}")
        return got


def shown(request):
    """Without the token."""
    lines = [line for line in request.split(b"\r\n") if not line.startswith(b"Authorization")]
    text = b"\r\n".join(lines)
    return text[:600] + (b"..." if len(text) > 600 else b"")


def chunked(*chunks):
    return b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks) + b"0\r\n\r\n"


# --- whose body is it -----------------------------------------------------------------------------


def test_two_lengths(world):
    size = len(world.spend)
    for lines in ((f"Content-Length: {size}", f"Content-Length: {size}"),
                  (f"Content-Length: {size}", "Content-Length: 0"),
                  (f"Content-Length: {size}, {size}",), (f"Content-Length: +{size}",),
                  (f"Content-Length: -{size}",), (f"Content-Length: 0x{size:x}",),
                  ("Content-Length: 1 0",), ("Content-Length: ",), ("Content-Length: 1e2",),
                  (f"Content-Length: {2**64 + size}",), (f"Content_Length: {size}", "X: 1",
                                                        f"Content-Length: {size}")):
        world.refused(world.transfer(*lines, length=False), (400, 413))


def test_a_length_and_chunks(world):
    for coding in ("chunked", "Chunked", " chunked", "identity", "chunked, identity", "xchunked",
                   "gzip, chunked", "chunked\x0b", "chunked, chunked", "", "\"chunked\""):
        body = chunked(world.spend)
        world.refused(world.transfer(f"Transfer-Encoding: {coding}", body=body), (400, 501))
        if coding.strip().lower() != "chunked":
            world.refused(world.transfer(f"Transfer-Encoding: {coding}", body=body, length=False),
                          (400, 501))
    world.refused(world.transfer("Transfer-Encoding: chunked", "Transfer-Encoding: chunked",
                                 body=chunked(world.spend), length=False), 400)
    world.refused(world.transfer("Transfer_Encoding: chunked", body=chunked(world.spend)), 400)
    old = world.transfer("Transfer-Encoding: chunked", body=chunked(world.spend), length=False)
    world.refused(old.replace(b"HTTP/1.1", b"HTTP/1.0"), 400)


def test_wrong_chunks(world):
    spend = world.spend
    good = b"%x\r\n%s\r\n0\r\n\r\n" % (len(spend), spend)
    for body in (b"g\r\n" + good, b"-1\r\n" + good, b"0x10\r\n" + good, b" 5\r\n" + good,
                 b"10000000000000005\r\n" + good, b"\r\n" + good,
                 good.replace(b"\r\n", b"\n"), b"5\r\nabcdeX\r\n0\r\n\r\n",
                 b"5;" + b"x" * 300 + b"\r\n" + good, b"5 \r\nabcde\r\n0\r\n\r\n",
                 b"1;a\n1\r\n" + good):
        world.refused(world.transfer("Transfer-Encoding: chunked", body=body, length=False), 400)
    for size in (b"ffffffffffffffff", b"7fffffff", b"10001"):
        world.refused(world.transfer("Transfer-Encoding: chunked", body=size + b"\r\n" + good,
                                     length=False), 413, "too_large")


def test_good_chunks_are_one_body(world):
    pieces = [world.spend[i:i + 7] for i in range(0, len(world.spend), 7)]
    request = world.transfer("Transfer-Encoding: chunked", body=chunked(*pieces), length=False)
    got = world.tell(*[request[i:i + 11] for i in range(0, len(request), 11)])
    true(got.startswith(b"HTTP/1.1 201 "), f"a transfer, found {got}")
    back = '{"to_wallet_id":"%s","amount":"1.00"}' % world.ann
    world.bank.post(f"/wallets/{world.bob}/transfer", back).expect(201)


# --- heads ----------------------------------------------------------------------------------------


def test_heads_that_are_none(world):
    get = f"/wallets/{world.ann}/balance"
    for head in (f"GET {get}\r\n\r\n", f"GET {get} HTTP/1.1\r\n\r\n",
                 f"GET {get} HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
                 f"GET {get} HTTP/1.1\r\nHost:\r\n\r\n", f"GET {get} HTTP/1.1\r\nHost: a b\r\n\r\n",
                 f"GET {get} HTTP/1.1\r\nHost: a/b\r\n\r\n",
                 f"GET {get} HTTP/1.1\r\nHost : a\r\n\r\n",
                 f"GET  {get} HTTP/1.1\r\nHost: a\r\n\r\n",
                 f"get {get} HTTP/1.1\r\nHost: a\r\n\r\n",
                 f"GET {get}  HTTP/1.1\r\nHost: a\r\n\r\n",
                 f"GET\t{get} HTTP/1.1\r\nHost: a\r\n\r\n",
                 f"GET {get} HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n",
                 f"GET {get} HTTP/1.1\r\nHost: a\r\nX: 1\r\n\t2\r\n\r\n",
                 f"GET {get} HTTP/1.1\nHost: a\n\n", f"GET {get} HTTP/1.1\r\nHost: a\rX: 1\r\n\r\n",
                 f"GET {get} HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
                 f"GET {get} HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n",
                 f"GET {get} HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
                 f"GET {get[1:]} HTTP/1.1\r\nHost: a\r\n\r\n",
                 f"GET {get}\x7f HTTP/1.1\r\nHost: a\r\n\r\n",
                 f"GET {get}#part HTTP/1.1\r\nHost: a\r\n\r\n",
                 f"GET http://{get} HTTP/1.1\r\nHost: a\r\n\r\n",
                 f"GET http://b@a{get} HTTP/1.1\r\nHost: a\r\n\r\n",
                 "\x16\x03\x01\x02\x00\x01\x00\x01", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                 f"GET {get} HTTP/1.1\r\nHost: a\r\nIdempotency-Key: a\r\n"
                 "Idempotency-Key: b\r\n\r\n"):
        world.refused(head.encode("latin-1"), (400, 501, 505))
    for version in ("0.9", "2.0", "01.01", "3.0"):
        world.refused(world.get().replace(b"HTTP/1.1", f"HTTP/{version}".encode()), (400, 505))


def test_methods_that_nothing_has(world):
    world.refused(world.head("CONNECT", "a:80"), 501)
    world.refused(world.head("BREW", "/wallets"), 501)
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"):
        answer = world.bank.request(method, "/wallets", "{}").expect(405, "method_not_allowed")
        equal(answer.headers["allow"], "GET, HEAD, POST, OPTIONS")
    for path in ("/wallet", "/wallets/", "//wallets", "/wallets/../wallets", "/%77allets/x/y/z"):
        world.bank.get(path).expect(404)


def test_sizes(world):
    world.refused(world.head("GET", "/wallets?a=" + "x" * 8192), 414, "uri_too_long")
    world.refused(world.head("GET", "/wallets", "X: " + "x" * 16384), 431, "header_too_large")
    world.refused(world.head("GET", "/wallets", *["X: 1"] * 64), 431, "header_too_large")
    big = b'{"to_wallet_id":"' + b" " * 65536 + b'"}'
    got = world.refused(world.transfer(body=big), 413, "too_large")
    true(b"body may have at most 65536 bytes" in got, f"the limit to be named: {got}")
    parts = [big[i:i + 8000] for i in range(0, len(big), 8000)]
    world.refused(world.transfer("Transfer-Encoding: chunked", body=chunked(*parts), length=False),
                  413, "too_large")
    for length in (2**31, 2**32, 2**63, 10**30):
        world.refused(world.head("POST", "/wallets", f"Content-Length: {length}"), (400, 413))
    world.refused(world.transfer("Transfer-Encoding: chunked", body=chunked(*[b" "] * 40000),
                                 length=False), (400, 413))


def test_what_is_allowed(world):
    for request in (world.get().replace(b"HTTP/1.1", b"HTTP/1.0"),
                    world.get().replace(b"HTTP/1.1", b"HTTP/1.2"),
                    world.get().replace(b"/wallets", b"http://a/wallets"),
                    world.get().replace(b"/wallets", b"http://b:80/%77allets"),
                    world.head("GET", "/health?" + "a" * 7980),
                    world.get().replace(b"Host: a", b"Host: A:8080"),
                    world.get().replace(b"Host: a", b"hOST:\t [::1]:80 "), b"\r\n" + world.get()):
        got = world.tell(request)
        true(got.startswith(b"HTTP/1.1 200 "), f"an answer to {request}, found {got}")


def test_expectations(world):
    request = world.transfer("Expect: 100-continue")
    head, body = request[:-len(world.spend)], world.spend
    with socket.create_connection(("127.0.0.1", world.payd.port), timeout=10) as s:
        s.sendall(head)
        equal(s.recv(1000), b"HTTP/1.1 100 Continue\r\n\r\n", "the first answer")
        s.sendall(body)
        true(s.recv(1000).startswith(b"HTTP/1.1 201 "), "the transfer to be done")
    world.bank.transfer(world.bob, world.ann, "1.00")
    world.refused(world.transfer("Expect: 200-maybe"), 417, "expectation_failed")


# --- many and slow --------------------------------------------------------------------------------


def test_a_thousand_requests_in_one_go(world):
    got = world.tell(world.get() * 1000)
    equal(got.count(b"HTTP/1.1 200 OK\r\n"), 1000, "answers")
    equal(got.count(b'"balance":"100.00"'), 1000, "answers with the balance")


def test_a_bad_one_among_good_ones(world):
    got = world.tell(world.get() * 5 + b"GARBAGE\r\n\r\n" + world.get() * 5)
    equal((got.count(b" 200 OK\r\n"), got.count(b" 400 Bad")), (5, 1), "answers before the end")


def test_answers_nobody_reads(world):
    """The client sends and does not read: payd stops reading and serves others."""
    with socket.create_connection(("127.0.0.1", world.payd.port), timeout=2) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            for _ in range(200):
                s.sendall(world.get() * 200)
        except TimeoutError:
            pass
        begin = time.monotonic()
        world.unchanged()
        true(time.monotonic() - begin < 2, "others to be served meanwhile")


def test_half_a_request_and_then_nothing(world):
    request = world.transfer()
    for cut in (1, 20, len(request) - 60, len(request) - 1):
        got = world.tell(request[:cut])
        true(b" 201 " not in got, f"nothing done for {cut} bytes of a request: {got}")


def test_slow_clients(world):
    """Bytes of a head, and of a body, too slowly; others are served as ever."""
    slow = []
    for request in (world.transfer(), world.transfer().split(b"\r\n\r\n")[0] + b"\r\n\r\n"):
        for _ in range(20):
            s = socket.create_connection(("127.0.0.1", world.payd.port), timeout=SLOW_S)
            s.sendall(request[:30] if len(slow) < 20 else request)
            slow.append(s)
    begin = time.monotonic()
    while time.monotonic() - begin < 4:
        for s in slow:
            try:
                s.sendall(b"x")
            except OSError:
                pass
        asked = time.monotonic()
        world.bank.balance(world.ann)
        true(time.monotonic() - asked < 1, "an honest client to be served at once")
        time.sleep(0.5)
    for s in slow:
        got = b""
        try:
            while more := s.recv(1000):
                got += more
        except ConnectionError:
            pass
        true(not got or b" 408 " in got or b" 400 " in got, f"an end or a 408, found {got}")
        s.close()
    true(time.monotonic() - begin < SLOW_S, "all of them to be dropped in time")


def main():
    with Payd(log_level="warn") as payd:
        world = World(payd)

        def make(_):
            world.unchanged()
            return (world,)
        code = scenarios.run(globals(), make, payd)
        world.unchanged()
        return code


if __name__ == "__main__":
    sys.exit(main())
