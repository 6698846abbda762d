# SPDX-License-Identifier: Apache-2.0
"""payd as the child of a script: a node in a directory of its own, found in PAYD."""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

START_S = 60
STOP_S = 30
# As gateway_bridge/issuer.h has them.
CLIENT = {'grant_type': 'client_credentials', 'client_id': 'dev', 'client_secret': 'dev-secret'}


class Refused(Exception):
    """An answer that is not 2xx."""

    def __init__(self, status, body):
        super().__init__(f'{status} {body!r}')
        self.status = status


class Payd:
    """Data and log lie in `directory`, made below the current one unless given. Settings are those
    of payd's environment."""

    def __init__(self, **settings):
        self.directory = tempfile.mkdtemp(prefix='payd-', dir=os.getcwd())
        self.data = os.path.join(self.directory, 'data')
        self.log_path = os.path.join(self.directory, 'log')
        # Short: the name of a Unix socket has a limit.
        self.socket_directory = tempfile.mkdtemp(prefix='payd-')
        self.socket = os.path.join(self.socket_directory, 's')
        self.port = free_port()
        self.settings = {
            'DATABASE_URL': 'sqlite:' + self.data, 'PORT': str(self.port), 'DEV_ISSUER': 'on',
            'OPERATOR_SOCKET': self.socket, 'LOG_LEVEL': 'warn', **settings}
        self.process = None
        self.connection = None
        self.bearer = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *unused):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.rmtree(self.socket_directory, ignore_errors=True)

    # -- the process --

    def spawn(self):
        """Starts it without waiting."""
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen([os.environ['PAYD']], stdout=log, stderr=log,
                                            env={**os.environ, **self.settings})

    def start(self):
        self.spawn()
        deadline = time.monotonic() + START_S
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(self.log_path, encoding='utf-8', errors='replace') as log:
                    raise RuntimeError('payd does not start: ' + log.read()[-2000:])
            time.sleep(0.01)

    def ready(self):
        try:
            self.request('GET', '/health/ready')
            return True
        except (OSError, http.client.HTTPException, Refused):
            return False

    def stop(self):
        """In order: what was accepted is finished and projected."""
        self.disconnect()
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(STOP_S) != 0:
            raise RuntimeError(f'payd left with {self.process.returncode}')

    def kill(self):
        self.disconnect()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def processor_ns(self):
        """What each of its threads has used, by name; threads of one name together."""
        used = {}
        tasks = f'/proc/{self.process.pid}/task'
        for task in os.listdir(tasks):
            try:
                with open(f'{tasks}/{task}/comm', encoding='utf-8') as f:
                    name = f.read().strip()
                with open(f'{tasks}/{task}/schedstat', encoding='utf-8') as f:
                    used[name] = used.get(name, 0) + int(f.read().split()[0])
            except FileNotFoundError:
                pass  # it has ended
        return used

    def resident_bytes(self):
        with open(f'/proc/{self.process.pid}/statm', encoding='utf-8') as f:
            return int(f.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')

    # -- HTTP --

    def disconnect(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def request(self, method, path, body=None, headers=None):
        """The body of the answer; one connection for all requests."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)
        try:
            self.connection.request(method, path, body, headers or {})
            answer = self.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self.disconnect()
            raise
        if not 200 <= answer.status < 300:
            raise Refused(answer.status, text)
        return text

    def token(self):
        if self.bearer is None:
            form = urllib.parse.urlencode(CLIENT)
            answer = self.request('POST', '/oauth2/token', form,
                                  {'Content-Type': 'application/x-www-form-urlencoded'})
            self.bearer = json.loads(answer)['access_token']
        return self.bearer

    def post(self, path, body, key):
        return json.loads(self.request('POST', path, json.dumps(body), {
            'Authorization': 'Bearer ' + self.token(), 'Content-Type': 'application/json',
            'Idempotency-Key': key}))

    def metric(self, name):
        """The sum over all labels."""
        total = 0
        for line in self.request('GET', '/metrics').decode().splitlines():
            if line.startswith((name + '{', name + ' ')):
                total += float(line.rsplit(' ', 1)[1])
        return total

    def wait_projected(self):
        """Until the views have everything. The figures are a second old, hence the two looks."""
        quiet = 0
        while quiet < 2:
            time.sleep(1.1)
            quiet = quiet + 1 if self.metric('payd_projector_lag_batches') == 0 else 0


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]
