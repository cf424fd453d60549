"""The stories, and the table by which `run` finds them."""
from . import checks, image_stories
from .scene import Scene
from .tunnels import any_peers, ikev2, main_mode, raw_esp, suites


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


def daily_work(scene, branch, modern):
    """What is done on a running hub."""
    step, story = scene.report.step, scene.story
    with step(story + ": hub site remove ends a site, add brings it back"):
        scene.redial(modern, scene.bundle.sheet(modern.site))
        checks.removed_and_added(scene, modern)
    with step(story + ": the hub never dialled"):
        checks.never_dialled(scene)
    with step(story + ": after a reboot ready again, the branch comes back", essential=True):
        scene.reboot()
        checks.state(scene)
        scene.established(branch, branch.site, seconds=120)
        checks.through(scene, branch)
    with step(story + ": leaving the pool takes the record away"):
        checks.left_pool(scene)


def whole(report, keep, story, **how):
    """Every profile against one hub."""
    with Scene(report, story, keep=keep, **how) as scene:
        ready_hub(scene)
        with report.step(story + ": from the VPC only SSH is let in"):
            checks.door(scene)
        branch = main_mode(scene)
        raw_esp(scene)
        suites(scene, branch)
        modern = ikev2(scene)
        any_peers(scene)
        daily_work(scene, branch, modern)


def smoke(report, keep):
    with Scene(report, "smoke", keep=keep, warm=True) as scene:
        ready_hub(scene)
        main_mode(scene)
        raw_esp(scene)


def bookworm(report, keep):
    whole(report, keep, "bookworm", suite="bookworm", form="gzip")


def trixie(report, keep):
    whole(report, keep, "trixie", suite="trixie", form="plain")


def fetch(report, keep):
    with Scene(report, "fetch", keep=keep, form="fetch", warm=True) as scene:
        ready_hub(scene)
        main_mode(scene)


STORIES = {
    "smoke": smoke, "bookworm": bookworm, "trixie": trixie, "fetch": fetch,
    "boot": image_stories.boot, "adhoc": image_stories.adhoc, "image": image_stories.image,
    "image-plain": image_stories.plain, "image-trixie": image_stories.trixie,
    "twins": image_stories.twins,
    "lynis": image_stories.short("lynis", image_stories.audit),
    "kernel": image_stories.short("kernel", image_stories.upgrade, image_stories.intact),
}
ALL = ["bookworm", "trixie", "fetch", "image", "twins"]
