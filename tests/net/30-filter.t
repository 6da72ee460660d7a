#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a port with filters may send: every kind of frame, to the host, to another port, to all and to a group, under
# each combination of filters; then changes under a flood, and what is left when others meddle.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/filter-rows.sh"

FRAME=$BUILD/tools/frame
CTL=("$BUILD/tools/filterctl" "$NAME")
M=00:16:3e:00:00:01  # the instance's
X=00:16:3e:00:00:99  # one that it pretends to have
A=10.0.0.5
A6=fd42::5
VARS=(port=inst0 other=inst1 host=br0 marker=inst2 M="$M" X="$X" A="$A" R=10.7.3.3 V=10.0.0.9 G=10.0.0.1
	A6="$A6" R6=fd43:0:0:7f::1 V6=fd42::9 L=fe80::216:3eff:fe00:1 VL=fe80::216:3eff:fe00:99 N=::)
ALLOW=(allow="$A" allow=10.7.0.0/16 allow="$A6" allow=fd43::/57)

# ---- a bridge, the port of the instance, another port, and one for markers; quiet but for what we send

ip link add br0 type bridge mcast_snooping 0
echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
# the filters must not need help from the inet hooks
for f in /proc/sys/net/bridge/bridge-nf-call-*; do
	[ ! -e "$f" ] || echo 0 >"$f"
done
for i in 0 1 2; do
	ip link add "port$i" type veth peer name "inst$i"
	ip link set "port$i" master br0 up
	ip link set "inst$i" arp off up
done
ip link set inst0 address $M
ip link set br0 arp off up

ctl() { "${CTL[@]}" "$@" 2>&1; }

# matrix NAME FILTERS NONE [allow=...]: the filters are set, every row sent
matrix() {
	local name=$1 filters=$2 none=$3 line n=0 out
	shift 3
	out=$(ctl set port=port0 mac=$M "flags=$filters" "$@") || { fail "$name: filters are set"; diag "$out"; return; }
	while read -r line; do
		n=$((n + 1))
		case $line in
		"ok "*) pass "$name: ${line#ok }" ;;
		*)
			line=${line#not ok }
			fail "$name: ${line%%: should be *}"
			diag "$line"
			;;
		esac
	done < <(rows | $FRAME matrix "${VARS[@]}" "filters=$filters" "none=$none" 2>&1)
	is $n "$(rows | wc -l)" "$name: every row was sent"
}

matrix "no filter" "" ""
matrix "mac" mac "" "${ALLOW[@]}"
matrix "ipv4" mac,ipv4 "" "${ALLOW[@]}"
matrix "ipv6" mac,ipv6 "" "${ALLOW[@]}"
matrix "all" mac,ipv4,ipv6 "" "${ALLOW[@]}"
matrix "all, own DHCP" mac,ipv4,ipv6,dhcp "" "${ALLOW[@]}"
matrix "ipv4, no address" mac,ipv4 ipv4
matrix "ipv6, no address" mac,ipv6 ipv6
matrix "all, no address" mac,ipv4,ipv6 ipv4,ipv6
matrix "all, IPv4 address only" mac,ipv4,ipv6,dhcp ipv6 allow=$A allow=10.7.0.0/16
matrix "all, IPv6 address only" mac,ipv4,ipv6,dhcp ipv4 allow=$A6 allow=fd43::/57
matrix "overlapping networks" mac,ipv4,ipv6 "" "${ALLOW[@]}" allow=10.7.3.0/24 allow=fd43::1 allow=fd43::/64
MANY=()
for i in 1 2 3 4 5 6; do
	MANY+=("allow=10.9.$i.0/24" "allow=10.10.0.$i" "allow=fd44:$i::/48" "allow=fd46::$i")
done
matrix "many networks" mac,ipv4,ipv6 "" "${ALLOW[@]}" "${MANY[@]}"

# ---- frames that the bridge hands up before it forwards anything: 01:80:c2:00:00:0X

learned() { bridge fdb show br br0 brport port0 | grep -c $X; }
# tell_bridge ADDRESS: does the bridge learn another's MAC from a frame to this address?
tell_bridge() {
	bridge fdb del $X dev port0 master 2>/dev/null
	$FRAME send inst0 M=$M -- "dst=$1 src=$X raw"
	learned
}
ctl set port=port0 mac=$M flags=
is "$(tell_bridge 01:80:c2:00:00:03)" 1 "without filters a link-local frame teaches the bridge a MAC"
is "$(tell_bridge ff:ff:ff:ff:ff:ff)" 1 "and so does a broadcast"
ctl set port=port0 mac=$M flags=mac
is "$(tell_bridge 01:80:c2:00:00:03)" 0 "with the MAC filter a link-local frame doesn't"
is "$(tell_bridge ff:ff:ff:ff:ff:ff)" 0 "nor a broadcast"
# LLDP's address passes by all hooks where a port isn't told to forward it: the bridge learns, the host takes any IP
# packet in it
nft add table ip see "{ counter spoofed { }; chain see { type filter hook prerouting priority 0; ip saddr 10.0.0.9 counter name spoofed; }; }"
# tell_host ADDRESS: how many packets with another's address does the host's IP see from a frame to this address?
tell_host() {
	nft reset counter ip see spoofed >/dev/null
	$FRAME send inst0 M=$M -- "dst=$1 ip4 src=10.0.0.9 dst=10.0.0.1 udp"
	nft list counter ip see spoofed | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}
ctl set port=port0 mac=$M flags=ipv4 allow=$A
is "$(tell_bridge 01:80:c2:00:00:0e) $(tell_host 01:80:c2:00:00:0e)" "1 1" "LLDP's address goes past every hook of the bridge"
ip link set port0 type bridge_slave group_fwd_mask 0xfffd
is "$(tell_bridge 01:80:c2:00:00:0e) $(tell_host 01:80:c2:00:00:0e)" "0 0" "but not with the port as nic_attach() leaves it"
for i in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do
	is "$(tell_bridge 01:80:c2:00:00:0$i) $(tell_host 01:80:c2:00:00:0$i)" "0 0" "nor does any other of its kind: 0$i"
done
nft delete table ip see

# ---- read back from the kernel

ctl set port=port0 mac=$M flags=mac,ipv4,ipv6,dhcp "${ALLOW[@]}" port=port1 mac=00:16:3e:00:00:02 flags=mac
like "$(ctl list | sort)" "^port0 $M mac ipv4 ipv6 dhcp rules=[0-9]+ reachable
port1 00:16:3e:00:00:02 mac rules=8 reachable$" "the kernel tells flags and MACs"
ctl set port=port1 flags= port=port0 mac=$M flags=ipv4 allow=$A
like "$(ctl list)" "^port0 $M mac ipv4 rules=[0-9]+ reachable$" "one set, one removed in one go"
ok "no filter to remove is no failure" -- ctl clear port1
ok "a link that isn't there yet" -- ctl set port=later0 mac=$M flags=mac,ipv6 allow=fd42::5
like "$(ctl list)" "later0 $M mac ipv6 rules=[0-9]+ reachable" "and it is listed"
ok "it goes again" -- ctl clear later0

like "$(ctl set port='a"b' mac=$M flags=mac)" "^EINVAL: .*a.*b.*can't be filtered" "a quote in a name is refused"
like "$(ctl set port='veth*' mac=$M flags=mac)" "^EINVAL: " "a wildcard is refused"
like "$(ctl set port=port1 mac=$M flags=mac port=0123456789abcdef mac=$M flags=mac)" "^EINVAL: " "a long name is refused"
like "$(ctl set port=port1 mac=01:00:5e:00:00:01 flags=mac)" "^EINVAL: .*MAC" "a group's MAC is refused"
unlike "$(ctl list)" port1 "and nothing was set with them"

# ---- others meddle

for how in "flush chain bridge $NAME prerouting" "flush chain bridge $NAME input" "flush chain bridge $NAME forward" \
	"insert rule bridge $NAME port-port0 accept" "flush chain bridge $NAME port-port0" \
	"delete element bridge $NAME ports { port0 }" "delete element bridge $NAME only_host4 { port0 }"; do
	ctl set port=port0 mac=$M flags=ipv4 allow=$A
	# shellcheck disable=SC2086
	nft $how
	like "$(ctl list)" "port0 .*unreachable" "noticed: $how"
done
ctl set port=port0 mac=$M flags=ipv4 allow=$A
like "$(ctl list)" "port0 .* reachable" "and put right by the next change"

mkfifo "$WORK/watch"
for how in "flush ruleset" "delete table bridge $NAME" "flush chain bridge $NAME port-port0" \
	"flush chain bridge $NAME prerouting" "flush chain bridge $NAME forward" "add rule bridge $NAME port-port0 accept" \
	"delete element bridge $NAME ports { port0 }"; do
	"${CTL[@]}" watch port=port0 mac=$M flags=ipv4 allow=$A >"$WORK/watch" &
	exec 5<"$WORK/watch"
	read -r -t 20 line <&5
	is "$line" ready "own changes are no news"
	nft add table bridge "$NAME-other"
	nft add table ip "$NAME"
	nft delete table ip "$NAME"
	read -r -t 20 line <&5
	is "$line" other "other tables are none of ours"
	# shellcheck disable=SC2086
	nft $how
	while [ "$line" = other ]; do
		read -r -t 20 line <&5 || line=nothing
	done
	is "$line" changed "news: $how"
	ok "the filter is set again" -- wait $!
	exec 5<&-
	like "$(ctl list)" "port0 .* reachable" "and put right, from the process that had made it"
done
ctl set port=port0 mac=$M flags=ipv4 allow=$A
nft flush chain bridge "$NAME" forward
nft delete set bridge "$NAME" only_host4
ok "a port of a damaged table is cleared" -- ctl clear port0
is "$(ctl list)" "" "and has no filter"
nft flush ruleset
ok "clearing where there is no table" -- ctl clear port0
is "$(nft list ruleset)" "" "makes none"
like "$(setpriv --reuid 4242 --clear-groups "${CTL[@]}" set port=port0 mac=$M flags=mac 2>&1)" \
	"EPERM: nftables refused a change: [a-z ]+: Operation not permitted$" "without rights, nft's own first line is told"
is "$(ctl list)" "" "an absent table is an empty list"
ok "and is made anew" -- ctl set port=port0 mac=$M flags=mac,ipv4 allow=$A
like "$(ctl list)" "port0 .* reachable" "with all that leads to it"

# ---- no moment without a filter

# flooded NAME BAD FIRST... -- SECOND...: two filters in turn under a flood; the bad frame never comes through
flooded() {
	local name=$1 bad=$2 out first=()
	shift 2
	while [ "$1" != -- ]; do
		first+=("$1")
		shift
	done
	shift
	ctl set "${first[@]}"
	mkfifo "$WORK/stop"
	$FRAME flood port=inst0 other=inst1 host=br0 M=$M X=$X -- "$bad / ip4 src=$A dst=10.0.0.1 udp" <"$WORK/stop" \
		>"$WORK/flood" &
	exec 6>"$WORK/stop"
	ok "$name: 400 changes" -- "${CTL[@]}" flip times=400 "${first[@]}" "$@"
	exec 6>&-
	wait $!
	rm "$WORK/stop"
	out=$(cat "$WORK/flood")
	like "$out" "^bad=[0-9]{4,} slipped=0 " "$name: nothing slips through"
	# a few may be lost as a list of networks is replaced, never the other way round
	ok "$name: good frames pass all the time ($out)" -- test $((${out##*passed=} * 100)) -ge \
		$(($(sed 's/.*good=\([0-9]*\).*/\1/' "$WORK/flood") * 98))
}
flooded "IPv4 filter on and off, MAC filter kept" "src=$X ip4 src=$A dst=10.0.0.1 udp" \
	port=port0 mac=$M flags=ipv4 allow=$A -- port=port0 mac=$M flags=mac
flooded "replaced by another list of addresses" "ip4 src=10.0.0.9 dst=10.0.0.1 udp" \
	port=port0 mac=$M flags=ipv4 allow=$A -- \
	port=port0 mac=$M flags=ipv4,ipv6,dhcp allow=$A allow=10.1.0.0/16
flooded "all filters and the MAC filter in turn, advertisement" "ip6 src=fd42::5 icmp6 type=136 target=fd42::5 opt=2:$X" \
	port=port0 mac=$M flags=ipv4,ipv6 allow=$A allow=fd42::5 -- port=port0 mac=$M flags=mac

# ---- nothing is left

ok "teardown" -- ctl teardown
is "$(nft list ruleset)" "" "nothing is left in the kernel"
ok "teardown again" -- ctl teardown
ip link del br0
for i in 0 1 2; do
	ip link del "port$i"
done
done_testing
