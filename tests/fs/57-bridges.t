#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What joins a managed bridge with others: tunnels to another host, seen by that host's frames; lines of the admin's for
# dnsmasq; and whose NAT comes first.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/net.sh"

command -v dnsmasq >/dev/null || skip_all "no dnsmasq"
N=$LXD/networks
core() { pgrep -f "^$BIN/lxdfsd --core[a-z-]* .*--name $NAME( |\$)"; }
kill_core() {
	local pid
	pid=$(core)
	kill -KILL "$pid"
	while [ "$(core)" = "$pid" ] || ! ls "$N" >/dev/null 2>&1; do sleep 0.1; done
}
index_of() { ip -o link show "$1" | cut -d : -f 1; }
mtu_of() { ip -o link show "$1" | sed 's/.* mtu \([0-9]*\).*/\1/'; }
master_of() { ip -o link show "$1" | sed -n 's/.* master \([^ ]*\).*/\1/p'; }
has_link() { ip link show "$1" >/dev/null 2>&1; }
dns_pid() { cat "$RUN/networks/$1/dnsmasq.pid" 2>/dev/null; }

# another host, with a link to this one
space far
ip link add up0 type veth peer name up0 netns far
ip addr add 192.0.2.1/24 dev up0
ip link set up0 up
ip -n far addr add 192.0.2.2/24 dev up0
ip -n far link set up0 up
sysctl -qw net/ipv6/conf/default/accept_dad=0
daemon_start --no-init
mkdir "$N/br1"
put 10.77.1.1/24 "$N/br1/config/ipv4.address"
C=$N/br1/config

# ---- tunnels
fails_with EINVAL "vxlan or gre" "a tunnel is of a protocol" -- put ipip "$C/tunnel.t1.protocol"
fails_with EINVAL "no key of a tunnel" "with keys of its own" -- put 1 "$C/tunnel.t1.colour"
fails_with EINVAL "a number from 1 to 16777215" "a number is one" -- put 0 "$C/tunnel.t1.id"
fails_with EINVAL "the address of one host" "an end is a host" -- put 239.0.0.1 "$C/tunnel.t1.remote"
fails_with EINVAL "a multicast address" "a group is none" -- put 192.0.2.2 "$C/tunnel.t1.group"
fails_with EINVAL "at most 15" "its link has a short name" -- put vxlan "$C/tunnel.a-longer-name.protocol"
fails_with EINVAL "is wanted" "and a link is one" -- put 'up0;x' "$C/tunnel.t1.interface"
is "$(mtu_of br1)" 1500 "nothing has changed"
ok "the ends" -- sh -c 'echo 192.0.2.1 >"$1/tunnel.t1.local" && echo 192.0.2.2 >"$1/tunnel.t1.remote"' - "$C"
nok "make no tunnel yet" -- has_link br1-t1
ok "with a protocol, number and port" -- sh -c 'printf "tunnel.t1.protocol=vxlan\ntunnel.t1.id=7\ntunnel.t1.port=4790\n" >"$1/set"' - "$C"
is "$(master_of br1-t1)" br1 "there is one, a port of the bridge"
is "$(mtu_of br1) $(mtu_of br1-t1)" "1400 1400" "which leaves room for its headers"
is "$(cat /proc/sys/net/ipv6/conf/br1-t1/disable_ipv6)" 1 "it has no IPv6 of its own"
ip -n far link add vx0 type vxlan id 7 local 192.0.2.2 remote 192.0.2.1 dstport 4790
ip -n far addr add 10.77.1.9/24 dev vx0
ip -n far link set vx0 mtu 1400 up
ok "the other host is on the network" -- eventually in_space far busybox ping -q -c 1 -W 1 10.77.1.1
ok "with its largest packets" -- in_space far busybox ping -q -c 1 -W 1 -s 1372 10.77.1.1
like "$(get "$N/br1/state")" "port br1-t1" "state tells of it"
before=$(index_of br1-t1)
kill_core
ok "a core that is killed" -- in_space far busybox ping -q -c 1 -W 1 10.77.1.1
is "$(index_of br1-t1)" "$before" "is followed by one that keeps the tunnel"
ok "another number" -- put 8 "$C/tunnel.t1.id"
nok "is another network" -- in_space far busybox ping -q -c 1 -W 1 10.77.1.1
ip -n far link delete vx0
ok "by a group" -- sh -c 'printf "tunnel.t1.group=239.7.7.7\ntunnel.t1.interface=up0\n" >"$1/set" && rm "$1/tunnel.t1.remote" "$1/tunnel.t1.local"' - "$C"
ip -n far link add vx0 type vxlan id 8 group 239.7.7.7 dev up0 dstport 4790
ip -n far addr add 10.77.1.9/24 dev vx0
ip -n far link set vx0 up
ok "hosts find each other" -- eventually in_space far busybox ping -q -c 1 -W 1 10.77.1.1
fails_with ENODEV "up7" "a link that isn't there" -- put up7 "$C/tunnel.t1.interface"
ok "and all is as it was" -- eventually in_space far busybox ping -q -c 1 -W 1 10.77.1.1
fails_with ENODEV "no route of the host leads to" "without a link there must be a route" -- rm "$C/tunnel.t1.interface"
ip link add br1-t2 type bridge
fails_with EEXIST "isn't lxdfs's" "a link of somebody else's isn't taken" -- put vxlan "$C/tunnel.t2.protocol"
ip link delete br1-t2
core_pid=$(core)
kill -STOP "$core_pid"
ip link delete br1-t1
kill -KILL "$core_pid"
ok "one that was removed while no core looked is back" -- eventually in_space far busybox ping -q -c 1 -W 1 10.77.1.1
ok "renamed" -- mv "$N/br1" "$N/br2"
C=$N/br2/config
is "$(master_of br2-t1) $(has_link br1-t1 && echo old)" "br2 " "the bridge takes it along"
ok "unset" -- rm "$C/tunnel.t1.protocol"
nok "it is gone" -- has_link br2-t1
rm "$C"/tunnel.t1.*
is "$(mtu_of br2)" 1500 "and its room is given back"
ok "GRE, or the kernel says that it has none" -- sh -c 'printf "tunnel.g.protocol=gre\ntunnel.g.local=192.0.2.1\ntunnel.g.remote=192.0.2.2\n" >"$1/set" 2>/dev/null || grep -q "this kernel has no tunnels of kind gretap" "$2"' - "$C" "$LXD/error"
if has_link br2-g; then
	ip -n far link delete vx0
	ip -n far link add gr1 type gretap local 192.0.2.2 remote 192.0.2.1
	ip -n far addr add 10.77.1.9/24 dev gr1
	ip -n far link set gr1 up
	ok "joins the other host" -- eventually in_space far busybox ping -q -c 1 -W 1 10.77.1.1
else
	skip 1 "no GRE in this kernel"
fi

# ---- lines for dnsmasq
space guest
net veth name=vguest peer=eth0 mac=$MAC2 netns=/run/netns/guest
net set name=vguest master=br2 up=yes
ip -n guest addr add 10.77.1.50/24 dev eth0
ip -n guest link set eth0 up
ip -n guest route add default via 10.77.1.1
look() { in_space guest timeout 2 busybox nslookup -type=a "$1" 10.77.1.1 2>/dev/null | sed -n '/^Name/,$s/^Address: //p'; }
pid=$(dns_pid br2)
fails_with EINVAL "raw.dnsmasq: dnsmasq doesn't take it: bad option at line 2" "a line that dnsmasq doesn't know" -- \
	sh -c 'printf "address=/a.test/192.0.2.9\nno-such-option=1\n" | cat >"$1/raw.dnsmasq"' - "$C"
is "$(dns_pid br2)" "$pid" "doesn't end the one that serves"
is "$(get "$C/raw.dnsmasq" 2>/dev/null)" "" "nor is it kept"
ok "two that it does" -- sh -c 'printf "address=/a.test/192.0.2.9\naddress=/b.test/192.0.2.10\n" >"$1/raw.dnsmasq"' - "$C"
is "$(look a.test) $(look b.test)" "192.0.2.9 192.0.2.10" "are in force"
kill_core
is "$(look b.test)" "192.0.2.10" "also when the core is killed"
pid=$(dns_pid br2)
kill -KILL "$pid"
came_back() { [ -n "$(dns_pid br2)" ] && [ "$(dns_pid br2)" != "$pid" ] && [ "$(look a.test)" = 192.0.2.9 ]; }
ok "a killed dnsmasq comes back with them" -- eventually came_back
fails_with ENODEV "unknown interface nosuch0" "what dnsmasq reads and can't do" -- sh -c 'printf "interface=nosuch0\n" | cat >"$1/raw.dnsmasq"' - "$C"
is "$(look a.test)" 192.0.2.9 "leaves the one that served"
ok "unset" -- rm "$C/raw.dnsmasq"
is "$(look a.test)" "" "they are gone"

# ---- whose NAT
put true "$C/ipv4.nat"
ip addr add 192.0.2.50/24 dev up0
nft -f - <<'R'
table ip other {
	chain post { type nat hook postrouting priority srcnat; ip saddr 10.77.1.0/24 oifname "up0" snat to 192.0.2.50; }
}
R
in_space far nft -f - <<'R'
table ip see {
	counter ours { }
	counter theirs { }
	chain in { type filter hook input priority 0; icmp type echo-request ip saddr 192.0.2.1 counter name ours; icmp type echo-request ip saddr 192.0.2.50 counter name theirs; }
}
R
seen() { in_space far nft list counter ip see "$1" | sed -n 's/.*packets \([0-9]*\).*/\1/p'; }
knock() { in_space guest busybox ping -q -c 1 -W 2 192.0.2.2 >/dev/null; }
knock
is "$(seen ours) $(seen theirs)" "1 0" "before: the network's NAT counts"
ok "after" -- put after "$C/ipv4.nat.order"
knock
is "$(seen ours) $(seen theirs)" "1 1" "is that of another table"
ok "unset" -- rm "$C/ipv4.nat.order"
knock
is "$(seen ours) $(seen theirs)" "2 1" "and it is the network's again"
nft delete table ip other

# ---- the end
sh -c 'printf "tunnel.t1.protocol=vxlan\ntunnel.t1.interface=up0\n" >"$1/set"' - "$C"
ok "a tunnel once more" -- has_link br2-t1
ok "rmdir" -- rmdir "$N/br2"
nok "takes it along" -- has_link br2-t1
ip link delete vguest 2>/dev/null
ip link delete up0
daemon_stop
spaces_gone
done_testing
