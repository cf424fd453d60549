import time
from base import Error


def _zone(conf):
	zone = conf['pool']['zone']
	if not zone:
		print('no hosted zone is set: this hub keeps no record')
	return zone


def _list(conf, aws):
	"""(name, own SetIdentifier, {SetIdentifier: A or CNAME record})."""
	pool, get = conf['pool'], aws.imds.get
	name = pool['name'].lower() + '.'
	return name, '/'.join((get('placement/region'), pool['group'], get('instance-id'))), {
		r.get('SetIdentifier'): r for r in aws.records(pool['zone'], name) if r['Type'] in ('A', 'CNAME')}


def join(conf, aws, ready):
	zone, end, said = _zone(conf), time.monotonic() + 600, ''
	if not zone:
		return
	while problems := '; '.join(ready()):
		if problems != said:
			print('not ready:', problems)
		if time.monotonic() > end:
			raise Error('not ready after 600 s: ' + problems)
		said = problems
		time.sleep(5)
	address = aws.imds.public_ipv4()
	if not address:
		raise Error('this instance has no public IPv4 address: give it one')
	name, me, found = _list(conf, aws)
	for r in found.values():
		if 'MultiValueAnswer' not in r:
			raise Error('%s has a %s record that is not multivalue, and no hub can join beside it: delete it first'
				% (name, r['Type']))
	if me not in found and len(found) > 99:
		raise Error(name + ' has 100 records, all that it can: delete those of dead hubs, see hub pool status')
	record = {'Name': name, 'Type': 'A', 'SetIdentifier': me, 'MultiValueAnswer': 'true', 'TTL': conf['pool']['ttl'],
		'ResourceRecords': [('ResourceRecord', [('Value', address)])]}
	if record != found.get(me):
		aws.change(zone, 'UPSERT', record)
	print(name, 'answers', address, 'for this hub')


def leave(conf, aws):
	zone = _zone(conf)
	if not zone:
		return
	for last in False, True:
		name, me, found = _list(conf, aws)
		try:
			if me in found:
				aws.change(zone, 'DELETE', found[me])  # every value as listed
			return print(name, 'has no record of this hub')
		except Error:  # perhaps changed since: list again
			if last:
				raise


def status(conf, aws):
	zone = _zone(conf)
	if not zone:
		return True
	name, me, found = _list(conf, aws)
	print('%s in zone %s: %d records' % (name, zone, len(found)))
	for key, r in found.items():
		print('%s %-5s %-15s %5s  %s' % (' *'[key == me], r['Type'], ', '.join(
			dict(v)['Value'] for _, v in r.get('ResourceRecords', [])) or 'alias', r.get('TTL', '-'), key or 'in the way'))
	return me in found
