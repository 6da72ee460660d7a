#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The filters of NICs as an admin sets them, with frames out of a running container: every kind, to the host, to another
# container, to all and to a group; from a profile and of the instance; changed under a flood; from the first frame of a
# start; over the death of the core and a flushed ruleset; nothing left after the end.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/filter-rows.sh"
. "$ROOT/tests/lib/nic-frames.sh"

command -v dnsmasq >/dev/null || skip_all "no dnsmasq"
keeper() { pgrep -o -x lxdfsd; }
core() { pgrep -P "$(keeper)" -x lxdfsd; }
kill_core() {
	local pid
	pid=$(core) && kill -KILL "$pid" && tail --pid "$pid" -f /dev/null
}
P=$LXD/profiles/default/devices/eth0
look() { busybox nslookup -type="${2:-a}" "$1" "$gateway" 2>/dev/null | sed -n '/^Name/,$s/^Address: //p'; }
table() { nft list table bridge "$NAME" 2>/dev/null | sed -n 's/^[\t ]*//p' | tr -d '{},' | sort; }
reachable() { "$BUILD/tools/filterctl" "$NAME" list | grep -c ' reachable'; }
is_named() { [ "$(look "$1.lxd")" = "$2" ]; }

# shellcheck disable=SC2119
daemon_start
ok "two containers run on the bridge" -- two_containers
is "$(get "$C1/addresses" | grep -c "$A\|$(eui64 "${VARS[10]#A6=}" "$(mac_of "$C1")")")" 2 "the first has the addresses that are meant"

# ---- every combination, by the instance's own keys
send_all "no filter" "" ""
for filters in mac ipv4 ipv6 mac,ipv4 mac,ipv6 ipv4,ipv6 mac,ipv4,ipv6; do
	for f in mac ipv4 ipv6; do
		case ,$filters, in
		*,$f,*) key security.${f}_filtering true ;;
		*) [ ! -e "$C1/devices/eth0/security.${f}_filtering" ] || rm "$C1/devices/eth0/security.${f}_filtering" ;;
		esac
	done
	send_all "$filters" "mac,$filters,dhcp" ""
done
rm "$C1"/devices/eth0/security.*
send_all "unset again" "" ""

# ---- from a profile, overridden, back
ok "a profile sets all three" -- sh -c 'for f in mac ipv4 ipv6; do echo true >"$1/security.${f}_filtering" || exit; done' - "$P"
is "$(reachable)" 2 "for both instances at once"
send_all "by profile" mac,ipv4,ipv6,dhcp ""
key security.ipv6_filtering false
send_all "the instance overrides IPv6" mac,ipv4,dhcp ""
key security.ipv4_filtering false
send_all "and IPv4" mac,dhcp ""
rm "$C1/devices/eth0/security.ipv4_filtering" "$C1/devices/eth0/security.ipv6_filtering"
send_all "rm returns to the profile" mac,ipv4,ipv6,dhcp ""

# ---- which addresses
key ipv4.address none
send_all "no IPv4 address" mac,ipv4,ipv6,dhcp ipv4
key ipv6.address none
send_all "nor one of IPv6" mac,ipv4,ipv6,dhcp ipv4,ipv6
rm "$C1/devices/eth0/ipv6.address"
key ipv4.address "${gateway%.1}.77"
vars "${gateway%.1}.77"
send_all "a static address" mac,ipv4,ipv6,dhcp ""
fails_with EINVAL "eth0 of c1 has it already" "which no other NIC gets" -- put "${gateway%.1}.77" "$C2/devices/eth0/ipv4.address"
rm "$C1/devices/eth0/ipv4.address"
vars
put false "$LXD/networks/lxdbr0/config/ipv4.dhcp"
none_left() { ! table | grep -q "saddr $A "; }
ok "without DHCP on the bridge" -- eventually none_left
send_all "there is no IPv4 address" mac,ipv4,ipv6,dhcp ipv4
rm "$LXD/networks/lxdbr0/config/ipv4.dhcp"
pinned() { [ "$(table | grep -c "arp saddr ip $A ")" = 1 ]; }
ok "with it, its own is pinned again" -- eventually pinned
send_all "and passes" mac,ipv4,ipv6,dhcp ""

# ---- with port isolation
key security.port_isolation true
is "$(bridge -d link show dev "$(get "$C1/config/volatile.eth0.host_name")" | grep -c 'isolated on')" 1 "with its port isolated"
send_all "from an isolated port to one that isn't" mac,ipv4,ipv6,dhcp ""
rm "$C1/devices/eth0/security.port_isolation"

# ---- live, under a flood
flood_begin "src=X ip4 src=A dst=G udp" "ip4 src=A dst=G udp"
for _ in $(seq 50); do
	key security.ipv4_filtering false
	key security.ipv6_filtering false
	rm "$C1/devices/eth0/security.ipv4_filtering" "$C1/devices/eth0/security.ipv6_filtering" || fail "a change under the flood"
done
flood_end "100 changes of the address filters, another's MAC"
flood_begin "ip4 src=V dst=G udp" "ip4 src=A dst=G udp"
for i in $(seq 50); do
	key ipv4.address "${gateway%.1}.77"
	key security.ipv6_filtering $((i % 2)) 2>/dev/null
	rm "$C1/devices/eth0/ipv4.address"
done
flood_end "other addresses, another's IPv4"
rm -f "$C1/devices/eth0/security.ipv6_filtering"
vars
flood_begin "ip6 src=A6 icmp6 type=136 target=V6 opt=2:M" "ip4 src=A dst=G udp"
before=$(table)
for _ in 1 2 3; do
	kill_core
	ls "$C1" >/dev/null
	eventually get "$C1/state"
done
is "$(get "$C1/state")" running "the core was killed three times"
is "$(table)" "$before" "the filters are what they were"
flood_end "while it was dead, another's address"

# ---- a new core says all of it in one transaction
nft monitor >"$WORK/monitor" 2>/dev/null &
monitor=$!
sleep 0.5
kill_core
eventually get "$C1/state"
sleep 0.5
kill $monitor
is "$(awk -v t="bridge $NAME " '/generation/ { n += seen; seen = 0 } index($0, t) { seen = 1 } END { print n + seen }' "$WORK/monitor")" 1 \
	"a new core takes one transaction for all filters"

# ---- somebody flushes all
for what in "flush ruleset" "delete table bridge $NAME" "flush chain bridge $NAME prerouting"; do
	# shellcheck disable=SC2086
	nft $what
	began=$(date +%s%N)
	while [ "$(reachable)" != 2 ] && [ $(($(date +%s%N) - began)) -lt 5000000000 ]; do :; done
	took=$((($(date +%s%N) - began) / 1000000))
	ok "back within a second of $what ($took ms)" -- test $took -lt 1000
done
send_all "as before" mac,ipv4,ipv6,dhcp ""

# ---- names of DHCP go with the instance
# it lost its lease when there was no DHCP
put 'restart force' "$C2/state"
eventually has_addresses "$C2"
ip=$(address4 "$C2")
ok "its name is known" -- eventually is_named c2 "$ip"
ok "it stops" -- put 'stopped force' "$C2/state"
ok "and its name goes at once" -- eventually is_named c2 ""
is "$(look c2.lxd aaaa)" "" "that of IPv6 too"
unlike "$(get "$LXD/networks/lxdbr0/leases")" "$(mac_of "$C2")" "and its lease"
is "$(reachable)" 1 "nothing of its filter is left"
ok "it comes back" -- put running "$C2/state"
ok "with the address that it had" -- eventually is_named c2 "$ip"

# ---- from the first frame of a start: an instance whose init is the attacker
mkdir "$C1/exec/1"
put "mv /sbin/init /sbin/real
cat >/sbin/init <<'S'
#!/bin/sh
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
ip link set eth0 address $X
ip link set eth0 up
ip addr add 10.99.0.1/24 dev eth0
arping -q -U -I eth0 -c 1 10.99.0.1
ip link set eth0 down
(while :; do ip link set eth0 address $X up; arping -q -U -I eth0 -c 1 10.99.0.1; done) &
exec /bin/busybox init
S
chmod 755 /sbin/init" "$C1/exec/1/command"
ok "an init that lies at once" -- put run "$C1/exec/1/state"
# starts NAME REGEX: it is started three times; how many frames of another's MAC came to the bridge
starts() {
	local i
	mkfifo "$WORK/stop"
	"$FRAME" watch host=lxdbr0 M=$X <"$WORK/stop" >"$WORK/watch" &
	flooder=$!
	exec 6>"$WORK/stop"
	for i in 1 2 3; do
		put 'restart force' "$C1/state" || fail "it doesn't start"
		sleep 1
	done
	exec 6>&-
	wait $flooder
	rm "$WORK/stop"
	like "$(tail -n 1 "$WORK/watch")" "$2" "$1"
}
starts "filtered from its first frame" '^all=[0-9]+ from=0$'
key security.mac_filtering false
key security.ipv4_filtering false
key security.ipv6_filtering false
starts "unfiltered they are seen" '^all=[0-9]+ from=[1-9][0-9]*$'

# ---- a bridge of the host's own, with static addresses
put 'stopped force' "$C1/state"
ip link add br9 type bridge forward_delay 0
ip addr add 10.99.1.1/24 dev br9
ip link set br9 up
mkdir "$LXD/instances/c3" "$LXD/instances/c3/devices/eth1"
printf 'type=nic\nnictype=bridged\nparent=br9\nname=eth1\n' >"$LXD/instances/c3/devices/eth1/set"
fails_with EINVAL "security.ipv4_filtering needs ipv4.address" "there filters of addresses need them" -- \
	put true "$LXD/instances/c3/devices/eth1/security.ipv4_filtering"
ok "with one they don't" -- sh -c 'printf "ipv4.address=10.99.1.5\nsecurity.ipv4_filtering=true\n" >"$1"' - \
	"$LXD/instances/c3/devices/eth1/set"
put running "$LXD/instances/c3/state"
mkdir "$LXD/instances/c3/exec/1"
# the image's own init may ask for an address there, and takes others off meanwhile
put 'for i in 1 2 3 4 5 6 7 8; do
	ip addr replace 10.99.1.5/24 dev eth1; ip addr replace 10.99.1.6/24 dev eth1; ip link set eth1 up
	ping -q -c 2 -W 1 -I 10.99.1.5 10.99.1.1 >/dev/null && echo right && break
	sleep 1
done
ping -q -c 2 -W 1 -I 10.99.1.6 10.99.1.1 >/dev/null || echo "not wrong"' \
	"$LXD/instances/c3/exec/1/command"
put run "$LXD/instances/c3/exec/1/state"
is "$(get "$LXD/instances/c3/exec/1/stdout")" "$(printf 'right\nnot wrong')" "its own address passes, another doesn't"

# ---- the end
for c in c2 c3; do
	put 'stopped force' "$LXD/instances/$c/state"
done
is "$(table | grep -c port-)" 0 "no rule of any NIC is left"
ip link delete br9
ip link delete mk0
done_testing
