#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# security.syscalls.intercept.*: what the host does for a container, and that nothing else can be had by it: bad
# pointers, memory and links that change meanwhile, callers that are killed, other namespaces, other devices.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/attack.sh"

K=security.syscalls.intercept
set_key() { c set instance "$1" config "$2" "$3"; }
probe() { run "$1" asker "$2" "${@:3}"; }
# helpers: those that take calls; who does one is a child of such a one
helpers() { pgrep -x -P 1 lxdfs-intercept; }

# ---- without: as the kernel has it
make plain
is "$(probe plain mknod-1:3 /tmp/null)" "mknod-1:3 EPERM" "without the key mknod fails"
is "$(probe plain fifo 10)" "fifo EPERM" "and so does real-time priority"
is "$(helpers)" "" "and there is no helper"
gone plain

begin=$SECONDS
make foo $K.mknod true $K.setxattr true $K.sched_setscheduler true $K.sysinfo true limits.memory 64MiB limits.processes 100
is "$(helpers | wc -l)" 1 "a container that asks for it has a helper"

# ---- mknod
for dev in 1:3 1:5 1:7 1:8 1:9 5:0 5:1; do
	is "$(probe foo "mknod-$dev" "/tmp/n$dev")" "mknod-$dev reached" "mknod $dev"
done
is "$(probe foo mknod-0:0 /dev/shm/whiteout)" "mknod-0:0 reached" "mknod 0:0, a whiteout, where a layer may be"
is "$(run foo 'stat -c "%F %t:%T %u:%g %a" /tmp/n1:3')" "character special file 1:3 0:0 644" "it is what was asked for, with the umask"
is "$(run foo 'echo x >/tmp/n1:3 && head -c 3 /tmp/n1:5 | tr "\0" 0; echo')" "000" "null and zero of its own work"
like "$(run foo 'cat /tmp/n5:1 2>&1')" "not permitted" "a console of its own doesn't open: it would be the host's"
is "$(probe foo mknod-1:3 /tmp/n1:3)" "mknod-1:3 EEXIST" "an existing one stays"
is "$(run foo 'mkdir /tmp/ro && mount -t tmpfs -o ro none /tmp/ro; asker mknod-1:3 /tmp/ro/x; umount /tmp/ro')" "mknod-1:3 EROFS" "a read-only place is one"
is "$(run foo 'mkdir -p /tmp/dir && cd /tmp/dir && asker mknod-1:3 here && ls /tmp/dir')" $'mknod-1:3 reached\nhere' "a path from where the caller is"
is "$(run foo 'mkdir -p /tmp/jail/bin /tmp/jail/tmp; cp /bin/asker /tmp/jail/bin; chroot /tmp/jail /bin/asker mknod-1:3 /tmp/x; ls /tmp/jail/tmp')" $'mknod-1:3 reached\nx' "the caller's root is its root"
for dev in 1:1 1:2 1:4 1:11 4:64 10:237 5:2 10:229; do
	is "$(probe foo "mknod-$dev" /tmp/bad)" "mknod-$dev EPERM" "mknod $dev is refused"
done
disk=$(stat -c %Hr:%Lr "$(find /dev -maxdepth 1 -type b | head -n 1)" 2>/dev/null || echo 8:0)
is "$(probe foo "block-$disk" /tmp/bad)" "block-$disk EPERM" "a disk is refused"
is "$(probe foo block-1:3 /tmp/bad)" "block-1:3 EPERM" "a block device with a harmless number is"
run foo 'echo "web:x:1000:1000::/tmp:/bin/sh" >>/etc/passwd; mkdir -m 777 /tmp/all' >/dev/null
is "$(run foo 'su web -c "asker mknod-1:3 /tmp/all/x"')" "mknod-1:3 EPERM" "a user without the capability has nothing by it"

# ---- setxattr: where a layer is written, which isn't the overlay that the root is
like "$(probe foo setxattr /tmp)" "setxattr (EOPNOTSUPP|reached)" "trusted.overlay.opaque reaches the file system"
is "$(probe foo setxattr-other /tmp)" "setxattr-other EPERM" "no other attribute"
is "$(probe foo setxattr /bin/probe)" "setxattr EPERM" "only of directories"
is "$(probe foo setxattr /proc/sys)" "setxattr EPERM" "only of what is its own"

# ---- sched_setscheduler; where the kernel has groups for real-time time they must have some
for g in "/sys/fs/cgroup/cpu/$NAME" "/sys/fs/cgroup/cpu/$NAME"/* "/sys/fs/cgroup/cpu/$NAME"/*/ns; do
	[ ! -e "$g/cpu.rt_runtime_us" ] || echo 1000 >"$g/cpu.rt_runtime_us"
done
is "$(probe foo fifo 10)" "fifo reached" "real-time priority"
is "$(probe foo fifo-1 10)" "fifo-1 reached" "of another process of the container"
is "$(probe foo fifo-host 30000)" "fifo-host ESRCH" "a number is one in the container"
init=$(c pid foo; echo "$OUT")
like "$(chrt -p "$init")" SCHED_FIFO "it is so on the host"

# ---- sysinfo
read -r total free uptime procs <<<"$(probe foo sysinfo)"
is "$total" $((64 << 20)) "sysinfo: its memory is the limit"
ok "and not all of it is free" -- test "$free" -lt "$total"
ok "it is up since its init is" -- test "$uptime" -le $((SECONDS - begin + 1))
ok "its processes are counted" -- test "$procs" -lt 100

# ---- bad pointers
is "$(probe foo bad)" "mknod-null EFAULT
mknod-kernel EFAULT
mknod-edge EFAULT
mknod-long ENAMETOOLONG
mknod-empty ENOENT
mknod-dots EEXIST
mknod-badfd EBADF
mknod-file ENOTDIR
sysinfo-null EFAULT
sysinfo-kernel EFAULT
sysinfo-edge EFAULT
sched-null EINVAL
sched-kernel EFAULT
sched-negative EINVAL
setxattr-null EFAULT
setxattr-name EFAULT
mount-null EINVAL
mount-kernel EFAULT
mount-type EFAULT" "pointers that lead nowhere fail as in the kernel"

# ---- other namespaces
is "$(probe foo nested /tmp)" "mknod-nested EPERM
fifo-nested EPERM
setxattr-nested EPERM" "a user namespace of its own gives nothing more"
is "$(probe foo mntns)" "mknod-mntns reached
is-here reached" "a mount namespace of its own is where it is done"
is "$(run foo ls /mnt)" "" "and nowhere else"

# ---- races: memory, links, callers that are killed
before=$(find / -xdev \( -name raced-by-asker -o -name made-by-asker \) 2>/dev/null)
is "$(probe foo race /tmp/dir)" raced "paths and links that change meanwhile"
is "$(find / -xdev \( -name raced-by-asker -o -name made-by-asker \) -not -path "$STATE/*" 2>/dev/null)" "$before" "nothing was made on the host"
is "$(probe foo mknod-1:3 /tmp/after)" "mknod-1:3 reached" "the helper does what comes after"
one_helper() { [ "$(helpers | wc -l)" = 1 ]; }
ok "and has left nobody behind" -- eventually one_helper

# ---- the helper killed, the core killed
kill -KILL "$(helpers)"
is "$(probe foo mknod-1:3 /tmp/killed)" "mknod-1:3 reached" "a helper that was killed is followed by another, and calls wait for it"
core_kill
old=$(helpers)
core_start
is "$(probe foo mknod-1:3 /tmp/killed2)" "mknod-1:3 reached" "a core that was killed"
is "$(helpers)" "$old" "leaves the helper as it is"
helper=$(helpers | head -n 1)
is "$(sed -n 's/^Seccomp:\t//p; s/^NoNewPrivs:\t//p' "/proc/$helper/status" | tr '\n' ' ')" "1 2 " "it has a filter, and no new privileges"
caps=$((0x$(sed -n 's/^CapBnd:\t//p' "/proc/$helper/status")))
is "$((caps >> 16 & 1)) $((caps >> 12 & 1)) $((caps >> 17 & 1)) $((caps >> 27 & 1))" "0 0 0 1" "of modules, networks, raw I/O it has no capability; of nodes it has"
gone foo
is "$(helpers)" "" "it ends with the container"

# ---- mount: a device of the container's, with an image that it wrote itself
truncate -s 8M "$WORK/disk"
mkfs.ext4 -q -F -O ^has_journal "$WORK/disk"
debugfs -w -R 'mknod sda b 8 0' "$WORK/disk" 2>/dev/null
debugfs -w -R 'mknod null c 1 3' "$WORK/disk" 2>/dev/null
tune2fs -e panic "$WORK/disk" >/dev/null
loop=$(losetup -f --show "$WORK/disk")
mknod "$WORK/node" b "$(stat -c %Hr "$loop")" "$(stat -c %Lr "$loop")"
c create bar
for pair in "$K.mount true" "$K.mount.allowed ext4"; do
	# shellcheck disable=SC2086 # a pair
	c set instance bar config $pair
done
c section instance bar devices/disk
for pair in "type unix-block" "source $WORK/node" "path /dev/disk"; do
	# shellcheck disable=SC2086
	c set instance bar devices/disk $pair
done
does "bar starts" start bar
mnt() { run bar asker mount "$@"; }
run bar mkdir /mnt/a >/dev/null
is "$(mnt /dev/disk /mnt/a ext4)" "mount reached" "an allowed file system is mounted"
is "$(run bar ls /mnt/a | tr '\n' ' ')" "lost+found null sda " "and is there"
like "$(run bar grep /mnt/a /proc/self/mountinfo)" 'nodev.*errors=remount-ro' "without devices, and a damaged image doesn't halt the host"
like "$(run bar 'cat /mnt/a/null 2>&1')" "ermission denied" "a node in it isn't the host's device"
is "$(grep -c "$WORK/disk\|$loop" /proc/self/mountinfo)" 0 "the host has no such mount"
is "$(run bar 'umount /mnt/a && ls /mnt/a')" "" "the container takes it off"
is "$(mnt /dev/disk /mnt/a ext4 1 noload)" "mount reached" "read-only, with an option"
like "$(run bar grep /mnt/a /proc/self/mountinfo)" ' ro,' "it is so"
run bar umount /mnt/a >/dev/null
for o in journal_dev=0x800 journal_path=/dev/sda errors=panic data=journal usrjquota=../../x context=system_u uid=0 ,,x=y; do
	is "$(mnt /dev/disk /mnt/a ext4 0 "$o")" "mount EINVAL" "the option $o is refused"
done
# one that isn't among its devices, and a host's node all the same
truncate -s 8M "$WORK/other" && mkfs.ext4 -q -F "$WORK/other"
other=$(losetup -f --show "$WORK/other")
mknod -m 666 "$WORK/closed" b "$(stat -c %Hr "$other")" "$(stat -c %Lr "$other")"
run bar touch /dev/closed >/dev/null
"$BUILD/tools/asker" give "$(c pid bar; echo "$OUT")" "$WORK/closed" /dev/closed
is "$(mnt /dev/closed /mnt/a ext4)" "mount EPERM" "a device that its control group hasn't"
is "$(mnt /dev/null /mnt/a ext4)" "mount ENOTBLK" "no block device"
is "$(mnt /dev/none /mnt/a ext4)" "mount ENOENT" "no device"
like "$(mnt /dev/disk /mnt/a xfs)" "mount (EPERM|ENODEV)" "another file system is the kernel's to refuse"
is "$(mnt none /mnt/a tmpfs && run bar umount /mnt/a)" "mount reached" "and what it may have without help goes to the kernel"
like "$(run bar 'unshare -U -r -m asker mount /dev/disk /mnt/a ext4 2>&1')" "mount (EPERM|EACCES)" "not in a user namespace of its own"
is "$(run bar 'unshare -m sh -c "asker mount /dev/disk /mnt/a ext4; ls /mnt/a | wc -l"; ls /mnt/a')" $'mount reached\n3' "in a mount namespace of its own it is there alone"
does "another file system is allowed while it runs" set instance bar config $K.mount.allowed vfat
is "$(mnt /dev/disk /mnt/a ext4)" "mount EPERM" "then the first isn't any more"
does "ids are to be mapped" set instance bar config $K.mount.shift true
does "and the first is allowed again" set instance bar config $K.mount.allowed ext4
is "$(mnt /dev/disk /mnt/a ext4)" "mount reached" "it is mounted"
is "$(run bar stat -c %u /mnt/a)" 0 "and is its own"
run bar umount /mnt/a >/dev/null
refuses EINVAL "overlay" "a file system that takes paths" set instance bar config $K.mount.allowed overlay
refuses EINVAL "nfs" "one that takes addresses" set instance bar config $K.mount.allowed nfs
refuses EINVAL "ext4=fuse2fs" "no program" set instance bar config $K.mount.fuse "ext4=fuse2fs; rm"
# a program of the container in place of the kernel
run bar 'printf "#!/bin/sh\necho \"\$0 \$*\" >/tmp/asked; id -u >>/tmp/asked; cat /proc/self/status | grep -c ^Seccomp_filters >>/tmp/asked; test \$2 = /mnt/a\n" >/bin/fakefs; chmod 755 /bin/fakefs' >/dev/null
does "a program does it" set instance bar config $K.mount.fuse fake4=fakefs
is "$(mnt /some/source /mnt/a fake4 1)" "mount reached" "it is run"
is "$(run bar head -n 2 /tmp/asked)" $'/bin/fakefs /some/source /mnt/a -o ro\n0' "in the container, with what was asked"
is "$(mnt /some/source /mnt/b fake4)" "mount EIO" "where it fails, mount does"
does "one that isn't there" set instance bar config $K.mount.fuse fake4=nofs
is "$(mnt /some/source /mnt/a fake4)" "mount ENODEV" "is no file system"
gone bar
losetup -d "$loop" "$other"

# ---- privileged: what the kernel lets it do anyway stays as it is
make priv security.privileged true $K.mknod true
is "$(probe priv mknod-1:3 /tmp/null)" "mknod-1:3 reached" "in a privileged one"
is "$(probe priv mknod-1:1 /tmp/mem)" "mknod-1:1 reached" "the kernel's own answers are as before"
like "$(run priv 'cat /tmp/mem 2>&1 | head -c 60')" "not permitted" "and so is the control group's"
if prlimit --rtprio=0:20 true 2>/dev/null; then
	c stop priv force
	set_key priv limits.kernel.rtprio 0:20
	set_key priv $K.sched_setscheduler true
	set_key priv security.privileged false
	does "with a limit" start priv
	for g in "/sys/fs/cgroup/cpu/$NAME" "/sys/fs/cgroup/cpu/$NAME"/* "/sys/fs/cgroup/cpu/$NAME"/*/ns; do
		[ ! -e "$g/cpu.rt_runtime_us" ] || echo 1000 >"$g/cpu.rt_runtime_us"
	done
	is "$(probe priv fifo 20)" "fifo reached" "priorities up to the hard limit"
	is "$(probe priv fifo 21)" "fifo EPERM" "and no higher"
else
	skip 3 "root of this host may not raise limits"
fi
gone priv
core_end
done_testing
