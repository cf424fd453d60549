import os, re, time
from base import Error, run, text


def proposals(texts):
	found = re.fullmatch('[a-z0-9,-]+', ','.join(texts))
	if not found:
		raise Error('crypto is not valid')
	return re.sub(r'aes(\d+)gcm16', r'aes_gcm\1', found[0].replace('prf', '').replace('x25519', 'dh31'))


class Daemon:
	conns, secrets = 'etc/ipsec.d/hub-sites.conf', 'etc/ipsec.d/hub-sites.secrets'

	def __init__(self, root):
		self.run, self.ctl = run, ['--ctlsocket', root + 'run/pluto/pluto.ctl']
		self.template = re.split('(_[A-Z0-9_]+_)', text(os.path.dirname(__file__) + '/site.conf'))

	def names(self, site):
		"""[(connection, subnet)]"""
		return [('site-' + site['name'] + '.%d' % n * (n > 1), s) for n, s in enumerate(site['subnets'], 1)]

	def render(self, site, crypto, **env):
		made = {}
		env.update(_REMOTE_GLOBAL_IP_=site['peer'], _REMOTE_LOCAL_IP_=site['id'], _IKEV2_='no',
			_PFS_='yes' if crypto['pfs'] else 'no', _IKE_=proposals(crypto['ike']), _ESP_=proposals(crypto['esp']),
			_IKELIFETIME_='%d' % crypto['ike_lifetime'], _ESPLIFETIME_='%d' % crypto['esp_lifetime'])
		if site['peer'] == 'any':
			env['_REMOTE_GLOBAL_IP_'] = '%any'
		if crypto['ike_version'] == 2:
			env['_IKEV2_'] = 'yes\n\tnarrowing=yes'  # a Yamaha RTX asks for all addresses; with IKEv1 an error
		for name, env['_REMOTE_LOCAL_SUBNET_'] in self.names(site):
			env['_SITENAME_'] = name[5:]
			made[name] = ''.join(env[p] if p[:1] == '_' else p for p in self.template)
		return made

	def parse(self, text):
		return {t.split('\n')[0]: 'conn ' + t for t in text.split('conn ')[1:]}

	def secret(self, hub, site, key):
		return '%s %s : PSK "%s"\n' % (hub, site, key)  # found by the two ids in every mode, from every address

	def keys(self, text):
		"""{site's id: key}"""
		return dict(re.findall('^.+ (.+) : PSK "(.+)"', text, re.M))

	def whack(self, *args):
		return self.run('ipsec', 'whack', *self.ctl, *args)

	def alive(self):
		"""None: it runs, but does not answer."""
		return {None: None, 0: True}.get(self.whack('--briefstatus')[0], False)

	def load(self, conns):
		"""Add or replace {connection: text}; why not (of several, the journal tells)."""
		status, said = self.run('ipsec', 'addconn', *self.ctl, '--config', '/dev/stdin', *conns,
			data=''.join(conns.values()), timeout=60)
		if status is None or status and len(conns) == 1:
			return said.split('\n')[-1] or 'refused'

	def remove(self, name):
		if self.whack('--name', name, '--delete')[0] not in (0, 21):  # 21: there is none
			return 'not removed'

	def terminate(self, name):
		self.whack('--name', name, '--terminate')

	def reread(self):
		self.whack('--rereadsecrets')

	def loaded(self, name):
		status, said = self.whack('--name', name, '--trafficstatus')
		return status == 0 and 'no ' not in said

	def list(self):
		"""{connection: words on its tunnel}"""
		return {name: 'up since %s, in %s, out %s' % (time.ctime(int(since)), got, sent) + peer.replace(' ', ', from ')
			for name, peer, since, got, sent in re.findall(
				r'"(site-[^"]+)"[][\d]*(.*?), .*add_time=(\d+), inBytes=(\d+), outBytes=(\d+)', self.whack('--trafficstatus')[1])}

	def log(self, site):
		return [s for s in self.run('journalctl', '-u', 'ipsec', '--since=-7d', timeout=60)[1].split('\n')
			if re.search('"site-%(name)s["[.]|from %(peer)s:' % site, s)]
