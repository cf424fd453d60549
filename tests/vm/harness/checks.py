"""What must hold of a hub that says it is ready, and of tunnels to it."""
import hashlib
import io
import json
import os
import re
import tarfile
import time

from . import world
from .report import Failure

PROBE = "/run/probe.py"
PORT = 7007
MSS = 1360  # tunnel_mss of the recipe
TIMESTAMPS = 12  # bytes of a segment that TCP_MAXSEG leaves out
NOBODY = "172.16.2.99"  # in the VPC, but no host
SYSCTLS = {"net.ipv4.ip_forward": "1", "net.ipv4.conf.all.send_redirects": "0",
           "net.ipv4.conf.all.accept_redirects": "0", "net.ipv4.conf.default.send_redirects": "0",
           "net.ipv4.conf.lo.send_redirects": "0", "net.ipv4.conf.all.rp_filter": "2",
           "net.netfilter.nf_conntrack_tcp_loose": "0"}


def want(condition, message, guest=None):
    if not condition:
        raise Failure(message, guest)


# The hub itself

def files(scene):
    """Every file of the overlay lies there with its bytes, mode and owner; the vendor's is kept."""
    hub = scene.hub
    with tarfile.open(fileobj=io.BytesIO(scene.bundle.read("overlay.tar.gz"))) as tar:
        members = [(m, tar.extractfile(m).read()) for m in tar if m.isfile()]
    want(members, "overlay.tar.gz holds no file")
    names = ["/" + m.name.lstrip("./") for m, _ in members]
    sums = hub.run("sha256sum", *names).out.splitlines()
    modes = hub.run("stat", "--format=%a %U:%G", *names).out.splitlines()
    wrong = []
    for (member, data), name, line, mode in zip(members, names, sums, modes):
        if line.split()[0] != hashlib.sha256(data).hexdigest():
            wrong.append("%s: other bytes" % name)
        if mode != "%o root:root" % member.mode:
            wrong.append("%s: %s, not %o" % (name, mode, member.mode))
    want(not wrong, "\n".join(wrong), hub)
    hub.run("test", "-s", "/etc/ipsec.conf.orig")
    secret = hub.run("stat", "--format=%a %U:%G", "/etc/ipsec.d/hub-sites.secrets").out.strip()
    want(secret == "600 root:root", "hub-sites.secrets: " + secret, hub)


def state(scene):
    """Units, sysctls, and nothing failed."""
    hub = scene.hub
    units = ["hub-firewall.service", "hub-sites.service", "ipsec.service"]
    hub.run("systemctl", "is-active", *units)
    hub.run("systemctl", "is-enabled", *units, "hub-pool.service")
    failed = hub.run("systemctl", "--failed", "--plain", "--no-legend").out.strip()
    want(not failed, "failed units:\n" + failed, hub)
    nic = hub.sh("ip -o -4 route show default | sed 's/.* dev \\([^ ]*\\).*/\\1/;q'").out.strip()
    wanted = dict(SYSCTLS)
    for key in ("send_redirects", "accept_redirects"):
        wanted["net.ipv4.conf.%s.%s" % (nic, key)] = "0"
    found = hub.run("sysctl", *wanted).out
    wrong = ["%s is not %s" % pair for pair in wanted.items()
             if "%s = %s" % pair not in found.splitlines()]
    want(not wrong, "\n".join(wrong), hub)


def pool(scene):
    """The hub has put its public address into the pool's name."""
    deadline = time.monotonic() + 60
    while scene.cloud.pool() != [scene.cloud.hub.elastic]:
        if time.monotonic() > deadline:
            log = scene.hub.run("journalctl", "-u", "hub-pool", "-n", "20", "--no-pager",
                                check=False).out
            raise Failure("Route 53 has %s\n%s" % (scene.cloud.pool(), log), scene.hub)
        time.sleep(1)
    refused = [c for c in scene.cloud.aws.log if c.status >= 400 and c.service != "imds"]
    want(not refused, "AWS refused: %s" % refused[:3], scene.hub)


def door(scene):
    """From the VPC: SSH is let in, other ports are not."""
    world_, hub = scene.world, scene.cloud.hub
    script = ("import socket,sys\n"
              "try: socket.create_connection((sys.argv[1], int(sys.argv[2])), 3); print('open')\n"
              "except TimeoutError: print('dropped')\n"
              "except OSError as e: print(e)")
    def knock(port):
        return scene.outside.run(*world_.vpc_host("python3", "-c", script, hub.private, port)
                                 ).out.strip()
    want(knock("22") == "open", "SSH from the VPC: " + knock("22"), scene.hub)
    want(knock("111") == "dropped", "port 111 from the VPC: " + knock("111"), scene.hub)


# Tunnels

def start_probes(scene):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "probe.py")
    with open(path, encoding="utf-8") as file:
        scene.outside.put(PROBE, file.read(), "0755")
    scene.outside.run(*scene.world.vpc_host("python3", PROBE, "serve", str(PORT)))


def lan_address(lan):
    return lan.split("/")[0]


def ask(scene, branch, lan, host=world.VPC_HOST, port=PORT):
    out = scene.outside.run(*branch.exec("python3", PROBE, "ask", lan_address(lan), host,
                                         str(port))).out
    return json.loads(out)


def ping(scene, branch, host, lan=None, count=2):
    source = lan_address(lan or branch.lans[0])
    return scene.outside.run(*branch.exec("ping", "-n", "-c", str(count), "-i", "0.2", "-W", "3",
                                          "-I", source, host), check=False, timeout=30)


def through(scene, branch):
    """From every LAN: the VPC host answers, and sees the hub; segments are cut to the tunnel."""
    for lan in branch.lans:
        answer = ask(scene, branch, lan)
        want(answer.get("peer") == scene.cloud.hub.private,
             "%s asked the VPC host: %s" % (lan, answer), scene.hub)
        for end in ("mss", "own_mss"):
            want(0 < answer[end] <= MSS - TIMESTAMPS, "%s through the tunnel: %s"
                 % (end, answer), scene.hub)
        done = ping(scene, branch, world.VPC_HOST, lan)
        want(done.rc == 0, "ping from %s:\n%s" % (lan, done.out), scene.hub)


def encapsulation(scene, branch, udp):
    """The branch's kernel has ESP states, in UDP or raw."""
    states = scene.outside.run("ip", "-n", branch.site, "xfrm", "state").out
    want("proto esp" in states, "no ESP state:\n" + states, scene.outside)
    want(("encap type espinudp" in states) == udp,
         "ESP %s expected:\n%s" % ("in UDP" if udp else "raw", states), scene.outside)


def stray(scene, branch):
    """A TCP segment of no connection, to an address where nobody could answer: the hub's RST."""
    out = scene.outside.run(*branch.exec("python3", PROBE, "stray", lan_address(branch.lans[0]),
                                         NOBODY, "80")).out.strip()
    want(out == "rst", "a stray segment was answered by " + out, scene.hub)


def hub_closed(scene, branch):
    """Through the tunnel the hub itself answers a ping and nothing else."""
    done = ping(scene, branch, scene.cloud.hub.private)
    want(done.rc == 0, "ping of the hub:\n" + done.out, scene.hub)
    answer = ask(scene, branch, branch.lans[0], scene.cloud.hub.private, 22)
    want(answer.get("error") == "timed out", "SSH through the tunnel: %s" % answer, scene.hub)


def no_way_back(scene, branch):
    """The VPC cannot reach a branch, even if it had a route there by the hub."""
    lan = branch.lans[0]
    net = lan.rsplit(".", 1)[0] + ".0/24"
    outside, hub = scene.outside, scene.cloud.hub
    outside.sh("ip route add %s via %s dev br-hub; iptables -I FORWARD -i br-vpc -o br-hub "
               "-d %s -j ACCEPT" % (net, hub.private, net))
    before = dropped(scene)
    done = outside.run(*scene.world.vpc_host("ping", "-n", "-c", "2", "-i", "0.2", "-W", "2",
                                             lan_address(lan)), check=False)
    after = dropped(scene)
    outside.sh("ip route del %s; iptables -D FORWARD -i br-vpc -o br-hub -d %s -j ACCEPT"
               % (net, net))
    want(done.rc != 0, "the VPC host reached %s:\n%s" % (lan, done.out), scene.hub)
    want(after >= before + 2, "the hub dropped %d packets, 2 expected" % (after - before),
         scene.hub)


def dropped(scene):
    out = scene.hub.run("iptables", "-t", "filter", "-nvxL", "FORWARD").out
    return int(re.search(r"policy DROP (\d+) packets", out)[1])


def listed(scene, *sites):
    """`hub status` says that the tunnels are up."""
    out = scene.hub.run("hub", "status", timeout=120).out
    for site in sites:
        want(re.search(r"^(site-)?%s\s.*\bup\b" % re.escape(site), out, re.MULTILINE),
             "hub status: %s is not up:\n%s" % (site, out), scene.hub)


def speaks(scene, branch, ike, esp):
    """The suites in use, as swanctl lists them (regular expressions)."""
    out = scene.outside.run(*scene.world.swanctl(branch, "--list-sas")).out
    for what in (r"^  %s(\s|$)" % ike, r"INSTALLED.*ESP:%s(\s|$)" % esp):
        want(re.search(what, out, re.MULTILINE), "not %s:\n%s" % (what, out), scene.outside)


def refused(scene, branch, sheet, answer):
    """With this sheet no tunnel comes up, and the hub says why."""
    scene.world.hang_up(branch)
    mark = scene.world.log_size(branch)
    scene.world.load(branch, sheet)
    scene.outside.until("the hub answers " + answer, "sh", "-c",
                        'tail -c +"$1" "$2" | grep -q "$3"', "sh", str(mark + 1),
                        scene.world.log_path(branch), answer, seconds=30)
    out = scene.outside.run(*scene.world.swanctl(branch, "--list-sas")).out
    want("INSTALLED" not in out, "the tunnel is up:\n" + out, scene.hub)
    scene.world.hang_up(branch)


def rekeyed(scene, branch):
    """The branch rekeys both phases, and packets still pass."""
    for kind in ("--child", "--ike"):
        scene.outside.run(*scene.world.swanctl(branch, "--rekey", kind, branch.site), timeout=30)
        scene.established(branch, branch.site)
    through(scene, branch)


def removed_and_added(scene, branch):
    """A site that is removed on the hub loses its tunnel; added again, it may dial."""
    hub = scene.hub
    hub.run("hub", "site", "remove", branch.site, timeout=60)
    done = ping(scene, branch, world.VPC_HOST)
    want(done.rc != 0, "the removed branch still reaches the VPC host", hub)
    want("site-" + branch.site + "\n" not in hub.run("cat", "/etc/ipsec.d/hub-sites.conf").out,
         "the connection is still rendered", hub)
    hub.run("hub", "site", "add", branch.site, timeout=60)
    scene.redial(branch, scene.bundle.sheet(branch.site))
    through(scene, branch)


def never_dialled(scene):
    """Nothing in the daemon's journal begins an exchange of its own."""
    out = scene.hub.run("journalctl", "-u", "ipsec", "-o", "cat", "--no-pager").out
    lines = [line for line in out.splitlines()
             if re.search(r"initiat(ing|ed) (Main Mode|Quick Mode|IKEv2|connection)", line)]
    want(not lines, "the hub dialled:\n" + "\n".join(lines[:5]), scene.hub)


def left_pool(scene):
    scene.hub.run("systemctl", "stop", "hub-pool", timeout=60)
    want(scene.cloud.pool() == [], "Route 53 still has %s" % scene.cloud.pool(), scene.hub)
