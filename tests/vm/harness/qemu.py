"""One guest: a QEMU process, its console log and its command channel.

The disk is a copy-on-write view of an image. One that is a bare file system has its kernel booted
directly; one that boots by itself is left to UEFI. A link between two guests is a pair of unix
datagram sockets, so no guest can reach anything but what its test gave it.
"""
import ctypes
import functools
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import time

from .report import Failure, Skip

BOOT_SECONDS = 420  # alone it takes a tenth of that with KVM, a quarter under emulation
PROGRAM = "qemu-system-x86_64"
# Without what no guest uses, and without the kernel's self-tests of ciphers: Libreswan loads them
# all.
MACHINE = "q35,sata=off,smbus=off,i8042=off,vmport=off"
KERNEL_ARGUMENTS = ("root=/dev/nvme0n1 rootfstype=ext4 rw console=ttyS0 loglevel=5 "
                    "mitigations=off nokaslr cryptomgr.notests oops=panic panic=-1 "
                    "systemd.show_status=1 ")
FIRMWARE = ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd")
DISKS = {"nvme": "nvme,drive=root,serial=root", "virtio": "virtio-blk-pci,drive=root,serial=root"}
STARTS = 3
# A breakpoint of the kernel's own that it does not know: emulation of several processors sometimes
# runs code that is no longer what it was.
EMULATION_FAILED = "int3: 0000"
PR_SET_PDEATHSIG = 1
KVM_TRIAL_SECONDS = 15
CONSOLE_LINES = 400  # an oops or two


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def require():
    for program, package in ((PROGRAM, "qemu-system-x86"), ("qemu-img", "qemu-utils")):
        if not shutil.which(program):
            raise Skip("%s is not installed (Debian: %s)" % (program, package))


def require_firmware():
    for path in FIRMWARE:
        if not os.path.exists(path):
            raise Skip(path + " is missing (Debian: ovmf)")


@functools.lru_cache
def accelerator(kernel):
    """"kvm" where a trial run gets as far as the kernel's panic for want of a disk, else "tcg":
    /dev/kvm may exist and still not run a guest."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    trial = [PROGRAM, "-accel", "kvm", "-cpu", "host", "-m", "256", "-nodefaults", "-display",
             "none", "-no-reboot", "-serial", "stdio", "-kernel", kernel, "-append",
             "console=ttyS0 panic=-1"]
    try:
        done = subprocess.run(trial, stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              timeout=KVM_TRIAL_SECONDS)
    except subprocess.TimeoutExpired:
        return "tcg"
    return "kvm" if b"Kernel panic" in done.stdout else "tcg"


class Link:
    """A cable between two guests. `end(n)` is the netdev argument of one end."""

    def __init__(self, folder, name):
        self.paths = [os.path.join(folder, "%s.%d" % (name, end)) for end in (0, 1)]

    def end(self, which):
        return ("dgram,local.type=unix,local.path=%s,remote.type=unix,remote.path=%s"
                % (self.paths[which], self.paths[1 - which]))


def user_network():
    """A netdev that reaches this machine's loopback at 10.0.2.2."""
    return "user,ipv6=off"


class Result:
    def __init__(self, answer):
        self.rc, self.out, self.err = answer["rc"], answer["out"], answer["err"]


class Guest:
    """`nics` is a list of (netdev argument, MAC address), `bus` one of DISKS, `room` the bytes by
    which the disk is larger than its image."""

    def __init__(self, name, image, work, nics, append="", smbios=None, memory=512,
                 cpus=1, bus="nvme", room=0):
        self.name, self.image, self.nics, self.append = name, image, nics, append
        self.smbios, self.memory, self.cpus = smbios, memory, cpus
        self.bus, self.room = bus, room
        self.work, self.log_dir, self.note = work.folder, work.log_dir, work.report.note
        self.console = os.path.join(self.log_dir, "console-%s.log" % name)
        self.commands = os.path.join(self.log_dir, "commands-%s.log" % name)
        self.disk = os.path.join(self.work, name + ".qcow2")
        self.variables = os.path.join(self.work, name + ".fd")
        self.channel_path = os.path.join(self.work, name + ".agent")
        self.process = self.channel = None
        self.pending, self.serial, self.greeted = b"", 0, False

    def argv(self):
        accel = accelerator(self.image.kernel)
        argv = [PROGRAM, "-name", self.name, "-M", MACHINE, "-m", str(self.memory), "-smp",
                str(self.cpus), "-nodefaults", "-display", "none", "-no-user-config", "-rtc",
                "base=utc", "-accel", "tcg,thread=multi" if accel == "tcg" else accel,
                "-cpu", "max,la57=off,svm=off" if accel == "tcg" else "host",
                "-serial", "file:" + self.console, *self._loader(), "-no-reboot", "-drive",
                "file=%s,format=qcow2,if=none,id=root,cache=unsafe" % self.disk,
                "-device", DISKS[self.bus],
                "-chardev", "socket,id=agent,server=on,wait=off,path=" + self.channel_path,
                "-device", "virtio-serial-pci", "-device",
                "virtserialport,chardev=agent,name=vm.agent"]
        for field, value in (self.smbios or {}).items():
            argv += ["-smbios", "type=%s" % field + "".join(",%s=%s" % pair for pair in
                                                             value.items())]
        for number, (netdev, mac) in enumerate(self.nics):
            kind, _, rest = netdev.partition(",")
            argv += ["-netdev", "%s,id=net%d,%s" % (kind, number, rest),
                     "-device", "virtio-net-pci,netdev=net%d,mac=%s,romfile=" % (number, mac)]
        return argv

    def _loader(self):
        if not self.image.firmware:
            return ["-kernel", self.image.kernel, "-append", KERNEL_ARGUMENTS + self.append]
        flash = "if=pflash,unit=%d,format=raw,readonly=%s,file=%s"
        return ["-drive", flash % (0, "on", FIRMWARE[0]),
                "-drive", flash % (1, "off", self.variables)]

    def start(self):
        """Returns at once; `greet` waits for the command channel."""
        if not os.path.exists(self.disk):
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b",
                            self.image.disk, self.disk, str(self.size())], check=True)
            if self.image.firmware:
                shutil.copyfile(FIRMWARE[1], self.variables)
        with open(os.path.join(self.log_dir, "qemu-%s.log" % self.name), "wb") as log:
            self.process = subprocess.Popen(
                self.argv(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=_die_with_parent)
        self.pending, self.greeted = b"", False

    def reboot(self):
        """A restart of its system; the disk stays as it is. QEMU ends with the system and is
        started again, since under emulation a machine that was reset is slow."""
        self.run("systemd-run", "--no-block", "systemctl", "reboot")
        try:
            self.process.wait(BOOT_SECONDS)
        except subprocess.TimeoutExpired:
            self.fail("still not down after %d s" % BOOT_SECONDS)
        self.stop()
        os.replace(self.console, self.console + ".before")
        self.start()
        self.greet()

    def stop(self):
        if self.channel:
            self.channel.close()
            self.channel = None
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def console_tail(self, lines):
        try:
            with open(self.console, encoding="utf-8", errors="replace") as console:
                return [line.rstrip() for line in console][-lines:]
        except OSError as error:
            return [str(error)]

    def fail(self, text):
        raise Failure("guest %s: %s" % (self.name, text), self)

    # The command channel

    def greet(self):
        """Waits until the guest's end of the channel says hello; starts it again where emulation
        got in its way."""
        for left in range(STARTS - 1, -1, -1):
            try:
                self._await_hello(BOOT_SECONDS)
                break
            except Failure:
                if not left or not self._emulation_failed():
                    raise
                self.note("guest %s: emulating several processors went wrong, it starts again"
                          % self.name)
                self.stop()
                self.start()

    def _emulation_failed(self):
        return (accelerator(self.image.kernel) == "tcg"
                and any(EMULATION_FAILED in line for line in self.console_tail(CONSOLE_LINES)))

    def _await_hello(self, seconds):
        deadline = time.monotonic() + seconds
        while self.channel is None:
            self._alive()
            channel = socket.socket(socket.AF_UNIX)
            try:
                channel.connect(self.channel_path)
                self.channel = channel
            except OSError:
                channel.close()
                if time.monotonic() > deadline:
                    self.fail("QEMU never opened its command channel")
                time.sleep(0.05)
        while not self.greeted:
            self.greeted = "hello" in self._message(deadline, "no sign of life after %d s"
                                                    % seconds)

    def run(self, *argv, timeout=30, check=True, text=""):
        """Runs a command in the guest and returns its Result; `check` wants exit status 0."""
        if not self.greeted:
            self.greet()
        self.serial += 1
        request = {"id": self.serial, "argv": argv, "timeout": timeout, "input": text}
        self.channel.settimeout(timeout)
        try:
            self.channel.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            self.fail("command channel: %s" % error)
        label = " ".join(argv)
        deadline = time.monotonic() + timeout + 30
        answer = {}
        while answer.get("id") != self.serial:
            answer = self._message(deadline, "no answer to: " + label)
        result = Result(answer)
        with open(self.commands, "a", encoding="utf-8") as log:
            log.write("$ %s\n%s%s[%d]\n" % (label, result.out, result.err, result.rc))
        if check and result.rc:
            self.fail("exit status %d of: %s\n%s" % (result.rc, label,
                                                     (result.out + result.err)[-3000:]))
        return result

    def sh(self, script, **options):
        return self.run("sh", "-ec", script, **options)

    def put(self, path, data, mode="0644"):
        """Writes a file (bytes or text) into the guest."""
        raw = data if isinstance(data, bytes) else data.encode()
        self.run("sh", "-ec", 'umask 077; mkdir -p "${1%/*}"; cat >"$1"; chmod "$2" "$1"', "sh",
                 path, mode, text=raw.decode("latin-1"))

    def wait_for_file(self, path, seconds):
        """Waits in the guest, which costs it less than being asked again and again."""
        script = 'while [ ! -e "$1" ]; do sleep 1; done'
        if self.run("timeout", str(seconds), "sh", "-c", script, "sh", path, check=False,
                    timeout=seconds + 10).rc:
            self.fail("no %s after %d s" % (path, seconds))

    def until(self, what, *argv, seconds=60, every=0.5, wanted=lambda result: result.rc == 0):
        """Repeats a command until it is as wanted; fails with its last output."""
        deadline = time.monotonic() + seconds
        while True:
            result = self.run(*argv, check=False, timeout=max(10, seconds))
            if wanted(result):
                return result
            if time.monotonic() > deadline:
                self.fail("not within %d s: %s\n%s" % (seconds, what,
                                                       (result.out + result.err)[-3000:]))
            time.sleep(every)

    def size(self):
        """Bytes of the disk."""
        return os.stat(self.image.disk).st_size + self.room

    def _alive(self):
        if self.process is None or self.process.poll() is not None:
            self.fail("QEMU ended: see qemu-%s.log" % self.name)

    def _message(self, deadline, complaint):
        """The next message of the guest, whatever it is."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.channel, selectors.EVENT_READ)
            while b"\n" not in self.pending:
                self._alive()
                if time.monotonic() > deadline:
                    self.fail(complaint)
                if selector.select(1):
                    data = self.channel.recv(65536)
                    if not data:
                        self.fail("the command channel was closed")
                    self.pending += data
        line, _, self.pending = self.pending.partition(b"\n")
        try:
            return json.loads(line)
        except ValueError:
            return {}
