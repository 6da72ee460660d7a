#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Access control lists through the tree: rules made, changed, moved and removed live, with containers that they hold; on
# NICs and on networks, from profiles, over the death of the core and a flushed ruleset; hostile values; and every frame of
# the filters' test out of a container with lists and a forward beside its filters.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/filter-rows.sh"
. "$ROOT/tests/lib/nic-frames.sh"

command -v dnsmasq >/dev/null || skip_all "no dnsmasq"
A=$LXD/acls
P=$LXD/profiles/default/devices/eth0
keeper() { pgrep -o -x lxdfsd; }
core() { pgrep -P "$(keeper)" -x lxdfsd; }
kill_core() {
	local pid
	pid=$(core) && kill -KILL "$pid" && tail --pid "$pid" -f /dev/null
}
# what there is of lists, but for the numbers of policies and the time that flows have
said() {
	{ nft list table bridge "$NAME"; nft list table inet "$NAME"; } 2>/dev/null |
		awk '/^\t(chain|map|set) acl/ { on = 1 } /elements/ && dynamic { skip = 1 } on && !skip { print } /}$/ { skip = 0 }
			{ dynamic = /timeout/ } /^\t}/ { on = 0 }' | sed 's/aclp-[0-9]*/aclp/' | tr , '\n' | sed 's/^[\t ]*//; s/ *$//' | sort
}
pings() { busybox ping -c 1 -W 1 "$1" >/dev/null; }

# shellcheck disable=SC2119
daemon_start
ok "two containers run on the bridge" -- two_containers
ip1=$A ip2=$(address4 "$C2")
A=$LXD/acls
ok "the host reaches the first" -- pings "$ip1"

# ---- a list and its rules
ok "a list" -- mkdir "$A/web"
is "$(ls "$A/web")" "$(printf '%s\n' config description egress error ingress set used_by version)" "has rules in two directories"
ok "a rule" -- put ' protocol=tcp action=allow  source=10.0.0.1/8,@internal destination_port=80,443-445 description=the  web' "$A/web/ingress/10"
is "$(get "$A/web/ingress/10")" "action=allow protocol=tcp source=10.0.0.0/8,@internal destination_port=80,443-445 description=the  web" \
	"reads in one form"
ok "it moves" -- mv "$A/web/ingress/10" "$A/web/ingress/20"
ok "to the other direction" -- mv "$A/web/ingress/20" "$A/web/egress/web"
is "$(ls "$A/web/ingress") $(ls "$A/web/egress")" "$(printf 'set set\nweb')" "and is nowhere else"
ok "it is edited" -- sed -i 's/allow/reject/' "$A/web/egress/web"
is "$(get "$A/web/set")" "egress/web=action=reject protocol=tcp source=10.0.0.0/8,@internal destination_port=80,443-445 description=the  web" \
	"set tells it"
ok "set makes several, and one change" -- sh -c 'printf "egress/web=\ningress/ping=action=allow protocol=icmp4 icmp_type=8\ndescription=x\n" >"$1"' - "$A/web/set"
is "$(cat "$A/web/set")" "$(printf 'description=x\ningress/ping=action=allow protocol=icmp4 icmp_type=8')" "or takes one away"
for bad in "" protocol=tcp action=fish 'action=allow protocol=icmp' 'action=allow destination_port=80' 'action=allow icmp_type=8' \
	'action=allow protocol=tcp destination_port=80-' 'action=allow protocol=tcp destination_port=65536' 'action=allow source=10.0.0.0/33' \
	'action=allow source=10.0.0.9-10.0.0.1' 'action=allow source=@nowhere' 'action=allow source=nosuch' 'action=allow source=' \
	'action=allow source=10.0.0.1 destination=fd42::1' 'action=allow protocol=icmp4 source=fd42::1' 'action=allow action=drop' \
	'action=allow state=on' 'action=allow; flush ruleset' 'action=allow source=10.0.0.1}' 'action=allow source="a"' \
	'action=allow protocol=tcp destination_port=$(id)' 'action=allow description=x	y' 'action=allow comment=x' 'action=accept'; do
	fails_with EINVAL "" "refused: $bad" -- put "$bad" "$A/web/ingress/bad"
done
is "$(ls "$A/web/ingress")" "$(printf 'ping\nset')" "nothing of that is there"
for bad in 9web -web '_web' 'a b' 'a;b' '10.0.0.1' 'fd42::1' '@internal'; do
	fails_with EINVAL "can't be a list's name" "no name of a list: $bad" -- mkdir "$A/$bad"
done
fails_with ENAMETOOLONG "" "nor one that is long" -- mkdir "$A/$(printf 'a%.0s' {1..64})"
fails_with EINVAL "no such list" "a list that isn't there can't be used" -- put nosuch "$C1/devices/eth0/security.acls"
fails_with EINVAL "no such list" "nor on a network" -- put nosuch "$LXD/networks/lxdbr0/config/security.acls"
is "$(said)" "" "no rule is in the kernel while nobody uses a list"

# ---- on a NIC, live
ok "a NIC uses it" -- put web "$C1/devices/eth0/security.acls"
ok "what it allows passes" -- pings "$ip1"
mkdir "$C1/exec/1"
put "ping -q -c 1 -W 1 $gateway" "$C1/exec/1/command"
put run "$C1/exec/1/state"
like "$(get "$C1/exec/1/stdout")" "100% packet loss" "what it doesn't, doesn't"
ok "a rule goes" -- rm "$A/web/ingress/ping"
nok "and is gone when rm returns" -- pings "$ip1"
ok "another comes" -- put 'action=allow source=@internal' "$A/web/ingress/10"
ok "and is in force when the write returns" -- pings "$ip1"
ok "a default" -- put allow "$C1/devices/eth0/security.acls.default.egress.action"
put run "$C1/exec/1/state" 2>/dev/null
mkdir "$C1/exec/2"
put "ping -q -c 1 -W 1 $gateway && nslookup _gateway.lxd $gateway" "$C1/exec/2/command"
put run "$C1/exec/2/state"
like "$(get "$C1/exec/2/stdout")" "0% packet loss(.|
)*$gateway" "lets it out, and names are looked up"
is "$(get "$A/web/used_by")" instances/c1 "the list tells who uses it"
fails_with EBUSY "used by instances/c1" "one in use isn't removed" -- rmdir "$A/web"
fails_with EBUSY "used by instances/c1" "nor renamed" -- mv "$A/web" "$A/web2"
mkdir "$A/other"
put 'action=drop source=web' "$A/other/ingress/1"
is "$(get "$A/web/used_by")" "$(printf 'instances/c1\nacls/other')" "a list that names it uses it"
rmdir "$A/other"

# ---- frames of one that must not pass, while rules, lists and defaults change
put reject "$C1/devices/eth0/security.acls.default.egress.action"
mkdir "$A/no" "$A/yes"
put 'action=drop protocol=udp destination_port=9' "$A/no/egress/1"
put 'action=allow' "$A/yes/egress/1"
printf 'devices/eth0/security.acls=$'"'no\\\\nyes'"'\n' >"$C1/set"
flood_begin "ip4 src=A dst=G udp sport=7 dport=9" "ip4 src=A dst=G udp sport=7 dport=10"
for i in $(seq 20); do
	put "action=drop source=$ip1" "$A/no/ingress/$i"
	mv "$A/no/egress/$i" "$A/no/egress/$((i + 1))"
	key security.acls.default.ingress.action drop
	printf 'devices/eth0/security.acls=no\n' >"$C1/set"
	rm "$C1/devices/eth0/security.acls.default.ingress.action"
	printf 'devices/eth0/security.acls=$'"'yes\\\\nno'"'\n' >"$C1/set"
done
kill_core
ls "$C1" >/dev/null
eventually get "$C1/state"
flood_end "100 changes and a core's death"
rm "$C1/devices/eth0/security.acls"
rmdir "$A/no" "$A/yes"
is "$(said)" "" "a NIC without lists leaves nothing of them"

# ---- from a profile; a crash, a flush
ok "a profile uses it" -- put web "$P/security.acls"
like "$(nft list map bridge "$NAME" acl_in | tr -d '\n')" 'veth.*jump.*veth.*jump' "for both"
ok "and its rule holds" -- pings "$ip2"
before=$(said)
kill_core
ls "$C1" >/dev/null
eventually get "$C1/state"
is "$(said)" "$before" "a new core has the same rules"
ok "which work" -- pings "$ip1"
back() { [ "$(said)" = "$before" ]; }
for what in "flush ruleset" "delete table bridge $NAME" "flush chain bridge $NAME acl-forward-in"; do
	# shellcheck disable=SC2086
	nft $what
	ok "back after $what" -- eventually back
done
# while they aren't back
rm "$C2/devices/eth0/security.acls" 2>/dev/null
put web "$C2/devices/eth0/security.acls"
nft delete table bridge "$NAME"
ok "a change of one NIC" -- put allow "$C2/devices/eth0/security.acls.default.egress.action"
is "$(nft list map bridge "$NAME" acl_in | tr , '\n' | grep -c 'veth.*jump')" 2 "puts the table back whole"
table_back() { nft list chain bridge "$NAME" acl-output >/dev/null 2>&1; }
ok "and nothing is missing" -- eventually table_back
rm "$C2/devices/eth0/security.acls" "$C2/devices/eth0/security.acls.default.egress.action"
put 'stopped force' "$C2/state"
is "$(nft list map bridge "$NAME" acl_in | grep -c 'veth.*jump')" 1 "one that stops has no rules left"
put running "$C2/state"
is "$(nft list map bridge "$NAME" acl_in | tr , '\n' | grep -c 'veth.*jump')" 2 "and has them again when it runs"
ok "it gets its addresses by DHCP and advertisements all the same" -- eventually has_addresses "$C2"

# ---- on the network
ok "the network uses it" -- put web "$LXD/networks/lxdbr0/config/security.acls"
rm "$P/security.acls"
ok "what is allowed passes" -- pings "$ip1"
put 'action=drop' "$A/web/ingress/0"
nok "what a rule drops doesn't" -- pings "$ip1"
rm "$A/web/ingress/0"
is "$(get "$A/web/used_by")" networks/lxdbr0 "it tells"
ok "and no more" -- rm "$LXD/networks/lxdbr0/config/security.acls"
is "$(said)" "" "nothing is left"
ok "then it can be renamed" -- mv "$A/web" "$A/web2"

# ---- the filters' frames, with a list on the NIC, one on the network, and a forward
ip link add out0 type veth peer name out1
ip addr add 192.0.2.1/24 dev out0
ip link set out0 up
mkdir "$LXD/networks/lxdbr0/forwards/192.0.2.1"
put "$ip1" "$LXD/networks/lxdbr0/forwards/192.0.2.1/target_address"
put 'action=allow-stateless' "$A/web2/egress/all"
put 'action=allow' "$A/web2/ingress/all"
put web2 "$LXD/networks/lxdbr0/config/security.acls"
put web2 "$C1/devices/eth0/security.acls"
slips() {
	own_rows | "$FRAME" matrix "${VARS[@]}" "filters=$2" none= >"$WORK/rows" 2>&1
	is "$(grep -c '' "$WORK/rows") rows, $(grep -c 'should be dropped.*[1-9] at \|should be for the host.*[1-9] at another' "$WORK/rows") slip through" \
		"$(own_rows | wc -l) rows, 0 slip through" "$1"
}
A=$ip1
for f in mac ipv4 ipv6; do
	key security.${f}_filtering true
done
vars "$ip1"
slips "all filters, lists and a forward" mac,ipv4,ipv6,dhcp
key security.ipv4_filtering false
key security.ipv6_filtering false
slips "the MAC filter, lists and a forward" mac,dhcp

for c in "$C1" "$C2"; do
	put 'stopped force' "$c/state"
done
rmdir "$LXD/networks/lxdbr0/forwards/192.0.2.1"
ip link delete out0
ip link delete mk0
done_testing
