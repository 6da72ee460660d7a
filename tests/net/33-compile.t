#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kernel gets the filters without libnftables: they are what nft would have made of the same text, expression for
# expression, and nft lists them so. In a namespace of its own, without a daemon.
. "$(dirname "$0")/../lib/daemon.sh"

CTL=("$BUILD/tools/filterctl" "$NAME")
# what the kernel holds; elements of sets come in an order of their own each time
held() {
	nft list table bridge "$NAME"
	nft --debug=netlink list table bridge "$NAME" 2>&1 | grep -v '^[[:space:]]element' | sed 's/handle [0-9]*//'
	nft --debug=netlink list table bridge "$NAME" 2>&1 | grep '^[[:space:]]element' | sort
}
# same NAME PORT...: both ways in turn
same() {
	local name=$1 ours theirs
	shift
	ok "$name: is told without libnftables" -- "${CTL[@]}" compiles "$@"
	"${CTL[@]}" set "$@"
	ours=$(held)
	"${CTL[@]}" teardown
	"${CTL[@]}" text "$@" | nft -f -
	theirs=$(held)
	nft delete table bridge "$NAME"
	like "$theirs" "chain port-" "$name: nft reads it"
	is "$ours" "$theirs" "$name: and makes the same of it"
}
m=mac=00:16:3e:00:00:01
for flags in mac ipv4 ipv6 ipv4,ipv6 mac,dhcp ipv4,dhcp ipv6,dhcp ipv4,ipv6,dhcp; do
	same "$flags" port=veth0 $m flags=$flags allow=10.0.0.5 allow=fd42::5
	same "$flags, no address" port=veth0 $m flags=$flags
done
same "networks" port=veth0 $m flags=ipv4,ipv6 allow=10.0.0.0/9 allow=11.0.0.0/8 allow=12.0.0.0/30 allow=fd42::/64 \
	allow=fd43::/3 allow=fd44::/127
same "everything" port=veth0 $m flags=ipv4,ipv6 allow=0.0.0.0/0 allow=::/0
same "half of everything" port=veth0 $m flags=ipv4,ipv6 allow=128.0.0.0/1 allow=8000::/1
same "three ports, odd names" port='a#b;c$(d)' $m flags=mac port=x mac=00:16:3e:00:00:02 flags=ipv4 allow=10.0.0.1 \
	port=0123456789.-_+e mac=fe:ff:ff:ff:ff:ff flags=ipv6,dhcp allow=fd42::1
same "one that goes" port=veth1 $m flags=mac port=veth0 $m flags=

args=(port=veth0 "$m" flags=ipv4 allow=10.0.0.1 allow=10.0.0.3 allow=10.0.0.5 allow=10.0.0.7 allow=10.0.0.9)
like "$("${CTL[@]}" compiles "${args[@]}" 2>&1)" "^EOPNOTSUPP: " "many addresses make a set: that is left to libnftables"
ok "which takes it" -- "${CTL[@]}" set "${args[@]}"
like "$("${CTL[@]}" list)" "^veth0 .* reachable$" "and it is in force"
"${CTL[@]}" teardown

# a thousand at once
args=()
for ((i = 0; i < 1000; i++)); do
	args+=("port=many$i" "mac=00:16:3e:01:$(printf '%02x:%02x' $((i >> 8)) $((i & 255)))" "flags=mac,ipv4,ipv6,dhcp"
		"allow=10.200.$((i >> 8)).$((i & 255))" "allow=fd42:200::$(printf %x $((i + 1)))")
done
nft monitor >"$WORK/monitor" 2>/dev/null &
monitor=$!
eventually_seen() { nft add table ip "$NAME-seen"; nft delete table ip "$NAME-seen"; grep -q seen "$WORK/monitor"; }
eventually eventually_seen
ok "a thousand ports" -- "${CTL[@]}" set "${args[@]}"
is "$("${CTL[@]}" list | grep -c ' reachable$')" 1000 "are all in force"
nft add table ip "$NAME-end" && nft delete table ip "$NAME-end"
eventually grep -q "delete table ip $NAME-end" "$WORK/monitor"
kill $monitor
is "$(awk -v t="bridge $NAME " '/generation/ { n += seen; seen = 0 } index($0, t) { seen = 1 } END { print n + seen }' "$WORK/monitor")" \
	1 "by one transaction"
"${CTL[@]}" teardown
done_testing
