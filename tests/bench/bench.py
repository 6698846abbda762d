# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks of the whole program share: the node, load over HTTP and over the operators'
link, and the one line each of them prints."""
import json
import os
import pathlib
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'integration'))
from payd import Payd, new_id, slot_in  # noqa: E402 (found through the line above)

CONNECTIONS = 64
ACCOUNTS = 1000
WINDOW_PATIENCE_S = 60
START_PATIENCE_S = 60
START_RETRY_S = 0.001


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


class Node(Payd):
    """payd with its data on the disk of the current directory, observed from outside."""

    def __init__(self, **settings):
        super().__init__(data=tempfile.mkdtemp(prefix='bench-', dir=os.getcwd()),
                         log_level='warn', **settings)
        self.settings['operator_socket'] = self.socket = str(self.root / 'operator')

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by way of close()
        return self.start()

    def close(self):
        super().close()
        shutil.rmtree(self.data, ignore_errors=True)

    def processor_ns(self):
        """What its threads have used, by name; threads of one name together."""
        used = {}
        for task in pathlib.Path(f'/proc/{self.process.pid}/task').iterdir():
            try:
                name = (task / 'comm').read_text().strip()
                used[name] = used.get(name, 0) + int((task / 'schedstat').read_text().split()[0])
            except FileNotFoundError:
                pass  # it has ended
        return used

    def resident_bytes(self):
        pages = pathlib.Path(f'/proc/{self.process.pid}/statm').read_text().split()[1]
        return int(pages) * os.sysconf('SC_PAGE_SIZE')

    def metric(self, name):
        """The sum over all labels."""
        with self.client_of(None) as client:
            lines = client.get('/metrics').expect(200).body.decode().splitlines()
        return sum(float(line.rsplit(' ', 1)[1]) for line in lines
                   if line.startswith((name + '{', name + ' ')))

    def wait_projected(self):
        """Until the views have everything. Figures may be a second old, so it looks twice."""
        complete = 0
        while complete < 2:
            time.sleep(1.1)
            complete = complete + 1 if self.metric('payd_projector_lag_batches') == 0 else 0


# -- HTTP --


def open_accounts(node, count=ACCOUNTS):
    """Their ids, of one shard after the other."""
    with node.bank() as bank:
        return [bank.open_account(account_id=new_id('acc', slot_in(i % node.shards, node.shards)))
                for i in range(count)]


def first_write_ms(node, bank, accounts):
    """From the exec of payd to the first accepted transfer between the first two accounts."""
    begin = time.monotonic()
    last = 'nothing was asked'
    node.spawn()
    while time.monotonic() - begin < START_PATIENCE_S and node.running():
        try:
            body = {'debit_account_id': accounts[0], 'credit_account_id': accounts[1],
                    'amount': '1.00', 'currency': 'USD'}
            answer = bank.post('/transfers', body)
            if answer.status == 201:
                return round((time.monotonic() - begin) * 1000, 1)
            last = f'{answer.status} {answer.body}'
        except OSError as e:
            last = e
            bank.close()  # it does not listen yet
        time.sleep(START_RETRY_S)
    raise RuntimeError(f'no write was accepted within {START_PATIENCE_S} s: {last}; '
                       f'exit code {node.process.poll()}, log: {node.log()}')


class Wrk:
    """Load of POST /transfers between these accounts, which are of one shard after the other."""

    def __init__(self, node, accounts):
        self.node = node
        self.token, self.accounts = node.root / 'token', node.root / 'accounts'
        self.token.write_text(node.token())
        self.accounts.write_text('\n'.join(accounts))
        self.runs = 0

    def window(self, seconds, pairs='inside'):
        """Rate, latencies, refusals, processor time for each request. `pairs`: transfers.lua."""
        self.runs += 1
        before = self.node.processor_ns()
        output = subprocess.run(
            ['wrk', '-t1', f'-c{CONNECTIONS}', f'-d{seconds}s', '--timeout', '10s',
             '-s', HERE / 'transfers.lua', f'http://127.0.0.1:{self.node.port}', '--',
             self.token, self.accounts, f'run-{self.runs}', str(self.node.shards), pairs],
            check=True, stdout=subprocess.PIPE, encoding='utf-8').stdout
        window = json.loads(next(line for line in output.splitlines() if line.startswith('{')))
        window['processor_us'] = processor_each(before, self.node.processor_ns(),
                                                window['requests'])
        return window


# -- the operators' link --


class Bulk:
    """bulk_driver beside the node: what is asked of it returns what it measured."""

    def __init__(self, node):
        driver = [os.environ['BULK_DRIVER'], node.socket, str(node.shards)]
        self.process = subprocess.Popen(driver, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        encoding='utf-8')

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        self.process.wait(WINDOW_PATIENCE_S)

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

    def crossing(self, count):
        return self.ask('crossing', count)
