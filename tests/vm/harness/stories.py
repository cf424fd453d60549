"""The stories, and the table by which `run` finds them."""
import re

from . import checks
from .scene import Scene
from .world import Branch


def office(site, **how):
    """The branches of recipes/hub-sites.yaml (and branch6, see bundle.py), where they stand."""
    public, lans = {
        "branch1": ("203.0.113.10", ["192.168.0.1/24"]),
        "branch2": ("203.0.113.20", ["192.168.2.1/24", "192.168.102.1/24"]),
        "branch3": ("203.0.113.33", ["192.168.3.1/24"]),
        "branch4": ("203.0.113.44", ["192.168.4.1/24"]),
        "branch5": ("198.51.100.50", ["192.168.5.1/24"]),
        "branch6": ("203.0.113.66", ["192.168.6.1/24"]),
    }[site]
    return Branch(site, public, lans, **how)


def set_to(sheet, ike, esp):
    """The sheet of a router that is set to one suite only."""
    sheet = re.sub(r"(?m)^(\s*proposals = ).*$", r"\g<1>" + ike, sheet)
    return re.sub(r"(?m)^(\s*esp_proposals = ).*$", r"\g<1>" + esp, sheet)


def ready_hub(scene):
    """From user-data to a hub that says it is ready, and is."""
    step, story = scene.report.step, scene.story
    scene.boot()
    with step(story + ": files, modes, the vendor's kept"):
        checks.files(scene)
    with step(story + ": units and kernel settings"):
        checks.state(scene)
    with step(story + ": the hub is in the pool"):
        checks.pool(scene)
    checks.start_probes(scene)


def main_mode(scene):
    """The reference router: IKEv1, fixed address; the hub behind its elastic address."""
    step, story = scene.report.step, scene.story
    branch = office("branch1")
    with step(story + ": IKEv1 main mode, hub behind 1:1 NAT: phase 1 and 2"):
        scene.dial(branch)
    with step(story + ": ESP in UDP 4500"):
        checks.encapsulation(scene, branch, udp=True)
    with step(story + ": VPC host answers and sees the hub, MSS is cut"):
        checks.through(scene, branch)
    with step(story + ": stray TCP segment gets RST"):
        checks.stray(scene, branch)
    with step(story + ": through the tunnel the hub itself answers ICMP only"):
        checks.hub_closed(scene, branch)
    with step(story + ": nothing passes from the VPC to a branch"):
        checks.no_way_back(scene, branch)
    with step(story + ": hub status knows it"):
        checks.listed(scene, "branch1")
    return branch


def raw_esp(scene):
    """No NAT between the two; two subnets."""
    step, story = scene.report.step, scene.story
    branch = office("branch2", inside=True)
    with step(story + ": IKEv1, two subnets, no NAT: phase 1 and 2 of both"):
        scene.dial(branch)
    with step(story + ": raw ESP"):
        checks.encapsulation(scene, branch, udp=False)
    with step(story + ": VPC host answers both subnets and sees the hub"):
        checks.through(scene, branch)


def smoke(report, keep):
    with Scene(report, "smoke", keep=keep, warm=True) as scene:
        ready_hub(scene)
        main_mode(scene)
        raw_esp(scene)


STORIES = {"smoke": smoke}
ALL = ["smoke"]
