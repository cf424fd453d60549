"""Faults on order: rules that say which calls go wrong, and how."""
import itertools
import random
import threading

# What a rule's kind does. "done": the operation took place nevertheless.
KINDS = {
    'throttle': 'refused as too many, with the service\'s own code',
    'error': 'refused with the service\'s 500', '500': 'the same',
    'unavailable': 'a 503 with a page of HTML, as some balancer sends it',
    'expired': 'refused: the credentials expired', 'denied': 'refused: not authorized', 'clock': 'refused: the clock is off',
    'refuse': 'refused with the rule\'s own "status", "code", "message"',
    'reset': 'the connection is reset amid the request',
    'close': 'the connection is closed in order, without an answer',
    'stall': 'no answer for "seconds" (600), then closed; "done" as the rule says',
    'slow': 'answered well, but "seconds" (1) late',
    'lost': 'done, but the connection is reset before the answer',
    'truncate': 'done, half of the answer, then closed',
    'cut': 'done, half of the answer, then reset',
    'garbage': 'done, answered 200 with a body that is not the service\'s',
    'empty': 'done, answered 200 without a body',
    'corrupt': 'done, one byte of the body turned (a block\'s checksum header stays)',
    'drip': 'done, the answer comes a byte a second',
}
FIELDS = {'service', 'operation', 'region', 'kind', 'nth', 'skip', 'count', 'probability', 'seed', 'seconds', 'status', 'code',
          'message', 'done', 'match'}


class Rule:
    """One rule: which calls it means, and when it strikes."""

    def __init__(self, number, spec):
        if set(spec) - FIELDS or spec.get('kind') not in KINDS:
            raise ValueError('unknown in a rule: %s; kind is one of %s' % (
                ', '.join(set(spec) - FIELDS) or spec.get('kind'), ' '.join(KINDS)))
        self.number, self.spec, self.seen, self.struck = number, spec, 0, 0
        nth = spec.get('nth')
        self.nth = None if nth is None else set(nth if isinstance(nth, list) else [nth])
        self.random = random.Random(spec.get('seed', 0))
        self.kind = {'500': 'error'}.get(spec['kind'], spec['kind'])

    def strikes(self, service, operation, region, target):
        s = self.spec
        if any(s.get(name) not in (None, '*', value) for name, value in (
                ('service', service), ('operation', operation), ('region', region))) or s.get('match', '') not in target:
            return False
        self.seen += 1
        if self.struck >= s.get('count', 1 if self.nth is None and 'probability' not in s else float('inf')):
            return False
        if self.seen <= s.get('skip', 0) or self.nth is not None and self.seen not in self.nth:
            return False
        if 'probability' in s and self.random.random() >= s['probability']:
            return False
        self.struck += 1
        return True

    def state(self):
        return {'rule': self.number, **self.spec, 'seen': self.seen, 'struck': self.struck}


class Faults:
    """The rules in their order; the first that strikes is done."""

    def __init__(self):
        self.rules, self.lock, self.numbers = [], threading.Lock(), itertools.count(1)

    def add(self, specs):
        made = [Rule(next(self.numbers), dict(spec)) for spec in specs]
        with self.lock:
            self.rules += made
        return [r.number for r in made]

    def clear(self):
        with self.lock:
            self.rules = []

    def strike(self, service, operation, region, target):
        """The rule that strikes this call; None."""
        with self.lock:
            return next((r for r in self.rules if r.strikes(service, operation, region, target)), None)

    def state(self):
        with self.lock:
            return [r.state() for r in self.rules]
