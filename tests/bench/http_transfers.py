# SPDX-License-Identifier: Apache-2.0
"""Single transfers by HTTP: how many a second are durable and answered."""
from bench import ACCOUNTS, CONNECTIONS, Node, Wrk, median, open_accounts, report

WARM_UP_S = 2
WINDOW_S = 5
WINDOWS = 2


def main():
    with Node() as node:
        wrk = Wrk(node, open_accounts(node))
        wrk.window(WARM_UP_S)
        windows = [wrk.window(WINDOW_S) for _ in range(WINDOWS)]
    refused = sum(w['not_2xx'] + w['lost'] for w in windows)
    report('http_transfers', median(w['per_s'] for w in windows), 'transfers/s',
           {'at_least': 40000, 'aim': 90000, 'p99_us_below': 10000},
           p50_us=median(w['p50_us'] for w in windows),
           p99_us=median(w['p99_us'] for w in windows),
           not_2xx=refused, connections=CONNECTIONS, accounts=ACCOUNTS, threads_of_load=1,
           window_s=WINDOW_S, fsync='SQLite WAL, synchronous=FULL', windows=windows)
    return 0 if refused == 0 else 1


if __name__ == '__main__':
    raise SystemExit(main())
