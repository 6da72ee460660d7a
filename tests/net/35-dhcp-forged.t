#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What one client of a bridge's dnsmasq can do to another: take its lease, give it back, decline it, move its name.
# Everything is tried without a filter first, where it works, and then from behind the MAC filter.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/net.sh"

command -v dnsmasq >/dev/null || skip_all "no dnsmasq"
dir=$RUN/br0
leases=$STATE/br0
net bridge name=br0 mac=$MAC1
net bridge6 name=br0 ipv6=yes accept_ra=0
net addr name=br0 net=10.77.0.1/24
net addr name=br0 net=fd77::1/64
net set name=br0 up=yes
for who in "victim $MAC2" "thief $MAC3"; do
	space "${who% *}"
	net attach "name=v${who% *}" bridge=br0 peer=eth0 "mac=${who#* }" "netns=/run/netns/${who% *}" >/dev/null
	ip -n "${who% *}" link set eth0 up
done
net host "run=$dir" key=victim mac=$MAC2 name=victim
net host "run=$dir" key=thief mac=$MAC3 name=thief v4=10.77.0.200
serve() {
	net dnsmasq "run=$dir" "leases=$leases" bridge=br0 v4=10.77.0.1/24 dhcp4=yes v6=fd77::1/64 dhcp6=yes stateful6=yes \
		range6=fd77::1000-fd77::1fff "$@"
}
ok "dnsmasq serves" -- serve promised4=no
cat >"$WORK/script" <<'S'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr flush dev $interface scope global
ip addr add $ip/$mask dev $interface
S
chmod +x "$WORK/script"
ask() { in_space "$1" busybox udhcpc -i eth0 -n -q -f -t 4 -T 1 -s "$WORK/script" >"$WORK/udhcpc" 2>&1; }
look() { in_space thief timeout 2 busybox nslookup -type="${2:-a}" "$1" 10.77.0.1 2>/dev/null | sed -n '/^Name/,$s/^Address: //p'; }
address() { ip -n "$1" -o -4 addr show dev eth0 | sed 's/.*inet \([^/]*\).*/\1/'; }
# leased MAC: its IPv4 address, as dnsmasq has it
leased() { net leases "leases=$leases" | sed -n "s/^\([0-9.]*\) $1 .*/\1/p"; }
leased6() { net leases "leases=$leases" | grep '^fd77' | grep -c "name=$1\$"; }
eventually() {
	local want=$1 got i
	shift
	for ((i = 0; i < 50; i++)); do
		got=$("$@")
		[ "$got" = "$want" ] && break
		read -r -t 0.1 <> <(:)
	done
	echo "$got"
}

cat >"$WORK/dhcp.pl" <<'P'
# TYPE CHADDR CIADDR [OPTION=HEX...]: one message of DHCP to the server, from port 68
use Socket qw(:all);
my ($type, $mac, $ip, @options) = @ARGV;
socket(my $s, AF_INET, SOCK_DGRAM, 0) or die $!;
setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
setsockopt($s, SOL_SOCKET, SO_BROADCAST, 1);
bind($s, pack_sockaddr_in(68, INADDR_ANY)) or die $!;
my $id = inet_aton("10.77.0.1");
my $m = pack("C4Nn2", 1, 1, 6, 0, rand 1 << 31, 0, 0) . inet_aton($type == 4 ? "0.0.0.0" : $ip) . ("\0" x 12)
	. pack("H*", $mac =~ s/://gr) . ("\0" x 202) . "\x63\x82\x53\x63" . pack("C3", 53, 1, $type) . "\x36\x04$id";
$m .= "\x32\x04" . inet_aton($ip) if $type == 4;
for (@options) { my ($n, $v) = split /=/; $m .= pack("CC/a*", $n, pack("H*", $v)); }
$m .= "\xff";
send($s, $m . "\0" x 60, 0, pack_sockaddr_in(67, inet_aton("10.77.0.1"))) or die $!;
P
cat >"$WORK/dhcp6.pl" <<'P'
# INDEX TYPE MAC ADDRESS SERVER [relay]: one message of DHCPv6 with that MAC's DUID; "solicit" prints what is answered
use Socket qw(:all);
my ($index, $type, $mac, $ip, $server, $relay) = @ARGV;
socket(my $s, AF_INET6, SOCK_DGRAM, 0) or die $!;
setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
bind($s, pack_sockaddr_in6($relay ? 547 : 546, IN6ADDR_ANY)) or die $!;
my $o = sub { pack("nn/a*", @_) };
my $m = pack("C4", $type, 1, 2, 3) . $o->(1, pack("nn", 3, 1) . pack("H*", $mac =~ s/://gr));
$m .= $o->(2, pack("H*", $server =~ s/://gr)) if $server;
$m .= $o->(14, "") if $type == 1;
$m .= $o->(3, pack("N3", 7, 0, 0) . ($ip ? $o->(5, inet_pton(AF_INET6, $ip) . pack("N2", 0, 0)) : ""));
$m = pack("C2", 12, 0) . inet_pton(AF_INET6, "fd77::1") . inet_pton(AF_INET6, "fe80::216:3eff:fe00:3") . $o->(9, $m) if $relay;
send($s, $m, 0, pack_sockaddr_in6(547, inet_pton(AF_INET6, "ff02::1:2"), $index)) or die $!;
exit if $type != 1;
vec(my $r = "", fileno $s, 1) = 1;
select($r, undef, undef, 5) or die "no answer";
recv($s, my $reply, 2000, 0);
P
# forge TYPE MAC ADDRESS [OPTION=HEX...]: the thief says so
forge() { in_space thief perl "$WORK/dhcp.pl" "$@"; }
forge6() { in_space thief perl "$WORK/dhcp6.pl" "$(index eth0 -n thief)" "$@"; }
# after what was sent before was read: the thief's own renewal is answered behind it
settled() { ask thief; }
server_duid() { sed -n 's/^duid //p' "$leases/dnsmasq.leases"; }

for who in victim thief; do
	eventually "" eval "ip -n $who -6 addr show dev eth0 tentative" >/dev/null
	ask $who
done
ip=$(address victim)
isnt "$ip" "" "the victim has an address"
is "$(eventually "$ip" look victim.lxd)" "$ip" "and its name"
ok "and an address by DHCPv6" -- in_space victim perl "$WORK/dhcp6.pl" "$(index eth0 -n victim)" 1 $MAC2 "" ""
eventually 1 eval "net leases 'leases=$leases' | grep -c '^fd77'" >/dev/null
six=$(net leases "leases=$leases" | sed -n 's/^\(fd77[^ ]*\) .* name=victim$/\1/p' | head -n 1)
[ -n "$six" ] || six=$(net leases "leases=$leases" | sed -n 's/^\(fd77[^ ]*\).*/\1/p' | head -n 1)
isnt "$six" "" "which dnsmasq leased ($six)"

# ---- without a filter: each of them works
forge 7 $MAC2 "$ip"
is "$(eventually "" leased $MAC2)" "" "without a filter, a RELEASE for another takes its lease"
is "$(look victim.lxd)" "" "and its name"
ask victim
ip=$(address victim)
is "$(eventually "$ip" leased $MAC2)" "$ip" "it comes back"
forge 4 $MAC2 "$ip"
is "$(eventually "" leased $MAC2)" "" "so does a DECLINE"
ask victim
ip=$(address victim)
forge6 8 $MAC2 "$six" "$(server_duid)"
is "$(eventually 0 eval "net leases 'leases=$leases' | grep -c '^$six '")" 0 "and a RELEASE of DHCPv6"
in_space victim perl "$WORK/dhcp6.pl" "$(index eth0 -n victim)" 1 $MAC2 "" ""
eventually 1 eval "net leases 'leases=$leases' | grep -c '^fd77'" >/dev/null
six=$(net leases "leases=$leases" | sed -n 's/^\(fd77[^ ]*\).*/\1/p' | head -n 1)
isnt "$six" "" "it comes back"
forge6 8 $MAC2 "$six" "$(server_duid)" relay
is "$(eventually 0 eval "net leases 'leases=$leases' | grep -c '^$six '")" 0 "and one that a relay is said to pass on"
in_space victim perl "$WORK/dhcp6.pl" "$(index eth0 -n victim)" 1 $MAC2 "" ""
eventually 1 eval "net leases 'leases=$leases' | grep -c '^fd77'" >/dev/null
six=$(net leases "leases=$leases" | sed -n 's/^\(fd77[^ ]*\).*/\1/p' | head -n 1)

# ---- names that no request moves, without any filter: a promised address, and records of their own for IPv6
net host "run=$dir" key=victim mac=$MAC2 v4="$ip" v6=fd77::100 name=victim name4=yes alias=victim.lxd alias4="$ip" alias6=fd77::100
net host "run=$dir" key=thief mac=$MAC3 v4=10.77.0.200 v6=fd77::200 name=thief name4=yes alias=thief.lxd alias4=10.77.0.200 alias6=fd77::200
ok "hosts with a line get that address or none" -- serve promised4=yes
net host "run=$dir" key=far mac=00:16:3e:00:00:99 alias=victim.far.lxd alias4=10.77.0.150 alias6=fd77::150
is "$(eventually fd77::100 look victim.lxd aaaa)" fd77::100 "a name has its IPv6 address without a lease"
is "$(look victim.lxd) $(look victim.far.lxd) $(look victim.far.lxd aaaa)" "$ip 10.77.0.150 fd77::150" "one with a project has its own"
in_space victim perl "$WORK/dhcp6.pl" "$(index eth0 -n victim)" 1 $MAC2 "" ""
wanted=10.77.0.222
hex=$(perl -e 'print unpack "H*", pack "C4", split /\./, shift' "$wanted")
names() { echo "$(look victim.lxd) $(look victim.lxd aaaa) $(look thief.lxd aaaa) $(look victim.far.lxd)"; }
before=$(names)
for type in 1 3 8; do
	for more in "" 12=76696374696d 81=01000076696374696d "61=01${MAC2//:/}" "12=76696374696d 50=$hex 54=0a4d0001"; do
		# shellcheck disable=SC2086
		forge $type $MAC2 "$wanted" $more
		# shellcheck disable=SC2086
		forge $type $MAC2 0.0.0.0 "50=$hex" $more
		# shellcheck disable=SC2086
		forge $type 00:16:3e:00:00:99 "$wanted" $more
	done
done
for asked in fd77::100 fd77::200 fd77::1555 ""; do
	forge6 1 $MAC2 "$asked"
	for type in 3 5 6; do
		forge6 $type $MAC2 "$asked" "$(server_duid)"
		forge6 $type $MAC2 "$asked" "$(server_duid)" relay
	done
done
settled
is "$(names)" "$before" "requests with another's MAC, name, client id or DUID move no name"
forge 7 $MAC2 "$ip"
forge6 8 $MAC2 fd77::100 "$(server_duid)"
settled
is "$(look victim.lxd) $(look victim.lxd aaaa)" "$ip fd77::100" "nor does a RELEASE"
ask victim
is "$(address victim) $(eventually "$ip" look victim.lxd)" "$ip $ip" "the victim comes back to the same address and name"
ask thief
is "$(address thief)" 10.77.0.200 "and so does everybody"
net unhost "run=$dir" key=far
is "$(eventually "" look victim.far.lxd)" "" "records go with the host"
net host "run=$dir" key=victim mac=$MAC2 name=victim
net host "run=$dir" key=thief mac=$MAC3 name=thief v4=10.77.0.200
is "$(eventually "" look victim.far.lxd aaaa)" "" "of both protocols"
serve promised4=no
in_space victim perl "$WORK/dhcp6.pl" "$(index eth0 -n victim)" 1 $MAC2 "" ""
eventually 1 eval "net leases 'leases=$leases' | grep -c '^fd77'" >/dev/null
six=$(net leases "leases=$leases" | sed -n 's/^\(fd77[^ ]*\).*/\1/p' | head -n 1)

# ---- from behind the MAC filter, and with those of addresses
mine=10.77.0.200
for filters in "mac_filter=yes" "mac_filter=yes v4_filter=yes v6_filter=yes allowed=$mine/32 allowed=fd77::216:3eff:fe00:3/128"; do
	# shellcheck disable=SC2086
	net filter name=vthief peer=eth0 mac=$MAC3 own_dhcp=yes $filters
	what=${filters%% allowed*}
	hex=$(perl -e 'print unpack "H*", pack "C4", split /\./, shift' "$ip")
	before=$(net leases "leases=$leases" | grep -v "$MAC3" | sort)
	names="$(look victim.lxd) $(look victim.lxd aaaa)"
	is "$(leased $MAC2)" "$ip" "$what: the victim has its lease"
	forge 7 $MAC2 "$ip"
	forge 4 $MAC2 "$ip"
	# DISCOVER, REQUEST, INFORM with another's MAC; with its name; with its name as FQDN; with a client id of its MAC
	for type in 1 3 8; do
		forge $type $MAC2 "$ip"
		forge $type $MAC2 "$ip" 12=7468696566
		forge $type $MAC2 "$ip" 12=7468696566 "50=$hex" 80=
		forge $type $MAC2 "$ip" 81=0100007468696566
		forge $type $MAC2 "$ip" "61=01${MAC2//:/}"
	done
	# with its own MAC, but the other's address, name, FQDN, client id
	forge 7 $MAC3 "$ip"
	forge 4 $MAC3 "$ip"
	for type in 1 3 8; do
		forge $type $MAC3 "$ip" 12=76696374696d
		forge $type $MAC3 "$ip" 81=01000076696374696d
		forge $type $MAC3 "$ip" "61=01${MAC2//:/}" 12=76696374696d "50=$hex"
		forge $type $MAC3 "$ip" 12=5f67617465776179 12=77706164
	done
	for type in 8 9; do
		forge6 $type $MAC2 "$six" "$(server_duid)"
		forge6 $type $MAC2 "$six" "$(server_duid)" relay
	done
	ok "$what: the thief's own requests are answered" -- settled
	is "$(net leases "leases=$leases" | grep -v "$MAC3" | sort)" "$before" "$what: all leases of others are as they were"
	is "$(look victim.lxd) $(look victim.lxd aaaa)" "$names" "$what: so are the names"
	is "$(leased $MAC3)" "$(address thief)" "$what: the thief has its own address"
	is "$(eventually "$(address thief)" look thief.lxd)" "$(address thief)" "$what: and its own name"
	is "$(look wpad.lxd)$(look wpad)" "" "$what: and none that browsers trust"
	ask victim
	is "$(address victim)" "$ip" "$what: the victim gets its address again"
done

net stop "run=$dir"
net detach name=vthief
net detach name=vvictim
net teardown
spaces_gone
net delete name=br0
done_testing
