# SPDX-License-Identifier: Apache-2.0
"""Single transfers by HTTP with the accounts in several shards of one process: inside a shard and
from one shard to another, against a node of one shard. All nodes are alive, windows alternate."""
from contextlib import ExitStack

from bench import ACCOUNTS, CONNECTIONS, Node, Wrk, median, open_accounts, report

WARM_UP_S = 2
WINDOW_S = 2
WINDOWS = 8
ONE, MANY = 1, 16
TWO = 2


def rate(windows):
    return median(w['per_s'] for w in windows)


def main():
    with ExitStack() as alive:
        nodes = {shards: alive.enter_context(Node(shards=shards, loops=1))
                 for shards in (ONE, MANY, TWO)}
        wrk = {shards: Wrk(node, open_accounts(node, ACCOUNTS - ACCOUNTS % shards))
               for shards, node in nodes.items()}
        cases = {'one_shard': (ONE, 'inside'), 'many_inside': (MANY, 'inside'),
                 'two_inside': (TWO, 'inside'), 'two_crossing': (TWO, 'crossing')}
        found = {case: [] for case in cases}
        for shards, pairs in cases.values():
            wrk[shards].window(WARM_UP_S, pairs)
        for _ in range(WINDOWS):
            for case, (shards, pairs) in cases.items():
                found[case].append(wrk[shards].window(WINDOW_S, pairs))
    refused = sum(w['not_2xx'] + w['lost'] for windows in found.values() for w in windows)
    p50 = {case: median(w['p50_us'] for w in windows) for case, windows in found.items()}
    report('http_shards', round(rate(found['two_crossing']) / rate(found['two_inside']), 3),
           'rate of transfers between two shards, of that inside one',
           {'at_least': 0.4, 'many_inside_at_least': 0.9, 'p50_ratio_at_most': 3.2},
           many_inside=round(rate(found['many_inside']) / rate(found['one_shard']), 3),
           p50_ratio=round(p50['two_crossing'] / p50['two_inside'], 2),
           per_s={case: rate(windows) for case, windows in found.items()}, p50_us=p50,
           p99_us={case: median(w['p99_us'] for w in windows) for case, windows in found.items()},
           not_2xx=refused, shards_of_many=MANY, connections=CONNECTIONS, accounts=ACCOUNTS,
           window_s=WINDOW_S, fsync='SQLite WAL, synchronous=FULL', windows=found)
    return 0 if refused == 0 else 1


if __name__ == '__main__':
    raise SystemExit(main())
