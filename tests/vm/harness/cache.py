"""A cache of folders by the digest of what they were made from."""
import contextlib
import fcntl
import hashlib
import json
import os
import shutil


def home():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "imgbuild", "vm")


def folder(name, inputs, make):
    """Returns the folder of `inputs` (anything JSON can hold). `make(path)` fills it the first
    time; it appears whole or not at all, and earlier folders of the same name are dropped."""
    digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]
    final = os.path.join(home(), "%s-%s" % (name, digest))
    os.makedirs(home(), exist_ok=True)
    with open(os.path.join(home(), name + ".lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(final):
            with _fresh(final + ".new") as fresh:
                make(fresh)
                os.rename(fresh, final)
            _drop_others(name, final)
    return final


@contextlib.contextmanager
def _fresh(path):
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _drop_others(name, final):
    """Old folders go, except one that a guest may still have open (a day is long enough)."""
    for entry in os.scandir(home()):
        if entry.name.startswith(name + "-") and entry.path != final and entry.is_dir():
            if entry.stat().st_mtime < os.stat(final).st_mtime - 86400:
                shutil.rmtree(entry.path, ignore_errors=True)
