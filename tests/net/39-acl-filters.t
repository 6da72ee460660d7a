#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Access control lists at a bridge's edge, with real packets. And each frame of the filters' own test once more, with
# lists beside the filters: what these drop stays dropped.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/acl.sh"
. "$ROOT/tests/lib/filter-rows.sh"

FILTER=("$BUILD/tools/filterctl" "$NAME")

# ---- every frame of the filters' test, with a list that allows all beside them: what is dropped stays dropped
ip link add port-m type veth peer name inst-m
ip link set port-m master br0 up
ip link set inst-m arp off up
# the host's own answers would be counted too
echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
for f in /proc/sys/net/bridge/bridge-nf-call-*; do
	[ ! -e "$f" ] || echo 0 >"$f"
done
matrix() {
	local filters=$1 bad n
	shift
	"${FILTER[@]}" set port=port-a mac="$MACA" "flags=$filters" allow=10.0.0.5 allow=10.7.0.0/16 allow=fd42::5 allow=fd43::/57
	port "$@"
	rows | "$FRAME" matrix port=/run/netns/a:eth0 other=/run/netns/b:eth0 host=br0 marker=inst-m quiet=no "M=$MACA" X=00:16:3e:00:00:99 \
		A=10.0.0.5 R=10.7.3.3 V=10.0.0.9 G=10.0.0.1 A6=fd42::5 R6=fd43:0:0:7f::1 V6=fd42::9 "L=$(eui64 "$MACA")" \
		VL=fe80::216:3eff:fe00:99 N=:: "filters=$filters" none= >"$WORK/rows" 2>&1
	n=$(grep -c '' "$WORK/rows")
	bad=$(grep -c 'not ok .*: should be \(dropped\|for the host\).*, [1-9][0-9]* at another\|not ok .*: should be dropped.*, [1-9][0-9]* at the host' "$WORK/rows")
	is "$n rows, $bad slip through" "$(rows | wc -l) rows, 0 slip through" "filters $filters with $*"
	[ "$bad" = 0 ] || diag "$(grep 'should be \(dropped\|for the host\)' "$WORK/rows" | head -n 5)"
}
eui64() { echo "$1" | perl -F: -lane '$F[0] = sprintf "%02x", hex($F[0]) ^ 2; print "fe80::" . join ":", map { sprintf "%x", hex } "$F[0]$F[1]", "$F[2]ff", "fe$F[3]", "$F[4]$F[5]"'; }
for filters in mac ipv4 ipv6 mac,ipv4,ipv6,dhcp; do
	matrix "$filters" list=all 'in=action=allow' 'out=action=allow' port=port-a lists=all
done
matrix mac,ipv4,ipv6,dhcp list=all port=port-a lists=all ingress=allow-stateless egress=allow-stateless "${NETS[@]}"
matrix mac,ipv4,ipv6,dhcp list=all 'out=action=allow-stateless' port=port-a lists=all bridge=br0 lists=all
echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6
"${FILTER[@]}" clear port-a
port
ip link delete port-m

# ---- a list on the bridge: what goes between it and elsewhere
ip addr add fd45::1/64 dev br0 nodad
ip addr add 2001:db8::1/64 dev out0 nodad
for call in 0 1; do
	[ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || [ $call = 0 ] || continue
	for f in /proc/sys/net/bridge/bridge-nf-call-*tables; do
		[ ! -e "$f" ] || echo $call >"$f"
	done
	nf=$([ $call = 1 ] && echo ", with br_netfilter")
	ok "a list at the edge$nf" -- port list=edge bridge=br0 lists=edge "${NETS[@]}"
	answers "rejects what crosses it, and nothing else$nf" <<-END
		a tcp 10.5.0.3 80 yes
		b udp fd45::2 80 yes
		a tcp 10.5.0.1 80 no
		a tcp 192.0.2.2 80 no
		host tcp 10.5.0.2 80 no
		world udp fd45::2 80 no
		world tcp 192.0.2.1 80 yes
	END
	# the kernel takes the answer to its second attempt for one
	WAIT=3000000 ask a tcp 192.0.2.2 80
	is $? 4 "and says so$nf"
	port list=edge 'out=action=allow destination=@external' 'in=action=allow protocol=tcp destination_port=80 source=192.0.2.0/24' \
		bridge=br0 lists=edge ingress=drop egress=drop "${NETS[@]}"
	answers "rules there$nf" <<-END
		a tcp 192.0.2.2 80 yes
		a udp 2001:db8::2 80 yes
		a tcp 10.5.0.1 80 no
		world tcp 10.5.0.2 80 yes
		world tcp 10.5.0.2 81 no
		world tcp fd45::2 80 no
		host tcp 10.5.0.2 80 no
		a ping 10.5.0.3 yes
	END
done
port list=edge 'out=action=drop destination=192.0.2.0/24 state=logged' bridge=br0 lists=edge logged "${NETS[@]}"
if log_begin; then
	answers "with a listener" <<-END
		a udp 192.0.2.2 80 no
		host udp 10.5.0.2 80 no
	END
	is "$(log_end)" "$(printf 'lxdfs acl %s\n' 'default ingress reject' 'edge egress 0 drop')" "what is logged at the edge says why"
else
	skip 2 "no nfnetlink_log in this kernel"
fi
port
is "$(nft list ruleset | grep -c acl)" 0 "nothing is left of it"
like "$(ctl set list=web port=x lists=nosuch)" "^ENOENT: there is no access control list nosuch" "no list of that name"
like "$(ctl set list=web port='a"b' lists=web)" "^EINVAL: .*can't have access control lists" "a quote in a link's name"
like "$(ctl set list=web bridge=0123456789abcdef lists=web)" "^EINVAL: .*can't have access control lists" "a long one"
is "$(nft list ruleset | grep -c acl)" 0 "nothing was set with them"
acl_world_end
done_testing
