#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# NICs that are a link of the host, moved in and given back as it was: also when the instance, its monitor or the core
# are killed, when its root has renamed or hidden it, and when its name is taken meanwhile. And ipvlan.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/net.sh"

sysctl -qw net/ipv6/conf/default/accept_dad=0
space out
ip link add lan5 address 02:00:00:00:00:05 type veth peer name eth0 netns out
ip -n out addr add 192.0.2.2/24 dev eth0
ip -n out link set eth0 up
ip link set lan5 mtu 1480 up
ip addr add 192.0.2.1/24 dev lan5
# shellcheck disable=SC2119
daemon_start
ok "the image busybox is imported" -- use_busybox
I=$LXD/instances
inside() { nsenter -t "$(get "$I/$1/pid")" -n "${@:2}"; }
core() { pgrep -f "^$BIN/lxdfsd --core[a-z-]* .*--name $NAME( |\$)"; }
kill_core() {
	local pid
	pid=$(core)
	kill -KILL "$pid"
	while [ "$(core)" = "$pid" ] || ! ls "$I" >/dev/null 2>&1; do sleep 0.1; done
}
# by a child: this shell is told of every orphan's end, and a signal interrupts a write
start() { bash -c 'echo running >"$1/state"' - "$I/$1"; }
stop() { bash -c 'echo "stopped force" >"$1/state"' - "$I/$1"; }
device() {
	local dir=$I/$1/devices/$2
	[ -d "$dir" ] || mkdir "$dir"
	printf '%s\n' "${@:3}" | cat >"$dir/set"
}
here() { ip link show lan5 >/dev/null 2>&1; }
link() { ip -o link show lan5 | sed 's/^[0-9]*: \([^:@]*\).* mtu \([0-9]*\).*link.ether \([^ ]*\).*/\1 \2 \3/'; }
settings() { for k in ipv4/conf/lan5/rp_filter ipv4/conf/lan5/forwarding ipv6/conf/lan5/accept_ra ipv6/conf/lan5/router_solicitations; do cat "/proc/sys/net/$k"; done | tr '\n' ' '; }
held() { find "$RUN/nics" -mindepth 1 2>/dev/null; }
is_back() { [ "$(link) $(settings)" = "$before" ]; }
sysctl -qw net/ipv4/conf/lan5/rp_filter=2 net/ipv4/conf/lan5/forwarding=0 net/ipv6/conf/lan5/accept_ra=2 net/ipv6/conf/lan5/router_solicitations=-1
before="$(link) $(settings)"
is "$before" "lan5 1480 02:00:00:00:00:05 2 0 2 -1 " "a link of the host with settings of its own"

# ---- refused
mkdir "$I/p1" "$I/p2"
for i in p1 p2; do
	put busybox "$I/$i/source"
	put none "$I/$i/devices/eth0/type"
	device $i net0 type=nic nictype=physical parent=lan5 name=up0
done
fails_with EINVAL "has that link already" "a link is one NIC's of an instance" -- device p1 net1 type=nic nictype=physical parent=lan5
fails_with EINVAL "has no key security.mac_filtering" "nothing is filtered there" -- put true "$I/p1/devices/net0/security.mac_filtering"
rmdir "$I/p1/devices/net1" 2>/dev/null
put nolan "$I/p2/devices/net0/parent"
fails_with ENODEV "no link nolan" "one that isn't there" -- start p2
put lo "$I/p2/devices/net0/parent"
fails_with EINVAL "loopback" "nor the host's own" -- start p2
ip link set lan5 master lxdbr0
put lan5 "$I/p2/devices/net0/parent"
fails_with EBUSY "ip link set lan5 nomaster" "nor a bridge's port" -- start p2
ip link set lan5 nomaster
is "$(held)" "" "and nothing is left of that"
ip link set lan5 down
ip link set lan5 up

# ---- there and back
before="$(link) $(settings)"
ok "an instance takes it" -- start p1
nok "it isn't on the host" -- here
like "$(inside p1 ip -o link show up0)" "mtu 1480 .*02:00:00:00:00:05" "but inside, under the name that was asked for"
is "$(get "$I/p1/config/volatile.net0.hwaddr" 2>/dev/null)" "" "its MAC is its own, none is made up"
fails_with EBUSY "link lan5 is in instance p1 now" "another can't have it" -- start p2
inside p1 ip addr add 192.0.2.5/24 dev up0
inside p1 ip link set up0 up
ok "it is the link" -- eventually inside p1 busybox ping -q -c 1 -W 1 192.0.2.2
ok "an MTU" -- put 1400 "$I/p1/devices/net0/mtu"
ok "and a MAC" -- put 02:00:00:00:00:77 "$I/p1/devices/net0/hwaddr"
like "$(inside p1 ip -o link show up0)" "mtu 1400 .*02:00:00:00:00:77" "are in force inside"
ok "it stops" -- stop p1
is "$(link) $(settings)" "$before" "and the link is back with name, MTU, MAC and settings"
is "$(held)" "" "nothing else is left"
ok "another takes it now" -- start p2
like "$(inside p2 ip -o link show up0)" "mtu 1480 .*02:00:00:00:00:05" "as it was"
ok "the NIC is removed while it runs" -- rmdir "$I/p2/devices/net0"
is "$(link) $(settings)" "$before" "and back"
ok "and added again" -- device p2 net0 type=nic nictype=physical parent=lan5
like "$(inside p2 ip -o link)" "eth0.*02:00:00:00:00:05" "under the first free name"
ok "a name that is taken inside" -- bash -c 'nsenter -t "$(cat "$1/pid")" -n ip link add t0 type bridge' - "$I/p2"
fails_with EEXIST "t0 already" "is refused" -- bash -c 'echo t0 >"$1"' - "$I/p2/devices/net0/name"
like "$(inside p2 ip -o link)" "eth0.*02:00:00:00:00:05" "and it is where it was"
ok "it stops" -- stop p2

# ---- what the instance's root may do
start p1
inside p1 ip link set up0 name mine0 address 02:66:66:66:66:66
inside p1 ip link set mine0 mtu 900
stop p1
is "$(link) $(settings)" "$before" "renamed and changed inside, it is back as it was"
start p1
nsenter -t "$(get "$I/p1/pid")" -n unshare -n sleep 100 &
hole=$!
is_apart() { ! [ "/proc/$hole/ns/net" -ef "/proc/$(get "$I/p1/pid")/ns/net" ] && ! [ "/proc/$hole/ns/net" -ef /proc/$$/ns/net ]; }
eventually is_apart
index=$(inside p1 ip -o link show up0 | cut -d : -f 1)
inside p1 ip link set up0 netns "$hole"
inside p1 ip link add fake0 index "$index" type veth peer name fake1
fails_with ENODEV "isn't where it was given to" "hidden, with another in its place" -- rmdir "$I/p1/devices/net0"
unlike "$(ip -o link)" "fake0|back[0-9a-f]|up0" "the other isn't taken for it"
nsenter -t "$hole" -n ip link set up0 netns "$(get "$I/p1/pid")"
kill "$hole"
wait
ok "shown again it comes back" -- eventually is_back
stop p1
is "$(held)" "" "and nothing is held"
rmdir "$I/p1/devices/net0" 2>/dev/null
device p1 net0 type=nic nictype=physical parent=lan5 name=up0

# ---- killed
start p1
kill -KILL "$(get "$I/p1/pid")"
ok "the instance is killed" -- eventually grep -q stopped "$I/p1/state"
is "$(link) $(settings)" "$before" "and its link is back"
start p1
kill_core
nok "a core that is killed changes nothing" -- here
ok "the next one has it" -- stop p1
is "$(link) $(settings)" "$before" "and gives it back"
start p1
inside p1 ip link set up0 name lost0
core_pid=$(core)
kill -STOP "$core_pid"
kill -KILL "$(pgrep -x lxdfs-monitor)"
kill -KILL "$core_pid"
ok "monitor and core are killed" -- eventually grep -q stopped "$I/p1/state"
ok "and the link is back" -- eventually is_back
is "$(held)" "" "nothing is held"
# in the middle of changes
differ=
start p1
for i in 1 2 3 4; do
	(for k in 1 2 3; do echo "14$i$k" >"$I/p1/devices/net0/mtu"; done) 2>/dev/null &
	changer=$!
	sleep "0.0$((RANDOM % 10))$((RANDOM % 10))"
	kill_core
	wait $changer
	said=$(get "$I/p1/devices/net0/mtu")
	inside p1 ip -o link show up0 | grep -q "mtu $said " || differ+="mtu $said, but $(inside p1 ip -o link 2>&1). "
done
is "$differ" "" "killed in the middle of a change it is inside, as the file says, each time"
rm "$I/p1/devices/net0/mtu"
# its name is taken while it is away
ip link add lan5 type bridge
stop p1
like "$(ip -o link)" "back[0-9a-f]{8}.*02:00:00:00:00:05" "a link whose name was taken meanwhile waits under another"
ok "and a warning tells" -- eventually sh -c 'grep -q "link lan5 already" "$1"/*/message' - "$LXD/warnings"
ip link delete lan5
ok "it has its name back when that is free" -- eventually is_back
is "$(held)" "" "then nothing is held"

# ---- ipvlan
rmdir "$I/p1/devices/net0" "$I/p2/devices/net0"
ip link set lan5 up
ip addr add 192.0.2.1/24 dev lan5
fails_with EOPNOTSUPP "MAC of its parent" "an ipvlan has no MAC of its own" -- device p1 net0 type=nic nictype=ipvlan parent=lan5 hwaddr=02:00:00:00:00:09
device p1 net0 type=nic nictype=ipvlan parent=lan5 name=ip0 ipv4.address=192.0.2.50
fails_with EINVAL "net0 of p1 has it already" "an address is one instance's" -- device p2 net0 type=nic nictype=ipvlan parent=lan5 ipv4.address=192.0.2.50
fails_with EINVAL "in mode l3s the host routes" "a gateway is for mode l2" -- put 192.0.2.1 "$I/p1/devices/net0/ipv4.gateway"
if ip link add ipv0 link lan5 type ipvlan mode l3s 2>/dev/null; then
	ip link delete ipv0
	fails_with EINVAL "sysctl -w net/ipv4/conf/lan5/forwarding=1" "the host must forward there" -- start p1
	sysctl -qw net/ipv4/conf/lan5/forwarding=1
	ok "an ipvlan NIC" -- start p1
	like "$(inside p1 ip -d -o link show ip0)" "ipvlan.*mode l3s" "is inside"
	ok "its neighbours reach it" -- eventually in_space out busybox ping -q -c 1 -W 2 192.0.2.50
	ok "and it reaches them" -- eventually inside p1 busybox ping -q -c 1 -W 2 192.0.2.2
	ok "another address, live" -- put 192.0.2.51 "$I/p1/devices/net0/ipv4.address"
	ok "is reached" -- eventually in_space out busybox ping -q -c 1 -W 2 192.0.2.51
	nok "the first isn't" -- in_space out busybox ping -q -c 1 -W 1 192.0.2.50
	kill_core
	ok "a new core keeps it" -- in_space out busybox ping -q -c 1 -W 2 192.0.2.51
	ok "mode l2" -- put l2 "$I/p1/devices/net0/mode"
	ok "is on the network itself" -- eventually in_space out busybox ping -q -c 1 -W 2 192.0.2.51
	ok "and stops" -- stop p1
	is "$(ip neigh show proxy)$(ip route show dev lo)" "" "nothing of it is left"
else
	sysctl -qw net/ipv4/conf/lan5/forwarding=1
	fails_with EOPNOTSUPP "this kernel has none (CONFIG_IPVLAN)" "a kernel without ipvlan says so" -- start p1
	is "$(ip neigh show proxy)$(ip route show dev lo)" "" "nothing of it is left"
	skip 10 "no ipvlan in this kernel"
fi
rmdir "$I/p1/devices/net0"
daemon_stop
ip link delete lan5
spaces_gone
done_testing
