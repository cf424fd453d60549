"""This hub's own multivalue-answer A record of the pool's name."""
from base import Error

FULL = 100  # records of one name and type, the limit of Route 53


def _zone(conf, say):
    zone = conf.get('pool', 'zone', fallback='')
    if not zone:
        say('no hosted zone is set: this hub keeps no record')
    return zone


def _list(conf, aws):
    """(name, own SetIdentifier, {SetIdentifier: multivalue record}, [records in their way])."""
    imds, name = aws.imds, conf.get('pool', 'name').rstrip('.').lower()
    me = '/'.join((imds.region(), conf.get('pool', 'group', fallback='') or 'hub', imds.instance_id()))
    found = [r for r in aws.records(conf.get('pool', 'zone'), name) if r['Type'] in ('A', 'CNAME')]
    pool = {r['SetIdentifier']: r for r in found if r.get('MultiValueAnswer') == 'true'}
    return name, me, pool, [r for r in found if r not in pool.values()]


def _values(record):
    return ', '.join(dict(value)['Value'] for _, value in record.get('ResourceRecords', [])) or 'alias'


def join(conf, aws, ready, wait=600, say=print):
    """Set this hub's record once ready() lists no problems, which may take `wait` seconds."""
    zone, end, said = _zone(conf, say), aws.clock.monotonic() + wait, None
    while zone and (problems := '; '.join(ready())):
        if problems != said:
            say('not ready: ' + problems)
        if aws.clock.monotonic() >= end:
            raise Error('not ready after %d s: %s' % (wait, problems))
        said = problems
        aws.clock.sleep(5)
    if not zone:
        return
    address = aws.imds.public_ipv4()
    if not address:
        raise Error('this instance has no public IPv4 address: give it one')
    name, me, pool, inway = _list(conf, aws)
    if inway:
        raise Error('%s has a %s record (%s) that is not multivalue, and no hub can join beside it: delete it first'
                    % (name, inway[0]['Type'], _values(inway[0])))
    if me not in pool and len(pool) >= FULL:
        raise Error('%s has %d records, all that it can: delete those of dead hubs, see hub pool status' % (name, FULL))
    record = {'Name': name + '.', 'Type': 'A', 'SetIdentifier': me, 'MultiValueAnswer': 'true',
              'TTL': conf.get('pool', 'ttl', fallback='') or '60',
              'ResourceRecords': [('ResourceRecord', [('Value', address)])]}
    if record != pool.get(me):
        aws.change(zone, 'UPSERT', record)
    say('%s answers %s for this hub' % (name, address))


def leave(conf, aws, say=print):
    """Delete this hub's record, if any."""
    zone = _zone(conf, say)
    for last in (False, True) if zone else ():
        name, me, pool, _ = _list(conf, aws)
        try:
            if me in pool:
                aws.change(zone, 'DELETE', pool[me])  # every value as listed
            return say('%s has no record of this hub' % name)
        except Error as e:
            if last or getattr(e, 'code', '') != 'InvalidChangeBatch':  # changed since: list again
                raise


def status(conf, aws, say=print):
    """Print the pool's records, this hub's marked *; True if that is there or no zone is set."""
    zone = _zone(conf, say)
    if not zone:
        return True
    name, me, pool, inway = _list(conf, aws)
    say('%s in zone %s: %d of %d records' % (name, zone, len(pool), FULL))
    for key, r in [*sorted(pool.items()), *(('in the way', r) for r in inway)]:
        say('%s %-5s %-15s %5s  %s' % (' *'[key == me], r['Type'], _values(r), r.get('TTL', '-'), key))
    return me in pool
