"""The image that `imgbuild RECIPE disk` makes, in the same world as any other hub.

    with Built(report, "image") as scene:
        scene.boot()                # disk, both guests, cloud-init, `hub ready`
        scene.another("virtio")     # a fresh copy of the disk, in another machine
"""
import importlib.util
import json
import os
import shutil
import subprocess

from . import bundle, cloud, qemu
from .report import Skip
from .scene import NITRO, Scene

ROOM = 1 << 30  # bytes that the volume is larger than the image
UUID = NITRO[1]["uuid"]
# What the instances of EC2's Nitro say of themselves, field by field.
MACHINE = {
    0: {"vendor": "Amazon EC2", "version": "1.0"},
    1: dict(NITRO[1], product="t3.small", family="General Purpose"),
    2: {"manufacturer": "Amazon EC2", "asset": "i-0123456789abcdef0"},
    3: {"manufacturer": "Amazon EC2", "asset": "Amazon EC2"},
}
KEY = "/run/vm-key"


def require():
    qemu.require_firmware()
    if importlib.util.find_spec("yaml") is None:
        raise Skip("Python's yaml is missing (Debian: python3-yaml)")
    if not shutil.which("ssh-keygen"):
        raise Skip("ssh-keygen is not installed (Debian: openssh-client)")


class Disk:
    """An image that boots by itself; `kernel` is only for the trial of the accelerator."""

    firmware = True

    def __init__(self, folder, kernel):
        self.disk = os.path.join(folder, "disk.raw")
        self.kernel = kernel
        with open(os.path.join(folder, "disk.json"), encoding="utf-8") as file:
            self.record = json.load(file)

    def packages(self):
        """{name: version}"""
        return {p["name"]: p["version"] for p in self.record["packages"]}


class Built(Scene):
    """`form` is gzip or plain: that of the user-data; `base` is the suite of the image's base."""

    def __init__(self, report, story, form="gzip", keep=False, bus="nvme", base="bookworm"):
        self.base = base
        super().__init__(report, story, form=form, keep=keep)
        self.hub.bus = bus
        self._turn(self.hub)

    def _hub_image(self, warm):
        require()
        self.debs = os.path.join(self.folder, "debs")
        os.mkdir(self.debs)
        return None, self.debs

    @staticmethod
    def _turn(guest):
        guest.smbios, guest.room = MACHINE, ROOM

    def _build(self):
        self.bundle = bundle.build(self.folder, self.cloud, cloud.ZONE, goal="disk",
                                   suite=self.base)
        self.hub.image = Disk(self.bundle.folder, self.outside.image.kernel)
        self.serve_user_data("user-data.ami", self.form)
        private = os.path.join(self.folder, "key")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "vm", "-f", private],
                       check=True)
        with open(private + ".pub", encoding="ascii") as file:
            self.cloud.serve_public_key(file.read().strip())

    def another(self, bus, form):
        """Another machine from the same image in the place of the hub; it is up when ready."""
        self.hub.stop()
        hub = qemu.Guest("hub-" + bus, self.hub.image, self, self.port, memory=1024, cpus=2,
                         bus=bus)
        self._turn(hub)
        self.serve_user_data("user-data.ami", form)
        self.hub = hub
        hub.start()
        self.come_up("the image on %s with %s user-data" % (bus, form))

    def ssh(self, *command, user="admin", options=()):
        """A login from the VPC host, with the key of the launch."""
        with open(os.path.join(self.folder, "key"), encoding="ascii") as file:
            self.outside.put(KEY, file.read(), "0600")
        options = [word for option in ("BatchMode=yes", "ConnectTimeout=30", "LogLevel=ERROR",
                                       "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null",
                                       *options) for word in ("-o", option)]
        return self.outside.run(*self.world.vpc_host(
            "ssh", "-i", KEY, *options, "%s@%s" % (user, self.cloud.hub.private), *command),
            timeout=90, check=False)


def recipe():
    """The image section of the recipe that is shipped."""
    import yaml  # pylint: disable=import-outside-toplevel
    return yaml.safe_load(bundle.repository("recipes/hub-image.yaml"))["image"]
