"""Usage: hub COMMAND

site add NAME --peer ADDRESS|HOST|any --id ADDRESS|@NAME|USER@HOST --subnet NET [--subnet NET ...]
    [--psk-ref ssm:PATH|secretsmanager:NAME|s3] [--crypto PROFILE] [--dpd SECONDS,COUNT]
                   add or change a site, or (just NAME) bring back a removed one
site remove NAME   take any site off this hub
site list          show all sites
site render        fetch sites and keys, load what changed
ready              say whether this hub can serve
status [NAME]      show this hub or a site; --log: its journal
pool join          set this hub's record once it is ready
pool leave         delete it
pool status        show all records

Exit status: 0 done or yes, 1 failed or no, 2 wrong command line."""
import fcntl, getopt, os, sys
import pool, sites
from base import Error, why
from ready import problems


def table(rows):
	rows = [[*map(str, r)] for r in rows]
	widths = [max(map(len, column)) for column in zip(*rows)]
	for r in rows:
		print(*map(str.ljust, r, widths))


def told(done):
	for change in done.items():
		print(*change)
	print(len(done), 'connections changed')
	return 'failed: ' in str(done)


def remove(hub, o):
	failed = told(sites.remove(hub, o['name']))
	print('to undo: hub site add', o['name'])
	return failed


def show(hub, o):
	table([('NAME', 'PEER', 'ID', 'CRYPTO', 'FROM', 'KEY', 'SUBNETS')] + [
		(n, r.get('peer'), r.get('id'), 'own' if isinstance(r['crypto'], dict) else r['crypto'],
			'removed' if 'gone' in r else r['from'], r['psk'], ' '.join(r.get('subnets', ())))
		for n, r in sites.merged(sites.sources(hub)).items()])


def ready(hub, o):
	found = problems(hub)
	print('not ready: ' + '; '.join(found) if found else 'ready')
	return found


def status(hub, o):
	recs = {n: r for n, r in sites.merged(sites.sources(hub)).items() if 'gone' not in r}
	conns, daemon = hub.rendered, hub.daemon
	if 'log' in o:
		return print(*daemon.log(recs[o['name']]), sep='\n')
	up = daemon.list()
	table((n, r['peer'], r['id'], subnet, up.get(n) or (
		'down' if n in conns and (len(conns) > 50 or daemon.loaded(n)) else 'not loaded'))
		for r in ([recs[o['name']]] if 'name' in o else recs.values()) for n, subnet in daemon.names(r))
	if 'name' not in o:
		print('%s: %d sites, %d connections rendered, %d up' % (hub.id, len(recs), len(conns), len(up)))
		ready(hub, o)
		print('addresses:', hub.aws.imds.local_ipv4(), hub.aws.imds.public_ipv4())
		pool.status(hub.conf, hub.aws)


CALLS = {
	'site add NAME': lambda hub, o: told(sites.add(hub, o.pop('name'), o)),
	'site remove NAME': remove,
	'site list': show,
	'site render': lambda hub, o: told(sites.render(hub, sites.sources(hub, True))),
	'ready': ready,
	'status': status,
	'status NAME': status,
	'pool join': lambda hub, o: pool.join(hub.conf, hub.aws, lambda: problems(hub)),
	'pool leave': lambda hub, o: pool.leave(hub.conf, hub.aws),
	'pool status': lambda hub, o: not pool.status(hub.conf, hub.aws)}


def main(argv):
	o = {'root': '/'}
	try:
		given, words = getopt.gnu_getopt(argv, 'h', 'help log root= peer= id= subnets= psk-ref= crypto= dpd='.split())
		for k, v in given:
			k = k.strip('-').replace('-ref', '')
			o[k] = o.get(k, []) + [v] if k == 'subnets' else [*map(int, v.split(','))] if k == 'dpd' else v
		if {'h', 'help'} & {*o}:
			return print(__doc__)
		call, root = CALLS.get(' '.join(words)), os.path.join(o.pop('root'), '')
		if not call:
			call, o['name'] = CALLS[' '.join([*words[:-1], 'NAME'])], words[-1]
	except (getopt.GetoptError, LookupError, ValueError) as e:
		print('hub: wrong command line: %s; see hub --help' % e, file=sys.stderr)
		return 2
	try:
		if root == '/' and os.geteuid():
			raise Error('needs root: sudo hub ...')
		os.umask(0o022)
		os.makedirs(root + 'var/lib/hub', 0o700, exist_ok=True)
		with open(root + 'var/lib/hub/lock', 'w') as lock:
			if words[0] == 'site':
				fcntl.flock(lock, fcntl.LOCK_EX)
			return int(bool(call(sites.Hub(root), o)))
	except Exception as e:
		print('hub:', why(e), file=sys.stderr)
		return 1
