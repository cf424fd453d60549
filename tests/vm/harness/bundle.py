"""The bundle under test: what `imgbuild` makes of a recipe that extends ours, as a company's would.

Only what a test cannot have as it is differs from the recipe hub: the endpoints of AWS and the
hosted zone, and in an image the command channel. The sites are the example that is shipped, and one
more.
"""
import os
import re
import subprocess

from . import roots
from .report import Failure

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PACKAGES = ["libreswan", "iptables"]
KEYS = {name: "ExampleKeyOf%s0123" % name.capitalize()
        for name in ("default", "branch1", "branch2", "branch4", "branch5")}
RECIPE = """extends: hub
sites: vm-sites.yaml
vars:
  hosted_zone: %(zone)s
%(more)s"""
# An image has the command channel as its only addition.
IMAGE = """image:
  base: {debian: %s}
  overlays: [vm-agent]
  services: [vm-agent.service]
"""
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


def build(folder, cloud, zone, more="", goal="bundle", suite="bookworm"):
    """Runs imgbuild in a folder of its own; `more` is appended to the recipe, `suite` is that of an
    image's base."""
    own = os.path.join(folder, "company")
    variables, ca = cloud.settings()
    more = "".join("  %s: %s\n" % pair for pair in variables.items()) + more
    if ca:
        _write(own, "overlays/vm/etc/hub/ca.pem", ca)
        more += "overlays: [vm]\n"
    if goal == "disk":
        _write(own, "overlays/vm-agent/usr/lib/vm/agent.py", roots.agent())
        _write(own, "overlays/vm-agent/etc/systemd/system/vm-agent.service", roots.AGENT_UNIT)
        more += IMAGE % suite
    _write(own, "recipes/vm.yaml", RECIPE % {"zone": zone, "more": more})
    _write(own, "recipes/vm-sites.yaml", repository("recipes/hub-sites.yaml") + ANOTHER_SITE)
    done = imgbuild("-C", own, "vm", goal)
    if done.returncode:
        raise Failure("imgbuild ended with %d:\n%s" % (done.returncode, done.stdout))
    return Bundle(os.path.join(own, "out", "vm"))


def imgbuild(*arguments):
    """Runs it, and returns the finished process with all that it printed."""
    return subprocess.run([os.path.join(ROOT, "imgbuild"), *arguments], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.STDOUT, env=dict(os.environ, IMGBUILD_PATH=ROOT))


def repository(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def _write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
