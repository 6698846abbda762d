# SPDX-License-Identifier: Apache-2.0
"""From the exec of payd to the first accepted write over HTTP, with a million transfers in the
journal: after an orderly stop (views complete), and with the views deleted."""
import glob
import os
import time

from bench import ACCOUNTS, Bulk, median, report
from payd import Payd, Refused

TRANSFERS = 1_000_000
STARTS = 5
STARTS_WITHOUT_VIEWS = 2
TOO_LONG_S = 60


def first_write_ms(payd, accounts, key):
    body = {'debit_account_id': accounts[0], 'credit_account_id': accounts[1], 'amount': '1.00',
            'currency': 'USD'}
    payd.token()
    payd.disconnect()
    begin = time.monotonic()
    payd.spawn()
    while True:
        took = time.monotonic() - begin
        try:
            payd.post('/transfers', body, key)
            return round((time.monotonic() - begin) * 1000, 1)
        except ConnectionError:
            time.sleep(0.001)
        except Refused as refusal:
            if refusal.status != 503:
                raise
            time.sleep(0.001)
        if took > TOO_LONG_S:
            raise RuntimeError(f'no write was accepted within {TOO_LONG_S} s')


def main():
    with Payd() as payd:
        accounts = [payd.post('/accounts', {'currency': 'USD', 'code': 100}, f'account-{n}')
                    ['account_id'] for n in range(2)]
        with Bulk(payd) as bulk:
            bulk.accounts(ACCOUNTS)
            bulk.transfers(TRANSFERS)
        payd.wait_projected()
        complete, without = [], []
        for n in range(STARTS):
            payd.stop()
            complete.append(first_write_ms(payd, accounts, f'complete-{n}'))
        journal = sum(os.path.getsize(f) for f in glob.glob(payd.data + '/journal.db*'))
        for n in range(STARTS_WITHOUT_VIEWS):
            payd.kill()
            for name in glob.glob(payd.data + '/views.db*'):
                os.unlink(name)
            without.append(first_write_ms(payd, accounts, f'without-{n}'))
    report('start_time', median(complete), 'ms',
           {'below': 2000, 'aim': 500}, without_views_ms=median(without), journal_bytes=journal,
           transfers=TRANSFERS, accounts=ACCOUNTS + 2, fsync='SQLite WAL, synchronous=FULL',
           complete_ms_each=complete, without_views_ms_each=without)


if __name__ == '__main__':
    main()
