# SPDX-License-Identifier: Apache-2.0
"""Transfers in messages of 8,000 over the operators' link, four messages at once."""
from bench import ACCOUNTS, Bulk, Node, median, processor_each, report

WARM_UP = 400_000
WINDOW = 800_000
WINDOWS = 5


def main():
    windows = []
    with Node() as node, Bulk(node) as bulk:
        bulk.accounts(ACCOUNTS)
        bulk.transfers(WARM_UP)
        for _ in range(WINDOWS):
            before = node.processor_ns()
            window = bulk.transfers(WINDOW)
            window['processor_us'] = processor_each(before, node.processor_ns(), WINDOW)
            windows.append(window)
    report('bulk_transfers', median(w['per_s'] for w in windows), 'transfers/s',
           {'at_least': 400000, 'aim': 1000000},
           message_p50_us=median(w['p50_us'] for w in windows),
           message_p99_us=median(w['p99_us'] for w in windows),
           transfers_a_message=8000, outstanding=4, accounts=ACCOUNTS,
           fsync='SQLite WAL, synchronous=FULL', windows=windows)


if __name__ == '__main__':
    main()
