"""cloud-init's own commands, run on user-data in a scratch root: a copy-on-write view of this machine in
namespaces of its own, where package manager and systemctl are stand-ins that write down what they are
asked. Needs root, overlayfs and cloud-init.

    with ScratchRoot(packages={'etc/ipsec.conf': b'vendor'}) as root:
        root.boot(user_data)
        root.file('/etc/x')
"""
import contextlib
import os
import shutil
import subprocess
import tempfile

CONFIG = '''\
datasource_list: [NoCloud]
network: {config: disabled}
preserve_hostname: true
ssh_deletekeys: false
cloud_init_modules: [bootcmd, write-files]
cloud_config_modules: [runcmd]
cloud_final_modules: [package-update-upgrade-install, write-files-deferred, scripts-user]
output: {all: '>> /var/log/cloud-init-output.log'}
'''
NOTE = '#!/bin/sh\necho "${0##*/} $*" >>/stand-in.log\n'
STAGES = (('init', '--local'), ('init',), ('modules', '--mode=config'), ('modules', '--mode=final'))


def missing():
    """Why it cannot run here; empty when it can."""
    if os.geteuid() != 0:
        return 'not root'
    for program in ('cloud-init', 'unshare'):
        if not shutil.which(program):
            return 'no %s' % program
    with tempfile.TemporaryDirectory() as t:
        p = subprocess.run(['unshare', '-mn', 'sh', '-c', 'mount -t tmpfs t "$0" && mkdir "$0/u" "$0/w" "$0/m" && '
                            'mount -t overlay o -o lowerdir=/,upperdir="$0/u",workdir="$0/w" "$0/m"', t],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return 'no overlayfs: ' + p.stdout.strip() if p.returncode else ''


class ScratchRoot:
    def __init__(self, packages=None):
        self.packages = packages or {}

    def __enter__(self):
        self.top = tempfile.mkdtemp(prefix='scratch-root-')
        # The namespaces live as long as this process, which reads commands.
        self.keeper = subprocess.Popen(
            ['unshare', '-mnu', '--propagation=private', 'sh', '-c', '''
set -e
mount -t tmpfs scratch "$0"
cd "$0"
mkdir u w m
mount -t overlay root -o lowerdir=/,upperdir=u,workdir=w m
mount --rbind /dev m/dev
mount -t proc -o ro proc m/proc
mount -t sysfs -o ro sys m/sys || true
mount -t tmpfs run m/run
mount -t tmpfs tmp m/tmp
echo ready
cat >/dev/null''', self.top], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.keeper.stdout.readline() == 'ready\n', 'no scratch root'
        for path in ('/var/lib/cloud', '/var/log/cloud-init.log', '/var/log/cloud-init-output.log', '/etc/hub',
                     '/etc/ipsec.conf', '/etc/ipsec.conf.orig', '/usr/lib/hub', '/etc/odd'):
            self.sh('rm -rf "$1"', path)
        self.write('/etc/cloud/cloud.cfg.d/99_test.cfg', CONFIG)
        for name in ('systemctl', 'apt-get', 'eatmydata', 'udevadm', 'ds-identify'):
            self.write('/usr/bin/' + name, NOTE, 0o755)
        self.write('/usr/bin/apt-get', NOTE + 'case "$*" in *install*) cp -a /packages/. / ;; esac\n', 0o755)
        # With eatmydata on the machine, cloud-init runs the package manager through it.
        self.write('/usr/bin/eatmydata', '#!/bin/sh\nexec "$@"\n', 0o755)
        self.sh('mkdir -p /packages')
        for name, data in self.packages.items():
            self.write('/packages/' + name, data)
        return self

    def __exit__(self, *_):
        self.keeper.stdin.close()
        self.keeper.wait(30)
        self.keeper.stdout.close()
        with contextlib.suppress(OSError):
            os.rmdir(self.top)

    def sh(self, script, *args, check=True, data=None):
        """(status, stdout and stderr as bytes) of a shell script in the root."""
        argv = ['nsenter', '--target=%d' % self.keeper.pid, '--mount', '--net', '--uts', '--root', 'chroot', self.top + '/m',
                'env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL=C.UTF-8', 'sh', '-c', script, 'sh', *args]
        p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, input=data or b'', timeout=180)
        if check and p.returncode:
            raise AssertionError('%s: %d: %s' % (script, p.returncode, p.stdout.decode(errors='replace')))
        return p.returncode, p.stdout

    def write(self, path, data, mode=0o644):
        self.sh('mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"', path, '%o' % mode,
                data=data.encode() if isinstance(data, str) else data)

    def file(self, path):
        """(octal mode, owner:group, bytes); a link's bytes are what it points to; None: nothing there."""
        status, out = self.sh('[ -e "$1" ] || [ -L "$1" ] || exit 3; stat -c "%F,%a,%U:%G" "$1"; '
                              'if [ -L "$1" ]; then readlink -n "$1"; elif [ -f "$1" ]; then cat "$1"; fi',
                              path, check=False)
        if status:
            return None
        head, data = out.split(b'\n', 1)
        _, mode, owner = head.decode().split(',')
        return mode, owner, data

    def boot(self, user_data, between=None, instance='i-1'):
        """Run cloud-init's stages on the user-data; `between` is called before the last one."""
        self.write('/var/lib/cloud/seed/nocloud/user-data', user_data)
        self.write('/var/lib/cloud/seed/nocloud/meta-data', 'instance-id: %s\n' % instance)
        for stage in STAGES:
            if stage[-1] == '--mode=final' and between:
                between()
            status, out = self.sh('cloud-init "$@" 2>&1', *stage, check=False)
            log = self.sh('cat /var/log/cloud-init.log /var/log/cloud-init-output.log', check=False)[1].decode(
                errors='replace')
            bad = [line for line in log.splitlines()
                   if ('WARNING' in line or 'ERROR' in line or 'Traceback' in line) and not harmless(line)]
            assert not status and not bad, 'cloud-init %s: %d\n%s\n%s' % (
                ' '.join(stage), status, '\n'.join(bad), out.decode(errors='replace') + log[-4000:])

    def asked(self):
        """What the stand-ins were asked, line by line."""
        return self.sh('cat /stand-in.log 2>/dev/null', check=False)[1].decode().splitlines()


def harmless(line):
    """Complaints about the scratch root and not about the user-data."""
    return any(text in line for text in ('blkid', 'Used fallback datasource', 'hotplug', 'dhclient',
                                         'Unable to find a system nic', 'No active cloud', 'ds-identify'))
