"""The HTTP side: connections kept open, each with a thread; requests told apart, checked, done, answered, or spoiled."""
import email.utils
import json
import secrets
import socket
import ssl
import struct
import threading
import time
import traceback
import urllib.parse

from . import control, ebs, model, protocol, services, signature
from .faults import Faults
from .refusal import SERVICES, Refusal, refuse, worded
from .world import OPT_IN, REGIONS, Call, World

HEAD_MAX = 65536
BODY_MAX = 32 << 20
PHRASES = {200: 'OK', 201: 'Created', 202: 'Accepted', 400: 'Bad Request', 401: 'Unauthorized', 402: 'Payment Required',
           403: 'Forbidden', 404: 'Not Found', 409: 'Conflict', 411: 'Length Required', 412: 'Precondition Failed',
           413: 'Payload Too Large', 500: 'Internal Server Error', 501: 'Not Implemented', 503: 'Service Unavailable'}
TARGETS = {'AmazonSSM': 'ssm', 'TrentService': 'kms'}
LIKENESS = {'error': ('error', 'An internal error has occurred'), 'throttle': ('throttle', 'Rate exceeded'),
            'expired': ('expired', 'The security token included in the request is expired'),
            'denied': ('denied', 'You are not authorized to perform this operation.'),
            'clock': ('clock', 'Signature expired: the clock is off')}


class Gone(Exception):
    """The client went, or is to be left."""


class Request:
    """One request: what came, then what it turned out to be."""

    def __init__(self, method, target, headers):
        self.method, self.target, self.headers, self.body = method, target, headers, b''
        self.path, _, self.query = target.partition('?')
        self.service = self.operation = self.region = None
        self.uri, self.pairs, self.found, self.wrong = {}, [], None, None
        self.code = ''

    def place(self):
        """Tell service and region by the signature's scope, or by the looks of an unsigned one."""
        try:
            self.found = signature.scope(self.headers)
        except ValueError as e:
            self.wrong = str(e)
        if self.found and self.found[3] in SERVICES:
            self.service, self.region = self.found[3], self.found[2]
        elif 'x-amz-target' in self.headers:
            self.service = TARGETS.get(self.headers['x-amz-target'].partition('.')[0], 'ssm')
        else:
            self.service = 'ebs' if self.path.startswith('/snapshots') else None
        if self.service == 'ebs':
            self.operation, self.uri = ebs.route(self.method, self.path)
        elif self.service in TARGETS.values():
            self.operation = self.headers.get('x-amz-target', '').rpartition('.')[2] or None

    def read_form(self):
        """Of the services with forms: the operation is in the body."""
        try:
            self.pairs = protocol.form_pairs(bytes(self.body).decode())
        except ValueError as e:
            self.wrong = self.wrong or 'the form is wrong: %s' % e
        named = dict(self.pairs)
        if self.service is None:
            versions = {model.service(s).metadata['apiVersion']: s for s in ('ec2', 'autoscaling', 'sts')}
            self.service = versions.get(named.get('Version'), 'sts')
        self.operation = named.get('Action')


class Fake:
    """The services, without the network."""

    def __init__(self, account=None, folder=None):
        self.options = {'folder': folder, **({'account': account} if account else {})}
        self.faults, self.world = Faults(), World(**self.options)

    def reset(self):
        """Forget everything."""
        self.world.store.file.close()
        self.world = World(**self.options)
        self.faults.clear()

    def answer(self, r, rule=None):
        """(status, headers, body) of a request."""
        try:
            if rule and rule.kind in LIKENESS:
                why, text = LIKENESS[rule.kind]
                raise refuse(r.service, why, text)
            if rule and rule.kind == 'refuse':
                raise Refusal(rule.spec.get('code', 'Refused'), rule.spec.get('message', ''), rule.spec.get('status', 400))
            op, result = self._do(r)
            return protocol.written(r.service, op, result)
        except Refusal as e:
            r.code = e.code
            return worded(r.service, e)

    def _do(self, r):
        world, service = self.world, r.service
        if r.wrong:
            raise refuse(service, 'malformed', r.wrong)
        unsigned = (service, r.operation) in services.UNSIGNED
        if not r.found and not unsigned:
            raise refuse(service, 'missing', 'Request is missing Authentication Token')
        op = model.operation(service, r.operation) if r.operation else None
        function = services.OPS[service].get(r.operation)
        credentials = None
        if r.found:
            if r.region not in REGIONS + OPT_IN:
                raise refuse(service, 'wrong', "Credential should be scoped to a valid region, not '%s'" % r.region)
            credentials = signature.check(service, world.keys, world.now(), r, r.found)
        if not op:
            raise refuse(service, 'operation', 'The action %s is not valid for this web service.' % r.operation)
        if not function:
            raise Refusal('NotImplemented', 'not in this fake: ' + r.operation, 501)
        p = self._parameters(r, op)
        wrong = model.problems(op.input_shape, p) if op.input_shape else []
        if wrong:
            raise refuse(service, wrong[0][0], '%d validation error(s) detected: %s' % (
                len(wrong), '; '.join(text for _, text in wrong)))
        name = '%s.%s' % (service, r.operation)
        if world.throttled(name):
            raise refuse(service, 'throttle', 'Rate exceeded')
        if name in world.settings['deny']:
            raise refuse(service, 'denied', 'You are not authorized to perform this operation.')
        if p.pop('DryRun', False):
            raise Refusal('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412)
        call = Call(world, service, r.operation, r.region or 'us-east-1', credentials, r)
        if function.unlocked:
            return op, function(call, p)
        with world.lock:
            return op, function(call, p)

    def _parameters(self, r, op):
        service, kind = r.service, r.headers.get('content-type', '')
        if service == 'ebs':
            query = [tuple(map(urllib.parse.unquote, pair.partition('=')[::2])) for pair in filter(None, r.query.split('&'))]
            uri = {n: urllib.parse.unquote(v) for n, v in r.uri.items()}
            return protocol.from_rest(service, op, uri, query, r.headers, r.body)
        if r.method != 'POST' or r.target != '/':
            raise refuse(service, 'operation', 'POST / is wanted, not %s %s' % (r.method, r.target))
        if service in TARGETS.values():
            prefix = model.service(service).metadata['targetPrefix']
            if kind != 'application/x-amz-json-1.1' or r.headers['x-amz-target'] != '%s.%s' % (prefix, r.operation):
                raise refuse(service, 'operation', 'content type %s, target %s' % (kind, r.headers['x-amz-target']))
            return protocol.from_json(service, op.input_shape, r.body)
        if kind.partition(';')[0] != protocol.FORM:
            raise refuse(service, 'malformed', 'the content type is to be ' + protocol.FORM)
        if dict(r.pairs).get('Version') != model.service(service).metadata['apiVersion']:
            raise refuse(service, 'invalid', 'The version is to be ' + model.service(service).metadata['apiVersion'])
        return protocol.from_form(service, op.input_shape, [p for p in r.pairs if p[0] not in ('Action', 'Version')])


class Connection:
    """One client's connection, as long as it lasts."""

    def __init__(self, server, sock):
        self.server, self.fake, self.sock, self.rest = server, server.fake, sock, b''
        self.room = bytearray()  # for bodies, kept: new memory for each would cost more than all else

    def run(self):
        try:
            if self.server.tls:
                self.sock = self.server.tls.wrap_socket(self.sock, server_side=True)
            while self.one():
                pass
        except (OSError, Gone, ssl.SSLError):
            pass
        finally:
            self.sock.close()
            self.server.sockets.discard(self)

    def reset(self):
        """Reset instead of an orderly end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        raise Gone

    def head(self):
        """The Request of the next head; None: the client is done."""
        data = self.rest
        while b'\r\n\r\n' not in data:
            more = self.sock.recv(HEAD_MAX)
            if not more or len(data) > HEAD_MAX:
                return None
            data += more
        text, _, self.rest = data.partition(b'\r\n\r\n')
        first, *lines = text.decode('latin-1').split('\r\n')
        parts, headers = first.split(' '), {}
        for line in lines:
            name, colon, value = line.partition(':')
            name = name.lower()
            if not colon or name != name.strip() or name in headers:
                self.reply(400, {'Connection': 'close'}, b'a header line is wrong, or comes twice: ' + name.encode())
                raise Gone
            headers[name] = value.strip()
        if len(parts) != 3 or parts[2] != 'HTTP/1.1' or not parts[1].startswith('/'):
            self.reply(400, {'Connection': 'close'}, b'not HTTP/1.1')
            raise Gone
        return Request(parts[0], parts[1], headers)

    def body(self, r, part=1):
        """Its body, or a part of it; good until the next one's."""
        length = r.headers.get('content-length', '0')
        if 'transfer-encoding' in r.headers or not length.isdigit() or int(length) > BODY_MAX:
            self.reply(411, {'Connection': 'close'}, b'a Content-Length is wanted')
            raise Gone
        if r.headers.get('expect', '').lower() == '100-continue':
            self.sock.sendall(b'HTTP/1.1 100 Continue\r\n\r\n')
        want = int(int(length) * part)
        if len(self.room) < want:
            self.room = bytearray(want)
        view, got = memoryview(self.room)[:want], min(want, len(self.rest))
        view[:got] = self.rest[:got]
        self.rest = self.rest[got:]
        while got < want:
            n = self.sock.recv_into(view[got:])
            if not n:
                raise Gone
            got += n
        return view

    def one(self):
        """One request and its answer. False: the connection ends."""
        r = self.head()
        if r is None:
            return False
        self.server.busy = time.monotonic()
        if r.path.startswith('/_fake/'):
            r.body = self.body(r)
            control.serve(self, r)
            return True
        start, fake, rule = time.monotonic(), self.fake, None
        r.place()
        early = r.operation and r.service == 'ebs'
        if early:
            rule = fake.faults.strike(r.service, r.operation, r.region, r.target)
            if rule and rule.kind == 'reset':
                self.body(r, 0.5)
                self.note(r, 0, rule, start)
                self.reset()
        r.body = self.body(r)
        if r.service != 'ebs' and r.service not in TARGETS.values():
            r.read_form()
        if not early:
            rule = fake.faults.strike(r.service, r.operation, r.region, r.target)
        return self.spoiled(r, rule, start) if rule else self.plain(r, None, start)

    def plain(self, r, rule, start):
        try:
            status, headers, body = self.fake.answer(r, rule)
        except Exception:
            traceback.print_exc()
            status, headers, body = 599, {'Content-Type': 'text/plain'}, b'the fake is broken:\n' + traceback.format_exc().encode()
        self.note(r, status, rule, start)
        self.reply(status, headers, body)
        return r.headers.get('connection', '').lower() != 'close'

    def spoiled(self, r, rule, start):
        """The rule's fault in place of the plain answer."""
        kind, spec = rule.kind, rule.spec
        if kind in LIKENESS or kind == 'refuse':
            return self.plain(r, rule, start)
        if kind == 'slow':
            self.server.sleep(spec.get('seconds', 1))
            return self.plain(r, rule, start)
        status, headers, body = 0, {}, b''
        if kind not in ('reset', 'close', 'unavailable') and not (kind == 'stall' and not spec.get('done')):
            status, headers, body = self.fake.answer(r)
        self.note(r, status, rule, start)
        if kind in ('reset', 'lost'):
            self.reset()
        if kind == 'close':
            return False
        if kind == 'stall':
            self.server.sleep(spec.get('seconds', 600))
            return False
        if kind == 'unavailable':
            self.reply(503, {'Content-Type': 'text/html'}, b'<html><body><h1>503 Service Unavailable</h1></body></html>')
            return True
        if kind == 'garbage':
            body = secrets.token_bytes(200) if r.service == 'ebs' else b'<html><p>Welcome to <b>the proxy</html>\0'
        if kind == 'empty':
            body = b''
        if kind == 'corrupt' and body:
            place = self.fake.world.random.randrange(len(body))
            body = bytes(body[:place]) + bytes([body[place] ^ 1]) + bytes(body[place + 1:])
        head = self.shape(status if kind == 'corrupt' else 200 if kind in ('garbage', 'empty') else status, headers, len(body))
        if kind in ('truncate', 'cut', 'drip'):
            whole = head + body
            if kind == 'drip':
                for i in range(len(whole)):
                    self.sock.sendall(whole[i:i + 1])
                    self.server.sleep(1)
                return True
            self.sock.sendall(whole[:len(head) + len(body) // 2] if body else whole[:len(whole) // 2])
            return self.reset() if kind == 'cut' else False
        self.sock.sendall(head + body)
        return True

    def note(self, r, status, rule, start):
        """Into the log and the counts."""
        world = self.fake.world
        name = '%s.%s' % (r.service, r.operation)
        world.counts[name] += 1
        key = r.found[0] if r.found else None
        world.log.append({
            'time': round(world.now(), 3), 'service': r.service, 'operation': r.operation, 'region': r.region, 'method': r.method,
            'target': r.target, 'status': status, 'code': r.code, 'fault': rule and rule.spec['kind'], 'bytes': len(r.body),
            'key': key, 'ms': round((time.monotonic() - start) * 1000, 1),
            **({'form': dict(r.pairs)} if r.pairs and r.service != 'sts' else {}),
            **({'json': bytes(r.body).decode('utf-8', 'replace')}
               if r.operation == 'StartSnapshot' or r.service in TARGETS.values() else {})})

    def shape(self, status, headers, length):
        date = email.utils.formatdate(self.fake.world.now(), usegmt=True)
        lines = ['HTTP/1.1 %d %s' % (status, PHRASES.get(status, 'Status')), 'Date: ' + date, 'Content-Length: %d' % length]
        return '\r\n'.join(lines + ['%s: %s' % h for h in headers.items()] + ['', '']).encode()

    def reply(self, status, headers, body):
        self.sock.sendall(self.shape(status, headers, len(body)) + body)

    def reply_json(self, value, status=200):
        self.reply(status, {'Content-Type': 'application/json'}, json.dumps(value, indent=1).encode() + b'\n')


class Server:
    """Listens; a thread a connection."""

    def __init__(self, fake, host='127.0.0.1', port=0, tls=None):
        self.fake, self.tls, self.sockets, self.ended = fake, None, set(), threading.Event()
        self.busy = time.monotonic()
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*tls)
        self.sock = socket.create_server((host, port), backlog=256)
        self.url = '%s://%s:%d' % ('https' if tls else 'http', host, self.sock.getsockname()[1])

    def start(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def _accept(self):
        while not self.ended.is_set():
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            c = Connection(self, sock)
            self.sockets.add(c)
            threading.Thread(target=c.run, daemon=True).start()

    def sleep(self, seconds):
        """As long, or until the end."""
        self.ended.wait(seconds)

    def stop(self):
        self.ended.set()
        self.sock.close()
        for c in list(self.sockets):
            try:
                c.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
