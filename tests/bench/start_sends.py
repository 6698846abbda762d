# SPDX-License-Identifier: Apache-2.0
"""From the exec of payd to the first accepted write, with a million sends between two shards in the
journal, all taken, against a node whose as many transfers were all inside shards. Each transfer
between shards is two sends. Argument: another number of sends."""
import sys
from contextlib import ExitStack

from bench import ACCOUNTS, Node, Wrk, first_write_ms, median, open_accounts, report

SENDS = 1_000_000
SENDS_EACH = 2  # of a transfer between shards
SHARDS = 2
WINDOW_S = 5
STARTS = 7


def fill(node, accounts, pairs, transfers):
    """Returns how many were made: `transfers` or some more."""
    wrk, made = Wrk(node, accounts), 0
    while made < transfers:
        window = wrk.window(WINDOW_S, pairs)
        made += window['requests'] - window['not_2xx'] - window['lost']
    node.wait_projected()
    return made


def restart_ms(node, bank, accounts):
    bank.close()
    if node.stop() != 0:
        raise RuntimeError('payd did not stop in order: ' + node.log())
    return first_write_ms(node, bank, accounts)


def main():
    sends = int(sys.argv[1]) if len(sys.argv) > 1 else SENDS
    found, made, sent, outstanding = {}, {}, {}, {}
    with ExitStack() as alive:
        nodes = {pairs: alive.enter_context(Node(shards=SHARDS))
                 for pairs in ('crossing', 'inside')}
        banks = {pairs: alive.enter_context(node.bank()) for pairs, node in nodes.items()}
        accounts = {pairs: open_accounts(node) for pairs, node in nodes.items()}
        for pairs, node in nodes.items():
            made[pairs] = fill(node, accounts[pairs], pairs, sends // SENDS_EACH)
            sent[pairs] = int(node.metric('payd_stream_sent_total'))
            outstanding[pairs] = int(node.metric('payd_stream_outstanding'))
            found[pairs] = []
        for _ in range(STARTS):
            for pairs, node in nodes.items():
                inside = accounts[pairs][0], accounts[pairs][SHARDS]
                found[pairs].append(restart_ms(node, banks[pairs], inside))
        crossing = [restart_ms(nodes['crossing'], banks['crossing'], accounts['crossing'][:2])
                    for _ in range(STARTS)]
    if sent['crossing'] < sends or outstanding['crossing'] > 0 or sent['inside'] > 0:
        raise RuntimeError(f'sent {sent}, not taken {outstanding}')
    ms = {pairs: median(each) for pairs, each in found.items()}
    report('start_sends', round(ms['crossing'] - ms['inside'], 1), 'ms more than without sends',
           {'at_most': 50}, first_write_ms=ms, between_shards_ms=median(crossing), sends=sent,
           transfers=made, shards=SHARDS, accounts=ACCOUNTS, starts=STARTS,
           fsync='SQLite WAL, synchronous=FULL', each_ms=found, between_shards_each_ms=crossing)


if __name__ == '__main__':
    main()
