# SPDX-License-Identifier: Apache-2.0
"""Single transfers by HTTP that all credit one account, against the same spread over a thousand:
windows of both in turn, in one run."""
from bench import ACCOUNTS, CONNECTIONS, Node, Wrk, median, open_accounts, report

WARM_UP_S = 2
WINDOW_S = 4
PAIRS = 3


def main():
    spread, hot = [], []
    with Node() as node:
        wrk = Wrk(node, open_accounts(node))
        wrk.window(WARM_UP_S)
        for _ in range(PAIRS):
            spread.append(wrk.window(WINDOW_S))
            hot.append(wrk.window(WINDOW_S, 'hot'))
    refused = sum(w['not_2xx'] + w['lost'] for w in spread + hot)
    spread_rate = median(w['per_s'] for w in spread)
    hot_rate = median(w['per_s'] for w in hot)
    report('http_hot_account', round(hot_rate / spread_rate, 3), 'of the rate of http_transfers',
           {'at_least': 0.9, 'aim': 1.0}, hot_per_s=hot_rate, spread_per_s=spread_rate,
           p50_us=median(w['p50_us'] for w in hot), p99_us=median(w['p99_us'] for w in hot),
           not_2xx=refused, connections=CONNECTIONS, accounts=ACCOUNTS, window_s=WINDOW_S,
           fsync='SQLite WAL, synchronous=FULL', hot=hot, spread=spread)
    return 0 if refused == 0 else 1


if __name__ == '__main__':
    raise SystemExit(main())
