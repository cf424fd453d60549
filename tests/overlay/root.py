"""The overlay as it lies on a hub: $OVERLAY_ROOT (an unpacked overlay.tar.gz), else overlays/hub with
its *.in files filled in here. Also: how these tests start, skip and report."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VARS = {
    "pool_name": "vpn.example.com", "vpc_cidr": "172.16.0.0/16", "hub_subnet": "172.16.1.0/24",
    "admin_cidr": "172.16.0.0/16", "hub_id": "@vpn.example.com", "sites_url": "", "hosted_zone": "",
    "record_ttl": "60", "group": "hub", "region": "", "tunnel_mss": "1360",
    "ssm_endpoint": "", "secretsmanager_endpoint": "", "s3_endpoint": "", "route53_endpoint": "", "ca_file": "",
}
os.environ["PATH"] += ":/usr/sbin:/sbin"
os.environ["LC_ALL"] = "C"
_made = []


def fill(text, name):
    def value(match):
        if match.group(1) not in VARS:
            raise SystemExit("%s: {{%s}} is no variable of the hub recipe" % (name, match.group(1)))
        return VARS[match.group(1)]
    return re.sub(r"\{\{(\w+)\}\}", value, text)


def overlay():
    """The folder with the filled-in overlay."""
    given = os.environ.get("OVERLAY_ROOT")
    if given:
        return given
    if not _made:
        out = os.path.join(scratch(), "overlay")
        shutil.copytree(os.path.join(TOP, "overlays/hub"), out, symlinks=True,
                        ignore=shutil.ignore_patterns("__pycache__"))
        for folder, _, names in os.walk(out):
            for path in (os.path.join(folder, n) for n in names if n.endswith(".in")):
                with open(path) as f:
                    text = f.read()
                with open(path[:-3], "w") as f:
                    f.write(fill(text, path))
                shutil.copymode(path, path[:-3])
                os.unlink(path)
        _made.append(out)
    return _made[0]


def scratch():
    """A folder that goes away with the test."""
    out = tempfile.mkdtemp(prefix="overlay-test.")
    unittest.addModuleCleanup(shutil.rmtree, out, True)
    return out


def read(path):
    """The text of a file; the overlay's where the path is relative."""
    with open(os.path.join(overlay(), path), errors="replace") as f:
        return f.read()


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def run(*argv, **kw):
    """(exit status, stdout and stderr together)"""
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, **kw)
    return p.returncode, p.stdout


def skip(why):
    print("SKIP %s: %s" % (os.path.basename(sys.argv[0]), why))
    sys.exit(77)


def main(tools=(), root=False):
    """Run the test module: tools maps a needed program to its Debian package."""
    if root and os.geteuid():
        skip("needs root for namespaces")
    missing = ["%s (Debian: %s)" % t for t in dict(tools).items() if not shutil.which(t[0])]
    if missing:
        skip("not installed: " + ", ".join(missing))
    unittest.main(testRunner=unittest.TextTestRunner(sys.stdout, verbosity=2))
