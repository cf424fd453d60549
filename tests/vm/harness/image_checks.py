"""What must hold of a hub that was booted from its image, looked at from inside."""
import json
import os
import re

from . import built, bundle
from .checks import want
from .scene import RESULT

LISTENS = {("udp", "500", "pluto"), ("udp", "4500", "pluto"), ("tcp", "22", "sshd"),
           ("udp", "68", "systemd-network")}
HOST_KEYS = ["/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_ed25519_key.pub"]
TIME_SERVER = "169.254.169.123"
SYSCTLS = ("overlays/hub/etc/sysctl.d/90-hub.conf", "overlays/image/etc/sysctl.d/80-hub-image.conf")
INTEGRITY_SECONDS = 900


def lines(text):
    return [line for line in text.splitlines() if line.strip()]


def cloud_init(scene):
    """Every stage ended without an error, and nothing is warned of in the log."""
    status = json.loads(scene.hub.run("cat", "/run/cloud-init/status.json").out)["v1"]
    errors = {stage: value["errors"] for stage, value in status.items()
              if isinstance(value, dict) and value.get("errors")}
    want(not errors, "cloud-init: %s" % errors, scene.hub)
    want(status["datasource"].startswith("DataSourceEc2"), status["datasource"], scene.hub)
    log = scene.hub.run("grep", "-aE", r"WARNING|ERROR|CRITICAL|Traceback",
                        "/var/log/cloud-init.log", check=False).out
    want(not log, "cloud-init.log:\n" + log[-2000:], scene.hub)
    want(json.loads(scene.hub.run("cat", RESULT).out)["v1"]["errors"] == [], RESULT, scene.hub)


def units(scene):
    """The system is up, nothing failed, no job waits."""
    hub = scene.hub
    hub.until("the system is running", "systemctl", "is-system-running", seconds=180, every=3)
    failed = hub.run("systemctl", "--failed", "--plain", "--no-legend").out.strip()
    want(not failed, "failed units:\n" + failed, hub)
    jobs = hub.run("systemctl", "list-jobs", "--no-legend").out.strip()
    want(not jobs, "jobs still wait:\n" + jobs, hub)
    hub.run("systemctl", "is-active", "hub-pool.service", "systemd-timesyncd.service",
            "hub-integrity.timer", "tmp.mount")


def masked(scene):
    """What the recipe masks is masked."""
    names = built.recipe()["mask"]
    out = scene.hub.run("systemctl", "is-enabled", *names, check=False).out.splitlines()
    wrong = ["%s: %s" % pair for pair in zip(names, out) if pair[1] != "masked"]
    want(len(out) == len(names) and not wrong, "not masked:\n" + "\n".join(wrong or out), scene.hub)


def sockets(scene):
    """What listens is what the recipe names."""
    out = scene.hub.run("ss", "-Hlntup").out
    found = set()
    for line in lines(out):
        kind, local = line.split()[0], line.split()[4]
        program = re.search(r'\(\("([^"]+)"', line)
        if program and program[1] == "systemd-timesyn":
            continue  # a question to the time server waits for its answer
        found.add((kind, local.rpartition(":")[2], program[1] if program else "?"))
    want(found == LISTENS, "too much: %s\nmissing: %s\n%s"
         % (sorted(found - LISTENS), sorted(LISTENS - found), out), scene.hub)


def wanted_sysctls():
    """{path below /proc/sys: (value, may be absent)}, as the last file says it; no patterns."""
    found = {}
    for name in sorted(SYSCTLS, key=os.path.basename):
        for line in lines(bundle.repository(name)):
            if line[0] in "#;":
                continue
            key, _, value = line.partition("=")
            path = key.strip().lstrip("-").replace(".", "/")
            found[path] = value.strip(), line[0] == "-"
    return found


def sysctls(scene):
    """The settings of the overlays are in force."""
    wanted = wanted_sysctls()
    script = ('cd /proc/sys; for p; do for f in $p; do '
              'if [ -e "$f" ]; then echo "$p|$f|$(cat "$f")"; else echo "$p||"; fi; done; done')
    out = scene.hub.run("sh", "-c", script, "sh", *wanted).out
    wrong, seen = [], set()
    for line in out.splitlines():
        pattern, path, value = line.split("|", 2)
        seen.add(pattern)
        expected, optional = wanted[pattern]
        if not path:
            if not optional:
                wrong.append("%s is not there" % pattern)
        elif value.split() != expected.split() and (path == pattern or path not in wanted):
            wrong.append("%s is %s, not %s" % (path, value, expected))
    want(seen == set(wanted), "not looked at: %s" % sorted(set(wanted) - seen), scene.hub)
    want(not wrong, "\n".join(wrong), scene.hub)


def rules(scene):
    """Every rule and policy of the files is in force, and no other."""
    for tool, name in (("iptables", "rules.v4"), ("ip6tables", "rules.v6")):
        script = ("t=; while read -r a b c; do case $a in '*'*) t=${a#?} ;; "
                  ":*) $0 -t $t -S ${a#:} | grep -qx -- \"-P ${a#:} $b\" || echo \"$t $a $b\" ;; "
                  "-A) eval $0 -w -t $t -C $b $c || echo \"$t $a $b $c\" ;; esac; "
                  "done </etc/hub/%s" % name)
        out = scene.hub.run("sh", "-c", script, tool, timeout=120)
        want(not out.out.strip(), "not in force:\n" + out.out + out.err, scene.hub)
        given = scene.hub.run("grep", "-c", "^-A", "/etc/hub/" + name).out
        found = scene.hub.sh("%s-save | grep -c ^-A" % tool).out
        want(int(given) == int(found), "%s has %s rules, %s are in force"
             % (name, given.strip(), found.strip()), scene.hub)


def sites(scene):
    """Every site of the recipe is rendered and loaded; the daemon answers."""
    hub = scene.hub
    conf = hub.run("cat", "/etc/ipsec.d/hub-sites.conf").out
    status = hub.run("ipsec", "status", timeout=60).out
    names = [s["name"] for s in json.loads(scene.bundle.read("sites.json"))["sites"]]
    for name in names:
        want(re.search(r"(?m)^conn site-%s$" % re.escape(name), conf), "%s is not rendered" % name,
             hub)
        want('"site-%s"' % name in status, "%s is not loaded:\n%s" % (name, status[-1500:]), hub)
    want("_PIPADDR_" not in conf and scene.cloud.hub.private in conf,
         "the hub's address is not in hub-sites.conf", hub)


def disk(scene, bus="nvme"):
    """The root grew over the volume; it is what the partition table says; the ESP is there."""
    hub = scene.hub
    source = hub.run("findmnt", "-nro", "SOURCE,FSTYPE", "/").out.strip()
    want(re.fullmatch({"nvme": "/dev/nvme0n1p3", "virtio": "/dev/vda3"}[bus] + " ext4", source),
         "the root is " + source, hub)
    size = int(hub.run("findmnt", "-bnro", "SIZE", "/").out)
    want(size > 0.9 * hub.size() - (128 << 20), "the root has %d MiB of a volume of %d MiB"
         % (size >> 20, hub.size() >> 20), hub)
    hub.run("systemctl", "is-active", "efi.automount")
    hub.run("test", "-s", "/efi/EFI/BOOT/BOOTX64.EFI")
    hub.run("test", "-s", "/efi/loader/loader.conf")
    esp = hub.run("findmnt", "-nro", "FSTYPE,OPTIONS", "-t", "vfat", "/efi").out
    want(esp.startswith("vfat ") and "nosuid" in esp and "noexec" in esp,
         "/efi: " + esp, hub)
    mode = hub.run("stat", "--format=%a", "/efi").out.strip()
    want(mode == "700", "/efi is %s" % mode, hub)
    tmp = hub.run("findmnt", "-nro", "OPTIONS", "/tmp").out
    want(all(word in tmp.split(",") for word in ("nosuid", "nodev", "noexec")), "/tmp: " + tmp, hub)


def command_line(scene):
    """The kernel was given what the recipe says, and is locked down."""
    given = scene.hub.run("cat", "/proc/cmdline").out.split()
    missing = [word for word in built.recipe()["arguments"] if word not in given]
    want(not missing and any(w.startswith("root=PARTUUID=") for w in given),
         "/proc/cmdline lacks %s: %s" % (missing, " ".join(given)), scene.hub)
    lockdown = scene.hub.run("cat", "/sys/kernel/security/lockdown").out
    want("[integrity]" in lockdown, "lockdown: " + lockdown, scene.hub)


def packages(scene):
    """What is installed is what the image's record says."""
    out = scene.hub.run("dpkg-query", "-W", "-f", "${Package} ${Version}\\n").out
    found = dict(line.split() for line in lines(out))
    recorded = scene.hub.image.packages()
    odd = sorted(set(found.items()) ^ set(recorded.items()))
    want(not odd, "disk.json and dpkg differ: %s" % odd[:10], scene.hub)


def accounts(scene):
    """No password, no privileged program but the recipe's, keys and ids of its own."""
    hub = scene.hub
    shadow = [line.split(":") for line in lines(hub.run("cat", "/etc/shadow").out)]
    bad = [entry[0] for entry in shadow if entry[1][:1] not in ("!", "*")]
    want(shadow and not bad, "accounts that a password opens: %s" % bad, hub)
    privileged = hub.run("find", "/", "-xdev", "-type", "f", "-perm", "/6000", timeout=180).out
    want(lines(privileged) == sorted(built.recipe()["setuid"]),
         "setuid or setgid:\n" + privileged, hub)
    machine = hub.run("cat", "/etc/machine-id").out.strip()
    want(re.fullmatch("[0-9a-f]{32}", machine), "machine-id: " + machine, hub)
    keys = lines(hub.sh("ls /etc/ssh/ssh_host_*").out)
    want(keys == HOST_KEYS, "host keys: %s" % keys, hub)
    hub.run("test", "-s", "/var/log/journal/%s/system.journal" % machine)


def clock(scene):
    """The link-local server is the one that is asked. (The fallback servers that systemd was
    compiled with are listed, but only ever used where no other is named.)"""
    out = scene.hub.run("timedatectl", "show-timesync", "-p", "SystemNTPServers", "-p",
                        "LinkNTPServers", "-p", "ServerName").out
    found = dict(line.split("=", 1) for line in lines(out))
    want(found == {"SystemNTPServers": TIME_SERVER, "LinkNTPServers": "",
                   "ServerName": TIME_SERVER}, "time servers: %s" % found, scene.hub)


def login(scene):
    """The launch's key opens the administrator's account; nothing else opens any."""
    done = scene.ssh("sudo -n id -u; cut -d. -f1 /proc/uptime")
    want(done.rc == 0 and done.out.split()[0] == "0", "SSH as admin: %s%s" % (done.out, done.err),
         scene.hub)
    refused = {
        "root": scene.ssh("id", user="root"),
        "without the key": scene.ssh("id", options=("PubkeyAuthentication=no",)),
        "SHA-1 and NIST curves": scene.ssh("id", options=(
            "KexAlgorithms=ecdh-sha2-nistp256,diffie-hellman-group14-sha1",)),
    }
    for what, done in refused.items():
        want(done.rc == 255, "SSH %s: status %d, %s%s" % (what, done.rc, done.out, done.err),
             scene.hub)
    want("Permission denied (publickey)" in refused["without the key"].err,
         "SSH offers more than keys: " + refused["without the key"].err, scene.hub)


def integrity(scene):
    """The files are those of the image, and of packages that came later."""
    done = scene.hub.run("systemctl", "start", "hub-integrity.service", check=False,
                         timeout=INTEGRITY_SECONDS)
    log = scene.hub.run("journalctl", "-u", "hub-integrity", "-n", "20", "-o", "cat",
                        "--no-pager").out
    want(done.rc == 0 and re.search(r"integrity: \d+ files, .* 0 not as they should be", log),
         "hub-integrity:\n" + log, scene.hub)
    scene.report.note(re.search(r"hub: integrity: .*", log)[0])


def boot_time(scene):
    """Notes what systemd has measured."""
    scene.report.note(scene.hub.run("systemd-analyze", check=False).out.strip()
                      .replace("\n", "; "))


def asked_aws(scene):
    """The keys came from SSM, and nothing was refused."""
    log = scene.cloud.aws.log
    want(any(c.service == "ssm" for c in log), "SSM was never asked", scene.hub)
    refused = [c for c in log if c.status >= 400 and c.service != "imds"]
    want(not refused, "AWS refused: %s" % refused[:3], scene.hub)


ALL = [
    ("cloud-init: data source Ec2, no error, no warning", cloud_init),
    ("units: up, none failed, no job left", units),
    ("units that the recipe masks", masked),
    ("sockets: only what is named", sockets),
    ("kernel settings of both overlays", sysctls),
    ("rules: all of them, no others", rules),
    ("sites rendered and loaded", sites),
    ("root grown; EFI system partition; /tmp", disk),
    ("kernel command line, lockdown", command_line),
    ("packages are those of disk.json", packages),
    ("accounts, setuid, host keys, machine-id, journal", accounts),
    ("time servers", clock),
    ("SSH: by key, with modern algorithms only", login),
    ("keys came from SSM", asked_aws),
]
