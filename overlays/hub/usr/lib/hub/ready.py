import re
from base import text


def problems(hub):
	daemon = hub.daemon
	alive = daemon.alive()
	return [what for what, ok in (
		('ip_forward is not 1', text(hub.root + 'proc/sys/net/ipv4/ip_forward') == '1\n'),
		('no rule masquerades towards %s' % hub.vpc, re.search(
			'POSTROUTING .*-d %s .*MASQUERADE' % hub.vpc, daemon.run('iptables-save', '-t', 'nat')[1])),
		('the IPsec daemon does not answer', alive),
		('no site is loaded', alive and any(map(daemon.loaded, [*hub.rendered][:20])))) if not ok]
