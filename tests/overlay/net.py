"""Network namespaces that live as long as this process, links between them, and raw packets."""
import ctypes
import os
import select
import socket
import struct
import subprocess
import time

CLONE_NEWNET = 0x40000000
PATIENCE = 30  # seconds until something that must come is given up
libc = ctypes.CDLL(None, use_errno=True)


def _check(result):
    if result:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


class Ns:
    """A namespace: `with ns:` does its body there, ns.run() a program."""

    def __init__(self, name):
        self.name, self.outer = name, []
        with Ns.here() as home:
            _check(libc.unshare(CLONE_NEWNET))
            self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            _check(libc.setns(home, CLONE_NEWNET))
        self.path = "/proc/%d/fd/%d" % (os.getpid(), self.fd)
        self.run("ip", "link", "set", "lo", "up")

    class here:
        """The namespace of now, as a descriptor."""
        def __enter__(self):
            self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            return self.fd

        def __exit__(self, *_):
            os.close(self.fd)

    def __enter__(self):
        self.outer.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        _check(libc.setns(self.fd, CLONE_NEWNET))
        return self

    def __exit__(self, *_):
        fd = self.outer.pop()
        _check(libc.setns(fd, CLONE_NEWNET))
        os.close(fd)

    def close(self):
        os.close(self.fd)

    def popen(self, *argv, **kw):
        with self:
            return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw)

    def run(self, *argv, stdin=None):
        """The output of a program that must succeed."""
        p = self.popen(*argv, stdin=subprocess.PIPE)
        out = p.communicate(stdin, timeout=60)[0]
        if p.returncode:
            raise RuntimeError("%s: %s: %s" % (self.name, " ".join(argv), out.strip()))
        return out

    def ip(self, commands):
        self.run("ip", "-batch", "-", stdin=commands)

    def sysctl(self, key, value=None):
        with self, open("/proc/sys/" + key, "r" if value is None else "w") as f:
            return f.read().strip() if value is None else f.write(str(value))

    def socket(self, *args):
        with self:
            return socket.socket(*args)

    def forget(self):
        """Empty the connection tracking table, as a hub's is that was just started."""
        s = self.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)  # NETLINK_NETFILTER
        with s:
            s.send(struct.pack("=IHHII", 20, 1 << 8 | 2, 5, 1, 0) + bytes(4))  # IPCTNL_MSG_CT_DELETE, with ACK
            code = struct.unpack_from("=i", s.recv(4096), 16)[0]
            if code:
                raise OSError(-code, os.strerror(-code))


def link(a, name_a, b, name_b, mtu=9001):
    a.run("ip", "link", "add", name_a, "mtu", str(mtu), "type", "veth", "peer", "name", name_b, "mtu", str(mtu),
          "netns", b.path)
    for ns, name in (a, name_a), (b, name_b):
        ns.run("ip", "link", "set", name, "up")


class Tap:
    """The packets that come in by an interface."""

    def __init__(self, ns, name, proto=3):  # ETH_P_ALL
        self.sock = ns.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(proto))
        self.sock.setsockopt(263, 23, 1)  # SOL_PACKET, PACKET_IGNORE_OUTGOING
        self.sock.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        self.sock.bind((name, proto))
        self.sock.setblocking(False)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def until(self, wanted, seconds=PATIENCE):
        """Packets up to and with the first that `wanted` takes (or, after the time, None in its place)."""
        seen, end = [], time.monotonic() + seconds
        while True:
            try:
                data = self.sock.recv(65535)
            except BlockingIOError:
                if not select.select([self.sock], [], [], max(0, end - time.monotonic()))[0]:
                    return seen, None
                continue
            seen.append(data)
            if wanted(data):
                return seen, data


class Delivered(Tap):
    """The packets that reached the sockets of a namespace, past its INPUT chain."""

    def __init__(self, ns, family, *protocols):
        self.socks = [ns.socket(family, socket.SOCK_RAW, p) for p in protocols]
        for s in self.socks:
            s.setblocking(False)

    def close(self):
        for s in self.socks:
            s.close()

    def until(self, wanted, seconds=PATIENCE):
        seen, end = [], time.monotonic() + seconds
        while True:
            ready = select.select(self.socks, [], [], max(0, end - time.monotonic()))[0]
            if not ready:
                return seen, None
            found = None
            while ready:  # all of them, as they keep no order among each other
                for data in (s.recv(65535) for s in ready):
                    seen.append(data)
                    found = data if wanted(data) else found
                ready = select.select(self.socks, [], [], 0)[0]
            if found:
                return seen, found


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(src, dst, proto, body):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, proto, 0, socket.inet_aton(src),
                       socket.inet_aton(dst))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def _pseudo(src, dst, proto, body):
    return checksum(socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!BBH", 0, proto, len(body)) + body)


def udp(src, dst, sport, dport, data=b""):
    body = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
    return ipv4(src, dst, 17, body[:6] + struct.pack("!H", _pseudo(src, dst, 17, body) or 0xFFFF) + body[8:])


FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def tcp(src, dst, sport, dport, flags, seq=1000, ack=0, data=b"", mss=None):
    options = struct.pack("!BBH", 2, 4, mss) if mss else b""
    body = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, (20 + len(options)) << 2, flags, 64240, 0, 0) \
        + options + data
    return ipv4(src, dst, 6, body[:16] + struct.pack("!H", _pseudo(src, dst, 6, body)) + body[18:])


def icmp(src, dst, kind=8, code=0, data=b"", rest=b"\x12\x34\x00\x01"):
    body = struct.pack("!BBH", kind, code, 0) + rest + data
    return ipv4(src, dst, 1, body[:2] + struct.pack("!H", checksum(body)) + body[4:])


class Packet:
    """What of an IPv4 packet the tests look at."""

    def __init__(self, data):
        self.data, self.proto = data, data[9] if data[0] >> 4 == 4 else None
        if self.proto is None:
            return
        self.src, self.dst = socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20])
        body = data[(data[0] & 15) * 4:]
        if self.proto in (6, 17):
            self.sport, self.dport = struct.unpack_from("!HH", body)
        if self.proto == 6:
            self.seq, self.ack, offset, self.flags = struct.unpack_from("!IIBB", body, 4)
            self.payload = body[offset >> 4 << 2:]
            self.options = body[20:offset >> 4 << 2]

    def mss(self):
        at = 0
        while at < len(self.options):
            kind = self.options[at]
            if kind == 2:
                return struct.unpack_from("!H", self.options, at + 2)[0]
            at += 1 if kind < 2 else self.options[at + 1]
        return None


def inject(ns, name, mac, packet):
    """Put an IPv4 packet on a link, past the namespace's own routing."""
    with ns.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as s:
        s.sendto(packet, (name, 0x0800, 0, 0, bytes.fromhex(mac.replace(":", ""))))


def send(ns, packet):
    """Hand a whole IPv4 packet to the namespace's routing."""
    with ns.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
        s.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))
