# SPDX-License-Identifier: Apache-2.0
"""Transfers in messages of 8,000 over the operators' link, four messages at once, in a node of two
shards on one loop: from accounts of one shard to those of the other, against inside one. Windows
alternate."""
from bench import ACCOUNTS, Bulk, Node, median, processor_each, report

SHARDS = 2
WARM_UP = 80_000
WINDOW = 240_000
WINDOWS = 5


def window(node, ask):
    before = node.processor_ns()
    found = ask(WINDOW)
    found['processor_us'] = processor_each(before, node.processor_ns(), WINDOW)
    node.wait_projected()  # what one leaves to the views is not the other's
    return found


def main():
    with Node(shards=SHARDS, loops=1) as node, Bulk(node) as bulk:
        bulk.accounts(ACCOUNTS // SHARDS)
        cases = {'inside': bulk.transfers, 'crossing': bulk.crossing}
        found = {case: [] for case in cases}
        for ask in cases.values():
            ask(WARM_UP)
        for _ in range(WINDOWS):
            for case, ask in cases.items():
                found[case].append(window(node, ask))
    per_s = {case: median(w['per_s'] for w in windows) for case, windows in found.items()}
    report('bulk_shards', round(per_s['crossing'] / per_s['inside'], 3),
           'rate of transfers between two shards, of that inside one', {'at_least': 0.35},
           per_s=per_s, transfers_a_message=8000, outstanding=4, accounts=ACCOUNTS,
           fsync='SQLite WAL, synchronous=FULL', windows=found)


if __name__ == '__main__':
    main()
