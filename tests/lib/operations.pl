#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Operations in an order made of a seed, each with what it must answer, and after each what must hold: the tree says
# what was done to it, and the kernel has what the tree says, no mount, namespace, control group, link, filter, process,
# loop device or descriptor more. For tests/engine/40-operations.t and 41-crash-points.t.
# usage: operations.pl LXD STATE RUN NAME BASE SEED STEPS SECONDS; ends after so many of either. Prints what is wrong.
#        ... STRIDE instead of a random order: each of a fixed list, with the core (or $LXDFS_CRASH_PROGRAM) killed before every STRIDE-th
#        call by which it changes something, once for each such call (tests/preload/crashpoint.c)
use strict;
use warnings;
use Errno qw(EBUSY EEXIST EINVAL ENOENT EINTR EIO);
use Fcntl;
use POSIX ();
use Time::HiRes qw(sleep time);

my ($lxd, $state_dir, $run_dir, $cgroup, $base, $seed, $steps, $seconds, $stride) = @ARGV;
my %have;       # what there should be: name => {state, keys, devices, filters}
my @history;    # lines, for whoever has to find out
my @wrong;
my $killer;     # a child that will kill a process in the midst of an operation
my $resends = do { my ($major, $minor) = (POSIX::uname())[2] =~ /^(\d+)\.(\d+)/; $major > 6 || $major == 6 && $minor >= 9 };
my @names = qw(a b c d);
my ($image) = -e "$base/tiny.tar" ? `sha256sum $base/tiny.tar` =~ /^(\w+)/ : ();
my $image_there = 0;
srand $seed;

sub one_of { $_[rand @_] }
sub say_wrong { push @wrong, $_[0]; return }

# ---- the tree

# A system call that hangs is a failure too.
sub timed {
	my $call = shift;
	my $r;
	local $SIG{ALRM} = sub { die "hangs\n" };
	eval {
		alarm 60;
		$r = $call->();
		alarm 0;
	};
	alarm 0;
	if ($@) {
		say_wrong("it hangs for a minute: $@");
		return POSIX::ETIMEDOUT();
	}
	return $r;
}

sub put {
	my ($file, $text) = @_;
	return timed(sub {
		sysopen my $f, $file, O_WRONLY | O_TRUNC | O_CREAT or return $! + 0;
		defined syswrite $f, "$text\n" or return $! + 0;
		close $f or return $! + 0;
		return 0;
	});
}

sub get {
	my $file = shift;
	my $text = '';
	my $r = timed(sub {
		sysopen my $f, $file, O_RDONLY or return $! + 0;
		while (1) {
			my $n = sysread $f, $text, 65536, length $text;
			defined $n or return $! + 0;
			last if !$n;
		}
		return 0;
	});
	return if $r;
	chomp $text;
	return $text;
}

sub call { my $f = shift; return timed(sub { $f->() ? 0 : $! + 0 }) }

sub sentence { my $s = get("$lxd/error") // ''; $s =~ s/\n/ | /g; return $s }

# ---- the core's death at its Nth call from now

my $countdown = $ENV{LXDFS_CRASH_FILE};
# Where it isn't the core that dies, what was asked for may fail, and nothing may be left all the same.
my $may_fail = ($ENV{LXDFS_CRASH_PROGRAM} // '') eq 'lxdfs-monitor';

# Whether a core may have died in the midst of an operation.
sub fell { return $killer || ($countdown && -s $countdown && calls_left() == 0) }

# What came of an operation that may have failed.
sub look_again {
	for my $n (keys %have) {
		my ($i, $d) = ($have{$n}, "$lxd/instances/$n");
		my $before = $i->{state};
		for (1 .. 50) {
			$i->{state} = get("$d/state") // 'gone';
			last if $i->{state} eq 'stopped';
			my $pid = get("$d/pid") || 0;
			last if parent_of($pid) > 1 && -d "/proc/$pid" && $_ > 5;
			sleep 0.05;
		}
		stopped_now($i) if $i->{state} eq 'stopped';
		started_now($i) if $i->{state} eq 'running' && $before eq 'stopped';
		$i->{$_} = -d "$d/devices/$_" for qw(eth1 d0 n0);
	}
	return;
}

sub arm {
	open my $f, '+<', $countdown or die "$countdown: $!";
	syswrite $f, pack 'l', $_[0];
	return;
}

sub calls_left {
	open my $f, '<', $countdown or die "$countdown: $!";
	sysread $f, my $bytes, 4;
	return unpack 'l', $bytes;
}

# ---- processes

sub of_program {
	my $name = shift;
	my @found;
	for my $p (glob '/proc/[0-9]*') {
		open my $f, '<', "$p/comm" or next;
		my $comm = <$f> // '';
		chomp $comm;
		push @found, $p =~ /(\d+)$/ if $comm eq $name;
	}
	return @found;
}

sub parent_of {
	open my $f, '<', "/proc/$_[0]/stat" or return 0;
	my ($parent) = (<$f> // '') =~ /.*\) \S (\d+)/;
	return $parent // 0;
}

sub keeper { open my $f, '<', "$run_dir/pid" or return 0; my $p = <$f>; chomp $p; return $p }
sub core { my $keeper = keeper(); my ($p) = grep { parent_of($_) == $keeper } of_program('lxdfsd'); return $p }
sub lines { open my $f, '<', $_[0] or return; my @l = <$f>; return @l }
sub descriptors { my @l = glob "/proc/$_[0]/fd/*"; return scalar @l }
sub loops { return scalar grep { my ($l) = lines($_); defined $l && index($l, $base) == 0 } glob '/sys/block/loop*/loop/backing_file' }

# ---- what must hold

my (%first, $fds_idle, @fds_then);

sub namespaces {
	my %seen;
	for my $p (glob '/proc/[0-9]*') {
		my ($comm) = lines("$p/comm");
		next if !defined $comm;
		# who looks isn't looked at
		for my $type (qw(net pid user)) {
			my $ns = readlink "$p/ns/$type";
			$seen{$type}{$ns} = 1 if $ns;
		}
	}
	return map { $_ => scalar keys %{ $seen{$_} } } qw(net pid user);
}

sub complaints {
	my @c;
	my %is = map { my ($n) = m{([^/]+)$}; $n => 1 } grep { -d } glob "$lxd/instances/*";
	for my $n (sort keys %is) { push @c, "there is an instance $n" if !$have{$n} }
	my ($running, $nics, $filters, %uuids, %live) = (0, 0, 0);
	for my $n (sort keys %have) {
		my ($i, $d) = ($have{$n}, "$lxd/instances/$n");
		if (!$is{$n}) { push @c, "there is no instance $n"; next }
		my $state = get("$d/state") // '';
		push @c, "$n is $state, should be $i->{state}" if $state ne $i->{state};
		my $uuid = get("$d/uuid") // '';
		$uuids{$uuid} = 1;
		for my $k (sort keys %{ $i->{keys} }) {
			my $v = get("$d/config/$k");
			my $want = $i->{keys}{$k};
			push @c, "$n: $k is " . ($v // 'unset') . ", should be " . ($want // 'unset')
				if ($v // '') ne ($want // '');
		}
		for my $dev (qw(eth1 d0 n0)) {
			my $there = -d "$d/devices/$dev" ? 1 : 0;
			push @c, "$n: device $dev is " . ($there ? 'there' : 'not there') if $there != ($i->{$dev} ? 1 : 0);
		}
		my @groups = glob "/sys/fs/cgroup/{,*/}$cgroup/$uuid";
		@groups = grep { -d } @groups;
		if ($i->{state} eq 'stopped') {
			push @c, "$n is stopped, and its control group is there: $groups[0]" if @groups;
			push @c, "$n is stopped, and has a process: " . get("$d/pid") if get("$d/pid");
			next;
		}
		$running++;
		$live{$uuid} = 1;
		$nics += 1 + ($i->{eth1} ? 1 : 0);
		$filters++ if grep { $_ } values %{ $i->{filters} };
		push @c, "$n runs without a control group" if !@groups;
		my $pid = get("$d/pid") || 0;
		push @c, "$n runs, its process $pid doesn't" if !-d "/proc/$pid";
		my ($uses) = grep { /^NSpid:/ } lines("/proc/$pid/status");
		push @c, "$n: process $pid isn't the first of a container" if ($uses // '') !~ /\s1$/;
		for my $dev (['d0', '/mnt/d0'], ['n0', '/dev/n0']) {
			my $mounts = grep { m{ $dev->[1] } } lines("/proc/$pid/mountinfo");
			push @c, "$n: $mounts mounts at $dev->[1]" if $mounts != ($i->{$dev->[0]} ? 1 : 0);
		}
	}
	my @monitors = of_program('lxdfs-monitor');
	push @c, @monitors . " monitors, $running run" if @monitors != $running;
	my @veths = grep { /^\s*veth/ } lines('/proc/net/dev');
	push @c, @veths . " links, should be $nics" if @veths != $nics;
	my %ns = namespaces();
	for my $t (qw(net pid)) {
		push @c, "$ns{$t} namespaces of type $t with $running that run" if $ns{$t} != $first{$t} + $running;
	}
	my $private = grep { $have{$_}{state} ne 'stopped' && ($have{$_}{began_privileged} // '') eq 'true' } keys %have;
	push @c, "$ns{user} user namespaces with " . ($running - $private) . ' unprivileged that run'
		if $ns{user} != $first{user} + $running - $private;
	my $mounts = scalar lines('/proc/self/mountinfo');
	push @c, "$mounts mounts on the host, there were $first{mounts}" if $mounts != $first{mounts};
	push @c, 'a loop device more' if loops() != $first{loops};
	my $chains = () = `nft list table bridge $cgroup 2>/dev/null` =~ /chain port-\S+ \{/g;
	push @c, "$chains filtered links, should be $filters" if $chains != $filters;
	# files
	my @files = glob "$state_dir/objects/instances/*.conf";
	push @c, @files . ' state files, ' . keys(%have) . ' instances' if @files != keys %have;
	my @staged = glob "$state_dir/objects/*/*.{new,bad}";
	push @c, "left: @staged" if @staged;
	for my $dir ("$state_dir/pools/default", "$state_dir/logs") {
		my @odd = grep { m{/([0-9a-f]{8}-[^/.]*)[^/]*$} && !$uuids{$1} } glob "$dir/*";
		push @c, "of no instance: @odd" if @odd;
	}
	if ($image) {
		push @c, 'the image is ' . ($image_there ? 'not there' : 'there') if $image_there != (-d "$lxd/images/$image" ? 1 : 0);
		my @odd = grep { m{/([^/]+)$} && $1 !~ /^\.\.?$/ && !-d "$lxd/images/$1" } glob "$state_dir/images/{*,.*}";
		push @c, "of no image: @odd" if @odd;
		@odd = grep { !m{/\.\.?$} } glob "$state_dir/unpacked/.*";
		push @c, "half unpacked: @odd" if @odd;
	}
	my @sockets = grep { m{/([^/.]+)\.sock$} && !$live{$1} } glob "$run_dir/monitors/*";
	push @c, "of none that runs: @sockets" if @sockets;
	my @notes = grep { m{/([^/]+)$} && !$live{$1} } glob "$run_dir/devices/*";
	push @c, "devices of none that runs: @notes" if @notes;
	# processes that ended and nobody waits for, or that nobody should have left
	for my $p (keeper(), core() // 0) {
		my @dead = grep { ((lines("/proc/$_/stat"))[0] // '') =~ /\) Z / } grep { -d "/proc/$_" } children($p);
		push @c, "process $p has dead children: @dead" if @dead;
	}
	for my $helper (qw(lxdfs-unpack lxdfs-enter lxdfs-mount)) {
		my @p = of_program($helper);
		my $may = $helper eq 'lxdfs-enter' ? background() : 0;
		push @c, @p . " of $helper" if @p > $may;
	}
	# descriptors: the keeper's always, a monitor's always, the core's where nothing runs and it has had time
	my $fds = descriptors(keeper());
	push @c, "the keeper has $fds descriptors, had $first{keeper_fds}" if $fds > $first{keeper_fds};
	for my $m (@monitors) {
		my $n = descriptors($m);
		push @c, "monitor $m has $n descriptors" if $n > 24;
	}
	if (!$running && !background()) {
		my $pid = core() // 0;
		# those of commands that ended with their instance are an admin's to remove
		my @ended = glob "$lxd/instances/*/exec/*";
		$fds = descriptors($pid) - 2 * @ended;
		$fds_idle //= $fds;
		push @c, "the core has $fds descriptors while nothing runs, had $fds_idle, and " . @ended . " ended commands: " . descriptor_names($pid)
			if $fds > $fds_idle + 4;
	}
	return @c;
}

sub descriptor_names {
	my %count;
	for (glob "/proc/$_[0]/fd/*") {
		my $to = readlink // next;
		$to =~ s/\d+/N/g;
		$count{$to}++;
	}
	return join ', ', map { "$count{$_} $_" } sort keys %count;
}

sub children {
	my $of = shift;
	return grep { parent_of($_) == $of } map { m{(\d+)$} } glob '/proc/[0-9]*';
}

sub background { my $n = 0; $n += @{ $have{$_}{background} // [] } for keys %have; return $n }

# What ends by itself is given a moment.
sub hold {
	my @c;
	for my $try (1 .. 100) {
		@c = complaints();
		last if !@c;
		sleep 0.02 * $try if $try < 20;
		sleep 0.3 if $try >= 20;
		last if $try > 40;
	}
	say_wrong($_) for @c;
	return;
}

# ---- operations: each returns what it did, for the history, and ends with ended()

# ended(WHAT, ERRNO, ALLOWED...): 0 is success
sub ended {
	my ($what, $errno, @allowed) = @_;
	local $! = $errno;
	push @history, "$what: " . ($errno ? "$!" : 'ok');
	return $errno if grep { $_ == $errno } @allowed;
	# what only looked may be interrupted, what changed may be answered with EIO, by older kernels
	return $errno if !$resends && $killer && ($errno == EIO || $errno == EINTR);
	return $errno if $may_fail;
	say_wrong("$what: " . ($errno ? "$!: " . sentence() : 'succeeded'));
	return $errno;
}

sub stopped_now {
	my $i = shift;
	$i->{state} = 'stopped';
	$i->{background} = [];
	return;
}

sub started_now {
	my $i = shift;
	$i->{state} = 'running';
	$i->{began_privileged} = $i->{keys}{'security.privileged'};
	return;
}

my %values = (
	'limits.memory' => [qw(64MiB 128MiB 256MiB)],
	'limits.processes' => [60, 100, 500],
	'limits.cpu' => [1, 2],
	'user.note' => [map { "n$_" } 1 .. 9],
	'security.idmap.isolated' => [qw(true false)],
	'security.privileged' => [qw(true false)],
	'security.nesting' => [qw(true false)],
	'linux.sysctl.net.ipv4.ip_default_ttl' => [33, 44],
);

sub contradicts {
	my ($keys, $k, $v) = @_;
	my %after = (%$keys, $k => $v);
	return ($after{'security.privileged'} // '') eq 'true' && ($after{'security.idmap.isolated'} // '') eq 'true';
}

my %op = (
	create => sub {
		my $n = shift // one_of(@names);
		my $r = ended("mkdir $n", call(sub { mkdir "$lxd/instances/$n" }), $have{$n} ? EEXIST : 0);
		$have{$n} = { state => 'stopped', keys => {}, filters => {}, background => [] } if !$r;
	},
	remove => sub {
		my $n = shift // one_of(@names);
		my $i = $have{$n};
		my $r = ended("rmdir $n", call(sub { rmdir "$lxd/instances/$n" }), !$i ? ENOENT : $i->{state} eq 'stopped' ? 0 : EBUSY);
		delete $have{$n} if !$r;
	},
	rename => sub {
		my ($n, $to) = @_ ? @_ : (one_of(@names), one_of(@names));
		return if $n eq $to;
		my $i = $have{$n};
		my $r = ended("mv $n $to", call(sub { rename "$lxd/instances/$n", "$lxd/instances/$to" }),
			!$i ? ENOENT : $have{$to} ? (EEXIST, $i->{state} eq 'stopped' ? () : EBUSY) : $i->{state} eq 'stopped' ? 0 : EBUSY);
		if (!$r) { $have{$to} = delete $have{$n} }
	},
	state => sub {
		my ($n, $i) = existing(shift) or return;
		my $to = shift // one_of('running', 'running', 'running', 'stopped force', 'stopped force', 'frozen', 'restart force');
		my $was = $i->{state};
		my @want = $was eq 'stopped' && $to =~ /frozen|restart/ ? EBUSY : 0;
		@want = (0, EBUSY) if $was eq 'frozen' && $to =~ /restart/;
		my $r = ended("$n ($was): $to", put("$lxd/instances/$n/state", $to), @want);
		return if $r;
		stopped_now($i) if $to eq 'stopped force';
		$i->{state} = 'frozen' if $to eq 'frozen';
		$i->{state} = 'running' if $to eq 'running' && $was eq 'frozen';
		started_now($i) if $to eq 'running' && $was eq 'stopped' or $to eq 'restart force';
		$i->{background} = [] if $to eq 'restart force';
	},
	set => sub {
		my ($n, $i) = existing(shift) or return;
		my $k = shift // one_of(sort keys %values);
		my $v = shift // one_of(@{ $values{$k} });
		my $r = ended("$n: $k=$v", put("$lxd/instances/$n/config/$k", $v), contradicts($i->{keys}, $k, $v) ? EINVAL : 0);
		$i->{keys}{$k} = $v if !$r;
	},
	unset => sub {
		my ($n, $i) = existing(shift) or return;
		my $k = one_of(sort keys %values);
		my $r = ended("$n: rm $k", call(sub { unlink "$lxd/instances/$n/config/$k" }), defined $i->{keys}{$k} ? 0 : ENOENT);
		delete $i->{keys}{$k} if !$r;
	},
	filter => sub {
		my ($n, $i) = existing(shift) or return;
		my ($f, $v) = @_ ? @_ : (one_of(qw(mac ipv4 ipv6)), one_of(qw(true false)));
		my $r = ended("$n: ${f}_filtering=$v", put("$lxd/instances/$n/devices/eth0/security.${f}_filtering", $v), 0);
		$i->{filters}{$f} = $v eq 'true' if !$r;
	},
	nic => sub {
		my ($n, $i) = existing(shift) or return;
		device($n, $i, 'eth1', "type=nic\nnetwork=lxdbr0\nname=eth1");
	},
	disk => sub {
		my ($n, $i) = existing(shift) or return;
		device($n, $i, 'd0', "type=disk\nsource=$base/shared\npath=/mnt/d0");
	},
	node => sub {
		my ($n, $i) = existing(shift) or return;
		device($n, $i, 'n0', "type=unix-char\nsource=/dev/null\npath=/dev/n0");
	},
	exec => sub {
		my ($n, $i) = existing(shift) or return;
		return if $i->{state} eq 'frozen';
		my $x = "$lxd/instances/$n/exec/e" . int rand 1e9;
		my $r = call(sub { mkdir $x });
		$r ||= put("$x/command", 'echo here');
		$r ||= put("$x/state", 'run');
		ended("$n ($i->{state}): exec", $r, $i->{state} eq 'running' ? 0 : EBUSY);
		say_wrong("exec printed " . (get("$x/stdout") // '(nothing)')) if !$r && (get("$x/stdout") // '') ne 'here';
		call(sub { rmdir $x });
	},
	background => sub {
		my ($n, $i) = existing(shift) or return;
		return if $i->{state} ne 'running' || @{ $i->{background} } > 2;
		my $x = "$lxd/instances/$n/exec/b" . int rand 1e9;
		my $r = call(sub { mkdir $x });
		$r ||= put("$x/command", 'sleep 1000');
		$r ||= put("$x/state", 'start');
		ended("$n: exec beside", $r, 0);
		push @{ $i->{background} }, $x if !$r;
	},
	kill_background => sub {
		my ($n, $i) = existing(shift) or return;
		return if $i->{state} ne 'running' || !@{ $i->{background} };
		my $x = shift @{ $i->{background} };
		my $r = put("$x/state", 'kill KILL');
		$r ||= put("$x/state", 'wait');
		$r ||= call(sub { rmdir $x });
		ended("$n: kill of what goes on beside", $r, 0);
	},
	kill_init => sub {
		my ($n, $i) = existing(shift) or return;
		return if $i->{state} ne 'running';
		my $pid = get("$lxd/instances/$n/pid") or return;
		kill KILL => $pid;
		push @history, "$n: its init $pid is killed";
		stopped_now($i);
	},
	kill_monitor => sub {
		my ($n, $i) = existing(shift) or return;
		return if $i->{state} eq 'stopped';
		my $pid = get("$lxd/instances/$n/pid") or return;
		my $monitor = parent_of($pid);
		return if !grep { $_ == $monitor } of_program('lxdfs-monitor');
		kill KILL => $monitor;
		push @history, "$n: its monitor $monitor is killed";
		stopped_now($i);
	},
	kill_core => sub {
		my $pid = core() or return;
		kill KILL => $pid;
		push @history, "the core $pid is killed";
	},
	kill_later => sub {
		my $after = 0.0005 + rand() ** 3 * 0.3;
		my $pid = core() or return;
		push @history, sprintf 'the core %d is killed in %.4f s', $pid, $after;
		$killer = fork // die "fork: $!";
		return if $killer;
		sleep $after;
		kill KILL => $pid;
		POSIX::_exit(0);
	},
	import => sub {
		return if !$image;
		my $r = system("cp $base/tiny.tar $lxd/images/ 2>/dev/null") ? EIO : 0;
		# an upload is a file in the hands of one core
		ended('cp tiny.tar images/' . ($image_there ? ', which is there' : ''), $r, $image_there ? EIO : fell() ? (0, EIO) : 0);
		$image_there = 1 if !$r;
		$image_there = -d "$lxd/images/$image" ? 1 : 0 if $r && fell();
	},
	drop_image => sub {
		return if !$image;
		my $r = ended('rmdir of the image', call(sub { rmdir "$lxd/images/$image" }), $image_there ? 0 : ENOENT);
		$image_there = 0 if !$r;
	},
	kill_at => sub {
		return if !$countdown;
		my $n = 1 + int rand 120;
		push @history, "the core is killed at its call $n from now";
		arm($n);
	},
	kill_helper => sub {
		my ($pid) = of_program(one_of(qw(dnsmasq lxdfs-notify)));
		return if !$pid;
		kill KILL => $pid;
		push @history, "helper $pid is killed";
	},
);
my @deck = map { ($_->[0]) x $_->[1] } [create => 3], [remove => 1], [rename => 2], [state => 9], [set => 5], [unset => 2],
	[filter => 3], [nic => 3], [disk => 3], [node => 2], [exec => 3], [background => 2], [kill_background => 2], [kill_init => 1],
	[kill_monitor => 1], [kill_core => 1], [import => 1], [drop_image => 1], [kill_later => 4], [kill_at => 4], [kill_helper => 1];

sub existing {
	my @all = sort keys %have or return;
	my $n = shift // one_of(@all);
	return ($n, $have{$n});
}

sub device {
	my ($n, $i, $dev, $set) = @_;
	my $d = "$lxd/instances/$n/devices/$dev";
	if ($i->{$dev}) {
		$i->{$dev} = 0 if !ended("$n ($i->{state}): rmdir $dev", call(sub { rmdir $d }), 0);
		return;
	}
	my $r = ended("$n ($i->{state}): mkdir $dev", call(sub { mkdir $d }), 0);
	return if $r;
	$r = ended("$n ($i->{state}): set of $dev", put("$d/set", $set), 0);
	ended("$n: rmdir of the empty $dev", call(sub { rmdir $d }), 0) if $r;
	$i->{$dev} = 1 if !$r;
	return;
}

$| = 1;
$SIG{PIPE} = 'IGNORE';
%first = (mounts => scalar(lines('/proc/self/mountinfo')), loops => loops(), keeper_fds => descriptors(keeper()), namespaces());
my ($done, $end) = (0, time + $seconds);

# The list for STRIDE: what is made so before each, and what is done.
my %make_sure = (
	gone => sub { $op{state}->('a', 'stopped force') if $have{a} && $have{a}{state} ne 'stopped'; $op{remove}->($_) for grep { $have{$_} } qw(a b) },
	stopped => sub {
		$op{rename}->('b', 'a') if $have{b};
		if (!$have{a}) {
			$op{create}->('a');
			$op{nic}->('a');
			$op{disk}->('a');
			$op{filter}->('a', 'mac', 'true');
		}
		$op{state}->('a', 'stopped force') if $have{a}{state} ne 'stopped';
	},
	'no image' => sub { $op{drop_image}->() if $image_there },
	'an image' => sub { $op{import}->() if !$image_there },
	running => sub {
		$op{nic}->('a') if !$have{a}{eth1} && $have{a}{state} eq 'stopped';
		$op{state}->('a', 'running') if $have{a}{state} ne 'running';
	},
);
my @list = (
	['mkdir', ['gone'], sub { $op{create}->('a') }],
	['first start', ['gone', 'stopped'], sub { $op{state}->('a', 'running') }],
	['start', ['stopped'], sub { $op{state}->('a', 'running') }],
	['stop', ['stopped', 'running'], sub { $op{state}->('a', 'stopped force') }],
	['restart', ['stopped', 'running'], sub { $op{state}->('a', 'restart force') }],
	['freeze', ['stopped', 'running'], sub { $op{state}->('a', 'frozen') }],
	['filter', ['stopped', 'running'], sub { $op{filter}->('a', 'ipv4', ($have{a}{filters}{ipv4} ? 'false' : 'true')) }],
	['limit', ['stopped', 'running'], sub { $op{set}->('a', 'limits.memory', one_of(qw(64MiB 128MiB))) }],
	['NIC', ['stopped', 'running'], sub { $op{nic}->('a') }],
	['disk', ['stopped', 'running'], sub { $op{disk}->('a') }],
	['node', ['stopped', 'running'], sub { $op{node}->('a') }],
	['command', ['stopped', 'running'], sub { $op{exec}->('a') }],
	['mv', ['stopped'], sub { $op{rename}->('a', 'b') }],
	['import of an image', ['no image'], sub { $op{import}->() }],
	['rmdir of an image', ['an image'], sub { $op{drop_image}->() }],
	['rmdir of one that ran', ['stopped', 'running', 'stopped'], sub { $op{remove}->('a') }],
);
@list = grep { $_->[0] =~ /start|stop|freeze|NIC|disk|command|rmdir/ } @list if $may_fail;
for my $what ($stride ? @list : ()) {
	my ($name, $before, $do) = @$what;
	my $n = 1 + $seed % $stride;
	for (my $left = 0; !$left && !@wrong; $n += $stride) {
		$make_sure{$_}->() for @$before;
		hold();
		last if @wrong;
		push @history, "$name, killed at call $n";
		arm($n);
		$do->();
		$left = calls_left();
		arm(0);
		look_again() if $may_fail;
		$done++;
		hold();
	}
	print "calls of $name: at most $n\n";
	last if @wrong;
}
while (!$stride && $done < $steps && time < $end) {
	my $name = one_of(@deck);
	my $pending = $killer;
	$op{$name}->();
	$done++;
	# it is to die in the next one
	next if $killer && !$pending or $name eq 'kill_at';
	arm(0) if $countdown;
	if ($killer) {
		waitpid $killer, 0;
		undef $killer;
	}
	hold();
	last if @wrong;
}
waitpid $killer, 0 if $killer;
print "steps: $done\n";
if (@wrong) {
	print "wrong after step $done: $_\n" for @wrong;
	print "before: $_\n" for @history > 40 ? @history[-40 .. -1] : @history;
}
exit(@wrong ? 1 : 0);
