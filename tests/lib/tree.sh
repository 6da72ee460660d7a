# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What root sees of all that can be set, to compare with afterwards. After tests/lib/daemon.sh; gives
#
#	tree                            owners, modes and values of the whole tree, and the state files
#	refused NAME -- COMMAND...      the present user's command fails, and the tree is as it was
#	harmless NAME -- COMMAND...     however it ends, the tree is as it was
#	u COMMAND...                    as the present user (user, in daemon.sh)
#	writes FILE TEXT                opens, writes, closes; says which of these failed and why
# shellcheck disable=SC2154 # tap_out is tap.sh's

u() { ${AS[@]+"${AS[@]}"} "$@"; }

# Live figures and what the daemon notes by itself (volatile.*) aren't compared.
tree() {
	find "$LXD" -name error -o -name '*.ns' -o -name usage -prune -o -name warnings -prune -o -printf '%M %U %G %P\n'
	find "$LXD" -name set -exec grep . {} + | grep -v -e volatile
	find "$STATE/objects" -name '*.conf' -exec cat {} + | grep -v -e volatile
}

tree_compared() {
	local name=$1 before=$2 after
	after=$(tree)
	if [ "$before" != "$after" ]; then
		fail "$name"
		diag "it changed: $(diff <(echo "$before") <(echo "$after"))"
		diag "and said: $(cat "$tap_out")"
	else
		pass "$name"
	fi
}

refused() {
	local name=$1 before status=0
	shift
	tap_dashes "$@"
	shift
	before=$(tree)
	u "$@" >"$tap_out" 2>&1 </dev/null || status=$?
	if [ $status = 0 ] || [ $status -gt 125 ]; then
		fail "$name"
		diag "$* ended with $status: $(cat "$tap_out")"
	else
		tree_compared "$name" "$before"
	fi
}

harmless() {
	local name=$1 before
	shift
	tap_dashes "$@"
	shift
	before=$(tree)
	u "$@" >"$tap_out" 2>&1 </dev/null
	tree_compared "$name" "$before"
}

writes() {
	u perl -e 'use Fcntl; my ($file, $text) = @ARGV;
		sysopen my $f, $file, O_WRONLY | O_CREAT | O_TRUNC or die "open: $!\n";
		for (my $at = 0; $at < length $text;) {
			$at += syswrite($f, $text, length($text) - $at, $at) // die "write: $!\n";
		}
		close $f or die "close: $!\n";' "$1" "$2"
}
