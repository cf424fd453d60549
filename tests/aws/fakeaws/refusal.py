"""How each service words its refusals."""
import json
import secrets
from xml.sax.saxutils import escape

# Refusals that do not depend on the operation: status and code by service.
JSON = {
    'missing': (400, 'MissingAuthenticationTokenException'), 'malformed': (400, 'IncompleteSignatureException'),
    'unknown': (400, 'UnrecognizedClientException'), 'wrong': (400, 'InvalidSignatureException'),
    'clock': (400, 'InvalidSignatureException'), 'future': (400, 'InvalidSignatureException'),
    'expired': (400, 'ExpiredTokenException'), 'throttle': (400, 'ThrottlingException'),
    'error': (500, 'InternalServerError'), 'denied': (400, 'AccessDeniedException'),
    'invalid': (400, 'ValidationException'), 'absent': (400, 'ValidationException'),
    'member': (400, 'ValidationException'), 'operation': (400, 'UnknownOperationException')}
QUERY = {
    'missing': (403, 'MissingAuthenticationToken'), 'malformed': (400, 'IncompleteSignature'),
    'unknown': (403, 'InvalidClientTokenId'), 'wrong': (403, 'SignatureDoesNotMatch'),
    'clock': (403, 'SignatureDoesNotMatch'), 'future': (403, 'SignatureDoesNotMatch'),
    'expired': (403, 'ExpiredToken'), 'throttle': (400, 'Throttling'), 'error': (500, 'InternalFailure'),
    'denied': (403, 'AccessDenied'), 'invalid': (400, 'ValidationError'), 'absent': (400, 'ValidationError'),
    'member': (400, 'ValidationError'), 'operation': (400, 'InvalidAction')}
CODES = {
    'ssm': JSON,
    'kms': {**JSON, 'error': (500, 'KMSInternalException')},
    'ebs': {
        **{why: (403, code) for why, (status, code) in JSON.items()}, 'throttle': (400, 'RequestThrottledException'),
        'error': (500, 'InternalServerException'), 'denied': (403, 'AccessDeniedException'),
        'invalid': (400, 'ValidationException'), 'absent': (400, 'ValidationException'),
        'member': (400, 'ValidationException'), 'operation': (404, 'UnknownOperationException')},
    'sts': QUERY,
    'autoscaling': QUERY,
    'ec2': {
        'missing': (400, 'MissingParameter'), 'malformed': (400, 'IncompleteSignature'), 'unknown': (401, 'AuthFailure'),
        'wrong': (401, 'AuthFailure'), 'clock': (400, 'RequestExpired'), 'future': (401, 'AuthFailure'),
        'expired': (400, 'RequestExpired'), 'throttle': (503, 'RequestLimitExceeded'), 'error': (500, 'InternalError'),
        'denied': (403, 'UnauthorizedOperation'), 'invalid': (400, 'InvalidParameterValue'),
        'absent': (400, 'MissingParameter'), 'member': (400, 'UnknownParameter'), 'operation': (400, 'InvalidAction')},
}
SERVICES = tuple(CODES)


class Refusal(Exception):
    """An answer other than success: its code, what it says, its status, and EBS's Reason."""

    def __init__(self, code, message='', status=400, reason=None):
        super().__init__(code, message)
        self.code, self.message, self.status, self.reason = code, message, status, reason


def refuse(service, why, message=''):
    """The Refusal by which a service answers one of the whys above."""
    status, code = CODES[service][why]
    reason = {('ebs', 'throttle'): 'ACCOUNT_THROTTLED', ('ebs', 'denied'): 'UNAUTHORIZED_ACCOUNT'}.get((service, why))
    return Refusal(code, message, status, reason)


def worded(service, e):
    """(status, headers, body) of a Refusal as the service sends it."""
    request = secrets.token_hex(16)
    if service == 'ebs':
        body = {'Message': e.message, **({'Reason': e.reason} if e.reason else {})}
        return e.status, {'Content-Type': 'application/json', 'x-amzn-RequestId': request, 'x-amzn-ErrorType': e.code}, \
            json.dumps(body).encode()
    if service in ('ssm', 'kms'):
        body = json.dumps({'__type': e.code, 'message': e.message}).encode()
        return e.status, {'Content-Type': 'application/x-amz-json-1.1', 'x-amzn-RequestId': request}, body
    code, message = escape(e.code), escape(e.message)
    if service == 'ec2':
        body = '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>%s</Code><Message>%s</Message>' \
            '</Error></Errors><RequestID>%s</RequestID></Response>' % (code, message, request)
        return e.status, {'Content-Type': 'text/xml;charset=UTF-8'}, body.encode()
    side = 'Sender' if e.status < 500 else 'Receiver'
    body = '<ErrorResponse><Error><Type>%s</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>%s</RequestId>' \
        '</ErrorResponse>' % (side, code, message, request)
    return e.status, {'Content-Type': 'text/xml', 'x-amzn-RequestId': request}, body.encode()
