# SPDX-License-Identifier: Apache-2.0
"""From the exec of payd to the first accepted write over HTTP, with a million transfers in the
journal: after an orderly stop (views complete), and with the views deleted."""
import time

from bench import Bulk, Node, first_write_ms, median, open_accounts, report

TRANSFERS = 1_000_000
ACCOUNTS = 1_000
STARTS = 5
STARTS_WITHOUT_VIEWS = 2


def main():
    complete, without = [], []
    with Node() as node, node.bank() as bank:
        accounts = open_accounts(node, 2)
        with Bulk(node) as bulk:
            bulk.accounts(ACCOUNTS)
            bulk.transfers(TRANSFERS)
        begin = time.monotonic()
        node.wait_projected()
        projected_s = round(time.monotonic() - begin, 1)
        for _ in range(STARTS):
            bank.close()
            if node.stop() != 0:
                raise RuntimeError('payd did not stop in order: ' + node.log())
            complete.append(first_write_ms(node, bank, accounts))
        journal = sum(f.stat().st_size for f in node.data.glob('journal.db*'))
        for _ in range(STARTS_WITHOUT_VIEWS):
            bank.close()
            node.kill()
            for f in node.data.glob('views.db*'):
                f.unlink()
            without.append(first_write_ms(node, bank, accounts))
    report('start_time', median(complete), 'ms',
           {'below': 2000, 'aim': 500}, without_views_ms=median(without), journal_bytes=journal,
           transfers=TRANSFERS, accounts=ACCOUNTS + 2, views_written_after_s=projected_s,
           fsync='SQLite WAL, synchronous=FULL', complete_ms_each=complete,
           without_views_ms_each=without)


if __name__ == '__main__':
    main()
