#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# One loop of the load in tests/fs/60-crash.t: changes and reads, one after the other, until $DIR/enough is there. What
# the tree acknowledged is appended to $DIR/acks.NAME before the next change begins, what it refused or got wrong to
# $DIR/errors.NAME. Each acknowledged change is also a line on descriptor 9.
# usage: crash-load.pl KIND INSTANCE NAME LXD DIR; KIND is keys, sets, objects, filter, modes, profile (INSTANCE is one
# then, and under-INSTANCE an instance with it), look, power or exec
use strict;
use warnings;
use Errno qw(EEXIST);
use Fcntl;
use POSIX ();

my ($kind, $object, $name, $lxd, $dir) = @ARGV;
my $instance = "$lxd/instances/$object";
open my $acks, '>>', "$dir/acks.$name" or die $!;
open my $errors, '>>', "$dir/errors.$name" or die $!;
open my $told, '>&=', 9 or die $!;
my $i = 0;

sub ack {
	syswrite $acks, join(' ', @_) . "\n";
	syswrite $told, "\n";
}

sub wrong {
	syswrite $errors, join(' ', @_) . "\n";
	return;
}

# A failed call's errno, and the tree's sentence on it.
sub failed {
	my $what = "$_[0]: $!";
	my $said = '(no sentence)';
	if (open my $f, "<", "$lxd/error") {
		$said = join "", <$f>;
	}
	chomp $said;
	return wrong("$what: $said");
}

sub put {
	my ($file, $text) = @_;
	sysopen my $f, $file, O_WRONLY | O_TRUNC | O_CREAT or return failed("open $file to write $text");
	defined syswrite $f, "$text\n" or return failed("write $text to $file");
	close $f or return failed("close $file after $text");
	return 1;
}

sub get {
	my $file = shift;
	my $text = '';
	sysopen my $f, $file, O_RDONLY or return failed("open $file");
	while (1) {
		my $n = sysread $f, $text, 65536, length $text;
		defined $n or return failed("read $file");
		last if !$n;
	}
	close $f;
	chomp $text;
	return $text;
}

# What only this loop writes has to be what it wrote last.
sub expect {
	my ($file, $want) = @_;
	my $got = get($file);
	wrong("$file: wrote $want, read $got") if defined $got and $got ne $want;
	return;
}

my %turn = (
	keys => sub {
		my $key = 'user.k' . $i % 3;
		put("$instance/config/$key", $i) or return;
		ack("config/$key", $i);
		expect("$instance/config/$key", $i);
	},
	sets => sub {
		put("$instance/set", "config/user.a=$i\nconfig/user.b=$i\nconfig/limits.processes=" . (1000 + $i)) or return;
		ack('config/user.a', $i);
		ack('config/user.b', $i);
		ack('config/limits.processes', 1000 + $i);
		expect("$instance/config/user.b", $i);
	},
	objects => sub {
		my ($from, $to) = ("$instance-$i", "$instance-new-$i");
		mkdir $from or return failed("mkdir $from");
		ack("$from there");
		put("$from/config/user.mark", $i) or return;
		if ($i % 3) {
			rename $from, $to or return failed("rename $from");
			ack("$from gone");
			ack("$to there");
			expect("$to/config/user.mark", $i);
			$from = $to;
		}
		if ($i % 3 != 1) {
			rmdir $from or return failed("rmdir $from");
			ack("$from gone");
			-e $from and wrong("$from is there, though removed");
		}
	},
	filter => sub {
		my $key = (qw(mac ipv4 ipv6))[$i % 3];
		my $value = int($i / 3) % 2 ? 'false' : 'true';
		put("$instance/devices/eth0/security.${key}_filtering", $value) or return;
		ack("devices/eth0/security.${key}_filtering", $value);
		expect("$instance/devices/eth0/security.${key}_filtering", $value);
	},
	modes => sub {
		my $mode = $i % 2 ? 0600 : 0640;
		chmod $mode, "$instance/config/user.mode" or return failed("chmod $instance/config/user.mode");
		ack('config/user.mode', sprintf('mode=%o', $mode));
		my $got = (stat "$instance/config/user.mode")[2] // return failed("stat $instance/config/user.mode");
		wrong(sprintf('chmod %o, stat %o', $mode, $got & 07777)) if ($got & 07777) != $mode;
	},
	profile => sub {
		put("$lxd/profiles/$object/config/limits.processes", 2000 + $i) or return;
		ack('profile', 2000 + $i);
		expect("$lxd/instances/under-$object/effective/config/limits.processes", 2000 + $i);
	},
	look => sub {
		opendir my $d, "$lxd/instances" or return failed("opendir");
		my @all = readdir $d;
		closedir $d;
		wrong("no $object among @all") if !grep { $_ eq $object } @all;
		for my $file (qw(state set pid addresses config/user.mode effective/config/user.mode uuid)) {
			get("$instance/$file");
			stat "$instance/$file" or failed("stat $instance/$file");
		}
	},
	power => sub {
		my $state = $i % 2 ? 'running' : 'stopped force';
		put("$instance/state", $state) or return;
		$state =~ s/ force//;
		ack('state', $state);
		expect("$instance/state", $state);
	},
	exec => sub {
		my $x = "$instance/exec/$i";
		mkdir $x or return failed("mkdir $x");
		put("$x/command", "echo said $i") or return;
		put("$x/state", 'run') or return;
		expect("$x/stdout", "said $i");
		rmdir $x or return failed("rmdir $x");
		ack("exec $i");
	},
);

while (!-e "$dir/enough") {
	$i++;
	$turn{$kind}->();
}
