"""The bundle under test: what `imgbuild` makes of a recipe that extends ours, as a company's would.

Only what a test cannot have as it is differs from the recipe hub: the endpoints of AWS (settings of
hub.conf, in an overlay of our own) and the hosted zone. The sites are the example that is shipped,
and one more.
"""
import os
import re
import subprocess

from .report import Failure

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PACKAGES = ["libreswan", "iptables"]
KEYS = {name: "ExampleKeyOf%s0123" % name.capitalize()
        for name in ("default", "branch1", "branch2", "branch4", "branch5")}
RECIPE = """extends: hub
vars:
  hosted_zone: %(zone)s
overlays: [vm]
sites: vm-sites.yaml
%(more)s"""
ANOTHER_SITE = """
# A second one whose address changes: one key and one set of proposals with branch3.
- name: branch6
  peer: any
  id: 192.168.6.1
  subnets: 192.168.6.0/24
"""


def require():
    if not os.access(os.path.join(ROOT, "imgbuild"), os.X_OK):
        raise Failure("imgbuild is not built: run make")


class Bundle:
    def __init__(self, folder):
        self.folder = folder

    def read(self, name):
        with open(os.path.join(self.folder, name), "rb") as file:
            return file.read()

    def sheet(self, site):
        """The strongSwan sheet with its key filled in: the one edit that it needs."""
        text = self.read("peers/%s.swanctl.conf" % site).decode()
        key = KEYS.get(site, KEYS["default"])
        text, count = re.subn(r'(?m)^(\s*secret = )".*"$', r'\1"%s"' % key, text)
        if count != 1:
            raise Failure("peers/%s.swanctl.conf: %d secrets, 1 expected" % (site, count))
        return text


def build(folder, cloud, zone, more=""):
    """Runs imgbuild in a folder of its own; `more` is appended to the recipe."""
    own = os.path.join(folder, "company")
    settings, ca = cloud.settings()
    _write(own, "recipes/vm.yaml", RECIPE % {"zone": zone, "more": more})
    _write(own, "recipes/vm-sites.yaml", _repository("recipes/hub-sites.yaml") + ANOTHER_SITE)
    conf = _repository("overlays/hub/etc/hub/hub.conf.in")
    for name, value in settings.items():
        conf, count = re.subn(r"(?m)^%s =.*$" % name, "%s = %s" % (name, value), conf)
        if count != 1:
            raise Failure("hub.conf.in: no setting %s" % name)
    _write(own, "overlays/vm/etc/hub/hub.conf.in", conf)
    if ca:
        _write(own, "overlays/vm/etc/hub/ca.pem", ca)
    done = subprocess.run([os.path.join(ROOT, "imgbuild"), "-C", own, "vm"], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.STDOUT, env=dict(os.environ, IMGBUILD_PATH=ROOT))
    if done.returncode:
        raise Failure("imgbuild ended with %d:\n%s" % (done.returncode, done.stdout))
    return Bundle(os.path.join(own, "out", "vm"))


def _repository(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def _write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
