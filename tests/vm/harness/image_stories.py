"""Stories of the built image."""
import hashlib
import os
import re
import shutil
import subprocess
import tempfile

from . import bundle, checks, image_checks, later, qemu, tunnels
from .built import Built
from .checks import want

SUITE = "bookworm"  # of the recipe's base
LYNIS = "/run/lynis"
LYNIS_SECONDS = 3000
LYNIS_WANTED = 80
UPGRADE_SECONDS = 1800
BOOT_SECONDS = 1500  # the program's own patience is for a machine that does nothing else
BOOT_TOO_SHORT = 10  # seconds, in which nothing boots
TWIN_TRIES = 3


# Parts

def inside(scene):
    """From firmware to a hub that says it is ready, and all that is promised of it."""
    step, story = scene.report.step, scene.story
    scene.boot()
    with step(story + ": files, modes, the vendor's kept"):
        checks.files(scene)
    with step(story + ": the hub is in the pool"):
        checks.pool(scene)
    for name, check in image_checks.ALL:
        with step("%s: %s" % (story, name)):
            check(scene)
    image_checks.boot_time(scene)


def intact(scene):
    with scene.report.step(scene.story + ": integrity"):
        image_checks.integrity(scene)


def branches(scene):
    """Branches dial it by their sheets."""
    checks.start_probes(scene)
    with scene.report.step(scene.story + ": from the VPC only SSH is let in"):
        checks.door(scene)
    tunnels.main_mode(scene)
    tunnels.raw_esp(scene)


def audit(scene):
    """Lynis, without the plugin that Debian adds; nothing of it is left behind."""
    hub = scene.hub
    text = ""
    with scene.report.step(scene.story + ": Lynis scores at least %d" % LYNIS_WANTED):
        folder, _ = later.packages(SUITE, _kernel(scene))
        shutil.copy(later.lynis(folder), os.path.join(scene.debs, "lynis.deb"))
        # The program wants its parts around it; nothing is installed. Nor does its log need the
        # time of every line: a process each, nearly half of all it starts.
        hub.sh("mkdir -m 700 %(to)s; cd %(to)s; umask 022; python3 -c 'import urllib.request as u; "
               "u.urlretrieve(\"http://deb.test/lynis.deb\", \"lynis.deb\")'; "
               "dpkg-deb -x lynis.deb .; mv usr/sbin/lynis etc/lynis/*.prf usr/share/lynis; "
               "mkdir usr/share/lynis/plugins; "
               "sed -i 's/CDATE=$(date [^)]*)/CDATE=-/' usr/share/lynis/include/functions; "
               "chmod 755 ." % {"to": LYNIS}, timeout=120)
        done = hub.sh("cd %s/usr/share/lynis && sh ./lynis audit system --quick --no-colors "
                      "--quiet >/dev/null </dev/null" % LYNIS, check=False, timeout=LYNIS_SECONDS)
        text = hub.run("cat", "/var/log/lynis-report.dat", check=False).out
        with open(os.path.join(scene.log_dir, "lynis-report.dat"), "w", encoding="utf-8") as file:
            file.write(text)
        score = re.search(r"(?m)^hardening_index=(\d+)$", text)
        want(score, "Lynis ended with %d and no score:\n%s"
             % (done.rc, (done.out + done.err)[-2000:]), hub)
        tests = re.search(r"(?m)^tests_executed=(.*)$", text)
        scene.report.note("score %s; %d tests" % (score[1], tests[1].count("|") if tests else 0))
        hub.run("rm", "-r", LYNIS, "/var/log/lynis-report.dat", "/var/log/lynis.log")
        want(int(score[1]) >= LYNIS_WANTED, "Lynis scores %s" % score[1], hub)
    with scene.report.step(scene.story + ": what Lynis still finds is what the manual explains"):
        found = [entry.split("|")[:2] for entry in
                 re.findall(r"(?m)^(?:warning|suggestion)\[\]=(.*)$", text)]
        for entry in found:
            scene.report.note("%s: %s" % tuple(entry))
        rows = re.findall(r"(?m)^\| ((?:[A-Z]{3,4}-\d{4}(?:, )?)+|LYNIS) \|",
                          bundle.imgbuild("--print", "reference").stdout)
        explained = {name for row in rows for name in row.split(", ")}
        odd = sorted({name for name, _ in found} - explained)
        want(found and not odd, "not explained: %s" % odd, hub)


def _kernel(scene):
    return later.kernel_of(scene.hub.image.packages())


def upgrade(scene):
    """A new kernel by apt-get dist-upgrade; the old one goes."""
    step, story, hub = scene.report.step, scene.story, scene.hub
    old = _kernel(scene)
    with step(story + ": dist-upgrade of the kernel", essential=True):
        folder, new = later.packages(SUITE, old)
        for name in os.listdir(folder):
            shutil.copy(os.path.join(folder, name), scene.debs)
        running = hub.run("uname", "-r").out.strip()
        want(running == old, "%s is running, not %s" % (running, old), hub)
        hub.put("/run/later.list", "deb [trusted=yes] http://deb.test/ ./\n")
        apt = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--yes", "--quiet", "-o",
               "Dir::Etc::SourceList=/run/later.list", "-o", "Dir::Etc::SourceParts=-")
        hub.run(*apt, "update", timeout=UPGRADE_SECONDS)
        hub.run(*apt, "dist-upgrade", timeout=UPGRADE_SECONDS)
        scene.report.note("%s to %s" % (old, new))
    with step(story + ": its hooks wrote the boot loader's entry"):
        entries = _entries(hub)
        want(len(entries) == 2 and all(any(v in e for e in entries) for v in (old, new)),
             "entries: %s" % entries, hub)
        one, other = (_entry(hub, entries, v) for v in (old, new))
        want(one["options"] == other["options"], "options: %s\nand: %s"
             % (one["options"], other["options"]), hub)
        for key in ("linux", "initrd"):
            hub.run("test", "-s", "/efi" + other[key])
    with step(story + ": after a reboot the new kernel runs, ready again", essential=True):
        scene.reboot()
        running = hub.run("uname", "-r").out.strip()
        want(running == new, "%s is running, not %s" % (running, new), hub)
        image_checks.units(scene)
        image_checks.command_line(scene)
        checks.pool(scene)
    with step(story + ": removing the old kernel removes its entry"):
        hub.run(*apt, "purge", "linux-image-" + old, timeout=UPGRADE_SECONDS)
        entries = _entries(hub)
        want(len(entries) == 1 and new in entries[0], "entries: %s" % entries, hub)
        left = hub.run("find", "/efi", "/boot", "/usr/lib/modules", "-path", "*%s*" % old).out
        want(not left.strip(), "left of the old kernel:\n" + left, hub)


def _entries(hub):
    return hub.sh("ls /efi/loader/entries").out.split()


def _entry(hub, names, version):
    name = next(n for n in names if version in n)
    text = hub.run("cat", "/efi/loader/entries/" + name).out
    return dict(line.split(None, 1) for line in text.splitlines() if line and line[0] != "#")


def elsewhere(scene, bus, form):
    """The same image, another disk controller and the other form of user-data: short."""
    scene.another(bus, form)
    with scene.report.step("%s: root grown on %s, nothing failed" % (scene.story, bus)):
        image_checks.disk(scene, bus)
        image_checks.units(scene)
    image_checks.boot_time(scene)


# Stories

def image(report, keep):
    """One image in two machines; all that takes long happens in the first."""
    with Built(report, "image", form="gzip", keep=keep) as scene:
        inside(scene)
        branches(scene)
        intact(scene)
        audit(scene)
        upgrade(scene)
        intact(scene)
        elsewhere(scene, "virtio", "plain")


def short(story, *parts):
    """A story of its own for some of it."""
    def run(report, keep):
        with Built(report, story, keep=keep) as scene:
            scene.boot()
            for part in parts:
                part(scene)
    return run


def plain(report, keep):
    """As its end, alone."""
    with Built(report, "image-plain", form="plain", keep=keep, bus="virtio") as scene:
        scene.boot()
        with report.step("image-plain: root grown, nothing failed"):
            image_checks.disk(scene, "virtio")
            image_checks.units(scene)


def trixie(report, keep):
    """The image of the next release: all that is promised of it, and a branch through it."""
    with Built(report, "image-trixie", keep=keep, base="trixie") as scene:
        inside(scene)
        intact(scene)
        checks.start_probes(scene)
        tunnels.main_mode(scene)


# Two that build the same

TWIN = """set -eu
cd "$1"
mount --make-rprivate /
for name in passwd group subuid subgid; do
    [ -e /etc/$name ] || continue
    cp /etc/$name own.$name
    case $name in
    passwd) echo 'twin:x:54321:54321::/nonexistent:/bin/sh' ;;
    group) echo 'twin:x:54321:' ;;
    *) echo 'twin:2000000:65536' ;;
    esac >>own.$name
    chmod 644 own.$name
    mount --bind own.$name /etc/$name
done
mkdir -p home
chown 54321:54321 . home
umask 077
shift
exec setpriv --reuid 54321 --regid 54321 --clear-groups env -i PATH="$PATH" HOME="$PWD/home" \
    TZ=Asia/Tokyo LC_ALL=C IMGBUILD_PATH="$IMGBUILD_PATH" "$@"
"""


def twins(report, keep):  # pylint: disable=unused-argument
    """root, and a user who has nothing but a range of ids, each from Debian's packages. A mirror is
    written anew several times a day: what is compared has to be of the same state of it."""
    with tempfile.TemporaryDirectory(prefix="imgbuild-vm-") as top:
        os.chmod(top, 0o755)
        for _ in range(TWIN_TRIES):
            digests, states = [], []
            for name in ("user", "root"):
                folder = os.path.join(top, name)
                os.makedirs(folder, 0o755, exist_ok=True)
                with report.step("twins: imgbuild hub disk as " + name, essential=True):
                    done = _twin(name, folder)
                    want(done.returncode == 0, done.stdout[-3000:])
                    home = os.path.join(folder, "home") if name == "user" else os.path.expanduser("~")
                    states.append(_mirror_state(home))
                digests.append(_sha256(os.path.join(folder, "out", "hub", "disk.raw")))
            if states[0] == states[1]:
                break
            report.note("the mirror changed between the two: once more")
        with report.step("twins: the same bytes"):
            want(states[0] == states[1], "the mirror changes too often for a comparison")
            want(digests[0] == digests[1], "SHA-256 %s and %s\n%s" % (*digests, bundle.imgbuild(
                "diff", os.path.join(top, "user", "out"), os.path.join(top, "root", "out")).stdout[-3000:]))


def _twin(name, folder):
    arguments = ["-C", bundle.ROOT, "--out", os.path.join(folder, "out"), "hub", "disk", "--update"]
    if name == "root":
        return bundle.imgbuild(*arguments)
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", TWIN, "sh", folder,
         os.path.join(bundle.ROOT, "imgbuild"), *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False,
        stderr=subprocess.STDOUT, env=dict(os.environ, IMGBUILD_PATH=bundle.ROOT))


def _mirror_state(home):
    """The key of the base used last: a digest of what it was asked for and of the mirror."""
    folder = os.path.join(home, ".cache", "imgbuild", "bases")
    notes = [n for n in os.listdir(folder) if n.startswith(SUITE + "-") and n.endswith(".json")]
    return max(notes, key=lambda n: os.stat(os.path.join(folder, n)).st_mtime_ns)


def _sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


# The goal boot, as a user runs it

def _boot(name, out, *more):
    """Its output, and after a failure the guest's console, stay in out/vm/NAME/."""
    qemu.require_firmware()
    logs = os.path.join(bundle.ROOT, "out", "vm", name)
    shutil.rmtree(logs, ignore_errors=True)
    os.makedirs(logs)
    done = bundle.imgbuild("-C", bundle.ROOT, "--out", out, *more, "hub", "boot")
    with open(os.path.join(logs, "boot.log"), "w", encoding="utf-8") as file:
        file.write(done.stdout)
    if os.path.isdir(os.path.join(out, ".hub.boot")):
        shutil.copytree(os.path.join(out, ".hub.boot"), os.path.join(logs, "guest"))
    return done


def _ready(done, report, *more):
    want(done.returncode == 0, "exit status %d:\n%s" % (done.returncode, done.stdout[-3000:]))
    ready = re.search(r"ready after \d+ s.*", done.stdout)
    want(ready, "no word of being ready:\n" + done.stdout[-3000:])
    for pattern in (r"^ +\d+  metadata +GET +200  user-data$",
                    r"^ +\d+  metadata +PUT +200  api/token$", r"^ +\d+  ssm +GetParameters? +200",
                    *more):
        want(re.search("(?m)" + pattern, done.stdout),
             "not in its table: %s\n%s" % (pattern, done.stdout[-3000:]))
    report.note(ready[0])


def boot(report, keep):  # pylint: disable=unused-argument
    """imgbuild hub boot: the image as it is shipped."""
    with tempfile.TemporaryDirectory(prefix="imgbuild-vm-") as out:
        with report.step("boot: imgbuild hub disk", essential=True):
            done = bundle.imgbuild("-C", bundle.ROOT, "--out", out, "hub", "disk")
            want(done.returncode == 0, done.stdout[-3000:])
        with report.step("boot: imgbuild hub boot says that it is ready, and what was asked for"):
            done = _boot("boot", out, "--timeout", str(BOOT_SECONDS))
            _ready(done, report, r"^ +\d+  route53 +ChangeResourceRecordSets +200  UPSERT A")
            want("in the zone after" in done.stdout, done.stdout[-3000:])
            want(not os.path.exists(os.path.join(out, ".hub.boot")), "it left its folder behind")
        with report.step("boot: too little time is exit status 1, and the console is kept"):
            done = _boot("boot-short", out, "--timeout", str(BOOT_TOO_SHORT))
            want(done.returncode == 1 and "not ready after" in done.stdout,
                 "exit status %d:\n%s" % (done.returncode, done.stdout[-3000:]))
            want(os.path.exists(os.path.join(out, ".hub.boot", "console.log")), "no console.log")


def adhoc(report, keep):  # pylint: disable=unused-argument
    """imgbuild hub boot --adhoc: the pasteable user-data on a plain base, which fetches the packages
    from Debian's mirror: not part of ALL, since a guest may not reach one."""
    with tempfile.TemporaryDirectory(prefix="imgbuild-vm-") as out:
        with report.step("adhoc: imgbuild hub boot --adhoc says that it is ready"):
            _ready(_boot("adhoc", out, "--adhoc"), report)
