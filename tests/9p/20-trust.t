#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who gets in over TLS, and how far: openssl's own client carries the messages.
. "$(dirname "$0")/../lib/daemon.sh"
scripts=$ROOT/scripts/setup-host
"$scripts" --check >/dev/null 2>&1 || getent passwd lxdfs-remote >/dev/null || skip_all "no user lxdfs-remote: setup-host adds it"
daemon_start --no-init
mkdir "$LXD/instances/foo"
certs=$LXD/certificates

# pair NAME [OPTION...]: a key and a certificate signed by itself
pair() {
	local name=$1
	shift
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout "$WORK/$name.key" \
		-out "$WORK/$name.crt" -subj "/CN=$name" -days 10 "$@" 2>/dev/null
}
fingerprint() { openssl x509 -in "$WORK/$1.crt" -outform DER | sha256sum | cut -d ' ' -f 1; }

# say NAME EXCHANGES...: as the client NAME, "-" without a certificate; prints TAP
say() {
	local as=$1 with=
	shift
	[ "$as" = - ] || with="-cert $WORK/$as.crt -key $WORK/$as.key"
	printf '%s\n' "# x" "$@" | "$BUILD/tools/p9" through \
		"exec openssl s_client -quiet -connect ${at:-127.0.0.1:8443} -alpn 9p2000.L $with 2>/dev/null"
}
# reaches NAME PATH|PATH...: whether it finds what is there
reaches() { say "$1" '> attach fid=0' '< Rattach' "> walk fid=0 newfid=1 names=$2" "< Rwalk n=$(tr -cd '|' <<<"$2|" | wc -c)" >/dev/null; }
refused() { say "$1" >"$WORK/said"; grep -q 'closed' "$WORK/said"; }
as_guest() { reaches "$1" README && ! reaches "$1" instances; }

pair alice
pair bob
pair mallory

# ---- listening

nok "nothing listens by default" -- bash -c '</dev/tcp/127.0.0.1/8443'
ok "an address is listened on when the write returns" -- put 127.0.0.1:8443 "$LXD/config/core.https_address"
ok "it is" -- bash -c '</dev/tcp/127.0.0.1/8443'
ok "a client without a certificate is a guest" -- as_guest -
ok "so is one whose certificate nobody knows" -- as_guest alice
nok "TLS 1.2 isn't spoken" -- openssl s_client -connect 127.0.0.1:8443 -tls1_2 </dev/null
like "$(openssl s_client -connect 127.0.0.1:8443 -alpn 9p2000.L </dev/null 2>/dev/null)" "ALPN protocol: 9p2000.L" "the protocol has its name"
nok "another protocol is refused" -- openssl s_client -connect 127.0.0.1:8443 -alpn h2 </dev/null
is "$(openssl s_client -connect 127.0.0.1:8443 </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256)" \
	"$(openssl x509 -noout -fingerprint -sha256 -in "$certs/server.crt")" "the certificate is the one in server.crt"
unlike "$(cat "$certs/server.crt")" "PRIVATE" "whose key isn't shown"
ok "another port: the listener moves" -- put 127.0.0.1:8444 "$LXD/config/core.https_address"
nok "the old one is closed" -- bash -c '</dev/tcp/127.0.0.1/8443'
at=127.0.0.1:8444
ok "the new one serves" -- as_guest alice
fails_with EADDRNOTAVAIL "no such address" "an address that the host hasn't" -- put 192.0.2.77:8443 "$LXD/config/core.https_address"
ok "leaves what was" -- as_guest alice
is "$(get "$LXD/config/core.https_address")" 127.0.0.1:8444 "also in the file"
ok "a wildcard takes its place" -- put :8444 "$LXD/config/core.https_address"
like "$(cat "$LXD"/warnings/*/message)" "core.https_address is :8444: every network" "and is warned of"
ok "it serves" -- as_guest alice
put 127.0.0.1:8443 "$LXD/config/core.https_address"
at=
unlike "$(cat "$LXD"/warnings/*/message 2>/dev/null)" "core.https_address" "with one address the warning is gone"

# ---- trust

ok "a certificate is added by copying it" -- cp "$WORK/alice.crt" "$certs/"
alice=$certs/$(fingerprint alice)
is "$(cat "$alice/name")" alice "it is called as the file was"
is "$(cat "$alice/certificate")" "$(cat "$WORK/alice.crt")" "and is there"
fails_with EEXIST "trusted already" "once" -- cp "$WORK/alice.crt" "$certs/again.crt"
fails_with EINVAL "no certificate" "what is none isn't taken" -- cp /etc/passwd "$certs/x.crt"
fails_with EPERM "copying its file" "mkdir is refused with what would work" -- mkdir "$certs/$(fingerprint bob)"
ok "its client sees all" -- reaches alice 'instances|foo|state'
ok "and may change it" -- say alice '> attach fid=0' '< Rattach' '> walk fid=0 newfid=1 names=instances|foo|description' '< Rwalk' \
	'> lopen fid=1 flags=1' '< Rlopen' '> write fid=1 data=remote' '< Rwrite' '> clunk fid=1' '< Rclunk'
is "$(cat "$LXD/instances/foo/description")" remote "as is seen here"
like "$(cat "$alice/last_seen")" "Z 127.0.0.1" "when it was here is kept"
ok "another certificate isn't it" -- as_guest mallory
cp "$WORK/mallory.key" "$WORK/thief.key"
cp "$WORK/alice.crt" "$WORK/thief.crt"
ok "nor who has the certificate and not its key" -- refused thief

# ---- restricted, grouped, removed: also while connected

# hold NAME: a connection that stays; `gone` waits for its end
hold() {
	mkfifo "$WORK/hold"
	openssl s_client -quiet -connect 127.0.0.1:8443 -alpn 9p2000.L -cert "$WORK/$1.crt" -key "$WORK/$1.key" \
		<"$WORK/hold" >"$WORK/held" 2>/dev/null &
	held=$!
	exec 9>"$WORK/hold"
	rm "$WORK/hold"
	printf '\x15\0\0\0\x64\xff\xff\0\0\1\0\x08\0%s' 9P2000.L >&9
	eventually test -s "$WORK/held"
}
gone() { timeout 3 tail --pid="$held" -f /dev/null; }
ended() {
	gone
	local r=$?
	exec 9>&-
	kill "$held" 2>/dev/null
	wait "$held" 2>/dev/null
	return "$r"
}

mkdir "$LXD/projects/web" "$LXD/projects/other"
mkdir "$LXD/projects/web/instances/inside"
hold alice
set_all() { printf 'projects=web\nrestricted=true\n' >"$1/set"; }
ok "a client is restricted to a project" -- set_all "$alice"
ok "its connection ends at once" -- ended
ok "it sees the project's directory" -- reaches alice 'projects|web'
nok "and no other" -- reaches alice 'projects|other'
nok "nor the top level" -- reaches alice instances
nok "not what group lxd may, without a group of its own" -- reaches alice 'projects|web|config|features.images'
chgrp -R daemon "$LXD/projects/web" 2>/dev/null # all but what could reach the host
ok "a group of this host" -- put daemon "$alice/group"
ok "that the project was given to" -- reaches alice 'projects|web|instances|inside|state'
fails_with EINVAL 'no group "nothing"' "a group that isn't there" -- put nothing "$alice/group"
fails_with EINVAL 'no project "nothing"' "nor a project" -- put nothing "$alice/projects"
hold alice
ok "its group is changed" -- rm "$alice/group"
ok "and that ends connections" -- ended
printf 'restricted=false\n' >"$alice/set"
hold alice
ok "a certificate is removed" -- rmdir "$alice"
ok "its connection ends at once" -- ended
ok "it is a stranger again" -- as_guest alice

# ---- kinds of keys, validity

for kind in "rsa:2048" "ed25519"; do
	openssl req -x509 -newkey "$kind" -nodes -keyout "$WORK/k.key" -out "$WORK/k.crt" -subj "/CN=k" -days 10 2>/dev/null
	cp "$WORK/k.crt" "$certs/"
	ok "a key of $kind is as good" -- reaches k instances
	rmdir "$certs/$(fingerprint k)"
done
openssl req -x509 -newkey rsa:1024 -nodes -keyout "$WORK/weak.key" -out "$WORK/weak.crt" -subj "/CN=k" -days 10 2>/dev/null
fails_with EKEYREJECTED "too weak" "a weak one isn't taken" -- cp "$WORK/weak.crt" "$certs/"
pair old
openssl req -new -key "$WORK/old.key" -subj /CN=old -out "$WORK/old.csr" 2>/dev/null
openssl x509 -req -in "$WORK/old.csr" -signkey "$WORK/old.key" -out "$WORK/old.crt" -days -1 2>/dev/null
fails_with EKEYEXPIRED "expired" "nor one that has expired" -- cp "$WORK/old.crt" "$certs/"

# ---- tokens

ok "a token is made by making its file" -- touch "$certs/tokens/bob"
token=$(cat "$certs/tokens/bob")
like "$(base64 -d <<<"$token")" '"client_name":"bob"' "it is LXD's form"
join() { say "$1" '> attach fid=0' '< Rattach' '> walk fid=0 newfid=1 names=join' '< Rwalk' '> lopen fid=1 flags=1' '< Rlopen' \
	"> write fid=1 data=$2" "${3:-< Rwrite}"; }
ok "with a wrong one nobody joins" -- join mallory "$(printf '%064d' 0)" '< error EACCES'
ok "with it a stranger does" -- join bob "$token"
ok "and is known from then on" -- reaches bob 'instances|foo'
is "$(cat "$certs/$(fingerprint bob)/name")" bob "by the token's name"
nok "the token is used up" -- test -e "$certs/tokens/bob"
ok "for everybody" -- join mallory "$token" '< error EACCES'
touch "$certs/tokens/carol"
printf 'restricted=true\nprojects=web\n' >"$certs/tokens/carol"
pair carol
ok "a token may restrict" -- join carol "$(base64 -d <"$certs/tokens/carol" | sed 's/.*"secret":"\([0-9a-f]*\)".*/\1/')"
is "$(cat "$certs/$(fingerprint carol)/restricted")" true "whom it lets in"
nok "who is at once" -- reaches carol instances
ok "who has no certificate can't join" -- join - "$(printf '%064d' 0)" '< error EACCES'
fails_with EPERM "other machines" "joining here makes no sense" -- put x "$LXD/join"

# ---- an authority

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout "$WORK/ca.key" -out "$WORK/ca.crt" -subj /CN=authority \
	-days 10 2>/dev/null
signed() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/$1.key" -out "$WORK/$1.csr" -subj "/CN=$1" 2>/dev/null
	openssl x509 -req -in "$WORK/$1.csr" -CA "$WORK/ca.crt" -CAkey "$WORK/ca.key" -CAcreateserial -out "$WORK/$1.crt" -days 5 2>/dev/null
}
signed dave
signed eve
cp "$WORK/dave.crt" "$certs/"
hold bob
ok "an authority is set" -- cp "$WORK/ca.crt" "$certs/server.ca"
ok "whom it hasn't signed is out, with or without trust" -- ended
ok "stays out" -- refused bob
ok "as who shows nothing" -- refused -
ok "signed and in the store: in" -- reaches dave instances
ok "signed alone is a guest" -- as_guest eve
put true "$LXD/config/core.trust_ca_certificates"
ok "unless signed is enough" -- reaches eve instances
: >"$WORK/index.txt"
echo 01 >"$WORK/number"
cat >"$WORK/ca.conf" <<-C
	[ca]
	default_ca=a
	[a]
	database=$WORK/index.txt
	crlnumber=$WORK/number
	default_md=sha256
	default_crl_days=5
C
openssl ca -config "$WORK/ca.conf" -keyfile "$WORK/ca.key" -cert "$WORK/ca.crt" -revoke "$WORK/dave.crt" 2>/dev/null
openssl ca -config "$WORK/ca.conf" -keyfile "$WORK/ca.key" -cert "$WORK/ca.crt" -gencrl -out "$WORK/ca.crl" 2>/dev/null
hold dave
ok "its list of the revoked is set" -- cp "$WORK/ca.crl" "$certs/ca.crl"
ok "who is on it is out at once" -- ended
ok "stays out, whatever the store says" -- refused dave
ok "others stay in" -- reaches eve instances
fails_with EINVAL "no revocation list" "what is no list isn't taken" -- cp "$WORK/ca.crt" "$certs/ca.crl"
ok "the authority is taken away" -- rm "$certs/server.ca" "$certs/ca.crl"
ok "the store counts again" -- reaches bob instances
ok "for everybody" -- reaches dave instances

# ---- where from

put 192.0.2.0/24 "$LXD/config/core.https_allowed_subnets"
ok "from elsewhere nobody is spoken to" -- refused bob
nok "not even by TLS" -- openssl s_client -connect 127.0.0.1:8443 </dev/null
printf '%s\n' 192.0.2.0/24 127.0.0.0/8 >"$LXD/config/core.https_allowed_subnets"
ok "from where it may, it is" -- reaches bob instances
rm "$LXD/config/core.https_allowed_subnets"

# ---- the server's pair

pair server -addext subjectAltName=IP:127.0.0.1
cat "$WORK/server.crt" "$WORK/server.key" >"$WORK/both.pem"
ok "certificate and key are replaced as one" -- cp "$WORK/both.pem" "$certs/server.crt"
is "$(openssl s_client -connect 127.0.0.1:8443 </dev/null 2>/dev/null | openssl x509 -noout -subject)" "subject=CN = server" "and used at once"
ok "by those who are trusted" -- reaches bob instances
fails_with EINVAL "key can't be read" "a certificate without its key isn't taken" -- cp "$WORK/alice.crt" "$certs/server.crt"
cat "$WORK/alice.crt" "$WORK/server.key" >"$WORK/wrong.pem"
fails_with EINVAL "doesn't belong" "nor with another's" -- cp "$WORK/wrong.pem" "$certs/server.crt"
ok "what was goes on" -- reaches bob instances

# ---- a core that dies, a listener that dies

pkill -KILL -P "$(cat "$RUN/pid")" -x lxdfsd
ok "the next core listens as the last did" -- eventually reaches bob instances
pkill -KILL -o lxdfs-tls
ok "a listener that died is started again" -- eventually reaches bob instances
ok "the key is removed" -- rm "$LXD/config/core.https_address"
nok "and nothing listens" -- bash -c '</dev/tcp/127.0.0.1/8443'

done_testing
