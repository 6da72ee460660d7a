#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tools that write another file and rename it over the first, and those that make everything anew: sed -i, perl -i,
# vim, rsync, install, mv, cp -r, tar x.
# shellcheck disable=SC2002,SC2010,SC2012,SC2016,SC2086 # cat is tested; names are plain; $1 is the inner shell's; words are meant
. "$(dirname "$0")/../lib/daemon.sh"
daemon_start --no-init

foo=$LXD/instances/foo
config=$foo/config
memory=$config/limits.memory
mkdir "$foo" "$LXD/profiles/p"
put 10MiB "$memory"
put 20 "$config/limits.processes"
keys() { ls -A "$config" | tr '\n' ' '; }
sets() {
	local name=$1 want=$2
	shift 2
	ok "$name" -- "$@"
	is "$(cat "$memory") $(keys)" "$want limits.memory limits.processes set " "$name: the value, and no other file"
}
from() { echo "$1" >"$WORK/limits.memory"; }

# ---- rename over the key (15)

sets "sed -i" 11MiB sed -i s/10/11/ "$memory"
sets "sed -i.bak" 12MiB sed -i.bak s/11/12/ "$memory"
sets "busybox sed -i" 13MiB busybox sed -i s/12/13/ "$memory"
sets "perl -i" 14MiB perl -i -pe s/13/14/ "$memory"
sets "perl -i.orig" 15MiB perl -i.orig -pe s/14/15/ "$memory"
sets "sort -o" 15MiB sort -o "$memory" "$memory"
from 16MiB
sets "rsync" 16MiB rsync -I "$WORK/limits.memory" "$memory"
from 17MiB
sets "rsync -a" 17MiB rsync -aI "$WORK/limits.memory" "$config/"
from 18MiB
sets "rsync --inplace" 18MiB rsync -aI --inplace "$WORK/limits.memory" "$config/"
from 19MiB
sets "install" 19MiB install -m 660 "$WORK/limits.memory" "$memory"
from 20MiB
sets "mv from another file system" 20MiB mv "$WORK/limits.memory" "$memory"
from 21MiB
sets "busybox mv" 21MiB busybox mv "$WORK/limits.memory" "$memory"
from 22MiB
sets "cp -p" 22MiB cp -p "$WORK/limits.memory" "$memory"
from 23MiB
sets "cp --remove-destination" 23MiB cp --remove-destination "$WORK/limits.memory" "$memory"
from 24MiB
sets "cp -f" 24MiB cp -f "$WORK/limits.memory" "$memory"
sets "a temporary file as dos2unix makes it" 25MiB perl -e '
	use File::Temp; my ($k, $d) = @ARGV; my ($f, $n) = File::Temp::tempfile("d2utmpXXXXXX", DIR => $d);
	print $f "25MiB\n"; close $f or die; rename $n, $k or die $!' "$memory" "$config"
sets "a temporary file named after the key" 26MiB perl -e '
	my $k = shift; open F, ">", "$k.tmp" or die; print F "26MiB\n"; close F or die; rename "$k.tmp", $k or die $!' "$memory"

if [ "$(readlink -f "$(command -v vi)")" != "$(readlink -f "$(command -v busybox)")" ] && command -v vim >/dev/null; then
	for opt in 'set backupcopy=auto' 'set backupcopy=no' 'set backupcopy=yes' 'set backup backupcopy=no' 'set nowritebackup' 'set fsync'; do
		put 27MiB "$memory"
		ok "vim, $opt" -- vim -Nes -u NONE --cmd "$opt" -c '%s/27/28/' -c wq "$memory"
		is "$(cat "$memory")" 28MiB "vim, $opt: the value"
	done
	ok "vim with a swap file" -- vim -Nes -u NONE --cmd 'set swapfile' -c '%s/28/29/' -c wq "$memory"
	is "$(cat "$memory") $(keys)" "29MiB limits.memory limits.processes set " "vim: no other file"
	nok "vim is told of a wrong value" -- vim -Nes -u NONE -c '%s/29MiB/fish/' -c 'wq' -c 'cq' "$memory"
	is "$(cat "$memory")" 29MiB "which changes nothing"
else
	skip 15 "vim isn't installed"
fi

# ---- what is wrong fails at the rename

put 30MiB "$memory"
fails_with EINVAL "limits.memory" "sed -i with a wrong value" -- sed -i s/30MiB/fish/ "$memory"
is "$(cat "$memory") $(keys)" "30MiB limits.memory limits.processes set " "changes nothing and leaves nothing"
fails_with EACCES "" "a key that lxdfs sets can't be replaced" -- sh -c 'echo x >"$1/.x"; mv -T "$1/.x" "$2"' sh "$config" "$foo/uuid"
fails_with EINVAL "limits.memory" "a misspelt key is refused, with a guess" -- sh -c 'echo 1 >"$1"' sh "$config/limits.memroy"
fails_with EINVAL "no key" "and a scratch file can't become one" -- sh -c 'echo 1 >"$1/.x"; perl -e "rename shift, shift or die \$!" "$1/.x" "$1/nosuch"' sh "$config"
fails_with EPERM "no file named" "there are no scratch files where there are no keys" -- sh -c 'echo x >"$1/.x"' sh "$foo"

# ---- scratch files are their maker's (15)

echo mine >"$config/.scratch"
is "$(cat "$config/.scratch")" mine "a scratch file can be read by who made it"
is "$(keys)" "limits.memory limits.processes set " "isn't listed"
is "$(as 4242 "4242,$(lxd_gid)" cat "$config/.scratch" 2>&1 | grep -c "No such file")" 1 "and isn't there for others"
ok "rm of it" -- rm "$config/.scratch"
nok "it is gone" -- test -e "$config/.scratch"
ok "mktemp" -- mktemp "$config/tmp.XXXXXX"
fails_with EFBIG "1048576" "it can't grow without end" -- sh -c 'yes | head -c 2000000 >"$1/.big"' sh "$config"
chown "0:$(lxd_gid)" "$memory"
ok "a user who may not write a key" -- chmod 640 "$memory"
user 4242 "4242,$(lxd_gid)"
fails_with EACCES "limits.memory" "can't replace it either" -- "${AS[@]}" sed -i s/30/31/ "$memory"
fails_with EACCES "limits.memory belongs" "nor rm it" -- "${AS[@]}" rm "$memory"
fails_with EACCES "" "nor write it" -- "${AS[@]}" sh -c 'echo 31MiB >"$1"' sh "$memory"
user root
is "$(cat "$memory")" 30MiB "and it is as it was"
chmod 660 "$memory"

# ---- made anew (16)

put "a text" "$foo/description"
printf 'one\ntwo\n' >"$config/user.text"
put p "$foo/profiles"
mkdir "$foo/devices/data"
put disk "$foo/devices/data/type"
same() {
	local name=$1 new=$LXD/instances/$2
	is "$(grep -v ephemeral "$new/set")" "$(cat "$foo/set")" "$name: has all that was set"
	is "$(cat "$new/state")" stopped "$name: is stopped"
	isnt "$(cat "$new/uuid")" "$(cat "$foo/uuid")" "$name: is another one"
}
ok "cp -r of an instance" -- cp -r "$foo" "$LXD/instances/cp"
same "cp -r" cp
ok "cp -a" -- cp -a "$foo" "$LXD/instances/cpa"
same "cp -a" cpa
# it opens what is there for writing, which what lxdfs sets by itself refuses
fails_with EACCES "" "busybox cp -r" -- busybox cp -r "$foo" "$LXD/instances/bb"
same "busybox cp -r" bb
tar cf "$WORK/foo.tar" -C "$LXD/instances" foo
ok "tar x of a new one" -- tar xf "$WORK/foo.tar" -C "$LXD/instances" --transform s/^foo/tar/
same "tar x" tar
tar cf "$WORK/bbtar.tar" -C "$LXD/instances" --transform s/^foo/bbtar/ foo
ok "busybox tar x" -- busybox tar xf "$WORK/bbtar.tar" -C "$LXD/instances"
same "busybox tar x" bbtar
put 5MiB "$LXD/instances/bbtar/config/limits.memory"
put 5MiB "$LXD/instances/tar/config/limits.memory"
ok "busybox tar x of all over one that is there" -- busybox tar xf "$WORK/bbtar.tar" -C "$LXD/instances"
same "busybox tar x over it" bbtar
ok "tar x of all over one that is there" -- tar xf "$WORK/foo.tar" -C "$LXD/instances" --transform s/^foo/tar/
same "tar x over it" tar
ok "rsync -r of a new one" -- rsync -r "$foo/config/" "$LXD/instances/cp/config/"
same "rsync -r" cp
ok "cp -r of config/ into one that is there" -- cp -r "$foo/config" "$LXD/instances/cp/"
same "cp -r of config/" cp
put 5MiB "$LXD/instances/tar/config/limits.memory"
ok "tar x of keys over one that is there" -- tar xf "$WORK/foo.tar" -C "$LXD/instances" --transform s/^foo/tar/ foo/config/limits.memory
same "tar x over it" tar
ok "tar x --overwrite" -- tar xf "$WORK/foo.tar" -C "$LXD/instances" --overwrite --transform s/^foo/tar/ foo/config/limits.memory

# A program that makes an instance and goes on with it in one process sees all that is there.
ok "perl: mkdir, read, write, list" -- perl -e '
	my $d = shift; mkdir $d or die "mkdir $!";
	open F, "<", "$d/state" or die "state $!"; <F> eq "stopped\n" or die "state"; close F;
	-d "$d/config" or die "config"; -e "$d/devices" or die "devices";
	opendir D, $d or die; my @n = readdir D; @n > 10 or die "list";
	open F, ">", "$d/config/limits.memory" or die "open $!"; print F "1GiB\n"; close F or die "close $!";
	open F, "<", "$d/config/limits.memory" or die; <F> eq "1GiB\n" or die "value"; close F;
	open F, ">", "$d/description" or die; print F "x\n"; close F or die;
	open F, "<", "$d/description" or die; <F> eq "x\n" or die; close F;
	rmdir $d or die "rmdir $!"; mkdir $d or die "again $!"; -e "$d/config/limits.memory" and die "old"' "$LXD/instances/perl"
fails_with EEXIST "" "what is there is there: open with O_EXCL by another" -- perl -e 'use Fcntl; sysopen F, shift, O_CREAT|O_EXCL|O_WRONLY or die "$!\n"' "$foo/state"
fails_with EEXIST "" "mkdir of a part by another" -- mkdir "$foo/config"

done_testing
