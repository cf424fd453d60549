"""Requests read into parameters and results written as answers, by the models' protocols: ec2, query, json, rest-json."""
import base64
import calendar
import datetime
import json
import re
import secrets
import urllib.parse
from xml.sax.saxutils import escape

from . import model
from .refusal import refuse

FORM = 'application/x-www-form-urlencoded'


# --- Forms (ec2, query) ---------------------------------------------------------------------------

def form_pairs(text):
    """[(name, value)] of a form; ValueError when something is not encoded as a form has it."""
    pairs = []
    for pair in filter(None, text.split('&')):
        name, equals, value = pair.partition('=')
        if not equals:
            raise ValueError('no = in ' + pair)
        for part in (name, value):
            if not re.fullmatch(r'(?:[A-Za-z0-9_.~*+-]|%[0-9A-Fa-f]{2})*', part):
                raise ValueError('not percent-encoded: ' + part)
        pairs.append(tuple(urllib.parse.unquote_to_bytes(p.replace('+', ' ')).decode() for p in (name, value)))
    return pairs


def _tree(service, pairs):
    root = {}
    for name, value in pairs:
        node, parts = root, name.split('.')
        for part in parts[:-1]:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise refuse(service, 'invalid', 'parameter %s is both a value and more' % name)
        if parts[-1] in node:
            raise refuse(service, 'invalid', 'parameter %s comes twice' % name)
        node[parts[-1]] = value
    return root


def _form_name(ec2, shape, name):
    s = shape.serialization
    if not ec2:
        return s.get('name', name)
    return s.get('queryName') or (s['name'][0].upper() + s['name'][1:] if 'name' in s else name)


def _form_value(service, ec2, shape, node, at):
    kind = shape.type_name
    if kind == 'structure':
        if not isinstance(node, dict):
            raise refuse(service, 'member', 'The parameter %s is not recognized' % at)
        names = {_form_name(ec2, m, n): n for n, m in model.members(shape).items()}
        value = {}
        for name, child in node.items():
            where = at + '.' + name if at else name
            if name not in names:
                raise refuse(service, 'member', 'The parameter %s is not recognized' % where)
            value[names[name]] = _form_value(service, ec2, model.members(shape)[names[name]], child, where)
        return value
    if kind == 'list':
        if not ec2 and node == '':
            return []
        member = shape.member.serialization.get('name', 'member')
        if not ec2 and not shape.serialization.get('flattened'):
            if not isinstance(node, dict) or set(node) != {member}:
                raise refuse(service, 'member', 'The parameter %s is not recognized: %s.N wanted' % (at, member))
            node, at = node[member], at + '.' + member
        if not isinstance(node, dict) or set(node) != {str(i + 1) for i in range(len(node))}:
            raise refuse(service, 'member', 'The parameter %s is not recognized: its items are to be %s.1, %s.2, ...'
                         % (at, at, at))
        return [_form_value(service, ec2, shape.member, node[str(i + 1)], '%s.%d' % (at, i + 1)) for i in range(len(node))]
    if not isinstance(node, str):
        raise refuse(service, 'member', 'The parameter %s is not recognized' % '.'.join((at, *list(node)[:1])))
    return scalar(shape, node)


def scalar(shape, text):
    """The value of a text by its shape; the text itself where it is none (which `model.problems` then tells)."""
    kind = shape.type_name
    if kind == 'boolean':
        return {'true': True, 'false': False}.get(text, text)
    if kind in ('integer', 'long'):
        return int(text) if re.fullmatch('-?[0-9]{1,19}', text) else text
    if kind in ('float', 'double'):
        return float(text) if re.fullmatch(r'-?[0-9]+(\.[0-9]+)?', text) else text
    if kind == 'timestamp':
        m = re.fullmatch(r'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(?:Z|\+00:00)', text)
        try:
            return calendar.timegm(datetime.datetime.fromisoformat(m[1]).timetuple()) if m else text
        except ValueError:
            return text
    if kind == 'blob':
        try:
            return base64.b64decode(text, validate=True)
        except ValueError:
            return text
    return text


def from_form(service, shape, pairs):
    """The parameters of a form, Action and Version taken out before."""
    ec2 = model.service(service).metadata['protocol'] == 'ec2'
    if shape is None:
        if pairs:
            raise refuse(service, 'member', 'The parameter %s is not recognized' % pairs[0][0])
        return {}
    return _form_value(service, ec2, shape, _tree(service, pairs), '')


# --- REST and JSON --------------------------------------------------------------------------------

def from_json(service, shape, body):
    """The parameters of a JSON body, as they stand."""
    try:
        value = json.loads(bytes(body), parse_constant=lambda c: [][0])
    except (ValueError, IndexError):
        raise refuse(service, 'invalid', 'the body is not JSON')
    return decode_blobs(shape, value)


def decode_blobs(shape, value):
    """JSON's text for blobs as bytes."""
    if shape.type_name == 'structure' and isinstance(value, dict):
        return {n: decode_blobs(model.members(shape)[n], v) if n in shape.members else v for n, v in value.items()}
    return scalar(shape, value) if shape.type_name == 'blob' and isinstance(value, str) else value


def from_rest(service, op, uri, query, headers, body):
    """The parameters of a REST request: `uri` those that its path named, `headers` by lower case."""
    shape, found, rest = op.input_shape, {}, {}
    names = {}
    for name, m in model.members(shape).items():
        place = m.serialization.get('location', 'body')
        names[place, m.serialization.get('name', name).lower() if place == 'header' else m.serialization.get('name', name)] = name
    payload = shape.serialization.get('payload')
    given = [('uri', n, v) for n, v in uri.items()] + [('querystring', n, v) for n, v in query]
    given += [('header', n, v) for n, v in headers.items() if n.startswith('x-amz-') and n not in (
        'x-amz-date', 'x-amz-security-token', 'x-amz-content-sha256')]
    for place, name, text in given:
        if (place, name) not in names or names[place, name] in found:
            raise refuse(service, 'member', 'unknown or twice in the %s: %s' % (place, name))
        member = names[place, name]
        found[member] = scalar(model.members(shape)[member], text)
    if payload:
        found[payload] = body
    elif any(place == 'body' for place, _ in names):
        if headers.get('content-type', '').partition(';')[0] not in ('application/json', 'application/x-amz-json-1.1'):
            raise refuse(service, 'invalid', 'the content type is to be application/json')
        rest = from_json(service, shape, body)
        if not isinstance(rest, dict) or any(('body', name) not in names for name in rest):
            raise refuse(service, 'member', 'unknown in the body: %s' % (', '.join(rest) if isinstance(rest, dict) else rest))
        rest = {names['body', name]: value for name, value in rest.items()}
    elif body:
        raise refuse(service, 'invalid', 'a body, where none belongs')
    return {**found, **rest}


# --- Answers --------------------------------------------------------------------------------------

def iso(t):
    return datetime.datetime.fromtimestamp(t, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.') + '%03dZ' % (t % 1 * 1000)


def _xml(shape, value, name):
    kind = shape.type_name
    if kind == 'structure':
        known = model.members(shape)
        unknown = set(value) - set(known)
        if unknown:
            raise AssertionError('the fake answers %s with members that its shape lacks: %s' % (name, unknown))
        text = ''.join(_xml(known[n], v, known[n].serialization.get('name', n)) for n, v in value.items() if v is not None)
    elif kind == 'list':
        item = shape.member.serialization.get('name', 'member')
        text = ''.join(_xml(shape.member, v, item) for v in value)
    elif kind == 'timestamp':
        text = iso(value)
    elif kind == 'boolean':
        text = 'true' if value else 'false'
    elif kind == 'blob':
        text = base64.b64encode(value).decode()
    else:
        text = escape(str(value))
    return '<%s>%s</%s>' % (name, text, name)


def _json(shape, value):
    kind = shape.type_name
    if kind == 'structure':
        known = model.members(shape)
        unknown = set(value) - set(known)
        if unknown:
            raise AssertionError('the fake answers with members that the shape lacks: %s' % unknown)
        return {known[n].serialization.get('name', n): _json(known[n], v) for n, v in value.items() if v is not None}
    if kind == 'list':
        return [_json(shape.member, v) for v in value]
    if kind == 'map':
        return {k: _json(shape.value, v) for k, v in value.items()}
    return base64.b64encode(value).decode() if kind == 'blob' else value


def written(service, op, result):
    """(status, headers, body) of a result."""
    protocol, request = op.service_model.metadata['protocol'], secrets.token_hex(16)
    shape, space = op.output_shape, op.service_model.metadata.get('xmlNamespace')
    if protocol == 'ec2':
        request = '-'.join(re.fullmatch('(.{8})(.{4})(.{4})(.{4})(.{12})', request).groups())
        inner = _xml(shape, result, 'x')[3:-4] if shape else '<return>true</return>'
        body = '<?xml version="1.0" encoding="UTF-8"?>\n<%sResponse xmlns="%s/"><requestId>%s</requestId>%s</%sResponse>' % (
            op.name, space, request, inner, op.name)
        return 200, {'Content-Type': 'text/xml;charset=UTF-8', 'x-amzn-requestid': request}, body.encode()
    if protocol == 'query':
        inner = _xml(shape, result, shape.serialization.get('resultWrapper', op.name + 'Result')) if shape else ''
        body = '<%sResponse xmlns="%s">%s<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>' % (
            op.name, space, inner, request, op.name)
        return 200, {'Content-Type': 'text/xml', 'x-amzn-RequestId': request}, body.encode()
    if protocol == 'json':
        body = json.dumps(_json(shape, result) if shape else {}).encode()
        return 200, {'Content-Type': 'application/x-amz-json-1.1', 'x-amzn-RequestId': request}, body
    headers, rest = {'x-amzn-RequestId': request}, {}
    payload = shape.serialization.get('payload')
    for name, value in result.items():
        m = model.members(shape)[name]
        if m.serialization.get('location') == 'header':
            headers[m.serialization['name']] = str(value)
        elif name != payload:
            rest[m.serialization.get('name', name)] = _json(m, value)
    headers['Content-Type'] = 'application/octet-stream' if payload else 'application/json'
    return op.http.get('responseCode', 200), headers, result[payload] if payload else json.dumps(rest).encode()
