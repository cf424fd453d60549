"""systemd as process 1 of its own namespaces, on a throw-away layer over a root file system ($ROOTFS, else this
machine's own): the hub's units, activation and sandboxes on the real thing in seconds, without a guest."""
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time

import root
from net import PATIENCE, libc

HERE = os.path.dirname(os.path.abspath(__file__))
CGROUPS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")


class Machine:
    def __init__(self, files=(), enable=(), bare=False):
        """Boot with the overlay (unless bare), files {path: text or (text, mode)} and units enabled; return when
        systemd says that the boot is over."""
        self.scratch = root.scratch()
        self.tree = os.path.join(self.scratch, "tree")
        if bare:
            os.mkdir(self.tree)
        else:
            shutil.copytree(root.overlay(), self.tree, symlinks=True)
        self.put(self.tree, files)
        self.wants(enable)
        os.mkdir(self.scratch + "/m")
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(self.scratch + "/notify")
        notify.settimeout(0.5)
        base = next((c for c in CGROUPS if os.path.exists(c + "/cgroup.procs")), None)
        if not base:
            root.skip("no cgroup2 file system is mounted")
        self.cgroup = "%s/overlay-test.%d.%s" % (base, os.getpid(), os.path.basename(self.scratch)[-6:])
        os.mkdir(self.cgroup)
        self.console = open(self.scratch + "/console", "w+")
        # The shell puts itself in the cgroup, so that it is the root of the new cgroup namespace.
        self.proc = subprocess.Popen(
            ["sh", "-c", 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"', "sh", self.cgroup,
             "unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child",
             "bash", HERE + "/machine.sh", os.environ.get("ROOTFS", "/"), self.tree, self.scratch + "/m"],
            stdin=subprocess.DEVNULL, stdout=self.console, stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], "NOTIFY": self.scratch + "/notify"},
            preexec_fn=lambda: libc.prctl(1, signal.SIGKILL))  # PR_SET_PDEATHSIG: never outlive the test
        self.pid = None
        try:
            self.wait(notify)
            with open("/proc/%d/task/%d/children" % (self.proc.pid, self.proc.pid)) as f:
                self.pid = int(f.read())
        except BaseException:
            self.close()
            raise

    def wait(self, notify):
        end = time.monotonic() + 6 * PATIENCE
        with notify:
            while self.proc.poll() is None and time.monotonic() < end:
                try:
                    if b"READY=1" in notify.recv(4096):
                        return
                except TimeoutError:
                    continue
        self.console.seek(0)
        raise AssertionError("no boot: " + self.console.read())

    @staticmethod
    def put(top, files):
        for path, text in dict(files).items():
            text, mode = (text, 0o644) if isinstance(text, str) else text
            root.write(top + "/" + path, text, mode)

    def wants(self, units):
        """Enable units as an image's builder would."""
        folder = self.tree + "/etc/systemd/system/multi-user.target.wants"
        os.makedirs(folder, exist_ok=True)
        for unit in units:
            there = "/etc/systemd/system/" + unit
            if not os.path.exists(self.tree + there):
                there = "/lib/systemd/system/" + unit
            os.symlink(there, folder + "/" + unit)

    def popen(self, *argv, **kw):
        return subprocess.Popen(["nsenter", "-t", str(self.pid), "-a", *argv], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, **kw)

    def run(self, *argv):
        """(exit status, output)"""
        p = self.popen(*argv)
        out = p.communicate(timeout=100)[0]
        return p.returncode, out

    def sh(self, script):
        return self.run("sh", "-c", script)

    def must(self, *argv):
        status, out = self.run(*argv)
        if status:
            raise AssertionError("%s: %d\n%s" % (" ".join(argv), status, out))
        return out.strip()

    def show(self, unit, what):
        return self.must("systemctl", "show", "-P", what, unit)

    def when(self, unit, what):
        """A moment of a unit's life, in microseconds since this kernel's boot."""
        return int(self.show(unit, what + "TimestampMonotonic"))

    def follow(self, *units):
        return Journal(self, units)

    def close(self):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGKILL)  # unshare's --kill-child takes process 1 along
        self.proc.wait()
        self.console.close()
        end = time.monotonic() + PATIENCE
        while os.path.exists(self.cgroup):
            for folder, _, _ in os.walk(self.cgroup, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    if time.monotonic() > end:
                        raise
                    os.sched_yield()


class Journal:
    """What units say from its making on; `with` ends it."""

    def __init__(self, machine, units):
        cursor = re.search(r"cursor: (\S+)", machine.must("journalctl", "-n1", "-q", "--show-cursor")).group(1)
        self.proc = machine.popen("journalctl", "--follow", "--no-tail", "--output=cat", "--after-cursor=" + cursor,
                                  *["--unit=" + u for u in units])
        self.text = ""

    def more(self, seconds):
        if select.select([self.proc.stdout], [], [], seconds)[0]:
            self.text += os.read(self.proc.stdout.fileno(), 65536).decode()

    def until(self, pattern):
        end = time.monotonic() + PATIENCE
        while not re.search(pattern, self.text):
            if time.monotonic() > end:
                raise AssertionError("%s was not said:\n%s" % (pattern, self.text))
            self.more(1)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.proc.kill()  # nsenter; its child ends when it next writes, or with the machine
        self.proc.stdout.close()
        self.proc.wait()
