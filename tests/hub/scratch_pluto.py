"""A real pluto in a scratch folder and a network namespace of its own, for tests (root and Libreswan needed)."""
import os
import re
import select
import shutil
import subprocess
import tempfile
import time

LIBEXEC = "/usr/libexec/ipsec"
SYSROOT = os.environ.get("LIBRESWAN_ROOT", "")  # a root file system with another Libreswan, /dev and /proc mounted
CHROOT = ["chroot", SYSROOT] if SYSROOT else []


def why_not():
    """The reason a pluto cannot be run here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    for path in (SYSROOT + LIBEXEC + "/pluto", SYSROOT + "/usr/sbin/ipsec", "/usr/bin/certutil"):
        if not os.path.exists(path):
            return "needs " + path
    if not shutil.which("ip"):
        return "needs iproute2"
    if subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode:
        return "needs network namespaces"
    return None


class Net:
    """Two namespaces joined by a veth pair; the hub has one address, the branch several."""

    def __init__(self, hub="198.51.100.1", branches=("198.51.100.2",)):
        tag = "hub%d" % os.getpid()
        self.hub, self.branch = tag + "h", tag + "b"
        self.close()
        for cmd in (["netns", "add", self.hub], ["netns", "add", self.branch],
                    ["link", "add", "vh", "netns", self.hub, "type", "veth",
                     "peer", "name", "vb", "netns", self.branch],
                    ["-n", self.hub, "addr", "add", hub + "/24", "dev", "vh"],
                    *(["-n", self.branch, "addr", "add", b + "/24", "dev", "vb"] for b in branches),
                    *(["-n", ns, "link", "set", dev, "up"] for ns, dev in (
                        (self.hub, "lo"), (self.hub, "vh"), (self.branch, "lo"), (self.branch, "vb")))):
            subprocess.run(["ip", *cmd], check=True, timeout=20)

    def close(self):
        for ns in (self.hub, self.branch):
            subprocess.run(["ip", "netns", "del", ns], capture_output=True, timeout=20)


class Pluto:
    """pluto with all its files under `root`; its log is read line by line, never waited for by sleeping."""

    def __init__(self, ns, conf="", secrets="", root=None):
        self.ns, self.log, self._buf, self._proc = ns, [], b"", None
        self._tmp = None if root else tempfile.TemporaryDirectory(prefix="pluto-", dir=SYSROOT + "/tmp")
        self.root = root or self._tmp.name
        self.inside = inside = self.root[len(SYSROOT):]
        for d in ("etc/ipsec.d", "run/pluto", "nss"):
            os.makedirs(os.path.join(self.root, d), exist_ok=True)
        self.ctl = inside + "/run/pluto/pluto.ctl"
        subprocess.run(["certutil", "-N", "-d", "sql:%s/nss" % self.root, "--empty-password"],
                       check=True, capture_output=True, timeout=60)
        with open(self.root + "/etc/ipsec.conf", "w") as f:
            f.write("config setup\n\tikev1-policy=accept\n\tvirtual-private=%v4:10.0.0.0/8,"
                    "%v4:172.16.0.0/12,%v4:192.168.0.0/16,%v4:!172.16.1.0/24\n\tlogtime=no\n"
                    + conf + "\ninclude " + inside + "/etc/ipsec.d/*.conf\n")
        fd = os.open(self.root + "/etc/ipsec.secrets", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(fd, "w") as f:
            f.write(secrets + "\ninclude " + inside + "/etc/ipsec.d/*.secrets\n")

    def start(self):
        self._proc = subprocess.Popen(
            ["ip", "netns", "exec", self.ns, *CHROOT, LIBEXEC + "/pluto", "--nofork", "--stderrlog",
             "--config", self.inside + "/etc/ipsec.conf", "--rundir", self.inside + "/run/pluto",
             "--secretsfile", self.inside + "/etc/ipsec.secrets", "--nssdir", self.inside + "/nss",
             "--ipsecdir", self.inside + "/etc/ipsec.d"],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.wait("loading secrets from", 60)
        return self

    def wait(self, pattern, timeout=30, start=0):
        """The first log line from number `start` on that matches; AssertionError with the log's end if none comes."""
        deadline, n = time.monotonic() + timeout, start
        while True:
            while n < len(self.log):
                if re.search(pattern, self.log[n]):
                    return self.log[n]
                n += 1
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._proc.stderr], [], [], left)[0]:
                break
            data = os.read(self._proc.stderr.fileno(), 65536)
            if not data:
                break
            *lines, self._buf = (self._buf + data).split(b"\n")
            self.log += [line.decode(errors="replace") for line in lines]
        raise AssertionError("no %r in pluto's log:\n%s" % (pattern, "\n".join(self.log[-15:])))

    def whack(self, *args):
        r = subprocess.run([*CHROOT, LIBEXEC + "/whack", "--ctlsocket", self.ctl, *args], timeout=60,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return r.stdout

    def stop(self):
        if self._proc:
            self._proc.terminate()
            try:
                self._proc.wait(20)
            except subprocess.TimeoutExpired:
                self._proc.kill()
                self._proc.wait()
            self._proc.stderr.close()
            self._proc = None
        if self._tmp:
            self._tmp.cleanup()
