#!/bin/bash
# machine.sh ROOT OVERLAY SCRATCH: boots systemd as process 1 of namespaces of its own, on a throw-away
# layer over the root file system ROOT. Of the kernel's settings it can write those of its network only.
set -euo pipefail
root=$1 overlay=$2 scratch=$3
mount -t tmpfs tmpfs "$scratch"
m=$scratch/root
mkdir "$scratch/upper" "$scratch/work" "$m"
mount -t overlay -o "lowerdir=$root,upperdir=$scratch/upper,workdir=$scratch/work" overlay "$m"
mount -t proc proc "$m/proc"
mount --bind "$m/proc/sys" "$m/proc/sys"
mount -o remount,bind,ro "$m/proc/sys"
mount --bind "$m/proc/sys/net" "$m/proc/sys/net"
mount -o remount,bind,rw "$m/proc/sys/net"
mount -t sysfs -o ro sysfs "$m/sys"
mount -t cgroup2 cgroup2 "$m/sys/fs/cgroup"
for d in run tmp dev; do mount -t tmpfs tmpfs "$m/$d"; done
for d in null zero full random urandom tty; do
	touch "$m/dev/$d"
	mount --bind "/dev/$d" "$m/dev/$d"
done
mkdir "$m/dev/pts" "$m/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$m/dev/pts"
mount -t tmpfs tmpfs "$m/dev/shm"
ln -s pts/ptmx "$m/dev/ptmx"
ln -s /proc/self/fd "$m/dev/fd"
# Nothing of the units that the machine underneath has enabled.
rm -rf "$m/etc/systemd/system" "$m/etc/ipsec.d"
mkdir -p "$m/etc/systemd/system" "$m/etc/ipsec.d"
cp -a "$overlay/." "$m/"
echo 0123456789abcdef0123456789abcdef >"$m/etc/machine-id"
touch "$m/run/notify"
mount --bind "$NOTIFY" "$m/run/notify"
hostname hub
ip link set lo up
ip addr add 169.254.169.254/32 dev lo
cd "$m"
mkdir .old
pivot_root . .old
umount -l .old
rmdir .old
exec env -i container=test NOTIFY_SOCKET=/run/notify PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	/lib/systemd/systemd --system --unit=multi-user.target
