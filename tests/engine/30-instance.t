#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Instances, without a tree: every action in every state, ends that nobody asked for, what a new core finds.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/instancectl.sh"

image=$ROOT/build/busybox.tar.xz
[ -e "$image" ] || "$ROOT/scripts/make-busybox-image" "$image"
core_start
is "$SAID" ok "a core starts on an empty state"
does "an image is imported" image "$image" busybox

# kill_init: as the container's init would end by itself
kill_init() { kill -KILL "$(c pid "$1"; echo "$OUT")"; }
monitor_of() { pgrep -x lxdfs-monitor | head -n 1; }
veths() { ip -o link | grep -c veth; }
groups_left() { find /sys/fs/cgroup -maxdepth 4 -type d -path "*$NAME/*" 2>/dev/null | grep -v /lxdfs-exec; }

# ---- names
for bad in 1foo -foo foo- fo_o fo.o 'föö' ''; do
	refuses EINVAL 'no name for an instance' "\"$bad\" is no name" create "$bad"
done
refuses ENAMETOOLONG '63 characters' "64 characters are too many" create "a$(printf %063d 0)"
does "63 are not" create "a$(printf %062d 0)"
does "" remove "a$(printf %062d 0)"
does "an instance is made" create foo
refuses EEXIST 'already' "once" create foo

# ---- stopped
says stopped "it is stopped" state foo
says 0 "and has no process" pid foo
does "stopping it changes nothing" stop foo
refuses EBUSY "isn't running" "it can't be frozen" freeze foo
refuses EBUSY "is stopped" "or restarted" restart foo
refuses EBUSY "isn't running" "or run commands" exec foo true
refuses ETIMEDOUT "still stopped" "waiting for another state has an end" wait foo running 50
does "waiting for this one has none" wait foo stopped 0
is "$(groups_left)$(find "$STATE/pools" -mindepth 2)" "" "nothing is made before it is started"

# ---- running
does "it starts" start foo
says running "it runs" state foo
c pid foo
ok "its process is there" -- test -d "/proc/$OUT"
does "starting it again changes nothing" start foo
c exec foo 'ip -o link show eth0 | grep -o "link/ether [0-9a-f:]*"'
like "$OUT" 'link/ether 00:16:3e:' "it has its NIC, with a MAC of ours"
mac=$OUT
c get instance foo config volatile.eth0.host_name
host_name=$OUT
ok "the host's end has the name that is kept" -- ip link show "$host_name"
refuses EBUSY 'is running: echo stopped' "it can't be removed" remove foo
refuses EBUSY 'is running' "or renamed" rename foo bar
c exec foo hostname
is "${OUT%%$'\n'*}" foo "its host name is its own"

# ---- frozen
does "it freezes" freeze foo
says frozen "it is frozen" state foo
does "again changes nothing" freeze foo
refuses EBUSY frozen "commands don't hang in it" exec foo true
does "running thaws it" start foo
says running "it runs" state foo
does "" freeze foo
does "a frozen one can be stopped" stop foo force
says stopped "and is" state foo

# ---- what is kept
does "it starts again" start foo
c exec foo 'ip -o link show eth0 | grep -o "link/ether [0-9a-f:]*"'
is "$OUT" "$mac" "with the same MAC"
c get instance foo config volatile.eth0.host_name
is "$OUT" "$host_name" "and the same name of the host's end"
c pid foo
before=$OUT
does "it restarts" restart foo force
c pid foo
isnt "$OUT" "$before" "with another process"

# ---- ends that nobody asked for
c pid foo
kill -KILL "$OUT"
does "the end of its init is noticed at once" wait foo stopped 2000
is "$(veths)$(groups_left)" "0" "and everything of it is gone"
says STOPPED "that is kept" get instance foo config volatile.last_state.power
does "it can be started" start foo
before=$(monitor_of)
kill -KILL "$before"
does "so is the end of its monitor" wait foo stopped 2000
is "$(veths)$(groups_left)" "0" "and everything of it is gone"
c pid foo
does "it can be started" start foo
c pid foo
before=$OUT
c exec foo reboot -f
another() { c pid foo && [ "$OUT" != "$before" ] && [ "$OUT" != 0 ]; }
eventually another
says running "reboot inside starts it again" state foo
isnt "$OUT" "$before" "as another process"
c job exec foo poweroff -f
does "poweroff inside stops it" wait foo stopped 10000

# ---- a clean stop, its time, its interruption
does "" start foo
does "a clean stop of busybox" stop foo 20000
does "an init that doesn't listen" start foo
c exec foo 'mv /sbin/init /sbin/init.old; printf "#!/bin/sh\ntrap : USR2\nwhile :; do sleep 1; done\n" >/sbin/init; chmod 755 /sbin/init'
does "" restart foo force
before=$(date +%s%N)
does "is killed when the time is over" stop foo 300
took=$((($(date +%s%N) - before) / 1000000))
ok "not before, and not long after ($took ms)" -- test "$took" -ge 300 -a "$took" -lt 30000
does "" start foo
c job stop foo 60000
sleep 0.2
before=$(date +%s%N)
does "force breaks off a clean stop that waits" stop foo force
took=$((($(date +%s%N) - before) / 1000000))
ok "at once ($took ms)" -- test "$took" -lt 30000
does "" start foo
c exec foo 'mv /sbin/init.old /sbin/init'
does "" stop foo force

# ---- limits, live and at the start
does "" start foo
does "a memory limit" set instance foo config limits.memory 64MiB
limit() { cat /sys/fs/cgroup/"$NAME"/*/memory.max /sys/fs/cgroup/*/"$NAME"/*/memory.limit_in_bytes 2>/dev/null | head -n 1; }
is "$(limit)" 67108864 "is in the kernel when the write returns"
refuses EINVAL 'limits.memory' "a wrong one is refused" set instance foo config limits.memory much
is "$(limit)" 67108864 "and changes nothing"
does "" restart foo force
is "$(limit)" 67108864 "it holds after a restart"
does "" unset instance foo config limits.memory
isnt "$(limit)" 67108864 "and is lifted with the key"

# ---- filters, live, and in a new core
filters() { nft list table bridge "$NAME" 2>/dev/null | grep -c "chain port-"; }
does "a filter" set instance foo devices/eth0 security.mac_filtering true
is "$(filters)" 1 "is in the kernel when the write returns"
does "" unset instance foo devices/eth0 security.mac_filtering
is "$(filters)" 0 "and gone with the key"
does "an address filter" set instance foo devices/eth0 security.ipv4_filtering true
c exec foo 'for i in $(seq 300); do ip -4 -o addr show eth0 | grep -q inet && break; sleep 0.1; done; ip -4 -o addr show eth0 | sed "s,.*inet \([0-9.]*\)/.*,\1,"'
address=${OUT%%$'\n'*}
allows() { nft list table bridge "$NAME" | grep -q "ip saddr $1 accept"; }
# an offer that was on its way counts more than what was pinned: that is settled in a moment
ok "holds it to the address that DHCP gives it ($address)" -- eventually allows "$address"
core_kill
is "$(filters)" 1 "when the core is killed it stays"
core_start
is "$SAID" ok "a new core comes"
says running "and finds it" state foo
c pid foo
ok "with its process" -- test -d "/proc/$OUT"
is "$(filters)" 1 "its filter"
ok "its address" -- allows "$address"
does "commands run in it" exec foo true
c pid foo
kill -KILL "$OUT"
does "its end is noticed" wait foo stopped 2000
is "$(filters)$(veths)" 00 "and everything of it is gone"

# ---- what ended while no core looked
does "" start foo
core_kill
kill -KILL "$(monitor_of)"
no_monitor() { ! pgrep -x lxdfs-monitor; }
eventually no_monitor
core_start
says stopped "one whose monitor died with the core is stopped" state foo
is "$(filters)$(veths)$(groups_left)" 00 "and nothing of it is left"
does "autostart of a core that isn't the first of this boot" autostart
says running "starts it, as no core had done that" state foo
does "" stop foo force
core_kill
core_start
does "" autostart
says stopped "but only once in a boot" state foo

# ---- NICs that come and go
does "" start foo
does "a device without a type" section instance foo devices/eth1
does "gets one" set instance foo devices/eth1 type nic
is "$(veths)" 1 "and isn't attached before it is complete"
does "then it is" set instance foo devices/eth1 network lxdbr0
is "$(veths)" 2 "attached"
c exec foo ip -o link show eth1
like "$OUT" 'eth1@' "with the next name inside"
refuses EINVAL "has it already" "no second NIC gets its name" set instance foo devices/eth1 name eth0
does "its MAC can be changed" set instance foo devices/eth1 hwaddr 00:16:3e:11:22:33
c exec foo ip -o link show eth1
like "$OUT" '00:16:3e:11:22:33' "it is there with it"
does "another instance" create other
does "" section instance other devices/eth1
does "" set instance other devices/eth1 type nic
does "" set instance other devices/eth1 network lxdbr0
refuses EINVAL "of foo has it already" "can't have the same MAC" set instance other devices/eth1 hwaddr 00:16:3e:11:22:33
does "" drop instance foo devices/eth1
is "$(veths)" 1 "a NIC that is removed is detached"
refuses EOPNOTSUPP "stop it first" "a disk isn't added to a running instance" set instance foo devices/root readonly true
does "" unset instance foo devices/eth0 security.ipv4_filtering
does "masking the profile's NIC" set instance foo devices/eth0 type none
is "$(veths)" 0 "detaches it"
does "" unset instance foo devices/eth0 type
is "$(veths)" 1 "and it comes back"
does "the profile's NIC is filtered" set profile default devices/eth0 security.mac_filtering true
is "$(filters)" 1 "in each that has it"
does "" unset profile default devices/eth0 security.mac_filtering

# ---- starts that fail leave nothing
does "" stop foo force
does "" remove other
does "" create bad
does "" set instance bad - source no-such-image
refuses ENOENT no-such-image "an image that isn't there" start bad
does "" set instance bad - source busybox
does "a sysctl that isn't a container's" set instance bad config linux.sysctl.net.core.nonsense 1
refuses ENOENT nonsense "fails the start" start bad
says stopped "it is stopped" state bad
is "$(veths)$(groups_left)$(find "$STATE/pools/default" -mindepth 1 -maxdepth 1 -not -name '.*' | wc -l)" 01 "nothing is left of it"
says "(none)" "its image isn't settled yet" get instance bad config volatile.base_image
does "" unset instance bad config linux.sysctl.net.core.nonsense
does "protection" set instance bad config security.protection.start true
refuses EPERM security.protection.start "refuses a start" start bad
does "" unset instance bad config security.protection.start
does "" start bad
refuses EBUSY "can't change any more" "from then on its source stays" set instance bad - source busybox2
does "" stop bad force
does "" set instance bad config security.protection.delete true
refuses EPERM security.protection.delete "protected from removal" remove bad
does "" unset instance bad config security.protection.delete

# ---- ids of its own
does "" set instance bad config security.idmap.isolated true
does "isolated" start bad
c pid bad
base=$(awk '{ print $2 }' "/proc/$OUT/uid_map")
does "" restart bad force
c pid bad
is "$(awk '{ print $2 }' "/proc/$OUT/uid_map")" "$base" "it keeps its range"
does "" set instance foo config security.idmap.isolated true
does "another one" start foo
c pid foo
isnt "$(awk '{ print $2 }' "/proc/$OUT/uid_map")" "$base" "has another"
does "" stop foo force
does "" stop bad force
does "it is removed" remove bad
is "$(find "$STATE/logs" -mindepth 1 | wc -l)$(find "$STATE/pools/default" -mindepth 1 -maxdepth 1 -not -name '.*' | wc -l)" 21 "with its files"

# ---- directories of the host
mkdir "$STATE/shared" && echo shared >"$STATE/shared/file"
does "" section instance foo devices/data
does "" set instance foo devices/data type disk
does "" set instance foo devices/data path /srv/data
does "" set instance foo devices/data source "$STATE/shared"
does "" set instance foo devices/data readonly true
does "with a directory of the host" start foo
c exec foo 'cat /srv/data/file; touch /srv/data/x'
like "$OUT" 'shared' "it is there"
like "$OUT" 'Read-only' "read-only"
does "" stop foo force
does "" set instance foo devices/data source "$STATE/nothing"
refuses ENOENT "$STATE/nothing" "one that isn't there fails the start" start foo
does "" set instance foo devices/data required false
does "but not where it isn't required" start foo
does "" stop foo force
does "" drop instance foo devices/data

# ---- ephemeral
does "" create brief
does "" set instance brief - ephemeral true
does "an ephemeral one" start brief
c pid brief
kill -KILL "$OUT"
refuses ENOENT "" "is gone with its end" wait brief frozen 5000
refuses ENOENT "" "is gone" state brief

# ---- the host's end and start
does "" create second
does "" set instance second config boot.autostart true
does "" set instance foo config boot.stop.priority 5
does "" start foo
does "" start second
core_end
is "$(veths 2>/dev/null)$(groups_left)$(pgrep -c lxdfs-monitor)" 00 "the end of the daemon ends all"
core_start
does "with the next one" autostart
says running "those come back that ran" state foo
says running "and those that are to" state second
core_end
done_testing
