"""Whether this hub may serve: the daemon answers, it forwards, it masquerades, a site is loaded."""
import re
from base import text


def problems(hub):
    """What is missing, in words."""
    rules = hub.daemon.run('iptables-save', '-t', 'nat')[1]
    alive = hub.daemon.alive()
    return [what for what, ok in (
        ('ip_forward is not 1', text(hub.root + 'proc/sys/net/ipv4/ip_forward') == '1\n'),
        ('no rule masquerades towards %s' % hub.vpc, re.search('POSTROUTING .*-d %s .*MASQUERADE' % hub.vpc, rules)),
        ('the IPsec daemon does not answer', alive),
        ('no site is loaded', alive and any(map(hub.daemon.loaded, [*hub.rendered][:20])))) if not ok]
