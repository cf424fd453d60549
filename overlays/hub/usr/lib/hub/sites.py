import bisect, configparser, functools, json, re, sys
from ipaddress import IPv4Address, IPv4Network, collapse_addresses
from base import Error, read, text, why, write

ADDRESS = r'|[1-9]\d*(\.\d+){3}'
SHAPES = {'name': '(?!default$)[a-z0-9]([a-z0-9-]{0,29}[a-z0-9])?', 'id': r'[\w.+-]*@[\w.-]+' + ADDRESS,
	'peer': r'any|([\w-]+\.)+[a-zA-Z][\w-]*' + ADDRESS, 'psk': 's3|(ssm|secretsmanager|env|file):.+'}
KEY = r'(?=[ -~]{8,128}\n?$)[^"\\]+'


def alarm(*words):
	print('hub: alarm:', repr(' '.join(map(str, words)))[1:-1], file=sys.stderr)


class Hub:
	def __init__(self, root='/'):
		self.root, self.conf = root, configparser.ConfigParser(interpolation=None)
		self.conf.read_string(text(root + 'etc/hub/hub.conf'))
		mine = self.conf['hub']
		self.id, self.url, self.vpc = mine['id'], mine.get('sites'), IPv4Network(mine['vpc'])
		self.nets = collapse_addresses([self.vpc, IPv4Network(mine['subnet'])])
		self.daemon = __import__(mine.get('daemon') or 'libreswan').Daemon(root)
		self.rendered = self.daemon.parse(text(root + self.daemon.conns))

	@functools.cached_property
	def aws(self):
		import aws
		return aws.Aws(self.conf, aws.Imds(self.conf.get('aws', 'imds', fallback='')), 20)


def sources(hub, fetch=False):
	"""{source: document}; later ones win."""
	docs, file = {'build': read(hub.root + 'etc/hub/sites.json')}, hub.root + 'var/lib/hub/s3.json'
	if hub.url:
		kept = read(file)
		if kept.get('url') != hub.url:
			kept = {}
		try:
			body, etag = hub.aws.s3(hub.url, kept.get('etag')) if fetch or not kept else ('', '')
			if body:
				doc = json.loads(body)
				if doc['format'] != 1 or not doc['sites'][0]['name']:
					raise Error('not sites of format 1')
				kept = {'url': hub.url, 'etag': etag, 'doc': doc}
				write(file, json.dumps(kept), 0o600)
		except Exception as e:
			if not kept:
				raise
			alarm(hub.url, why(e), 'so what was there before holds')
		docs['s3'] = kept['doc']
	docs['local'] = {'format': 1, 'sites': [], 'removed': [], **read(hub.root + 'etc/hub/sites.local.json')}
	return docs


def merged(docs):
	"""{name: record}; `gone` if removed here."""
	found, psk = {}, None
	for source, doc in docs.items():
		psk = doc.get('psk', psk)
		for r in doc.get('sites', ()):
			try:
				found.pop(r['name'], 0)
				found[r['name']] = {'psk': psk, 'crypto': 'rtx810', 'dpd': [5, 4], **r, 'from': source}
			except (TypeError, LookupError):
				alarm(source, 'site without a name')
	for name in docs['local']['removed']:
		found.get(name, {})['gone'] = 1
	return found


def fetched(hub, refs):
	"""{reference: key}"""
	got, bad = read(hub.root + 'etc/hub/keys.json'), {}
	ssm = [r[4:] for r in refs if r[:4] == 'ssm:']
	try:
		got.update(('ssm:' + n, k) for n, k in (hub.aws.ssm(ssm, bad) if ssm else {}).items())
		for r in refs:
			if r[:15] == 'secretsmanager:':
				try:
					got[r] = hub.aws.secret(r[15:])
				except Error as e:
					bad[r] = e
					if e.again:
						break
	except Error as e:
		bad[''] = e
	for e in bad.values():
		alarm(e, 'so what was there before holds')
	return got


def plan(hub, docs):
	"""({connection: text}, secrets, {name: why it is left out}); of two that clash the first stays."""
	recs = {n: r for n, r in merged(docs).items() if 'gone' not in r}
	known = fetched(hub, {r['psk'] for r in recs.values() if isinstance(r['psk'], str)})
	carried, kept = docs.get('s3', {}).get('keys', {}), hub.daemon.keys(text(hub.root + hub.daemon.secrets))
	profiles, address = read(hub.root + 'etc/hub/crypto.json'), hub.aws.imds.local_ipv4()
	conns, secrets, bad, used, shared = {}, '', {}, {hub.id: 'the hub'}, {}
	taken = [(int(n[0]), int(n[-1]), 'the VPC') for n in hub.nets]
	for name, r in recs.items():
		try:
			for field, shape in SHAPES.items():
				v = r.get(field) or ''
				if not re.fullmatch(shape, v, re.A):
					raise Error(field + ' is not valid')
				if re.fullmatch(r'[\d.]+\.\d+', v):
					IPv4Address(v)
			crypto = profiles[r['crypto']] if isinstance(r['crypto'], str) else r['crypto']
			nets = [*map(IPv4Network, r['subnets'])]
			if not 0 < len(nets) < 65:
				raise Error('subnets is not valid')
			made = hub.daemon.render(r, crypto, _PIPADDR_=address, _HUB_ID_=hub.id, _VPC_=str(hub.vpc))
			key = carried.get(name, carried.get('default')) if r['psk'] == 's3' else known.get(r['psk'])
			key = next((k.strip('\n') for k in map(str, (key, kept.get(r['id']))) if re.fullmatch(KEY, k)), 0)
			if not key:
				raise Error('no usable key ' + r['psk'])
			for v in r['id'], 'peer ' + r['peer']:
				if v != 'peer any' and used.setdefault(v, name) != name:
					raise Error('%s is also that of %s' % (v, used[v]))
			for n in nets:
				i = bisect.bisect(taken, (int(n[-1]) + 1,))
				if i and taken[i - 1][1] >= int(n[0]):
					raise Error('subnet %s overlaps one of %s' % (n, taken[i - 1][2]))
				taken.insert(i, (int(n[0]), int(n[-1]), name))
			if r['peer'] == 'any':  # the daemon chooses these before it knows who dials
				same = crypto['ike'], crypto['ike_version'] == 2 or key
				first = shared.setdefault(crypto['ike_version'], (name, same))
				if same != first[1]:
					raise Error('peer any needs the ike proposals and (IKEv1) the key of ' + first[0])
			conns.update(made)
			secrets += hub.daemon.secret(hub.id, r['id'], key)
		except Exception as e:
			bad[name] = why(e)
			taken = [t for t in taken if t[2] != name]
			used = {v: n for v, n in used.items() if n != name}
	return conns, secrets, bad


def render(hub, docs, name=None):
	"""Write what changed, tell a running daemon: {connection: what became of it}. Problems are alarms,
	one of site `name` stops it."""
	conns, secrets, bad = plan(hub, docs)
	old, daemon, done = hub.rendered, hub.daemon, {}
	if name in bad:
		raise Error('site %s: %s' % (name, bad[name]))
	for n in bad:
		alarm('site', n, 'left out:', bad[n])
	alive = daemon.alive()
	if alive is None or bad and not conns:
		raise Error('the IPsec daemon does not answer' if alive is None else 'no usable site')
	if name:
		write(hub.root + 'etc/hub/sites.local.json', json.dumps(docs['local'], indent=1))
	if write(hub.root + daemon.secrets, secrets, 0o600) and alive:
		daemon.reread()
	new = [n for n in conns if conns[n] != old.get(n)]
	step = 1 if len(new) < 50 else 500
	for part in [[n] for n in old if n not in conns] + [new[i:i + step] for i in range(0, len(new), step)]:
		made = {n: conns[n] for n in part if n in conns}
		why = alive and (daemon.load(made) if made else daemon.remove(*part))
		for n in part:
			done[n] = 'failed: ' + why if why else 'removed' if not made else 'replaced' if n in old else 'added'
			if why:
				conns[n] = '' if made else old[n]  # the next render tries again
	write(hub.root + daemon.conns, ''.join(conns.values()))
	return done


def add(hub, name, want):
	"""Record and load a site, or without `want` bring back a removed one."""
	docs = sources(hub)
	doc, was = docs['local'], merged(docs).get(name, {})
	doc['removed'] = [n for n in doc['removed'] if n != name]
	if want:
		doc['sites'] = [r for r in doc['sites'] if r['name'] != name] + [dict(want, name=name)]
	now = merged(docs).get(name)
	if not now:
		raise Error('a new site needs --peer, --id and --subnet')
	return {} if {**now, 'from': 0} == {**was, 'from': 0} else render(hub, docs, name)


def remove(hub, name):
	docs = sources(hub)
	gone = 'gone' in merged(docs)[name]
	docs['local']['removed'].append(name)
	return {} if gone else render(hub, docs, name)
