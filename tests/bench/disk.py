"""From a root file system archive and an overlay to a raw ext4 image, beside its peers.

Two archives made here: one like the hub's own root file system (470 MB in 14,500 entries) and one of
1.4 GB in 77,000. Digests and syncs are left out on all sides, files are in the page cache, and nothing
waits to be written back when a command begins. In a virtual machine, memory that is free becomes the
host's again (Linux, mm/page_reporting.c) and is slow to come back: all start with what they fill at hand,
in pieces as large as files get them, and not before what the one before left free has gone, a command
during which that happens takes twice its time.
"""
import io
import os
import pathlib
import random
import shutil
import subprocess
import tarfile
import time

from timing import compare

TOP = pathlib.Path(__file__).resolve().parents[2]
MEMORY = 2 << 30  # bytes, more than an image and all that is in memory besides
PIECE = bytes(1 << 20)
REPORT_SECONDS = 2.5  # Linux tells the host two seconds after memory became free, a part of it each time
REPORT_BYTES = 1 << 30
RUNS = int(os.environ.get("BENCH_DISK_RUNS", "5"))
GENIMAGE = """image image.ext4 {
    ext4 { use-mke2fs = true }
    size = %d
    mountpoint = "/"
}
"""


def archive(path, entries, size):
    """`size` bytes in `entries` entries: a folder for eight of them, most files small, a few large, as
    in a system: half of the bytes in a fiftieth of the files."""
    rng = random.Random(1)
    folders = entries // 9
    files = entries - folders
    large = files // 50
    mean_small, mean_large = size // 2 // (files - large), size // 2 // large
    noise = rng.randbytes(mean_large * 2 + (1 << 16))
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        def add(name, kind, length=0):
            member = tarfile.TarInfo(name)
            member.type, member.size, member.mtime = kind, length, 1700000000
            member.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
            start = rng.randrange(1 << 16)
            tar.addfile(member, io.BytesIO(noise[start:start + length]) if length else None)
        left = files
        for i in range(folders):
            add(f"./usr/share/d{i % 97}/f{i}" if i >= 97 else f"./usr/share/d{i}", tarfile.DIRTYPE)
            here = left // (folders - i)
            for k in range(here):
                mean = mean_large if (left - k) % 50 == 0 else mean_small
                name = f"./usr/share/d{i % 97}/f{i}/n{k}.dat" if i >= 97 else f"./usr/share/d{i}/n{k}.dat"
                add(name, tarfile.REGTYPE, rng.randrange(mean * 2))
            left -= here


def overlay(folder):
    for i in range(40):
        path = folder / f"etc/hub/part{i % 5}/file{i}.conf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"setting = {i}\n" * 20)


def script(path, text):
    path.write_text("#!/bin/sh\nset -e\n" + text)
    path.chmod(0o755)
    return [str(path)]


def peers(work, tar, extra, size):
    """(name, argv) of what is installed and may run here."""
    root = os.geteuid() == 0
    unpack = f'tar -x --xattrs --xattrs-include="*" -p -f {tar} -C'
    found = [("cat: the same bytes", script(work / "cat", f"cat {tar} >{work}/cat.img\n"))]
    if not root:
        print("not root: the peers that unpack with owners are left out")
        return found
    found.append(("loop mount and tar", script(work / "loop", f"""
truncate -s {size} {work}/loop.img
mke2fs -q -F -t ext4 {work}/loop.img; mkdir -p {work}/mnt
mount -o loop,noatime {work}/loop.img {work}/mnt
trap 'umount {work}/mnt' EXIT
{unpack} {work}/mnt; cp -r {extra}/. {work}/mnt
""")))
    found.append(("untar and mke2fs -d", script(work / "mke2fs", f"""
mkdir {work}/tree; truncate -s {size} {work}/mke2fs.img
{unpack} {work}/tree; cp -r {extra}/. {work}/tree
mke2fs -q -F -t ext4 -d {work}/tree {work}/mke2fs.img
""")))
    if shutil.which("genimage"):
        (work / "genimage.cfg").write_text(GENIMAGE % size)
        found.append(("untar and genimage", script(work / "gen", f"""
mkdir {work}/tree
{unpack} {work}/tree; cp -r {extra}/. {work}/tree
genimage --rootpath {work}/tree --tmppath {work}/gtmp --outputpath {work}/gout --inputpath {work} \\
    --config {work}/genimage.cfg
""")))
    else:
        print("genimage: not installed, left out")
    return found


def loop_works(work):
    """Whether this machine mounts an image: containers often may not."""
    image = work / "try.img"
    subprocess.run(["truncate", "-s", "16M", image], check=True)
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", image], check=True)
    (work / "mnt").mkdir(exist_ok=True)
    mounted = subprocess.run(["mount", "-o", "loop", image, work / "mnt"], capture_output=True, check=False)
    if mounted.returncode == 0:
        subprocess.run(["umount", work / "mnt"], check=True)
    return mounted.returncode == 0


def memory_free():
    with open("/proc/meminfo", encoding="ascii") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("MemFree:"))


def memory_at_hand(folder, size):
    """Have so much of what is free, or half of it, filled by a file, and let it go."""
    free = memory_free()
    path = folder / "memory"
    with open(path, "wb", buffering=0) as f:
        os.posix_fallocate(f.fileno(), 0, size)  # its blocks need not be found
        for _ in range(min(size, free // 2) // len(PIECE)):
            f.write(PIECE)
    path.unlink()


def disks(work, mkdisk):
    extra = work / "overlay"
    overlay(extra)
    mounts = os.geteuid() == 0 and loop_works(work)
    if os.geteuid() == 0 and not mounts:
        print("loop mounts do not work here: left out")
    for title, entries, size, image, runs in (
            ("470 MB, 14,500 entries", 14500, 470 << 20, 2 << 30, RUNS),
            ("1.4 GB, 77,000 entries", 77000, 1400 << 20, 4 << 30, RUNS)):
        tar = work / "rootfs.tar"
        archive(tar, entries, size)
        commands = [("imgbuild's writer", [str(mkdisk), str(tar), str(extra), str(work / "own.img"), str(image)])]
        commands += [c for c in peers(work, tar, extra, image) if mounts or c[0] != "loop mount and tar"]

        def clean(name, folder=work):
            before = memory_free()
            for name in ("own.img", "cat.img", "loop.img", "mke2fs.img"):
                (folder / name).unlink(missing_ok=True)
            for name in ("tree", "gtmp", "gout"):
                shutil.rmtree(folder / name, ignore_errors=True)
            os.sync()  # what the one before left to be written back would slow this one
            freed = max(0, memory_free() - before)
            time.sleep(REPORT_SECONDS * (1 + freed // REPORT_BYTES))
            with open(folder / "rootfs.tar", "rb") as f:  # in the page cache, whatever the one before put there
                while f.read(1 << 20):
                    pass
            # The peers fill it twice, with a tree or another file system's files.
            memory_at_hand(folder, 2 * MEMORY if name.startswith(("untar", "loop")) else MEMORY)
        compare(f"Archive and overlay to ext4 image: {title}", commands, runs=runs, before=clean)
        clean("")
        subprocess.run(commands[0][1], check=True)
        subprocess.run(["e2fsck", "-fn", work / "own.img"], check=True, capture_output=True)
