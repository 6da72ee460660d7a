# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# TAP for the shell tests. A test that dies before done_testing has no plan, which prove counts as a failure.
#
#	is GOT WANT NAME                      texts are equal            (isnt: differ)
#	like GOT REGEX NAME                   bash's =~                  (unlike: doesn't match)
#	ok NAME -- COMMAND...                 exit status 0              (nok: 1 to 125, no crash)
#	fails_with ERRNO SENTENCE NAME -- COMMAND...
#	                                      refused: the tool prints ERRNO's text and the error file holds SENTENCE
#	eventually COMMAND...                 succeeds as soon as COMMAND does, fails after a minute
#	pass NAME, fail NAME                  where a test decides by itself
#	skip N REASON                         N tests that this host can't run, named by what is missing
#	skip_all REASON                       the whole file
#	diag TEXT                             a line for the human reader
#	done_testing                          the last line of every test

export LC_ALL=C
tap_count=0
tap_failed=0
tap_out=$(mktemp)
# The file that holds the sentence for the last failed call; daemon.sh sets it.
ERROR_FILE=${ERROR_FILE:-}

diag() {
	printf '%s\n' "$*" | sed 's/^/# /' >&2
}

pass() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1"
}

fail() {
	tap_count=$((tap_count + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_count - $1"
	diag "failed: $1 (line $(tap_line) of $0)"
	return 0
}

# known NAME WHY: it fails, as is known; the run is no failure, and shows it each time
known() {
	tap_count=$((tap_count + 1))
	# the word by which TAP knows it
	printf "not ok %s - %s # %s %s\n" "$tap_count" "$1" "TO""DO" "$2"
}

# tap_line: the line of the test itself, not of this library
tap_line() {
	local i
	for ((i = 0; i < ${#BASH_SOURCE[@]}; i++)); do
		case ${BASH_SOURCE[i]} in
		*/tests/lib/* | */lib/tap.sh | */lib/daemon.sh) ;;
		*) echo "${BASH_LINENO[i - 1]}"; return ;;
		esac
	done
	echo '?'
}

is() {
	if [ "$1" = "$2" ]; then
		pass "$3"
	else
		fail "$3"
		diag "got:  $1"
		diag "want: $2"
	fi
}

isnt() {
	if [ "$1" != "$2" ]; then
		pass "$3"
	else
		fail "$3"
		diag "got what it should not be: $1"
	fi
}

like() {
	if [[ $1 =~ $2 ]]; then
		pass "$3"
	else
		fail "$3"
		diag "got: $1"
		diag "doesn't match: $2"
	fi
}

unlike() {
	if [[ $1 =~ $2 ]]; then
		fail "$3"
		diag "got: $1"
		diag "matches: $2"
	else
		pass "$3"
	fi
}

# tap_args NAME... -- COMMAND...: fails loudly where the -- was forgotten, else a test could pass unrun
tap_dashes() {
	if [ "$1" != -- ] || [ $# -lt 2 ]; then
		diag "line $(tap_line): a command is wanted behind --"
		exit 2
	fi
}

ok() {
	local name=$1 status=0
	shift
	tap_dashes "$@"
	shift
	"$@" >"$tap_out" 2>&1 || status=$?
	if [ $status = 0 ]; then
		pass "$name"
	else
		fail "$name"
		diag "$* ended with $status: $(cat "$tap_out")"
		tap_sentence
	fi
}

nok() {
	local name=$1 status=0
	shift
	tap_dashes "$@"
	shift
	"$@" >"$tap_out" 2>&1 || status=$?
	if [ $status = 0 ] || [ $status -ge 126 ]; then
		fail "$name"
		diag "$* ended with $status: $(cat "$tap_out")"
	else
		pass "$name"
	fi
}

tap_sentence() {
	if [ -n "$ERROR_FILE" ] && [ -e "$ERROR_FILE" ]; then
		diag "error file: $(cat "$ERROR_FILE")"
	fi
}

# errno_text NAME: what tools print in the C locale
errno_text() {
	case $1 in
	EPERM) echo "Operation not permitted" ;;
	ENOENT) echo "No such file or directory" ;;
	EINTR) echo "Interrupted system call" ;;
	EIO) echo "Input/output error" ;;
	E2BIG) echo "Argument list too long" ;;
	EAGAIN) echo "Resource temporarily unavailable" ;;
	ENOMEM) echo "Cannot allocate memory" ;;
	EACCES) echo "Permission denied" ;;
	EBUSY) echo "Device or resource busy" ;;
	EEXIST) echo "File exists" ;;
	EXDEV) echo "Invalid cross-device link" ;;
	ENODEV) echo "No such device" ;;
	ENOTDIR) echo "Not a directory" ;;
	EISDIR) echo "Is a directory" ;;
	EINVAL) echo "Invalid argument" ;;
	EFBIG) echo "File too large" ;;
	ENOSPC) echo "No space left on device" ;;
	EROFS) echo "Read-only file system" ;;
	ERANGE) echo "Numerical result out of range" ;;
	ENAMETOOLONG) echo "File name too long" ;;
	ENOTTY) echo "Inappropriate ioctl for device" ;;
	ELOOP) echo "Too many levels of symbolic links" ;;
	ENOTEMPTY) echo "Directory not empty" ;;
	EOVERFLOW) echo "Value too large for defined data type" ;;
	EOPNOTSUPP) echo "Operation not supported" ;;
	ENOTCONN) echo "Transport endpoint is not connected" ;;
	ETIMEDOUT) echo "Connection timed out" ;;
	ESTALE) echo "Stale file handle" ;;
	ECANCELED) echo "Operation canceled" ;;
	EDQUOT) echo "Disk quota exceeded" ;;
	EBADMSG) echo "Bad message" ;;
	EADDRINUSE) echo "Address already in use" ;;
	EADDRNOTAVAIL) echo "Cannot assign requested address" ;;
	EKEYEXPIRED) echo "Key has expired" ;;
	EKEYREJECTED) echo "Key was rejected by service" ;;
	*)
		diag "line $(tap_line): tests/lib/tap.sh has no text for $1"
		exit 2
		;;
	esac
}

# SENTENCE is a piece of it, compared as plain text; "" where a tool can't reach lxdfs (the kernel refused: EACCES).
fails_with() {
	local errno=$1 sentence=$2 name=$3 text status=0 said=
	shift 3
	tap_dashes "$@"
	shift
	text=$(errno_text "$errno") || exit 2
	"$@" >"$tap_out" 2>&1 || status=$?
	if [ $status = 0 ]; then
		fail "$name"
		diag "$* succeeded: $errno was wanted"
		return
	fi
	if [ $status -ge 126 ]; then
		fail "$name"
		diag "$* ended with $status, not with a refusal: $(cat "$tap_out")"
		return
	fi
	if ! grep -qiF -- "$text" "$tap_out"; then
		fail "$name"
		diag "$* should have said \"$text\" ($errno), said: $(cat "$tap_out")"
		tap_sentence
		return
	fi
	if [ -n "$sentence" ]; then
		# shellcheck disable=SC2153 # AS is daemon.sh's
		said=$(${AS[@]+"${AS[@]}"} cat "$ERROR_FILE" 2>&1)
		case $said in
		*"$sentence"*) ;;
		*)
			fail "$name"
			diag "the error file should hold \"$sentence\", holds: $said"
			return
			;;
		esac
	fi
	pass "$name"
}

# Only the failing test takes that minute: a machine that is emulated or busy must not be found faulty.
eventually() {
	local end=$((SECONDS + 60))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

skip() {
	local i
	for ((i = 0; i < $1; i++)); do
		tap_count=$((tap_count + 1))
		echo "ok $tap_count # skip $2"
	done
}

skip_all() {
	echo "1..0 # skip $1"
	rm -f "$tap_out"
	exit 0
}

done_testing() {
	# a library that adds checks of its own at the end (daemon.sh) hooks in here
	if declare -F tap_last >/dev/null; then
		tap_last
	fi
	echo "1..$tap_count"
	rm -f "$tap_out"
	exit $((tap_failed > 0))
}
