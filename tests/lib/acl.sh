# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A world for tests of access control lists and forwards. After tests/lib/daemon.sh; gives
#
#	a (10.5.0.2) and b (10.5.0.3) on ports port-a and port-b of br0; world (192.0.2.2) behind out0; namespaces in which
#	everybody answers on ports 80 and 81; and acl_world_end
#	ctl, port WORD...            aclctl
#	in_ns NAME COMMAND...        NAME may be host
#	ask FROM tcp|udp ADDRESS PORT [BYTES]    3: no answer within a moment ($WAIT microseconds), 4: refused
#	answers NAME                 lines "FROM WHAT yes|no" from standard input, WHAT as of ask, or "ping ADDRESS [BYTES]"
#	log_begin, log_end           what rules log in between, a line each
#	$NETS                        words for aclctl: br0 is managed

CTL=("$BUILD/tools/aclctl" "$NAME")
# shellcheck disable=SC2034 # for the tests
FRAME=$BUILD/tools/frame
ctl() { "${CTL[@]}" "$@" 2>&1; }
port() { ctl set "$@"; }

# what a rejected packet's sender is told isn't held back
echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
echo 0 >/proc/sys/net/ipv6/icmp/ratelimit
# ---- a (10.5.0.2) and b (10.5.0.3) -- br0 (10.5.0.1) host (192.0.2.1) -- world (192.0.2.2)

# br0 may be a network of a daemon's
HAS_BR0=$(ip -o link show br0 2>/dev/null)
[ -n "$HAS_BR0" ] || ip link add br0 type bridge mcast_snooping 0
ip link add out0 type veth peer name inst-world
for n in a b; do
	ip link add "port-$n" type veth peer name "inst-$n"
	ip link set "port-$n" master br0 up
done
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
for n in a b world; do
	ip netns add $n
	ip link set "inst-$n" netns $n name eth0
	ip -n $n link set lo up
	# an address of its own making would be the source of some answers
	ip netns exec $n sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_ra'
	ip -n $n link set eth0 up
done
# shellcheck disable=SC2034
MACA=$(ip -n a -o link show eth0 | sed 's,.*link/ether \([^ ]*\).*,\1,')
ip link set br0 up
ip link set out0 up
if [ -z "$HAS_BR0" ]; then
	ip addr add 10.5.0.1/24 dev br0
	ip addr add fd45::1/64 dev br0 nodad
fi
ip addr add 192.0.2.1/24 dev out0
ip addr add 2001:db8::1/64 dev out0 nodad
address() {
	ip -n "$1" addr add "$2" dev eth0
	ip -n "$1" addr add "$3" dev eth0 nodad
	ip -n "$1" route add default via "$4"
	ip -n "$1" route add default via "$5"
}
address a 10.5.0.2/24 fd45::2/64 10.5.0.1 fd45::1
address b 10.5.0.3/24 fd45::3/64 10.5.0.1 fd45::1
address world 192.0.2.2/24 2001:db8::2/64 192.0.2.1 2001:db8::1

in_ns() {
	local ns=$1
	shift
	if [ "$ns" = host ]; then "$@"; else ip netns exec "$ns" "$@"; fi
}
# Everybody answers on TCP and UDP ports 80 and 81, of both protocols, with what was said.
cat >"$WORK/echo.pl" <<'PERL'
use Socket qw(:all);
my ($rin, @tcp, @udp) = ("");
for my $port (80, 81) {
	for my $type (SOCK_STREAM, SOCK_DGRAM) {
		socket(my $s, AF_INET6, $type, 0) or die;
		setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
		bind($s, pack_sockaddr_in6($port, IN6ADDR_ANY)) or die "bind: $!";
		if ($type == SOCK_STREAM) { listen($s, 10); push @tcp, $s } else { push @udp, $s }
		vec($rin, fileno($s), 1) = 1;
	}
}
$SIG{CHLD} = "IGNORE";
print "ready\n"; $| = 1; close STDOUT;
while (1) {
	next if select(my $r = $rin, undef, undef, undef) <= 0;
	for my $s (@udp) {
		next unless vec($r, fileno($s), 1);
		my $from = recv($s, my $text, 65535, 0) or next;
		send($s, $text, 0, $from);
	}
	for my $s (@tcp) {
		next unless vec($r, fileno($s), 1);
		accept(my $c, $s) or next;
		next if fork;
		while (sysread($c, my $text, 65536)) { syswrite($c, $text) }
		exit;
	}
}
PERL
echoes=()
for n in a b world host; do
	mkfifo "$WORK/ready"
	if [ $n = host ]; then enter=(); else enter=(ip netns exec "$n"); fi
	"${enter[@]}" perl "$WORK/echo.pl" >"$WORK/ready" &
	echoes+=($!)
	read -r _ <"$WORK/ready"
	rm "$WORK/ready"
done
# One question; its answer within a moment. ask FROM tcp|udp ADDRESS PORT [BYTES]
cat >"$WORK/ask.pl" <<'PERL'
use Socket qw(:all);
my ($proto, $addr, $port, $n) = @ARGV;
my $is6 = $addr =~ /:/;
socket(my $s, $is6 ? AF_INET6 : AF_INET, $proto eq "tcp" ? SOCK_STREAM : SOCK_DGRAM, 0) or die;
my $to = $is6 ? pack_sockaddr_in6($port, inet_pton(AF_INET6, $addr)) : pack_sockaddr_in($port, inet_aton($addr));
$SIG{ALRM} = sub { exit 3 };
use Time::HiRes "ualarm";
ualarm($ENV{WAIT} || 999_999);
connect($s, $to) or exit($! =~ /refused/ ? 4 : 5);
my $text = "x" x ($n || 5);
defined(send($s, $text, 0)) or exit 6;
my $got = "";
while (length($got) < length($text)) {
	my $m = sysread($s, $got, 65536, length $got);
	exit($! =~ /refused/ ? 4 : 7) unless $m;
}
exit($got eq $text ? 0 : 8);
PERL
ask() {
	local from=$1
	shift
	in_ns "$from" perl "$WORK/ask.pl" "$@"
}
pings() { in_ns "$1" busybox ping -c 1 -W 1 ${3:+-s "$3"} "$2" >/dev/null; }
# answers NAME LINE...: each line "FROM WHAT yes|no", WHAT as of ask, or `ping ADDRESS`
answer() {
	local from=$1 what=${2% *} want=${2##* } got=no
	# an answer that is wanted may be slow on a machine that is busy
	for _ in 1 2 3; do
		# shellcheck disable=SC2086
		case $what in
		ping*) pings "$from" ${what#ping } && got=yes ;;
		*) ask "$from" $what && got=yes ;;
		esac
		if [ $got = yes ] || [ "$want" = no ]; then break; fi
	done
	[ $got = "$want" ] || echo "from $from: $what: $got"
}
answers() {
	local from what pids=()
	# all at once: most of the time is waiting for nothing to come
	while read -r from what; do
		answer "$from" "$what" >>"$WORK/wrong" &
		pids+=($!)
	done
	wait "${pids[@]}"
	is "$(cat "$WORK/wrong")" "" "$1"
	rm "$WORK/wrong"
}
# shellcheck disable=SC2034
NETS=(managed dns net=10.5.0.1/24 net=fd45::1/64)

# What is logged until log_end, a prefix a line. The kernel's own log has nothing of other network namespaces, so the rules
# as they are now get a listener of this one's. log_begin fails where this kernel has no nfnetlink_log.
log_begin() {
	modprobe -q nfnetlink_log 2>/dev/null
	[ -e /proc/net/netfilter/nfnetlink_log ] || return
	nft list ruleset | sed -E 's/ log prefix "[^"]*"/& group 0/; /elements/,/}/s/ (timeout|expires) [0-9a-z]+//g' >"$WORK/rules"
	{ echo "flush ruleset"; cat "$WORK/rules"; } | nft -f - || return
	mkfifo "$WORK/ready"
	perl -MSocket -e '
		sub message { my ($type, $group, $attr) = @_; my $body = pack("CCn", 0, 0, $group) . $attr;
			pack("LSSLL", 16 + length $body, 4 << 8 | 1, 1, 1, 0) . $body }
		socket(my $s, 16, SOCK_RAW, 12) or die;
		bind($s, pack("SSLL", 16, 0, 0, 0)) or die;
		# bind to group 0, and copy no more than what is about a packet
		send($s, message(1, 0, pack("SSCx3", 5, 1, 1)), 0) or die;
		send($s, message(1, 0, pack("SSNCx3", 10, 2, 0, 1)), 0) or die;
		# and each at once: the kernel would collect them for a second
		send($s, message(1, 0, pack("SSN", 8, 5, 1)), 0) or die;
		my $done; $SIG{TERM} = sub { $done = 1 };
		print STDOUT "ready\n"; close STDOUT;
		open(my $out, ">", $ARGV[0]) or die; $out->autoflush;
		vec(my $set, fileno($s), 1) = 1;
		for (;;) {
			# what came before the end is read before it
			if (select(my $in = $set, undef, undef, $done ? 0 : 0.05) > 0) {
				recv($s, my $text, 65536, 0);
				print $out "$1\n" while $text =~ /(lxdfs acl [^:]*): /g;
			} elsif ($done) { exit }
		}' \
		"$WORK/logged" >"$WORK/ready" &
	logger=$!
	read -r _ <"$WORK/ready"
	rm "$WORK/ready"
}
log_end() {
	kill "$logger"
	wait "$logger" 2>/dev/null
	sort "$WORK/logged" | uniq
}

acl_world_end() {
	local pid n
	for pid in "${echoes[@]}"; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	# with a connection that nobody ends
	for pid in $(ip netns pids b); do
		kill "$pid"
		tail --pid "$pid" -f /dev/null
	done
	[ -n "$HAS_BR0" ] || "$BUILD/tools/filterctl" "$NAME" teardown
	for n in a b world; do
		ip netns del $n
		ip link del "port-$n" 2>/dev/null
	done
	umount /run/netns
	[ -n "$HAS_BR0" ] || ip link del br0
	ip link del out0 2>/dev/null
}
