#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Managed bridges through the tree: made by mkdir, changed live, kept over crashes, put back, removed.
. "$(dirname "$0")/../lib/daemon.sh"

command -v dnsmasq >/dev/null || skip_all "no dnsmasq"
N=$LXD/networks
addresses() { ip -o "$1" addr show dev "$2" scope global 2>/dev/null | awk '{ print $4 }'; }
has_link() { ip link show "$1" >/dev/null 2>&1; }
mac_of() { ip -o link show "$1" | sed 's,.*link/ether \([^ ]*\).*,\1,'; }
mtu_of() { ip -o link show "$1" | sed 's/.* mtu \([0-9]*\).*/\1/'; }
master_of() { ip -o link show "$1" | sed -n 's/.* master \([^ ]*\).*/\1/p'; }
index_of() { ip -o link show "$1" | cut -d : -f 1; }
rules_of() { nft list ruleset | grep -c "\"$1\""; }
dns_pid() { cat "$RUN/networks/$1/dnsmasq.pid" 2>/dev/null; }
serves() { local pid; pid=$(dns_pid "$1") && [ -d "/proc/$pid" ]; }
has_rules() { [ "$(rules_of "$1")" != 0 ]; }
other_pid() { serves "$1" && [ "$(dns_pid "$1")" != "$2" ]; }

# shellcheck disable=SC2119
daemon_start

# ---- what a new host begins with
ok "there is a default network" -- test -d "$N/lxdbr0"
like "$(get "$N/lxdbr0/config/ipv4.address")" '^10\.[0-9]+\.[0-9]+\.1/24$' "its address was chosen and is stored"
like "$(get "$N/lxdbr0/config/ipv6.address")" '^fd42:.*::1/64$' "so was its IPv6 one"
is "$(addresses -4 lxdbr0)" "$(get "$N/lxdbr0/config/ipv4.address")" "the bridge has it"
is "$(get "$N/lxdbr0/config/ipv4.nat")" true "NAT is on"
is "$(get "$N/lxdbr0/used_by")" profiles/default "the default profile uses it"
ok "it has a dnsmasq" -- serves lxdbr0
fails_with EBUSY "profiles/default" "a network in use isn't removed" -- rmdir "$N/lxdbr0"
fails_with EBUSY "profiles/default" "nor renamed" -- mv "$N/lxdbr0" "$N/lxdbr9"
ok "and is still there" -- has_link lxdbr0

# ---- mkdir
ok "mkdir makes one" -- mkdir "$N/br1"
ok "its link is there" -- has_link br1
like "$(get "$N/br1/state")" $'^state up\nhwaddr 00:16:3e:' "state tells of it"
like "$(get "$N/br1/state")" "address $(get "$N/br1/config/ipv4.address")" "with its address"
is "$(mac_of br1)" "$(get "$N/br1/config/volatile.bridge.hwaddr")" "its MAC is the one that is kept"
ok "it has rules" -- has_rules br1
is "$(get "$N/br1/leases")" "" "nobody has a lease"
is "$(cat /proc/sys/net/ipv4/ip_forward)" 1 "the host forwards"
fails_with EEXIST "" "no second one of the same name" -- mkdir "$N/br1"
ip link add foreign0 type bridge
fails_with EEXIST "link foreign0 already" "a link of somebody else's isn't taken over" -- mkdir "$N/foreign0"
ok "it is left alone" -- has_link foreign0
ip link delete foreign0
fails_with ENAMETOOLONG "at most 15" "a link's name is short" -- mkdir "$N/sixteen-letters-"
fails_with EINVAL "letters, digits" "and of few characters" -- mkdir "$N/a b"

# ---- live changes
pid=$(dns_pid br1)
put false "$N/br1/config/ipv4.firewall"
put false "$N/br1/config/ipv4.nat"
is "$(dns_pid br1)" "$pid" "what dnsmasq isn't told doesn't end it"
ok "another address" -- put 10.77.1.1/24 "$N/br1/config/ipv4.address"
is "$(addresses -4 br1)" 10.77.1.1/24 "is the only one of the bridge when the write returns"
ok "dnsmasq serves that" -- grep -q '10\.77\.1' "$RUN/networks/br1/dnsmasq.conf"
ok "another one in the same network" -- put 10.77.1.2/24 "$N/br1/config/ipv4.address"
is "$(addresses -4 br1)" 10.77.1.2/24 "doesn't fall with the first"
fails_with EINVAL "own address" "a network's own address is none for the bridge" -- \
	put 10.77.1.0/24 "$N/br1/config/ipv4.address"
fails_with EADDRINUSE "" "a network that is in use isn't free" -- \
	put "$(get "$N/lxdbr0/config/ipv4.address")" "$N/br1/config/ipv4.address"
fails_with EINVAL "outside" "a DHCP range lies in the network" -- \
	put 10.78.1.2-10.78.1.9 "$N/br1/config/ipv4.dhcp.ranges"
is "$(addresses -4 br1)" 10.77.1.2/24 "what was refused changed nothing"
ok "MTU" -- put 1400 "$N/br1/config/bridge.mtu"
is "$(mtu_of br1)" 1400 "is the link's"
fails_with EINVAL "1280" "IPv6 sets a floor to it" -- put 1000 "$N/br1/config/bridge.mtu"
ok "MAC" -- put 00:16:3e:01:02:03 "$N/br1/config/bridge.hwaddr"
is "$(mac_of br1)" 00:16:3e:01:02:03 "is the link's"
ok "unset" -- rm "$N/br1/config/bridge.hwaddr"
is "$(mac_of br1)" "$(get "$N/br1/config/volatile.bridge.hwaddr")" "and it is the first one again"
ok "IPv6 off" -- put none "$N/br1/config/ipv6.address"
is "$(cat /proc/sys/net/ipv6/conf/br1/disable_ipv6)" 1 "is off in the kernel"
ok "IPv6 on: auto" -- put auto "$N/br1/config/ipv6.address"
is "$(addresses -6 br1)" "$(get "$N/br1/config/ipv6.address")" "the file tells what was taken"
ok "DHCP and DNS off" -- sh -c 'printf "ipv4.dhcp=false\ndns.mode=none\nipv6.address=none\n" > "$1"' - "$N/br1/config/set"
nok "then no dnsmasq runs" -- serves br1
ip link add ext0 type veth peer name ext1
ok "a port from outside" -- put ext0 "$N/br1/config/bridge.external_interfaces"
is "$(master_of ext0)" br1 "is one of the bridge"
ok "unset" -- rm "$N/br1/config/bridge.external_interfaces"
is "$(master_of ext0)" "" "and is none any more"
fails_with ENODEV "nosuch0" "one that isn't there" -- put nosuch0 "$N/br1/config/bridge.external_interfaces"
ip link delete ext0

# ---- what others break
C=$LXD/instances/c1
has_filter() { nft list table bridge "$NAME" | grep -q "$(get "$C/config/volatile.eth0.hwaddr")"; }
use_busybox >/dev/null && mkdir "$C" && put busybox "$C/source" && put true "$C/devices/eth0/security.mac_filtering"
# by a child: this shell is told of every orphan's end, and a signal interrupts a write
ok "an instance with a filter" -- sh -c 'echo running >"$1"' - "$C/state"
ok "that the kernel has" -- has_filter
nft flush ruleset
ok "flushed rules are back" -- eventually has_rules lxdbr0
ok "and filters" -- eventually has_filter
ok "it stops" -- put "stopped force" "$C/state"
nok "and its filter is gone" -- has_filter
rmdir "$C"
pid=$(dns_pid lxdbr0)
kill -KILL "$pid"
ok "a killed dnsmasq is started again" -- eventually other_pid lxdbr0 "$pid"
ok "and a warning tells of it" -- eventually sh -c 'grep -q dnsmasq "$1"/*/message' - "$LXD/warnings"

# ---- another name, the end
ok "mv" -- mv "$N/br1" "$N/br2"
ok "renames the link" -- has_link br2
nok "and not only adds one" -- has_link br1
is "$(addresses -4 br2)" 10.77.1.2/24 "with its address"
ok "rmdir" -- rmdir "$N/br2"
nok "removes the link" -- has_link br2
is "$(rules_of br2)" 0 "and its rules"

# ---- a core's end
pid=$(dns_pid lxdbr0)
link=$(index_of lxdbr0)
"$BIN/lxdfsd" --stop --mount "$LXD" --state "$STATE" --run "$RUN" --name "$NAME" >>"$BASE/log" 2>&1
ok "the network outlives the daemon" -- serves lxdbr0
ok "the next daemon starts" -- daemon_again
is "$(dns_pid lxdbr0) $(index_of lxdbr0)" "$pid $link" "and takes over what runs"
daemon_stop
nok "the end of all takes the link down" -- has_link lxdbr0
ok "as after the host's own start" -- daemon_again
is "$(addresses -4 lxdbr0)" "$(get "$N/lxdbr0/config/ipv4.address")" "it comes back with the address that it had"
rmdir "$LXD/profiles/default/devices/eth0"
ok "the default network can go" -- rmdir "$N/lxdbr0"
daemon_stop
daemon_again
nok "and doesn't come back by itself" -- test -d "$N/lxdbr0"

done_testing
