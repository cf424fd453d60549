"""botocore's service models with ../supplement.json over them, and values held to their shapes."""
import functools
import json
import os
import re

import botocore.loaders
import botocore.model
import botocore.utils

HERE = os.path.dirname(os.path.abspath(__file__))
SUPPLEMENT = os.path.join(HERE, '..', 'supplement.json')
TYPES = {'structure': dict, 'list': list, 'map': dict, 'string': str, 'character': str, 'boolean': bool, 'integer': int,
         'long': int, 'float': (int, float), 'double': (int, float), 'timestamp': (int, float),
         'blob': (bytes, bytearray, memoryview)}


@functools.lru_cache(None)
def service(name):
    """The service's model: botocore's, and what the supplement adds."""
    data = botocore.loaders.Loader().load_service_model(name, 'service-2')
    with open(SUPPLEMENT) as f:
        botocore.utils.deep_merge(data, json.load(f).get(name, {}).get('merge', {}))
    return botocore.model.ServiceModel(data, name)


@functools.lru_cache(None)
def operation(name, op):
    """The model of an operation; None: the service has none of that name."""
    return service(name).operation_model(op) if op in service(name).operation_names else None


@functools.lru_cache(None)
def members(shape):
    """The structure's members, made once."""
    return shape.members


@functools.lru_cache(None)
def pattern(text):
    try:
        return re.compile(text)
    except re.error:  # Java's, not Python's
        return None


def problems(shape, value, at=''):
    """What is wrong with a value by its shape: [(why, text)], why one of `refusal`: absent, member, invalid."""
    kind, rule, name = shape.type_name, shape.metadata, at or 'input'
    wrong = isinstance(value, bool) and kind != 'boolean'
    if wrong or not isinstance(value, TYPES[kind]):
        return [('invalid', '%s: %s expected, %s found' % (name, kind, type(value).__name__))]
    found = []
    if kind == 'structure':
        known = members(shape)
        found += [('member', '%s.%s: unknown' % (name, m)) for m in value if m not in known]
        found += [('absent', '%s.%s: missing' % (name, m)) for m in shape.required_members if m not in value]
        for m, v in value.items():
            if m in known:
                found += problems(known[m], v, '%s.%s' % (name, m))
        return found
    if kind == 'map':
        for k, v in value.items():
            found += problems(shape.key, k, name + '.key') + problems(shape.value, v, '%s.%s' % (name, k))
    if kind == 'list':
        for i, v in enumerate(value):
            found += problems(shape.member, v, '%s.%d' % (name, i + 1))
    if kind in ('string', 'list', 'map', 'integer', 'long', 'float', 'double'):
        size = value if isinstance(value, (int, float)) else len(value)
        if not rule.get('min', size) <= size <= rule.get('max', size):
            found.append(('invalid', '%s: %s is out of range' % (name, size)))
    if kind == 'string':
        if shape.enum and value not in shape.enum:
            found.append(('invalid', '%s: %r is none of %s' % (name, value, ' '.join(shape.enum))))
        want = rule.get('pattern') and pattern(rule['pattern'])
        if want and not want.fullmatch(value):
            found.append(('invalid', '%s: %r does not match %s' % (name, value, rule['pattern'])))
    return found
