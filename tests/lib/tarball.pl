#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Writes a tarball as no tar would: whatever is asked for, unchecked. Each argument is one entry of words that are
# separated by commas: TYPE,NAME[,KEY=VALUE...]
#
#	types: file dir sym hard chr blk fifo, or any one character as it stands in the header
#	keys:  link= mode= (octal) uid= gid= data= (text) fill=N (that many bytes) size= (claimed, without content)
#	       major= minor= pax.NAME=VALUE (a record of an extended header; \xNN is a byte)
#	in a name and in any value %N* repeats what follows N times: %300*x
# usage: tarball.pl ENTRY... >FILE
use strict;
use warnings;

my %types = (file => 0, hard => 1, sym => 2, chr => 3, blk => 4, dir => 5, fifo => 6);

sub text {
	my $t = shift;
	$t =~ s/%(\d+)\*(.*)/$2 x $1/e;
	$t =~ s/\\x([0-9a-f]{2})/chr hex $1/ge;
	return $t;
}

sub number {
	my ($n, $len) = @_;
	return $n < 8**$len ? sprintf("%0${len}o\0", $n) : pack('C', 0x80) . pack("x" . ($len - 8) . "Q>", $n);
}

sub header {
	my ($type, $name, %k) = @_;
	my $head = pack('a100', $name) . number(oct($k{mode} // '644'), 7) . number($k{uid} // 0, 7) .
		number($k{gid} // 0, 7) . number($k{size}, 11) . number(1700000000, 11) . ' ' x 8 . $type .
		pack('a100', $k{link} // '') . "ustar\0" . '00' . pack('a32a32', 'root', 'root') .
		number($k{major} // 0, 7) . number($k{minor} // 0, 7) . "\0" x 167;
	my $sum = unpack('%32C*', $head);
	substr($head, 148, 8) = sprintf("%06o\0 ", $sum);
	return $head;
}

sub padded { my $d = shift; return $d . "\0" x (-length($d) % 512); }

binmode STDOUT;
for my $entry (@ARGV) {
	my ($type, $name, @words) = split /,/, $entry, -1;
	my %k = map { /^([^=]+)=(.*)$/s ? ($1 => text($2)) : die "what is $_?\n" } @words;
	my $data = defined $k{fill} ? "\0" x $k{fill} : $k{data} // '';
	my $records = '';
	$type = $types{$type} // $type;
	$name = text($name // '');
	$k{size} //= length $data;
	$k{'pax.path'} = $name if length $name > 100;
	$k{'pax.linkpath'} = $k{link} if length($k{link} // '') > 100;
	for my $key (sort grep { /^pax\./ } keys %k) {
		my $record = ' ' . substr($key, 4) . "=$k{$key}\n";
		my $len = length $record;
		$len++ while length("$len$record") > $len;
		$records .= "$len$record";
	}
	print header('x', 'pax', size => length $records), padded($records) if $records;
	print header($type, $name, %k), padded($data);
}
print "\0" x 1024;
