"""The world around the hubs, in one guest: VPC, elastic addresses, Internet and branches.

    hub 172.16.1.10 ------ br-hub  router  br-inet ------ branches, a namespace each:
    VPC host 172.16.2.20 - br-vpc    |                    a public address, a LAN behind it
                                    eth0: this machine's loopback, at 10.0.2.2

The router does what a VPC does and no more: DHCP and DNS, the metadata service at 169.254.169.254,
a 1:1 NAT between a hub's private and its elastic address, a security group in front of the hub (UDP
500, UDP 4500, ESP), and the source/destination check: from and to a hub only its own address
passes. It knows no route to a branch's LAN.
"""
import textwrap

ROUTER = "172.16.1.1"
SERVICES = "172.16.0.2"  # DNS and, by name, whatever runs on this machine's loopback
METADATA = "169.254.169.254"
VPC_HOST = "172.16.2.20"
INTERNET = "203.0.113.1"
POOL_NAME = "vpn.example.com"


class Hub:
    """What the world knows of a hub; `metadata_port` is on this machine's loopback."""

    def __init__(self, number, metadata_port):
        self.number = number
        self.private = "172.16.1.%d" % (9 + number)
        self.elastic = "198.51.100.%d" % (9 + number)
        self.mac = "02:00:00:00:01:%02x" % number
        self.metadata_port = metadata_port


class Branch:
    """One office: a namespace with a public address and a LAN address per subnet. `behind_nat`
    puts a masquerading router before it; `inside` lets it reach the hub's private address
    directly, so that no NAT is between the two and ESP travels raw."""

    def __init__(self, site, public, lans, behind_nat=False, inside=False):
        self.site, self.public, self.lans = site, public, lans
        self.behind_nat, self.inside = behind_nat, inside

    def exec(self, *argv):
        return ("ip", "netns", "exec", self.site, *argv)


class World:
    def __init__(self, guest, hubs, ports):
        """`ports`: this machine's loopback ports by the port of SERVICES they appear at."""
        self.guest, self.hubs, self.ports = guest, hubs, ports

    def up(self):
        """Brings up the router, the VPC host and the services of the VPC."""
        script = [_ROUTER % {"router": ROUTER, "services": SERVICES, "metadata": METADATA,
                             "host": VPC_HOST, "internet": INTERNET}]
        for hub in self.hubs:
            script.append(_HUB % dict(vars(hub), metadata=METADATA, nic="eth%d" % hub.number))
        for port, local in self.ports.items():
            script.append("iptables -t nat -A PREROUTING -d %s -p tcp --dport %d "
                          "-j DNAT --to 10.0.2.2:%d" % (SERVICES, port, local))
        self.guest.sh("\n".join(script), timeout=90)
        self.names({POOL_NAME: [hub.elastic for hub in self.hubs]})

    def names(self, records):
        """(Re)starts DNS with these A records; DHCP goes with it."""
        lines = ["%s %s" % (address, name) for name, addresses in records.items()
                 for address in addresses]
        hosts = " ".join("--dhcp-host=%s,%s" % (hub.mac, hub.private) for hub in self.hubs)
        self.guest.put("/run/names", "\n".join(lines) + "\n")
        self.guest.sh(_DNSMASQ % {"hosts": hosts, "services": SERVICES, "router": ROUTER},
                      timeout=60)

    def add(self, branch):
        """Makes a branch's namespace; no daemon yet."""
        lans = "\n".join("ip -n %s addr add %s dev lan0" % (branch.site, lan)
                         for lan in branch.lans)
        values = dict(vars(branch), lans=lans, internet=INTERNET, pool=POOL_NAME,
                      hub=self.hubs[0].private,
                      outer="nat-" + branch.site if branch.behind_nat else branch.site)
        script = _BRANCH + (_NAT if branch.behind_nat else "") + _UPLINK
        if branch.inside:
            script += _INSIDE
        self.guest.sh(script % values, timeout=60)

    def strongswan(self, branch, sheet):
        """Starts a charon in the branch's namespace, configured by nothing but the sheet."""
        base = _base(branch)
        self.guest.put(base + "/strongswan.conf", _STRONGSWAN % {"base": base})
        self.guest.sh("cd %s; STRONGSWAN_CONF=%s/strongswan.conf setsid "
                      "ip netns exec %s charon-systemd </dev/null >charon.out 2>&1 &"
                      % (base, base, branch.site))
        self.guest.until("charon of %s answers" % branch.site,
                         *self.swanctl(branch, "--stats"), seconds=30)
        self.load(branch, sheet)

    def load(self, branch, sheet):
        """Exchanges the branch's sheet; it dials at once, as the sheet says."""
        self.guest.put(_base(branch) + "/swanctl/swanctl.conf", sheet, "0600")
        self.guest.run(*self.swanctl(branch, "--load-all"))

    def hang_up(self, branch):
        """Ends what the branch has up, and forgets its sheet."""
        self.guest.put(_base(branch) + "/swanctl/swanctl.conf", "", "0600")
        self.guest.run(*self.swanctl(branch, "--load-all", "--clear"))
        self.guest.run(*self.swanctl(branch, "--terminate", "--ike", branch.site, "--timeout",
                                     "5"), check=False)

    def swanctl(self, branch, *argv):
        base = _base(branch)
        return branch.exec("env", "SWANCTL_DIR=%s/swanctl" % base, "STRONGSWAN_CONF=%s/"
                           "strongswan.conf" % base, "swanctl", *argv)

    @staticmethod
    def log_path(branch):
        return _base(branch) + "/charon.log"

    def log_size(self, branch):
        return int(self.guest.run("stat", "--format=%s", self.log_path(branch)).out)

    def log(self, branch):
        return self.guest.run("tail", "-n", "40", self.log_path(branch), check=False).out

    def vpc_host(self, *argv):
        return ("ip", "netns", "exec", "vpchost", *argv)


def _base(branch):
    return "/run/branch/" + branch.site


_ROUTER = textwrap.dedent("""\
    sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 \\
        net.ipv4.conf.default.rp_filter=0
    ip link set eth0 up
    ip addr add 10.0.2.15/24 dev eth0
    ip addr add %(metadata)s/32 dev lo
    ip addr add %(services)s/32 dev lo
    ip link add br-hub type bridge
    ip addr add %(router)s/24 dev br-hub
    ip link add br-inet type bridge
    ip addr add %(internet)s/24 dev br-inet
    ip link set br-hub up
    ip link set br-inet up
    ip netns add vpchost
    ip link add br-vpc type veth peer name eth0 netns vpchost
    ip addr add 172.16.2.1/24 dev br-vpc
    ip link set br-vpc up
    ip -n vpchost link set lo up
    ip -n vpchost addr add %(host)s/24 dev eth0
    ip -n vpchost link set eth0 up
    ip -n vpchost route add default via 172.16.2.1
    iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE
    iptables -P FORWARD DROP
    iptables -A FORWARD -o eth0 -p tcp -d 10.0.2.2 -j ACCEPT
    iptables -A FORWARD -i eth0 -m conntrack --ctstate ESTABLISHED -j ACCEPT
    rm -f /etc/resolv.conf
    echo "nameserver %(internet)s" >/etc/resolv.conf
    """)

_HUB = textwrap.dedent("""\
    ip link set %(nic)s master br-hub up
    iptables -t nat -A PREROUTING -s %(private)s -d %(metadata)s -p tcp --dport 80 \\
        -j DNAT --to 10.0.2.2:%(metadata_port)d
    iptables -t nat -A PREROUTING -i br-inet -d %(elastic)s -j DNAT --to %(private)s
    iptables -t nat -A POSTROUTING -s %(private)s -o br-inet -m mark ! --mark 1 \\
        -j SNAT --to %(elastic)s
    for port in 500 4500; do
        iptables -A FORWARD -i br-inet -o br-hub -d %(private)s -p udp --dport $port -j ACCEPT
    done
    iptables -A FORWARD -i br-inet -o br-hub -d %(private)s -p esp -j ACCEPT
    iptables -A FORWARD -i br-hub -s %(private)s -j ACCEPT
    iptables -A FORWARD -i br-vpc -o br-hub -d %(private)s -j ACCEPT
    """)

_DNSMASQ = textwrap.dedent("""\
    if [ -e /run/dnsmasq.pid ]; then kill "$(cat /run/dnsmasq.pid)"; sleep 0.2; fi
    dnsmasq --conf-file=/dev/null --user=root --pid-file=/run/dnsmasq.pid --no-hosts --no-resolv \\
        --addn-hosts=/run/names --address=/test/%(services)s --local-ttl=1 \\
        --interface=br-hub --interface=br-inet --interface=lo --no-dhcp-interface=br-inet \\
        --dhcp-range=172.16.1.0,static,255.255.255.0,1h --dhcp-option=option:router,%(router)s \\
        --dhcp-option=option:dns-server,%(services)s --dhcp-leasefile=/run/leases \\
        --log-facility=/run/dnsmasq.log --log-dhcp %(hosts)s
    """)

_BRANCH = textwrap.dedent("""\
    ip netns add %(site)s
    ip -n %(site)s link set lo up
    ip -n %(site)s link add lan0 type dummy
    ip -n %(site)s link set lan0 up
    %(lans)s
    ip netns exec %(site)s sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 \\
        net.ipv4.conf.default.rp_filter=0
    mkdir -p /etc/netns/%(site)s
    echo "nameserver %(internet)s" >/etc/netns/%(site)s/resolv.conf
    """)

# An uplink as a provider gives it: one public address, everything else behind the gateway.
_UPLINK = textwrap.dedent("""\
    ip link add to-%(site)s master br-inet type veth peer name eth0 netns %(outer)s
    ip link set to-%(site)s up
    ip route add %(public)s dev br-inet
    ip -n %(outer)s addr add %(public)s/32 dev eth0
    ip -n %(outer)s link set eth0 up
    ip -n %(outer)s route add default via %(internet)s dev eth0 onlink
    """)

# The router before a branch: it masquerades, and the branch has a private address itself.
_NAT = textwrap.dedent("""\
    ip netns add %(outer)s
    ip -n %(outer)s link set lo up
    ip -n %(outer)s link add eth1 type veth peer name eth0 netns %(site)s
    ip -n %(outer)s addr add 10.9.0.1/24 dev eth1
    ip -n %(outer)s link set eth1 up
    ip netns exec %(outer)s sysctl -qw net.ipv4.ip_forward=1
    ip netns exec %(outer)s iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE
    ip -n %(site)s addr add 10.9.0.2/24 dev eth0
    ip -n %(site)s link set eth0 up
    ip -n %(site)s route add default via 10.9.0.1
    """)

# The name of the pool means the hub's private address here, and what goes back is not translated.
_INSIDE = textwrap.dedent("""\
    echo "%(hub)s %(pool)s" >/etc/netns/%(site)s/hosts
    iptables -t mangle -A FORWARD -i br-hub -d %(public)s -j MARK --set-mark 1
    """)

_STRONGSWAN = textwrap.dedent("""\
    charon-systemd {
        load_modular = yes
        plugins { include /etc/strongswan.d/charon/*.conf
            vici { socket = unix://%(base)s/charon.vici } }
        filelog { log { path = %(base)s/charon.log
            flush_line = yes
            default = 1 } }
        journal { default = -1 }
    }
    swanctl { load = random openssl
        socket = unix://%(base)s/charon.vici }
    """)
