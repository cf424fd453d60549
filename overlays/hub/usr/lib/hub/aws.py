import hashlib, hmac, html, json, random, re, ssl, time, xml.etree.ElementTree as ET
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import quote, urlencode
from base import Error, why

LIMIT = 64 << 20


class AwsError(Error):
	"""What failed and why; `again`: it may work later."""

	def __init__(self, what, why, again, code=''):
		super().__init__(what + ': ' + re.sub('[^ -~]+', ' ', why)[:300])
		self.again, self.code = again, code


def send(method, base, path, headers, body, timeout, tls=None):
	"""(status, headers, body) of an HTTP exchange; `timeout` is for each of its steps."""
	host = base.split('/')[2]
	conn = HTTPSConnection(host, timeout=timeout, context=tls) if base[4] == 's' else HTTPConnection(host, timeout=timeout)
	conn.request(method, path, body, {**headers, 'Connection': 'close'})
	with conn.getresponse() as reply:
		body = reply.read(LIMIT)
		if reply.length or len(body) == LIMIT:
			raise OSError('reply cut off or too long')
		return reply.status, reply.headers, body


def insist(what, attempt, seconds):
	"""attempt() until it works, fails for good or time is up; full jitter between the tries."""
	end = time.monotonic() + seconds
	for n in range(99):
		try:
			return attempt()
		except AwsError as e:
			error = e
		except Exception as e:
			error = AwsError(what, why(e), not isinstance(e, ssl.CertificateError))
		pause = random.random() * min(20, 2 ** n)
		if not error.again or time.monotonic() + pause > end:
			break
		time.sleep(pause)
	raise error


def sign(method, base, path, headers, body, service, region, key, secret):
	"""Signature Version 4 of what is in canonical form already."""
	stamp, digest = time.strftime('%Y%m%dT%H%M%SZ', time.gmtime()), hashlib.sha256(body).hexdigest()
	headers = {**headers, 'host': base.split('/')[2], 'x-amz-date': stamp}
	if service == 's3':
		headers['x-amz-content-sha256'] = digest
	signed, scope = ';'.join(sorted(headers)), '/'.join((stamp[:8], region, service, 'aws4_request'))
	path, _, query = path.partition('?')
	request = '\n'.join((method, path, query, *map(':'.join, sorted(headers.items())), '', signed, digest))
	text = '\n'.join(('AWS4-HMAC-SHA256', stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
	signature = b'AWS4' + secret.encode()
	for part in *scope.split('/'), text:
		signature = hmac.new(signature, part.encode(), 'sha256').digest()
	headers['authorization'] = 'AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s' % (
		key, scope, signed, signature.hex())
	return headers


class Imds:
	"""Version 2."""

	def __init__(self, base):
		self.base, self.until = base or 'http://169.254.169.254', 0

	def get(self, path):
		what = 'metadata ' + path

		def ask(method, path, header, value):
			status, _, body = send(
				method, self.base, '/latest/' + path, {'x-aws-ec2-metadata-token' + header: value}, None, 2)
			if status != 200:
				raise AwsError(what, 'HTTP %d' % status, status > 404, status)
			return body.decode()
		return insist(what, lambda: ask('GET', 'meta-data/' + path, '', ask('PUT', 'api/token', '-ttl-seconds', '60')), 15)

	def local_ipv4(self):
		return self.get('local-ipv4')

	def public_ipv4(self):
		try:
			return self.get('public-ipv4')
		except AwsError as e:
			if e.code != 404:
				raise

	def credentials(self):
		if time.monotonic() > self.until:
			path = 'iam/security-credentials/'
			got = json.loads(self.get(path + self.get(path)))
			self.creds = got['AccessKeyId'], got['SecretAccessKey'], got['Token']
			self.until = time.monotonic() + 240
		return self.creds


def explain(text):
	"""(code, message) of an error in JSON or XML, else ('', text)."""
	try:
		e = json.loads(text) if text[0] == '{' else {e.tag.split('}')[-1]: e.text for e in ET.fromstring(text).iter()}
		code = e.get('__type') or e.get('Code') or next(iter(e))
		return code.split('#')[-1], e['message' if 'message' in e else 'Message'] or ''
	except Exception:
		return '', text


def plain(e):
	"""An XML element's text, or [(tag, plain(child))]; xml() is the way back."""
	return [(e.tag.split('}')[-1], plain(e)) for e in e] or e.text or ''


def xml(value):
	return html.escape(value) if isinstance(value, str) else ''.join('<%s>%s</%s>' % (k, xml(v), k) for k, v in value)


class Aws:
	def __init__(self, conf, imds, seconds):
		self.conf, self.imds, self.seconds, self.tls = dict(conf).get('aws', {}), imds, seconds, None

	def request(self, service, op, method, path, headers, body, parse):
		"""parse(body, headers) of the reply."""
		what, ca = service + ' ' + op, self.conf.get('ca') or None
		self.tls = self.tls or insist('CA file %s' % ca, lambda: ssl.create_default_context(cafile=ca), 0)

		def attempt():
			region = self.conf.get('region') or self.imds.get('placement/region')
			host = service + '.' + region
			if service == 'route53':
				host, region = service, 'us-east-1'
			base = self.conf.get(service) or 'https://%s.amazonaws.com' % host
			key, secret, token = self.imds.credentials()
			signed = sign(method, base, path, {**headers, 'x-amz-security-token': token}, body.encode(),
				service, region, key, secret)
			status, got, text = send(method, base, path, signed, body.encode(), 10, self.tls)
			if status in (200, 304):
				return parse(text, got)
			self.imds.until = 0  # perhaps they have expired
			code, why = explain(text.decode(errors='replace'))
			for word in secret, token, signed['authorization'][-64:]:
				why = why.replace(word, '***')
			again = status > 428 or re.search('Throttl|TooMany|RequestLimit|NotComplete|ExpiredToken', code)
			raise AwsError(what, '%s (request %s): %s' % (
				code or status, got.get('x-amzn-requestid', got.get('x-amz-request-id')), why), again, code)
		return insist(what, attempt, self.seconds)

	def call(self, service, target, op, request, parse):
		return self.request(service, op, 'POST', '/', {'content-type': 'application/x-amz-json-1.1',
			'x-amz-target': target + '.' + op}, json.dumps(request), lambda text, _: parse(json.loads(text)))

	def ssm(self, names, problems):
		"""{name: value} of the parameters to be had; `problems` takes {name: why} of the others."""
		values, batches = {}, [names[i:i + 10] for i in range(0, len(names), 10)]
		for batch in batches:
			try:
				values.update(self.call('ssm', 'AmazonSSM', 'GetParameters', {'Names': batch, 'WithDecryption': True},
					lambda got: {p['Name'] + p.get('Selector', ''): p['Value'] for p in got['Parameters']}))
				problems.update((name, 'ssm: no parameter ' + name) for name in batch if name not in values)
			except AwsError as e:
				if e.code not in ('AccessDeniedException', 'InvalidKeyId', 'ValidationException'):
					raise
				if batch[1:]:  # perhaps for one of them: ask for each alone
					batches += [[name] for name in batch]
				else:
					problems[batch[0]] = e
		return values

	def secret(self, name):
		return self.call('secretsmanager', 'secretsmanager', 'GetSecretValue', {'SecretId': name},
			lambda got: got.get('SecretString'))

	def s3(self, url, etag=None):
		"""(bytes, ETag) of s3://BUCKET/KEY[?versionId=V]; no bytes while it still has that etag."""
		path, mark, version = url[4:].partition('?versionId=')
		return self.request('s3', 'GetObject ' + url, 'GET', quote(path) + mark + quote(version),
			{'if-none-match': etag} if etag else {}, '', lambda text, got: (text, got.get('ETag')))

	def route53(self, op, method, zone, path, body, parse):
		return self.request('route53', op, method, '/2013-04-01/hostedzone/%s/rrset%s' % (zone.split('/')[-1], path),
			{}, body, lambda text, _: parse(dict(plain(ET.fromstring(text)))))

	def records(self, zone, name):
		"""The record sets of this name, dicts of plain() fields."""
		found, at = [], {'name': name}
		while at:
			page, at = self.route53('ListResourceRecordSets', 'GET', zone, '?' + urlencode(at, safe='', quote_via=quote), '',
				lambda got: ([dict(fields) for _, fields in got['ResourceRecordSets']], {
					k.lower(): got['NextRecord' + k] for k in ('Identifier', 'Name', 'Type') if 'NextRecord' + k in got}))
			for record in page:
				if record['Name'] != name:
					return found
				found.append(record)
		return found

	def change(self, zone, action, record):
		self.route53('ChangeResourceRecordSets', 'POST', zone, '/',
			'<ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/">%s'
			'</ChangeResourceRecordSetsRequest>' % xml([('ChangeBatch', [('Changes', [('Change', [
				('Action', action), ('ResourceRecordSet', record.items())])])])]), lambda got: got['ChangeInfo'])
