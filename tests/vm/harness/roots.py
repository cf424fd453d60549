"""Root file systems of the guests, made by mmdebstrap and cached.

One suite gives one folder: `stock.ext4`, as near to a Debian cloud image as a test needs
(cloud-init, netplan, networkd, resolved, sshd; nothing of the hub); `debs/`, what the recipe's
packages need on top of it, to be served by an apt repository; `vmlinuz`. The world guest (see
world.py) is built on top of the stock one. The kernel is unpacked, not installed: no guest uses an
initrd or a boot loader.
"""
import io
import os
import re
import shutil
import subprocess
import tarfile

from . import cache, web
from .report import Failure, Skip

DISK_SIZE = "1536M"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
STOCK = ("systemd-sysv systemd-resolved dbus udev kmod libpam-systemd iproute2 netplan.io "
         "cloud-init openssh-server sudo ca-certificates python3 iputils-ping e2fsprogs "
         "less").split()
WORLD = ("strongswan-swanctl charon-systemd libstrongswan-standard-plugins iptables dnsmasq-base "
         "tcpdump conntrack").split()
TOOLS = {"mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs", "dpkg-deb": "dpkg",
         "apt-get": "apt"}
SLIM = ["--dpkgopt=path-exclude=/usr/share/%s/*" % part for part in ("man", "doc", "locale")]
AGENT_UNIT = """[Unit]
Description=command channel of the test harness
DefaultDependencies=no
BindsTo=dev-virtio\\x2dports-vm.agent.device
After=dev-virtio\\x2dports-vm.agent.device
[Service]
ExecStart=/usr/bin/python3 -I /usr/lib/vm/agent.py
Restart=always
[Install]
WantedBy=dev-virtio\\x2dports-vm.agent.device
"""
# Under emulation cloud-init is most of a boot, so the image leaves out what no test looks at.
CLOUD_CFG = """locale: false
ssh_genkeytypes: [ed25519]
cloud_init_modules: [seed_random, bootcmd, write-files, growpart, resizefs, set_hostname, users-groups, ssh]
cloud_config_modules: [apt-configure, runcmd]
cloud_final_modules: [package-update-upgrade-install, write-files-deferred, scripts-per-instance,
  scripts-user, final-message]
"""
# netplan is a minute of emulated Python.
WARM_FILES = {
    "etc/cloud/cloud.cfg.d/99-warm.cfg": (
        0o644, "system_info: {network: {renderers: [networkd]}}\n"),
    "etc/systemd/system/multi-user.target.wants/systemd-networkd.service": (
        None, "/lib/systemd/system/systemd-networkd.service"),
    "etc/systemd/system/network-online.target.wants/systemd-networkd-wait-online.service": (
        None, "/lib/systemd/system/systemd-networkd-wait-online.service"),
}
MASKED = ("apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service "
          "fstrim.timer getty@tty1.service").split()
WORLD_INIT = """#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts && mount -t devpts devpts /dev/pts
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
modprobe -a virtio_pci virtio_net virtio_console
ip link set lo up
while :; do python3 -I /usr/lib/vm/agent.py /dev/vport0p1; sleep 0.1; done
"""
HERE = os.path.dirname(os.path.abspath(__file__))


class Image:
    firmware = False  # the kernel is booted directly

    def __init__(self, folder, disk):
        self.folder = folder
        self.disk = os.path.join(folder, disk)
        self.kernel = os.path.join(folder, "vmlinuz")


def require():
    for tool, package in TOOLS.items():
        if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            raise Skip("%s is not installed (Debian: %s)" % (tool, package))
    if not os.path.exists(KEYRING):
        raise Skip(KEYRING + " is missing (Debian: debian-archive-keyring)")


def stock(suite, packages):
    """The folder of a suite; `packages` are what the recipe asks for."""
    argv = _stock_argv(suite, packages)
    return cache.folder("stock-" + suite, [argv, _stock_files()],
                        lambda out: _make_stock(out, argv))


def hub_image(suite, packages, warm=False):
    """A stock image. A warm one has the libraries that the packages need, but not the packages:
    that saves a guest a minute of dpkg."""
    base = stock(suite, packages)
    if not warm:
        return Image(base, "stock.ext4")
    libraries = sorted({_package(name) for name in os.listdir(os.path.join(base, "debs"))
                        if name.endswith(".deb")} - set(packages))
    return _on_top("warm", suite, base, libraries, WARM_FILES)


def debs(suite, packages):
    """The folder of an apt repository with what the packages need on a stock image."""
    return os.path.join(stock(suite, packages), "debs")


def world_image(suite, packages):
    """The image of the world guest."""
    return _on_top("world", suite, stock(suite, packages), WORLD,
                   {"usr/lib/vm/init": (0o755, WORLD_INIT)})


def _on_top(name, suite, base, packages, files):
    """An image with more packages and files than the stock one in the folder `base`."""
    argv = _on_top_argv(name, suite, base, packages)
    return Image(cache.folder("%s-%s" % (name, suite), [argv, files],
                              lambda out: _make_on_top(out, argv, base, files, name)),
                 name + ".ext4")


def sources(suite):
    """This machine's own Debian sources, with its suite exchanged for another one."""
    targets = _output(["apt-get", "indextargets", "--format",
                       "$(ORIGIN)|$(RELEASE)|$(REPO_URI)|$(COMPONENT)", "Identifier: Packages"])
    own = re.search(r"^VERSION_CODENAME=(\S+)", _read("/etc/os-release"), re.MULTILINE)
    lines = set()
    for target in targets.splitlines():
        origin, release, uri, component = target.split("|")
        if own and origin in ("Debian", "") and release.startswith(own[1]) and component == "main":
            lines.add("deb [signed-by=%s] %s %s main"
                      % (KEYRING, uri, suite + release[len(own[1]):]))
    if not lines:
        raise Skip("apt on this machine has no Debian source to build guests from")
    return sorted(lines)


def _stock_argv(suite, packages):
    """The mmdebstrap command; OUT stands for the folder of the result."""
    fetch = ('mkdir -p "$1"/srv/%s/partial && APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get --yes '
             '--quiet --download-only -o Dir::Cache::Archives="$1"/srv/%s '
             '-o APT::Install-Recommends=%s install %s')
    hooks = [fetch % ("debs", "debs", "true", " ".join(packages)),
             fetch % ("kernel", "kernel", "false", "linux-image-cloud-amd64"),
             'rm -r "$1"/srv/*/partial "$1"/srv/*/lock',
             "sync-out /srv/debs OUT/debs",
             'dpkg-deb --fsys-tarfile "$1"/srv/kernel/linux-image-[0-9]*.deb | '
             'tar -C "$1" -x --keep-directory-symlink',
             'chroot "$1" depmod "$(ls "$1"/lib/modules)"',
             'mv "$1"/boot/vmlinuz-* "$1"/boot/vmlinuz',
             "copy-out /boot/vmlinuz OUT",
             'rm -r "$1"/srv/debs "$1"/srv/kernel "$1"/boot/* "$1"/etc/apt/sources.list* '
             '"$1"/etc/resolv.conf "$1"/etc/ssh/ssh_host_*',
             "tar-in OUT/extra.tar /"]
    return ["mmdebstrap", "--quiet", "--variant=minbase", "--include=" + ",".join(STOCK), *SLIM,
            *("--customize-hook=" + hook for hook in hooks), suite, "OUT/stock.tar",
            *sources(suite)]


def _on_top_argv(name, suite, base, packages):
    hooks = ["APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get --yes --quiet -o "
             "DPkg::Chroot-Directory=\"$1\" install " + " ".join(packages),
             "tar-in OUT/extra.tar /"]
    return ["mmdebstrap", "--quiet", "--variant=custom", *SLIM,
            "--setup-hook=mmtarfilter '--path-exclude=/dev/*' "
            "--path-exclude=/etc/apt/sources.list <%s/stock.tar | "
            "tar -C \"$1\" -x --xattrs --xattrs-include='*'" % base,
            *("--customize-hook=" + hook for hook in hooks), suite, "OUT/%s.tar" % name,
            *sources(suite)]


def _make(out, argv, files, disk):
    """Runs an mmdebstrap command that leaves NAME.tar, and makes NAME.ext4 of it."""
    extra = os.path.join(out, "extra.tar")
    _write_tar(extra, files)
    _run([word.replace("OUT", out) for word in argv], disk)
    _write_disk(os.path.join(out, disk + ".tar"), os.path.join(out, disk + ".ext4"))
    os.unlink(extra)


def _make_stock(out, argv):
    os.mkdir(os.path.join(out, "debs"))
    _make(out, argv, _stock_files(), "stock")
    web.write_index(os.path.join(out, "debs"))


def _make_on_top(out, argv, base, files, name):
    _make(out, argv, {**_stock_files(), **files}, name)
    os.unlink(os.path.join(out, name + ".tar"))
    os.link(os.path.join(base, "vmlinuz"), os.path.join(out, "vmlinuz"))


def _package(deb):
    return deb.split("_")[0]


def _stock_files():
    """What the stock image has beyond its packages: mode and text, or a link's target."""
    wants = "etc/systemd/system/dev-virtio\\x2dports-vm.agent.device.wants/vm-agent.service"
    masks = {"etc/systemd/system/" + unit: (None, "/dev/null") for unit in MASKED}
    return {
        **masks,
        "usr/lib/vm/agent.py": (0o644, agent()),
        "etc/systemd/system/vm-agent.service": (0o644, AGENT_UNIT),
        wants: (None, "../vm-agent.service"),
        "etc/resolv.conf": (None, "../run/systemd/resolve/stub-resolv.conf"),
        "etc/apt/sources.list": (0o644, "deb [trusted=yes] http://deb.test/ ./\n"),
        "etc/apt/apt.conf.d/90test": (0o644, 'Acquire::Languages "none";\n'),
        "etc/cloud/cloud.cfg.d/99-test.cfg": (0o644, CLOUD_CFG),
        "etc/machine-id": (0o444, ""),
        "etc/hostname": (0o644, "localhost\n"),
        "etc/fstab": (0o644, "/dev/nvme0n1 / ext4 rw,errors=remount-ro 0 1\n"),
    }


def _write_tar(path, files):
    with tarfile.open(path, "w") as tar:
        for name, (mode, text) in files.items():
            member = tarfile.TarInfo("./" + name)
            if mode is None:
                member.type, member.linkname = tarfile.SYMTYPE, text
                tar.addfile(member)
            else:
                member.mode, member.size = mode, len(text.encode())
                tar.addfile(member, io.BytesIO(text.encode()))


def _write_disk(tarball, disk):
    """An ext4 file system of a tar archive; owners need root or a user namespace."""
    script = ('d=$(mktemp -d) && trap \'rm -rf "$d"\' EXIT && '
              'tar -C "$d" -x --xattrs --xattrs-include="*" --exclude="./dev/*" -f "$1" && '
              'mke2fs -q -F -t ext4 -O ^has_journal -L root -d "$d" "$2" %s' % DISK_SIZE)
    wrap = [] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--map-auto"]
    _run([*wrap, "sh", "-ec", script, "sh", tarball, disk], os.path.basename(disk))


def agent():
    """The program of the guest's end of the command channel."""
    return _read(os.path.join(HERE, "agent.py"))


def _read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def _environment():
    return dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin", LC_ALL="C.UTF-8")


def _output(argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True,
                          env=_environment()).stdout


def _run(argv, what):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, env=_environment())
    if done.returncode:
        raise Failure("building %s: %s ended with %d:\n%s"
                      % (what, argv[0], done.returncode, done.stdout[-3000:]))
