# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks of the whole program share: load over HTTP and over the operators' link,
and the one line each of them prints."""
import json
import os
import platform
import statistics
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
CONNECTIONS = 64
ACCOUNTS = 1000


def machine():
    with open('/proc/cpuinfo', encoding='utf-8') as f:
        models = [line.split(':', 1)[1].strip() for line in f if line.startswith('model name')]
    return {'processor': models[0] if models else platform.machine(), 'cores': os.cpu_count(),
            'kernel': platform.release(), 'load': round(os.getloadavg()[0], 2)}


def report(name, value, unit, target, **details):
    print(json.dumps({'benchmark': name, 'value': value, 'unit': unit, 'target': target,
                      'machine': machine(), **details}), flush=True)


def median(values):
    return statistics.median(values)


def processor_each(before, after, count):
    """Microseconds of each thread for one of `count` things; those that matter."""
    each = {name: (used - before.get(name, 0)) / 1000 / count for name, used in after.items()}
    return {name: round(us, 3) for name, us in sorted(each.items()) if us >= 0.005}


# -- HTTP --


def open_accounts(payd, count=ACCOUNTS):
    """Their ids in a file for transfers.lua."""
    path = os.path.join(payd.directory, 'accounts')
    with open(path, 'w', encoding='utf-8') as f:
        for n in range(count):
            account = payd.post('/accounts', {'currency': 'USD', 'code': 100}, f'account-{n}')
            f.write(account['account_id'] + '\n')
    return path


def wrk(payd, accounts, seconds, label, hot=False):
    """One window of POST /transfers: rate, latencies, refusals, processor time for each request."""
    token = os.path.join(payd.directory, 'token')
    with open(token, 'w', encoding='utf-8') as f:
        f.write(payd.token())
    before = payd.processor_ns()
    output = subprocess.run(
        ['wrk', '-t1', f'-c{CONNECTIONS}', f'-d{seconds}s', '--timeout', '10s',
         '-s', os.path.join(HERE, 'transfers.lua'), f'http://127.0.0.1:{payd.port}', '--',
         token, accounts, label, 'hot' if hot else 'spread'],
        check=True, stdout=subprocess.PIPE, encoding='utf-8').stdout
    window = json.loads(next(line for line in output.splitlines() if line.startswith('{')))
    window['processor_us'] = processor_each(before, payd.processor_ns(), window['requests'])
    return window


# -- the operators' link --


class Bulk:
    """bulk_driver beside payd: `accounts` and `transfers` return what it measured."""

    def __init__(self, payd):
        self.process = subprocess.Popen([os.environ['BULK_DRIVER'], payd.socket],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        encoding='utf-8')

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        self.process.wait(30)

    def ask(self, what, count):
        self.process.stdin.write(f'{what} {count}\n')
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if line == '':
            raise RuntimeError(f'bulk_driver left with {self.process.wait()}')
        answer = json.loads(line)
        if answer['refused'] > 0:
            raise RuntimeError(f'payd refused {answer["refused"]} of {count} {what}')
        return answer

    def accounts(self, count):
        return self.ask('accounts', count)

    def transfers(self, count):
        return self.ask('transfers', count)
