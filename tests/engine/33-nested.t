#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# lxdfs inside lxdfs: an instance with security.nesting that sees the host's programs mounts an /lxd of its own, has a
# bridge there, makes an instance of the busybox image and starts it. What the host lacks for it is said in a sentence.
. "$(dirname "$0")/../lib/daemon.sh"
[ -L /bin ] || skip_all "/bin isn't a link to /usr/bin: the instance would have no libraries"
image=$ROOT/build/busybox.tar.xz
[ -e "$image" ] || "$ROOT/scripts/make-busybox-image" "$image" >/dev/null || skip_all "no busybox image"
# as udev has it; whoever can't open it has no FUSE
mknod "$WORK/fuse" c 10 229
chmod 666 "$WORK/fuse"
mount --bind "$WORK/fuse" /dev/fuse
# shellcheck disable=SC2119
daemon_start

# an image with nothing in it but an init: /usr is the host's
R=$WORK/image/rootfs
mkdir -p "$R"/{etc,root,tmp,proc,sys,dev,run,usr,var/lib,lxd,sbin,opt/lxdfs,opt/image,opt/scripts}
for l in bin lib lib64; do [ ! -e "/$l" ] || ln -s "usr/$l" "$R/$l"; done
cp "$(command -v busybox)" "$R/sbin/init"
ln -s init "$R/sbin/sleep"
echo '::respawn:/sbin/sleep 100000' >"$R/etc/inittab"
printf 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\ndnsmasq:x:107:65534::/:/bin/false\n' >"$R/etc/passwd"
printf 'root:x:0:\nlxd:x:900:\nnogroup:x:65534:\n' >"$R/etc/group"
printf 'architecture: %s\ncreation_date: 1\n' "$(uname -m)" >"$WORK/image/metadata.yaml"
tar -C "$WORK/image" -cf "$WORK/host.tar" .
ok "an image of a host" -- cp "$WORK/host.tar" "$LXD/images/"
ln -s "../$(sha256sum "$WORK/host.tar" | cut -d ' ' -f 1)" "$LXD/images/aliases/host"

foo=$LXD/instances/foo
mkdir "$foo"
put host "$foo/source"
put true "$foo/config/security.nesting"
disk() {
	mkdir "$foo/devices/$1"
	put disk "$foo/devices/$1/type"
	put "$2" "$foo/devices/$1/source"
	put "$3" "$foo/devices/$1/path"
	put true "$foo/devices/$1/readonly"
}
mkdir "$STATE/given"
cp "$image" "$STATE/given/"
disk usr /usr /usr
disk programs "$BIN" /opt/lxdfs
disk image "$STATE/given" /opt/image
disk scripts "$ROOT/scripts" /opt/scripts
# where the host has AppArmor, the outer one has a policy namespace, in which the inner lxdfs loads profiles
[ ! -d /etc/apparmor.d ] || disk apparmor /etc/apparmor.d /etc/apparmor.d
# inside COMMAND: what it prints
inside() {
	local e=$foo/exec/t$BASHPID
	mkdir "$e"
	put "$1" "$e/command"
	put run "$e/state" || cat "$ERROR_FILE"
	cat "$e/stdout" "$e/stderr"
	rmdir "$e"
}
inner='/opt/lxdfs/lxdfsd --mount /lxd --state /var/lib/lxdfs --run /run/lxdfs --libexec /opt/lxdfs'
ok "it starts" -- put running "$foo/state"
is "$(inside "$inner; echo \$?")" 0 "lxdfs starts in it"
is "$(inside 'cat /lxd/error; ls /lxd/networks /lxd/storage /lxd/profiles')" "$(printf '/lxd/networks:\nlxdbr0\n\n/lxd/profiles:\ndefault\n\n/lxd/storage:\ndefault')" "with a pool, a bridge and a profile"
is "$(inside 'cat /lxd/storage/default/driver')" dir "the pool has copies: layers can't lie on layers"
is "$(inside '/opt/scripts/first-start /lxd /var/lib/lxdfs /opt/image/busybox.tar.xz; cat /lxd/error')" "" "the image is imported"
is "$(inside 'mkdir /lxd/instances/bar && echo running >/lxd/instances/bar/state; cat /lxd/error /lxd/instances/bar/state')" running "an instance in the instance starts"

# bar COMMAND: in the inner one
bar() {
	inside "e=/lxd/instances/bar/exec/t\$\$; mkdir \$e && cat >\$e/command <<'E'
$1
E
echo run >\$e/state; cat \$e/stdout \$e/stderr; rmdir \$e"
}
is "$(bar 'id -u; touch /made; stat -c %u:%g /made /bin')" "$(printf '0\n0:0\n0:0')" "its root is root in it"
is "$(inside 'stat -c %u:%g /var/lib/lxdfs/pools/default/*/rootfs/made')" 1000000:1000000 "and another in the outer one"
is "$(stat -c %u "$STATE"/pools/default/*/upper/var/lib/lxdfs/pools/default/*/rootfs/made)" 1000000 "which on the host's disk is one of the outer one's"
pid=$(get "$foo/pid")
outer=$(awk '$1 == 0 { print $2 }' "/proc/$pid/uid_map")
user=$(ps -e -o uid=,args= | awk -v outer="$outer" '$1 == outer + 1000000 { print $1; exit }')
is "$user" $((outer + 1000000)) "its processes are nobody of the host, nor of the outer one"
like "$(bar 'ping -c 1 -W 5 $(ip route | sed -n "s/^default via \([^ ]*\).*/\1/p")')" ' 0% packet loss' "it reaches its bridge"
is "$(inside 'cd /lxd/instances/bar/devices/eth0; for k in mac ipv4 ipv6; do echo true >security.${k}_filtering; done; cat /lxd/error; nft list table bridge lxdfs | grep -c veth.*jump')" 1 "its NIC is filtered, in the outer one's network"
is "$(nft list ruleset | grep -c 'table bridge lxdfs ')" 0 "and not in the host's"
pass "limits"
case $(inside 'echo 50 >/lxd/instances/bar/config/limits.processes; cat /lxd/error') in
'') like "$(inside 'cat /sys/fs/cgroup/lxdfs/*/pids.max')" '^50$' "limits hold in groups that the outer one gave it" ;;
*"the pids controller is missing"*) pass "of control groups that it wasn't given it says so" ;;
*) fail "limits.processes" ;;
esac
ok "freezes the outer one both" -- put frozen "$foo/state"
ok "and thaws" -- put running "$foo/state"

# ---- files whose owners aren't mapped are given others when the map changes, and back
is "$(inside 'echo stopped >/lxd/instances/bar/state; cd /lxd/instances/bar/config; echo true >security.privileged; echo running >../state || cat /lxd/error; cat ../state')" running "as a privileged one it starts too"
is "$(bar 'cat /proc/self/uid_map | tr -s " "; stat -c %u /made')" "$(printf ' 0 %s 1000000000\n0' 1000000)" "root of the outer one, and no more"
is "$(inside 'stat -c %u /var/lib/lxdfs/pools/default/*/rootfs/made; ls /var/lib/lxdfs/pools/default/*/')" "$(printf '0\nrootfs\nrootfs.ids')" "its files are unshifted"
like "$(bar 'probe=1; mknod /tmp/sda b 8 0; cat /dev/sda; echo h >/proc/sysrq-trigger' 2>&1)" 'not permitted|ermission denied' "it reaches no device of the host"
is "$(inside 'kill -KILL $(pgrep -x lxdfsd); while pgrep -x lxdfsd; do :; done >/dev/null; '"$inner"'; cat /lxd/instances/bar/state')" running "the inner daemon killed and started again finds it"
is "$(inside "$inner --stop --all; echo \$?; ls /sys/fs/cgroup/*/lxdfs /sys/fs/cgroup/lxdfs 2>/dev/null; ip -o link | grep -c lxdbr0")" "$(printf '0\n0')" "it ends, and leaves nothing"

# ---- what is missing is said
ok "the outer one stopped" -- put stopped "$foo/state"
put true "$foo/config/security.idmap.isolated"
ok "isolated, with 65536 ids" -- put running "$foo/state"
is "$(inside "$inner; echo \$?")" 0 "the inner daemon starts"
like "$(inside 'cd /lxd/instances/bar; echo stopped >state; echo false >config/security.privileged; echo running >state || cat /lxd/error')" 'the user namespace that lxdfs is in has 0.*security.idmap.size' "it has no ids to give, and says what to do"
is "$(inside "$inner --stop --all; echo \$?")" 0 "it ends"
put stopped "$foo/state"
chmod 600 "$WORK/fuse"
ok "where the host's /dev/fuse is closed" -- put running "$foo/state"
like "$(inside "$inner")" '/dev/fuse can.t be opened: Permission denied .*chmod 666' "it says so"
daemon_stop
umount /dev/fuse
done_testing
