#!/bin/sh
# boot.sh FOLDER DIRECTORY...
# In namespaces of its own: boots systemd on a copy of this machine's files that is lost at the end. Each DIRECTORY is
# seen in /opt, by its last name after a colon.
set -eu
mount -t tmpfs tmpfs "$1"
cd "$1"
shift
mkdir upper work root
mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root
cd root
mkdir -p old
mount -t proc proc proc
mount --rbind /sys sys
umount -R sys/fs/cgroup
mount -t cgroup2 cgroup2 sys/fs/cgroup
for folder in run tmp; do mount -t tmpfs -o mode=1777 tmpfs $folder; done
# Nodes of its own: udev, which sets their owners, would change those of the real machine.
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/zero c 1 5
mknod -m 666 dev/full c 1 7
mknod -m 666 dev/random c 1 8
mknod -m 666 dev/urandom c 1 9
mknod -m 666 dev/tty c 5 0
mknod -m 600 dev/console c 5 1
mknod -m 600 dev/ttyS0 c 4 64
mknod -m 666 dev/fuse c 10 229
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
for directory in "$@"; do
    mkdir -p "opt/${directory##*:}"
    mount --bind "${directory%:*}" "opt/${directory##*:}"
done
rm -f etc/machine-id
echo 5b1c3fd0f3c64a6fb4d1b3f2f2a4f0aa > etc/machine-id
ip link set lo up
pivot_root . old
umount -l old
# container=: it neither mounts nor stops what is the real machine's.
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=basic.target --show-status=no
