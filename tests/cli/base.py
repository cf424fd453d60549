#!/usr/bin/python3
"""base.py ARCHIVE [MORE [ZERO]]: a root file system archive as small as an image can be made of. MORE bytes
of other files make it larger, and a last one of ZERO bytes of zeroes that the archive has no room for."""
import io
import random
import sys
import tarfile

VERSION = "6.1.0-1-cloud-amd64"
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nwww:x:33:33::/:/bin/false\n",
    "etc/group": "root:x:0:\nwww:x:33:\n",
    "etc/shadow": "root:*:1::::::\nwww:!:1::::::\n",
    "usr/lib/os-release": 'ID=debian\nVERSION_ID=12\nNAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12"\n',
    "boot/vmlinuz-" + VERSION: "a kernel\n" * 9000,
    "boot/initrd.img-" + VERSION: "an initrd\n" * 9000,
    "usr/lib/systemd/boot/efi/systemd-bootx64.efi": "a boot loader\n" * 100,
    "usr/lib/systemd/boot/efi/systemd-bootaa64.efi": "another boot loader\n" * 100,
    "usr/lib/systemd/system/a.service": "[Service]\nExecStart=/bin/a\n[Install]\nWantedBy=multi-user.target\n",
    "usr/lib/modules/" + VERSION + "/modules.dep": "",
    "usr/lib/kernel/install.d/90-loaderentry.install": "#!/bin/sh\n",
    "usr/bin/a": "#!/bin/sh\n",
    "var/log/old.log": "of a build\n",
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "var/lib/dpkg/status": "Package: a\nStatus: install ok installed\nMaintainer: x <x@example.com>\n"
                           "Architecture: amd64\nVersion: 1.0-1\nDescription: a\n\n",
}
MODES = {"usr/bin/a": 0o4755, "etc/shadow": 0o640}


def main(path, more=0, zero=0):
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        def add(name, kind=tarfile.REGTYPE, data=b"", mode=0o644, **fields):
            member = tarfile.TarInfo("./" + name)
            member.type, member.size, member.mode, member.mtime = kind, len(data), mode, 1700000000
            for key, value in fields.items():
                setattr(member, key, value)
            tar.addfile(member, io.BytesIO(data))
        folders = {"bin", "tmp", "dev"}
        for name in FILES:
            parts = name.split("/")[:-1]
            folders.update("/".join(parts[:i + 1]) for i in range(len(parts)))
        for name in sorted(folders - {"bin"}):
            add(name, tarfile.DIRTYPE, mode=0o755)
        add("bin", tarfile.SYMTYPE, linkname="usr/bin")
        for name, text in FILES.items():
            add(name, data=text.encode(), mode=MODES.get(name, 0o644))
        add("usr/bin/b", tarfile.LNKTYPE, linkname="./usr/bin/a")
        add("usr/bin/cap", data=b"x" * 5000, mode=0o755, uid=33, gid=33,
            pax_headers={"SCHILY.xattr.user.note": "kept", "mtime": "1700000000.123456789"})
        rng = random.Random(1)
        left, i = more, 0
        while left > 0:
            size = min(left, rng.randrange(200000))
            add("usr/bin/more%d" % i, data=rng.randbytes(size))
            left, i = left - size, i + 1
    if zero:
        member = tarfile.TarInfo("./usr/bin/zero")
        member.size = zero
        with open(path, "r+b") as file:
            file.seek(-1024, io.SEEK_END)
            while file.read(512) == bytes(512):
                file.seek(-1024, io.SEEK_CUR)
            file.write(member.tobuf())
            file.truncate(file.tell() + (zero + 511) // 512 * 512 + 1024)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
