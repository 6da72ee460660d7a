#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A bridge's own dnsmasq, with clients in namespaces: addresses, names, names that are claimed, its life and death.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/net.sh"

command -v dnsmasq >/dev/null || skip_all "no dnsmasq"
dir=$RUN/br0
leases=$STATE/br0
# serve [NAME=VALUE...]: dnsmasq of br0
serve() { net dnsmasq "run=$dir" "leases=$leases" bridge=br0 v4=10.77.0.1/24 dhcp4=yes v6=fd77::1/64 dhcp6=yes "$@"; }
pid() { cat "$dir/dnsmasq.pid"; }
host() { net host "run=$dir" "key=$1.eth0" "mac=$2" "${@:3}"; }
release() { net release bridge=br0 server=10.77.0.1 "leases=$leases" "key=$1.eth0" "mac=$2" "${@:3}"; }
unhost() { net unhost "run=$dir" "key=$1.eth0"; }

# client NAME MAC: a namespace with eth0 on the bridge
client() {
	space "$1"
	net veth "name=v$1" peer=eth0 "mac=$2" "netns=/run/netns/$1"
	net set "name=v$1" master=br0 up=yes
	ip -n "$1" link set eth0 up
}
cat >"$WORK/script" <<'S'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr flush dev $interface scope global
ip addr add $ip/$mask dev $interface
echo "ip=$ip router=$router dns=$dns domain=$domain search=$search mtu=$mtu lease=$lease" >"$WORK/bound"
S
chmod +x "$WORK/script"
export WORK
# ask NAME [udhcpc's...]: get an address; what came with it on standard output
ask() {
	local name=$1
	shift
	rm -f "$WORK/bound"
	in_space "$name" busybox udhcpc -i eth0 -n -q -f -t 4 -T 1 -O search -O mtu -s "$WORK/script" "$@" >"$WORK/udhcpc" 2>&1
	cat "$WORK/bound" 2>/dev/null
}
# look NAME [TYPE]: addresses of a name, as a client sees it
look() {
	in_space one busybox nslookup -type="${2:-a}" "$1" 10.77.0.1 2>/dev/null | sed -n '/^Name/,$s/^Address: //p'
}
# eventually WANT COMMAND...: its output, asked for again for some time where it isn't WANT: a signal, a notice of the
# kernel or a datagram is on its way to dnsmasq, and nothing tells of its arrival
eventually() {
	local want=$1 got i
	shift
	for ((i = 0; i < 100; i++)); do
		got=$("$@")
		[ "$got" = "$want" ] && break
		read -r -t 0.1 <> <(:)
	done
	echo "$got"
}
address() { ip -n "$1" -o -4 addr show dev eth0 | sed 's/.*inet \([^/]*\).*/\1/'; }

net bridge name=br0 mac=$MAC1
net bridge6 name=br0 ipv6=yes accept_ra=0
net addr name=br0 net=10.77.0.1/24
net addr name=br0 net=fd77::1/64
net set name=br0 up=yes
client one $MAC2
client two $MAC3

# ---- start
refuses 19 "unknown interface nobr" "no bridge, no dnsmasq" dnsmasq "run=$RUN/x" bridge=nobr v4=10.78.0.1/24 dhcp4=yes
refuses 22 "which is root" "root it doesn't become" dnsmasq "run=$RUN/x" bridge=br0 v4=10.78.0.1/24 user=root
refuses 22 "\"nosuch\" is no user" "nor nobody at all" dnsmasq "run=$RUN/x" bridge=br0 v4=10.78.0.1/24 user=nosuch
is "$(net adopt "run=$dir")" none "none runs"
ok "to stop what doesn't run is no failure" -- net stop "run=$dir"
refuses 3 "no dnsmasq runs" "to tell it something is" reload "run=$dir"
ok "a host is there before" -- host one $MAC2 name=one v6=fd77::5
ok "dnsmasq starts" -- serve 9>"$WORK/inherited"
is "$(net adopt "run=$dir")" found "and is found"
is "$(serve only=current)" yes "with this configuration"
is "$(serve only=current mtu=1400)" no "and no other"
unlike "$(ls -l "/proc/$(pid)/fd")" inherited "it inherits no descriptor"
unlike "$(sed -n 's/^[UG]id://p' "/proc/$(pid)/status")" '[[:space:]]0([[:space:]]|$)' "it isn't root"
refuses 98 "doesn't start" "another on the same bridge can't" dnsmasq "run=$RUN/other" bridge=br0 v4=10.77.0.1/24 dhcp4=yes
is "$(net adopt "run=$dir")" found "and the first serves on"

# ---- addresses and names
like "$(ask one)" '^ip=10[.]77[.]0[.][0-9]+ router=10[.]77[.]0[.]1 dns=10[.]77[.]0[.]1 domain=lxd search= mtu= lease=3600$' "a client gets an address"
is "$(eventually "$(address one)" look one.lxd)" "$(address one)" "and has the name of its file"
is "$(look one)" "$(address one)" "also without the domain"
is "$(look _gateway.lxd)" 10.77.0.1 "the bridge has one too"
is "$(look _gateway.lxd aaaa)" fd77::1 "of each protocol"
like "$(net leases "leases=$leases")" "^$(address one) $MAC2 name=one$" "the lease can be read"
is "$(stat -c '%a %U' "$leases/dnsmasq.leases")" "600 root" "by root alone"
is "$(eventually "fd77::216:3eff:fe00:2" look one.lxd aaaa)" "fd77::216:3eff:fe00:2" "its SLAAC address has the name as well"

# ---- names that are claimed
for claim in one two wpad gateway _gateway evil ONE one.lxd two.lxd localhost lxd; do
	before=$(look "$claim")
	ask two -x "hostname:$claim" >/dev/null
	isnt "$(address two)" "" "a client that calls itself $claim gets an address"
	is "$(look "$claim") $(look "$claim.lxd" | grep -cxF "$(address two)")" "$before 0" "but not that name"
	ask two -F "$claim" >/dev/null
	is "$(look "$claim") $(look "$claim.lxd" | grep -cxF "$(address two)")" "$before 0" "nor with option 81"
done
is "$(in_space one busybox nslookup "$(address two)" 10.77.0.1 | grep -c 'name =')" 0 "its address has no name at all"
unlike "$(cat "$leases/dnsmasq.leases")" 'evil|wpad' "and no lease keeps one"
is "$(look one.lxd)" "$(address one)" "the owner of the name has it still"

# ---- changes while it runs
before=$(pid)
ok "a host is added" -- host two $MAC3 name=two
is "$(eventually "$(address two)" look two.lxd)" "$(address two)" "and has its name at once, with the lease it holds"
ok "a fixed address" -- host two $MAC3 name=two v4=10.77.0.222
eventually 10.77.0.222 eval 'ask two >/dev/null; address two' >/dev/null
is "$(address two)" 10.77.0.222 "is what it gets next"
is "$(eventually 10.77.0.222 look two.lxd)" 10.77.0.222 "and its name follows"
ok "a new name" -- host two $MAC3 name=deux v4=10.77.0.222
is "$(eventually 10.77.0.222 look deux.lxd)" 10.77.0.222 "is answered"
is "$(look two.lxd)" "" "and the old one isn't"
ok "a name moves to another MAC" -- host two 00:16:3e:00:00:77 name=deux
ok "and the lease of the first is ended" -- release two $MAC3
is "$(eventually "" look deux.lxd)" "" "which loses it"
ask two >/dev/null
is "$(look deux.lxd)" "" "and doesn't get it again"
ok "a host is removed" -- unhost one
ok "once more is no failure" -- unhost one
ok "its lease is ended" -- release one $MAC2
is "$(eventually "" look one.lxd)" "" "its name is gone"
unlike "$(net leases "leases=$leases")" "$MAC2" "and its lease"
ask one >/dev/null
is "$(look one.lxd)" "" "it has none when it comes again"
for name in ignore infinite 42 10m 7D; do
	host two $MAC3 "name=$name"
	ask two >/dev/null
	is "$(eventually "$(address two)" look "$name.lxd")" "$(address two)" "a host may be called $name"
done
refuses 22 "is no host name" "but not what holds a newline" host "run=$dir" key=k mac=$MAC3 "name=a
dhcp-option=6,1.2.3.4"
refuses 22 "no key of a host" "nor lead out of the directory" host "run=$dir" key=../k mac=$MAC3 name=a
is "$(pid)" "$before" "all that without a restart"
ok "a key of 240 characters" -- net host "run=$dir" "key=$(printf %0240d 1)" mac=00:16:3e:00:00:66 name=long
ok "goes as it came" -- net unhost "run=$dir" "key=$(printf %0240d 1)"
refuses 22 "no key" "one of more is refused" host "run=$dir" "key=$(printf %0241d 1)" mac=00:16:3e:00:00:66
is "$(find "$dir" -name '*.new' -o -name 'host-*')" "" "and nothing is left in the directory"

# ---- stateful DHCPv6: a lease given by one message (SOLICIT with rapid commit), and taken back
ok "stateful" -- serve stateful6=yes range6=fd77::1000-fd77::1fff
eventually yes eval 'ip -n two -6 addr show dev eth0 scope link | grep -q tentative || echo yes' >/dev/null
# solicit MAC [CLAIM]: prints the address
solicit() {
	in_space two perl -MSocket=:all -e '
		my ($mac, $index, $claim) = @ARGV;
		socket(my $s, AF_INET6, SOCK_DGRAM, 0) or die $!;
		setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
		bind($s, pack_sockaddr_in6(546, IN6ADDR_ANY)) or die $!;
		$mac = pack("H*", $mac =~ s/://gr);
		my $o = sub { pack("nn/a*", @_) };
		my $m = pack("C4", 1, 1, 2, 3) . $o->(1, pack("nn", 3, 1) . $mac) . $o->(14, "") . $o->(3, pack("N3", 7, 0, 0));
		$m .= $o->(39, pack("CC/a*C", 1, $claim, 0)) if $claim;
		send($s, $m, 0, pack_sockaddr_in6(547, inet_pton(AF_INET6, "ff02::1:2"), $index)) or die $!;
		vec(my $r = "", fileno $s, 1) = 1;
		select($r, undef, undef, 5) or die "no answer";
		recv($s, my $reply, 2000, 0);
		print "$1\n" if unpack("H*", $reply) =~ /00050018(.{32})/;
	' "$1" "$(index eth0 -n two)" "$2" | sed 's/..../&:/g; s/:$//'
}
host two $MAC3 name=two
like "$(solicit $MAC3)" '^fd77:0000:0000:0000:0000:0000:0000:1...$' "an address is leased"
six=$(net leases "leases=$leases" | sed -n "s/^\(fd77::1...\) $MAC3 name=two$/\1/p")
isnt "$six" "" "which the leases have with its name"
is "$(look two.lxd aaaa)" "$six" "and the DNS as well"
like "$(solicit 00:16:3e:00:00:88 evil)" '^fd77:.*:1...$' "another claims a name"
is "$(look evil.lxd aaaa)" "" "and doesn't get it"
ok "a fixed one" -- host two $MAC3 name=two v6=fd77::9
ok "is given after the other was taken back" -- release two $MAC3
is "$(eventually fd77:0000:0000:0000:0000:0000:0000:0009 solicit $MAC3)" fd77:0000:0000:0000:0000:0000:0000:0009 "to it"
is "$(look two.lxd aaaa)" fd77::9 "with its name"
ask two >/dev/null
is "$(look two.lxd)" "$(address two)" "which it keeps in the other protocol"
net leases "leases=$leases" | grep -q "00:16:3e:00:00:88" || fail "the other client has a lease"
ok "all are taken back" -- release two $MAC3 name=two
is "$(eventually "" eval "net leases 'leases=$leases' | grep -e $MAC3 -e name=two")" "" "and gone, by MAC or by name"

# ---- other ways to serve
ok "options" -- serve gateway=10.77.0.9 mtu=1400 search=a.example search=b.example server=192.0.2.7 domain=test.example expiry4=600 range4=10.77.0.100-10.77.0.101 range4=10.77.0.120-10.77.0.120
is "$(ask one)" "ip=$(address one) router=10.77.0.9 dns=192.0.2.7 domain=test.example search=a.example b.example mtu=1400 lease=600" "reach the client"
like "$(address one)" '^10[.]77[.]0[.](100|101|120)$' "from the ranges"
ok "no DNS" -- serve dns=none
is "$(ss -Hlntu 'sport = 53')" "" "no port for it"
isnt "$(ask one -x hostname:one)" "" "but addresses"
unhost two
ok "dynamic DNS" -- serve dns=dynamic
ask one -x hostname:claimed >/dev/null
is "$(look claimed.lxd)" "$(address one)" "believes what is claimed"
ask one -x hostname:wpad >/dev/null
is "$(look wpad.lxd)" "" "but wpad"

# ---- life and death
before=$(pid)
ok "a core that is gone leaves it: it is stopped by the next" -- net stop "run=$dir"
nok "indeed" -- kill -0 "$before"
is "$(find "$dir" -name dnsmasq.pid)" "" "no pid file is left"
ok "it starts again" -- serve
net adopt "run=$dir" wait=yes >"$WORK/watch" &
watcher=$!
eventually found cat "$WORK/watch" >/dev/null
stale=$(pid)
kill -KILL "$stale"
ok "its death is noticed" -- wait $watcher
is "$(net adopt "run=$dir")" none "a stale pid file is no dnsmasq"
ok "it starts over that" -- serve
stale=$(pid)
rm "$dir/dnsmasq.pid"
is "$(net adopt "run=$dir")" none "without its pid file it isn't found"
ok "but stopped" -- net stop "run=$dir"
nok "indeed" -- kill -0 "$stale"
echo $$ >"$dir/dnsmasq.pid"
is "$(net adopt "run=$dir")" none "nor is one that names another process"
ok "to stop that stops nothing" -- net stop "run=$dir"
space jail
ip -n jail link add br0 type bridge
ip -n jail addr add 10.77.0.1/24 dev br0
ip -n jail link set br0 up
in_space jail dnsmasq "--conf-file=$dir/dnsmasq.conf"
is "$(tr '\0' ' ' <"/proc/$(pid)/cmdline")" "dnsmasq --conf-file=$dir/dnsmasq.conf " "a container's process with our command line"
is "$(net adopt "run=$dir")" none "isn't ours either"
kill "$(pid)"
ok "it starts over all that" -- serve
isnt "$(ask one)" "" "and serves"

net stop "run=$dir"
spaces_gone
net delete name=br0
done_testing
