"""A hub in its world: what a story starts from.

    with Scene(report, "bookworm", form="gzip") as scene:
        scene.boot()            # bundle, both guests, cloud-init, `hub ready`
        scene.dial(branch)      # a branch configured by its sheet, its tunnels up
"""
import gzip
import json
import os
import re
import shutil
import sys
import tempfile

from . import bundle, cloud, qemu, roots, world

READY_SECONDS = 900
RESULT = "/run/cloud-init/result.json"
UUID = "ec2e1916-9099-7caf-fd21-0123456789ab"
NITRO = {1: {"manufacturer": "Amazon EC2", "product": "t3.micro", "uuid": UUID, "serial": UUID}}
OBJECT = ("hub-artifacts", "overlay.tar.gz")


class Scene:
    """`form` is how the hub gets its user-data: gzip (as imgbuild leaves it), plain (the same
    document before compression) or fetch (a small one that fetches the overlay from S3)."""

    def __init__(self, report, story, suite="bookworm", form="gzip", keep=False,
                 warm=False):
        self.report, self.story, self.suite, self.form, self.keep = report, story, suite, form, keep
        self.folder = tempfile.mkdtemp(prefix="imgbuild-vm-")
        with report.step(story + ": root file systems", essential=True):
            base = roots.world_image("bookworm", bundle.PACKAGES)
            image, debs = self._hub_image(warm)
        self.log_dir = os.path.join(bundle.ROOT, "out", "vm", story)
        shutil.rmtree(self.log_dir, ignore_errors=True)
        os.makedirs(self.log_dir)
        self.branches, self.bundle = [], None
        self.cloud = cloud.Cloud(debs, tls=form != "fetch")
        link = qemu.Link(self.folder, "vpc")
        nics = [(qemu.user_network(), "02:00:00:00:00:01"), (link.end(0), "02:00:00:00:00:02")]
        self.outside = qemu.Guest("world", base, self, nics, append="init=/usr/lib/vm/init")
        self.port = [(link.end(1), self.cloud.hub.mac)]
        self.hub = qemu.Guest("hub", image, self, self.port, smbios=NITRO, memory=1024, cpus=2)
        self.world = world.World(self.outside, [self.cloud.hub], self.cloud.ports())

    def __enter__(self):
        self.cloud.__enter__()
        return self

    def __exit__(self, kind, *_):
        if self.keep and sys.stdin.isatty():
            self._hold()
        for guest in (self.hub, self.outside):
            guest.stop()
        self.cloud.__exit__(kind, *_)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _hub_image(self, warm):
        """The hub's image, and the folder of packages that it can reach."""
        return (roots.hub_image(self.suite, bundle.PACKAGES, warm),
                roots.debs(self.suite, bundle.PACKAGES))

    def _build(self):
        """Runs imgbuild."""
        url = "overlay_url: s3://%s/%s\n" % OBJECT if self.form == "fetch" else ""
        self.bundle = bundle.build(self.folder, self.cloud, cloud.ZONE, url)
        if self.form == "fetch":
            self.cloud.aws.put_object(*OBJECT, self.bundle.read("overlay.tar.gz"))
            self.hub.append += "systemd.setenv=AWS_ENDPOINT_URL_S3=" + \
                self.cloud.aws.endpoints["s3"]
        self.serve_user_data("user-data", self.form)

    def serve_user_data(self, product, form):
        data = self.bundle.read(product)
        if form == "plain" and data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        if form == "gzip" and data[:2] != b"\x1f\x8b":
            data = gzip.compress(data, mtime=0)
        self.cloud.serve_user_data(data)
        self.report.note("%s: %s, %d bytes" % (product, form, len(data)))

    def boot(self):
        """Four steps: imgbuild, world, cloud-init, ready."""
        step = self.report.step
        with step("%s: imgbuild makes its products" % self.story, essential=True):
            self._build()
            for site, key in bundle.KEYS.items():
                self.cloud.aws.ssm["/hub/psk/" + site] = key
        self.outside.start()
        self.hub.start()
        with step("%s: the world is up" % self.story, essential=True):
            self.world.up()
        self.come_up(self.suite)

    def come_up(self, what):
        """Two steps: cloud-init, ready."""
        step = self.report.step
        with step("%s: %s boots and cloud-init finishes" % (self.story, what), essential=True):
            self.hub.greet()
            self.hub.wait_for_file(RESULT, READY_SECONDS)
            result = json.loads(self.hub.run("cat", RESULT).out)["v1"]
            if result["errors"] or not result["datasource"].startswith("DataSourceEc2"):
                output = self.hub.run("tail", "-n", "40", "/var/log/cloud-init-output.log",
                                      check=False).out
                self.hub.fail("cloud-init: %s\n%s" % (result, output))
        with step("%s: hub ready" % self.story, essential=True):
            self.hub.until("hub ready", "hub", "ready", seconds=180, every=2)

    def dial(self, branch, sheet=None):
        """Makes the branch and starts its strongSwan on its sheet; waits for every tunnel."""
        self.branches.append(branch)
        self.world.add(branch)
        self.world.strongswan(branch, sheet or self.bundle.sheet(branch.site))
        for number in range(1, len(branch.lans) + 1):
            child = branch.site + ("-%d" % number if number > 1 else "")
            self.established(branch, child)

    def redial(self, branch, sheet):
        """Hangs up, and dials again with this sheet."""
        self.world.hang_up(branch)
        self.world.load(branch, sheet)
        self.established(branch, branch.site)

    def reboot(self):
        """Restarts the hub's system and waits until it is ready again."""
        self.hub.reboot()
        self.hub.until("hub ready", "hub", "ready", seconds=READY_SECONDS, every=2)

    def established(self, branch, child, seconds=30):
        """Waits until a child of the branch is installed; the log of both ends when it is not."""
        listing = self.world.swanctl(branch, "--list-sas", "--child", child)
        try:
            return self.outside.until(
                "tunnel %s is up" % child, *listing, seconds=seconds,
                wanted=lambda result: re.search(r"^\s+%s: #.*INSTALLED" % re.escape(child),
                                                result.out, re.MULTILINE))
        except Exception:
            self.report.note("strongSwan of %s:\n%s" % (branch.site, self.world.log(branch)))
            pluto = self.hub.run("journalctl", "-u", "ipsec", "-n", "25", "--no-pager", "-o", "cat",
                                 check=False)
            self.report.note("the hub's daemon:\n" + pluto.out)
            raise

    def _hold(self):
        self.report.line("guests are kept; logs in %s" % self.log_dir)
        self.report.line("type 'hub COMMAND' or 'world COMMAND', an empty line ends")
        for line in sys.stdin:
            where, _, command = line.strip().partition(" ")
            if not where:
                break
            guest = {"hub": self.hub, "world": self.outside}.get(where)
            if guest is None or not guest.process:
                self.report.line("no such guest")
                continue
            result = guest.run("sh", "-c", command, check=False, timeout=120)
            self.report.line((result.out + result.err).rstrip())
