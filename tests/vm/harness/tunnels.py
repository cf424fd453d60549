"""What branches do with a hub, in parts that stories are made of."""
import re

from . import checks
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


def suites(scene, branch):
    """Whatever of its suites the reference router is set to, the hub speaks it."""
    sheet = scene.bundle.sheet(branch.site)
    for cipher, names in (("aes256-sha256", r"AES_CBC-256/HMAC_SHA2_256_128"),
                          ("aes128-sha1", r"AES_CBC-128/HMAC_SHA1_96")):
        for group, number in (("modp2048", "2048"), ("modp1536", "1536")):
            with scene.report.step("%s: IKEv1 with %s and %s" % (scene.story, cipher, group)):
                scene.redial(branch, set_to(sheet, cipher + "-" + group, cipher))
                checks.speaks(scene, branch, names + r"/\S+/MODP_" + number, names)
                checks.through(scene, branch)
    with scene.report.step("%s: modp1024 is refused" % scene.story):
        checks.refused(scene, branch, set_to(sheet, "aes128-sha1-modp1024", "aes128-sha1"),
                       "NO_PROPOSAL_CHOSEN")
    with scene.report.step(scene.story + ": the sheet as it is, a rekey of both phases"):
        scene.redial(branch, sheet)
        checks.rekeyed(scene, branch)


def ikev2(scene):
    """A Yamaha behind NAT with a key of its own, and a modern peer."""
    step, story = scene.report.step, scene.story
    behind = office("branch4", behind_nat=True)
    with step(story + ": IKEv2 behind NAT, own key: phase 1 and 2"):
        scene.dial(behind)
    with step(story + ": ESP in UDP, VPC host answers and sees the hub"):
        checks.encapsulation(scene, behind, udp=True)
        checks.through(scene, behind)
    modern = office("branch5")
    with step(story + ": IKEv2 with AES-GCM: phase 1 and 2"):
        scene.dial(modern)
        checks.speaks(scene, modern, r"AES_GCM_16-256/PRF_HMAC_SHA2_384/ECP_384",
                      r"AES_GCM_16-256")
    with step(story + ": VPC host answers and sees the hub"):
        checks.through(scene, modern)
    with step(story + ": a rekey of both phases, with PFS"):
        checks.rekeyed(scene, modern)
        checks.speaks(scene, modern, r"AES_GCM_16-256/PRF_HMAC_SHA2_384/ECP_384",
                      r"AES_GCM_16-256/ECP_384")
    with step(story + ": a wrong key is refused"):
        sheet = scene.bundle.sheet("branch5")
        checks.refused(scene, modern, sheet.replace('secret = "', 'secret = "x'),
                       "AUTHENTICATION_FAILED")
    return modern


def any_peers(scene):
    """Two branches whose address the hub does not know share a key, and are told apart."""
    step, story = scene.report.step, scene.story
    branches = [office("branch3"), office("branch6")]
    for branch in branches:
        with step("%s: IKEv1, unknown address, %s: phase 1 and 2" % (story, branch.site)):
            scene.dial(branch)
    with step(story + ": both reach the VPC host at once"):
        for branch in branches:
            checks.through(scene, branch)
