"""Usage: hub COMMAND

site add NAME --peer ADDRESS|HOST|any --id ADDRESS|@NAME|USER@HOST --subnet NET [--subnet NET ...]
    [--psk-ref ssm:PATH|secretsmanager:NAME|s3] [--crypto PROFILE] [--dpd SECONDS,COUNT]
                   add or change a site; without options: bring back a removed one
site remove NAME   take a site off this hub, wherever it came from
site list          show all sites, where their keys are and where they came from
site render        fetch sites and keys, write the daemon's files, load what changed
ready              say whether this hub can serve
status [NAME]      show this hub, or a site; with --log its lines of the journal
pool join          set this hub's record in the pool's name once it is ready
pool leave         delete it
pool status        show all records

Exit status: 0 done or yes, 1 failed or no, 2 wrong command line."""
import fcntl, getopt, inspect, os, sys, time
import sites
from base import Error, why
from ready import problems


def table(rows):
    rows = [[*map(str, r)] for r in rows]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for r in rows:
        print('  '.join(map(str.ljust, r, widths)).rstrip())


def told(done):
    table(done.items())
    print(len(done), 'connections changed')
    return 'failed' in str(done)


def site_add(hub, o, name):
    return told(sites.add(hub, name, o))


def site_remove(hub, o, name):
    failed = told(sites.remove(hub, name))
    print('to undo: hub site add', name)
    return failed


def site_list(hub, o):
    table([('NAME', 'PEER', 'ID', 'CRYPTO', 'KEY', 'FROM', 'SUBNETS')] + [
        (n, r.get('peer'), r.get('id'), 'own' if isinstance(r['crypto'], dict) else r['crypto'], r['psk'],
         r['from'] + ', removed' * ('gone' in r), ' '.join(r.get('subnets', ())))
        for n, r in sites.merged(sites.sources(hub)).items()])


def site_render(hub, o):
    return told(sites.render(hub, sites.sources(hub, True)))


def ready(hub, o):
    found = problems(hub)
    print('not ready: ' + '; '.join(found) if found else 'ready')
    return found


def status(hub, o, name=None):
    recs = {n: r for n, r in sites.merged(sites.sources(hub)).items() if 'gone' not in r}
    conns, daemon = hub.rendered, hub.daemon
    if 'log' in o:
        return print(*daemon.log(recs[name]), sep='\n')
    up, rows = daemon.list(), []
    for r in [recs[name]] if name else recs.values():
        for n, subnet in daemon.names(r):
            state = 'not rendered'
            if n in up:
                peer, since, *count = up[n]
                state = 'up since %s %s, in %s, out %s' % (time.strftime('%F %T', time.localtime(int(since))), peer, *count)
            elif n in conns:
                state = 'down' if len(conns) > 50 or daemon.loaded(n) else 'not loaded'
            rows.append((n, r['peer'], r['id'], subnet, state))
    table(rows)
    if not name:
        print('%s: %d sites, %d connections rendered, %d up' % (hub.id, len(recs), len(conns), len(up)))
        ready(hub, o)
        print('addresses:', hub.aws.imds.local_ipv4(), hub.aws.imds.public_ipv4())
        pool_status(hub, o)


def pool_join(hub, o):
    import pool
    pool.join(hub.conf, hub.aws, lambda: problems(hub))


def pool_leave(hub, o):
    import pool
    pool.leave(hub.conf, hub.aws)


def pool_status(hub, o):
    import pool
    return not pool.status(hub.conf, hub.aws)


CALLS = {f.__name__.replace('_', ' '): f for f in (
    site_add, site_remove, site_list, site_render, ready, status, pool_join, pool_leave, pool_status)}


def main(argv):
    o = {'root': '/'}
    try:
        given, words = getopt.gnu_getopt(argv, 'h', [
            'help', 'log', 'root=', 'peer=', 'id=', 'subnet=', 'psk-ref=', 'crypto=', 'dpd='])
        for k, v in given:
            k = k.strip('-')
            if k == 'subnet':
                o.setdefault('subnets', []).append(v)
            else:
                o[k.replace('-ref', '')] = [*map(int, v.split(','))] if k == 'dpd' else v
        if {'h', 'help'} & {*o}:
            return print(__doc__)
        n = 2 - (' '.join(words[:1]) in CALLS)
        call, root = CALLS[' '.join(words[:n])], os.path.join(o.pop('root'), '')
        inspect.signature(call).bind(0, 0, *words[n:])
    except (getopt.GetoptError, LookupError, TypeError, ValueError) as e:
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
            return int(bool(call(sites.Hub(root), o, *words[n:])))
    except Exception as e:
        print('hub:', why(e), file=sys.stderr)
        return 1
