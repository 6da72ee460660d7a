#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What must be one NIC's alone: a MAC or an address that two would have is refused by the name of who has it, whichever
# way it comes; and a network that has no address left says so where one is asked for.
. "$(dirname "$0")/../lib/daemon.sh"

command -v dnsmasq >/dev/null || skip_all "no dnsmasq"
# shellcheck disable=SC2119
daemon_start
ok "the image is imported" -- use_busybox
put 10.77.0.1/28 "$LXD/networks/lxdbr0/config/ipv4.address"
I=$LXD/instances P=$LXD/profiles/default/devices/eth0
for c in c1 c2 c3; do
	mkdir "$I/$c"
done
ok "one runs" -- put running "$I/c1/state"
kept=$(get "$I/c1/config/volatile.eth0.hwaddr")
host1=$(get "$I/c1/config/volatile.eth0.host_name")
table() { nft list table bridge "$NAME" 2>/dev/null; }

# ---- between instances
fails_with EINVAL "hwaddr of eth0 is \"$kept\": eth0 of c1 has it already on lxdbr0" "the MAC that another was given and keeps" -- \
	put "$kept" "$I/c2/devices/eth0/hwaddr"
ok "an address" -- put 10.77.0.5 "$I/c1/devices/eth0/ipv4.address"
fails_with EINVAL "ipv4.address of eth0 is \"10.77.0.5\": eth0 of c1 has it already on lxdbr0" "isn't another's too" -- \
	put 10.77.0.5 "$I/c2/devices/eth0/ipv4.address"
ok "its filter goes on, with nothing else changed" -- put true "$I/c1/devices/eth0/security.ipv4_filtering"
like "$(table)" "ip saddr 10.77.0.5 accept" "and holds it to that address"
mkdir "$I/c3/devices/eth1"
ok "a second NIC" -- sh -c 'printf "type=nic\nnetwork=lxdbr0\nname=eth1\nipv4.address=10.77.0.6\n" >"$1"' - "$I/c3/devices/eth1/set"
fails_with EINVAL "eth1 has it already on lxdbr0" "of the same instance counts" -- put 10.77.0.6 "$I/c3/devices/eth0/ipv4.address"
put fd42:77::1/64 "$LXD/networks/lxdbr0/config/ipv6.address"
for k in ipv6.address hwaddr; do
	v=fd42:77::5
	[ $k = ipv6.address ] || v=00:16:3e:00:00:05
	ok "$k of one" -- put $v "$I/c2/devices/eth0/$k"
	fails_with EINVAL "$k of eth0 is \"$v\": eth0 of c2 has it already" "isn't another's" -- put $v "$I/c1/devices/eth0/$k"
	rm "$I/c2/devices/eth0/$k"
	ok "and can be, when it is free" -- put $v "$I/c1/devices/eth0/$k"
	rm "$I/c1/devices/eth0/$k"
done

# ---- by way of profiles
for kv in "ipv4.address 10.77.0.9" "hwaddr 00:16:3e:00:00:09" "ipv6.address fd42:77::9"; do
	fails_with EINVAL "${kv% *} of eth0 is \"${kv#* }\": " "a profile of several doesn't give them one ${kv% *}" -- \
		put "${kv#* }" "$P/${kv% *}"
done
mkdir "$LXD/profiles/p2" "$LXD/profiles/p2/devices/eth0"
ok "a profile that nobody uses may have one" -- sh -c \
	'printf "type=nic\nnetwork=lxdbr0\nname=eth0\nipv4.address=10.77.0.7\n" >"$1"' - "$LXD/profiles/p2/devices/eth0/set"
both() { printf 'default\np2\n' >"$I/$1/profiles"; }
ok "and give it to one" -- both c2
fails_with EINVAL "ipv4.address of eth0 is \"10.77.0.7\": eth0 of c2 has it already on lxdbr0" "but not to two" -- both c3
ok "who overrides it may use the profile" -- put 10.77.0.8 "$I/c3/devices/eth0/ipv4.address"
ok "as a second" -- both c3
ok "then the profile's can change" -- put 10.77.0.9 "$LXD/profiles/p2/devices/eth0/ipv4.address"
fails_with EINVAL "10.77.0.9" "and the override can't go" -- rm "$I/c3/devices/eth0/ipv4.address"
fails_with EINVAL "eth0 of c1 has it already" "an address of an instance isn't a profile's that is used" -- \
	put 10.77.0.5 "$LXD/profiles/p2/devices/eth0/ipv4.address"
put default "$I/c2/profiles"
put default "$I/c3/profiles"

# ---- none is left
put false "$I/c1/devices/eth0/security.ipv4_filtering"
rm "$I/c1/devices/eth0/ipv4.address" "$I/c3/devices/eth0/ipv4.address"
ok "a network with one address to give" -- put 10.77.0.2-10.77.0.2 "$LXD/networks/lxdbr0/config/ipv4.dhcp.ranges"
ok "somebody has it set" -- put 10.77.0.2 "$I/c3/devices/eth0/ipv4.address"
fails_with ENOSPC "of eth0 needs an address, and none is left: all 1 that network lxdbr0 gives out" "a filter is refused" -- \
	put true "$I/c1/devices/eth0/security.ipv4_filtering"
is "$(get "$I/c1/devices/eth0/security.ipv4_filtering")" false "and isn't on"
unlike "$(table)" "port-$host1" "nor in the kernel"
ok "of one that doesn't run it can be set" -- put true "$I/c2/devices/eth0/security.ipv4_filtering"
links=$(ip -o link | wc -l)
fails_with ENOSPC "none is left: all 1 that network lxdbr0 gives out" "but not started" -- put running "$I/c2/state"
is "$(get "$I/c2/state")" stopped "it is stopped"
is "$(ip -o link | wc -l)" "$links" "and has no link"
rm "$I/c3/devices/eth0/ipv4.address"
ok "when the address is free, it starts" -- put running "$I/c2/state"
like "$(table)" "ip saddr 10.77.0.2 accept" "and is held to it"
for c in c1 c2; do
	put 'stopped force' "$I/$c/state"
done
done_testing
