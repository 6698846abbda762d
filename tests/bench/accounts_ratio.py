# SPDX-License-Identifier: Apache-2.0
"""What a transfer costs among a million accounts against a thousand: two nodes, the same bulk load
on each in turn, processor time of the loop's thread."""
from bench import Bulk, Node, median, report

FEW, MANY = 1_000, 1_000_000
WARM_UP = 400_000
WINDOW = 400_000
PAIRS = 5
LOOP = 'payd'  # name of the thread of loop 0


def measure(node, bulk):
    before = node.processor_ns()[LOOP]
    window = bulk.transfers(WINDOW)
    window['loop_ns_each'] = round((node.processor_ns()[LOOP] - before) / WINDOW, 1)
    return window


def main():
    windows = {FEW: [], MANY: []}
    with Node() as few, Node() as many, Bulk(few) as few_bulk, Bulk(many) as many_bulk:
        nodes = {FEW: (few, few_bulk), MANY: (many, many_bulk)}
        for accounts, (_, bulk) in nodes.items():
            bulk.accounts(accounts)
            bulk.transfers(WARM_UP)
        for _ in range(PAIRS):
            for accounts, node in nodes.items():
                windows[accounts].append(measure(*node))
        resident = many.resident_bytes()
    ns = {n: median(w['loop_ns_each'] for w in windows[n]) for n in windows}
    rate = {n: median(w['per_s'] for w in windows[n]) for n in windows}
    report('accounts_ratio', round(ns[MANY] / ns[FEW], 3), 'times the processor time of the loop',
           {'below': 1.5, 'aim': 1.1}, accounts=[FEW, MANY], loop_ns_each=[ns[FEW], ns[MANY]],
           per_s=[rate[FEW], rate[MANY]], rate_ratio=round(rate[FEW] / rate[MANY], 3),
           resident_bytes=resident, fsync='SQLite WAL, synchronous=FULL',
           few=windows[FEW], many=windows[MANY])


if __name__ == '__main__':
    main()
