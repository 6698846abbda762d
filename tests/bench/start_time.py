# SPDX-License-Identifier: Apache-2.0
"""From the exec of payd to the first accepted write over HTTP, with a million transfers in the
journal: after an orderly stop (views complete), and with the views deleted."""
import time

from bench import Bulk, Node, median, open_accounts, report

TRANSFERS = 1_000_000
ACCOUNTS = 1_000
STARTS = 5
STARTS_WITHOUT_VIEWS = 2
TOO_LONG_S = 60
RETRY_S = 0.001


def first_write_ms(node, bank, accounts):
    begin = time.monotonic()
    node.spawn()
    while time.monotonic() - begin < TOO_LONG_S:
        try:
            body = {'debit_account_id': accounts[0], 'credit_account_id': accounts[1],
                    'amount': '1.00', 'currency': 'USD'}
            if bank.post('/transfers', body).status == 201:
                return round((time.monotonic() - begin) * 1000, 1)
        except OSError:
            bank.close()  # it does not listen yet
        time.sleep(RETRY_S)
    raise RuntimeError(f'no write was accepted within {TOO_LONG_S} s')


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
