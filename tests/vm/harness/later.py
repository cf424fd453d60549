"""Packages of Debian that a guest of the image gets after it was built: a newer kernel, and Lynis.

The kernel is the newest one that Debian has for clouds (bookworm has those of its backports). Only
linux-image-cloud-amd64, which has no file but depends on the kernel, is made here: it is how a new
one reaches a system.
"""
import os
import re
import subprocess

from . import cache, roots, web
from .report import Failure

META = "linux-image-cloud-amd64"
KERNEL = re.compile(r"linux-image-(\d+\.\d+\.\d\S*-cloud-amd64)$")


def kernel_of(packages):
    """The version, as uname has it, of the newest kernel among names of packages."""
    found = [match[1] for match in map(KERNEL.match, packages) if match]
    return max(found, key=_order, default=None)


def packages(suite, old):
    """A folder with a kernel newer than `old`, its META, and Lynis; and the kernel's version."""
    folder = cache.folder("later-" + suite, [suite, old, roots.sources(suite), 1],
                          lambda out: _make(out, suite, old))
    return folder, kernel_of(name.split("_")[0] for name in os.listdir(folder))


def lynis(folder):
    return next(os.path.join(folder, name) for name in os.listdir(folder)
                if name.startswith("lynis_"))


def _order(version):
    return [int(number) for number in re.findall(r"\d+", version)]


def _make(out, suite, old):
    apt = _Apt(os.path.join(out, "apt"), suite)
    new = kernel_of(apt.output("apt-cache", "pkgnames", "linux-image-").split())
    if new is None or _order(new) <= _order(old):
        raise Failure("Debian %s has no kernel newer than %s" % (suite, old))
    apt.output("apt-get", "download", "linux-image-" + new, "lynis", cwd=out)
    apt.remove()
    deb = next(os.path.join(out, n) for n in os.listdir(out) if n.startswith("linux-image-" + new))
    version = subprocess.run(["dpkg-deb", "--field", deb, "Version"], check=True,
                             capture_output=True, text=True).stdout.strip()
    _make_meta(out, "linux-image-" + new, version)
    web.write_index(out)


def _make_meta(out, kernel, version):
    root = os.path.join(out, "meta")
    os.makedirs(os.path.join(root, "DEBIAN"))
    with open(os.path.join(root, "DEBIAN", "control"), "w", encoding="ascii") as file:
        file.write("Package: %s\nVersion: %s\nArchitecture: amd64\nSection: kernel\n"
                   "Maintainer: test <test@example.com>\nDepends: %s (= %s)\n"
                   "Description: Linux for clouds\n" % (META, version, kernel, version))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", root,
                    os.path.join(out, "%s_%s_amd64.deb" % (META, version))], check=True,
                   capture_output=True)
    subprocess.run(["rm", "-r", root], check=True)


class _Apt:
    """Package lists of a suite in a folder of their own."""

    def __init__(self, folder, suite):
        self.folder = folder
        for name in ("state/lists/partial", "cache/archives/partial"):
            os.makedirs(os.path.join(folder, name))
        self._write("sources.list", "\n".join(roots.sources(suite)) + "\n")
        self._write("status", "")
        self.options = []
        for option in ("Dir::State=%s/state" % folder, "Dir::State::status=%s/status" % folder,
                       "Dir::Cache=%s/cache" % folder, "APT::Architecture=amd64",
                       "Dir::Etc::SourceList=%s/sources.list" % folder,
                       "Dir::Etc::SourceParts=-", "Acquire::Languages=none",
                       "APT::Sandbox::User="):
            self.options += ["-o", option]
        self.output("apt-get", "--quiet", "update")

    def _write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="ascii") as file:
            file.write(text)

    def output(self, program, *arguments, cwd=None):
        done = subprocess.run([program, *self.options, *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, cwd=cwd)
        if done.returncode:
            raise Failure("%s %s ended with %d:\n%s" % (program, arguments[0], done.returncode,
                                                        (done.stdout + done.stderr)[-2000:]))
        return done.stdout

    def remove(self):
        subprocess.run(["rm", "-r", self.folder], check=True)
