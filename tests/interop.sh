#!/bin/sh
# SPDX-License-Identifier: MIT
# The node database side by side with open-iscsi's own iscsiadm: what one writes the other reads.
# Run by root: interop.sh [INTEROP-NODE]. Exits 77 where there is no open-iscsi.
set -u

stock=${STOCK_ISCSIADM:-/sbin/iscsiadm}
node=$(realpath "${1:-build/tests/interop-node}") || exit 1

# Its root directory is built in, and so is the socket of its daemon: namespaces of our own.
if [ -z "${INTEROP_INSIDE:-}" ]; then
	INTEROP_INSIDE=1 exec unshare -m -n --propagation private sh "$0" "$node"
fi
"$stock" -V 2>/dev/null | grep -q 'version 2\.' || { echo "no open-iscsi here"; exit 77; }

tmp=$(mktemp -d) || exit 1
finish() {
	cd /
	umount /etc/iscsi /run/lock
	rm -rf "$tmp"
}
trap finish EXIT
db=$tmp/etc/iscsi
mkdir -p "$db" "$tmp/run/lock" /etc/iscsi
mount --bind "$db" /etc/iscsi && mount --bind "$tmp/run/lock" /run/lock || exit 1

failed=0
ok() { # DESCRIPTION COMMAND...
	what=$1
	shift
	if "$@" >"$tmp/out" 2>&1; then
		echo "ok - $what"
	else
		echo "not ok - $what"
		sed 's/^/# /' "$tmp/out"
		failed=1
	fi
}
ours() { "$node" "$tmp" "$@"; }
# Silent on stderr, or it fails.
theirs() { "$stock" "$@" 2>"$tmp/err" && cat "$tmp/err" >&2 && [ ! -s "$tmp/err" ]; }
# It complains of the missing daemon when it makes records.
theirs_new() { "$stock" "$@" -o new >/dev/null 2>&1; }
bare() { grep -v '^# \(BEGIN\|END\) RECORD' "$@"; }

a=iqn.2020-01.com.example:a
b=iqn.2020-01.com.example:b
c=iqn.2020-01.com.example:c
# "TARGET ADDRESS PORT TPGT IFACE", in the order of listing
records="$a 10.0.0.1 3260 1 default
$a 10.0.0.1 3260 1 if1
$a 10.0.0.1 3260 1 ipv6if
$b 10.0.0.1 3260 -1 default
$c fd00::1 3261 2 default
$c san.example.com 3260 0 iser"

make_ifaces() {
	mkdir -p "$db/ifaces"
	for name in if1 ipv6if; do
		printf 'iface.iscsi_ifacename = %s\niface.net_ifacename = eth0\n' $name
		printf 'iface.transport_name = tcp\niface.initiatorname = iqn.2020-01.me:x\n'
	done >/dev/null
	cat >"$db/ifaces/if1" <<-EOF
		# BEGIN RECORD 2.1.8
		iface.iscsi_ifacename = if1
		iface.net_ifacename = eth0
		iface.transport_name = tcp
		iface.initiatorname = iqn.2020-01.me:x
		# END RECORD
	EOF
	sed 's/if1/ipv6if/' "$db/ifaces/if1" >"$db/ifaces/ipv6if"
}
reset() {
	rm -rf "${db:?}"/*
	make_ifaces
}
portal() { # ADDRESS PORT TPGT, as open-iscsi wants it
	case $1 in *:*) addr="[$1]" ;; *) addr=$1 ;; esac
	[ "$3" -lt 0 ] && echo "$addr:$2" || echo "$addr:$2,$3"
}
file_of() { # TARGET ADDRESS PORT TPGT IFACE
	[ "$4" -lt 0 ] && echo "$db/nodes/$1/$2,$3" || echo "$db/nodes/$1/$2,$3,$4/$5"
}
for_each() { # COMMAND: called with each record's five words
	echo "$records" | {
		rc=0
		while read -r t ad po tp i; do "$1" "$t" "$ad" "$po" "$tp" "$i" </dev/null || rc=1; done
		exit $rc
	}
}
listed() { # what "-m node" is to print
	echo "$records" | while read -r t ad po tp i; do
		[ "$tp" -ge 0 ] || tp=4294967295
		echo "$(portal "$ad" "$po" "$tp") $t"
	done
}
same() { diff -u "$1" "$2"; }
show_theirs() {
	theirs -m node -T "$1" -p "$(portal "$2" "$3" 1)" -I "$5" -o show -S | bare
}
same_show() {
	ours show "$@" >"$tmp/show.ours" && show_theirs "$@" >"$tmp/show.theirs" &&
		same "$tmp/show.theirs" "$tmp/show.ours" && [ -s "$tmp/show.ours" ]
}
new_ours() { ours new "$@" node.session.auth.username 'u=1 #x' node.session.auth.password '"a=b"'; }
lists() { theirs -m node >"$tmp/list" && listed >"$tmp/expected" && same "$tmp/expected" "$tmp/list"; }

echo "# written by us"
reset
ok "new records are stored" for_each new_ours
ok "they list them" lists
ok "they show them with the same values, keys and order" for_each same_show
ok "a default record has 107 keys" test "$(ours show $a 10.0.0.1 3260 1 default | wc -l)" = 107
ok "they list our links by source" sh -c "$stock -m node -P 1 && $stock -m discovery -P 1 |
	awk '/^STATIC/{on=1} /^FIRMWARE/{on=0} on' | grep -q 'Target: $a'"

their_update() {
	theirs -m node -T "$1" -p "$(portal "$2" "$3" 1)" -I "$5" -o update \
		-n node.startup -v automatic -n node.session.auth.password -v 'x = #y='
}
updated() {
	ours show "$@" >"$tmp/now" && grep -q '^node.startup = automatic$' "$tmp/now" &&
		grep -q '^node.session.auth.password = x = #y=$' "$tmp/now" &&
		grep -q '^node.session.auth.username = u=1 #x$' "$tmp/now"
}
ok "they update them" for_each their_update
ok "and we read the update" for_each updated
our_update() { ours update "$@" node.startup onboot node.conn[0].timeo.noop_out_timeout 0; }
ok "we update what they wrote" for_each our_update
ok "and they read that" for_each same_show
ok "discovery record is stored" ours discovery-new 10.0.0.9 3260
their_discovery() {
	theirs -m discoverydb -t st -p 10.0.0.9 -o show -S | bare >"$tmp/show.theirs" &&
		ours discovery-show 10.0.0.9 3260 >"$tmp/show.ours" &&
		same "$tmp/show.theirs" "$tmp/show.ours"
}
ok "they show it with the same values, keys and order" their_discovery
their_delete() { theirs -m node -T "$1" -p "$(portal "$2" "$3" 1)" -I "$5" -o delete; }
ok "they delete the records" for_each their_delete
ok "nothing is left of them" test -z "$(ls "$db/nodes" "$db/static" | grep iqn)"

echo "# written by them"
reset
new_theirs() {
	# without the kernel's module it refuses what is bound to an interface
	theirs_new -m node -T "$1" -p "$(portal "$2" "$3" "$4")" -I "$5" ||
		theirs_new -m node -T "$1" -p "$(portal "$2" "$3" "$4")"
	[ -f "$(file_of "$@")" ]
}
records="$a 10.0.0.1 3260 1 default
$b 10.0.0.1 3260 -1 default
$c fd00::1 3261 2 default"
ok "they store records" for_each new_theirs
ok "we list them" sh -c "[ \"\$($node $tmp list)\" = '$a 10.0.0.1,3260,1 default
$b 10.0.0.1,3260,-1 default
$c fd00::1,3261,2 default' ]"
ok "we show them with the same values, keys and order" for_each same_show
rewritten() {
	f=$(file_of "$@")
	bare "$f" >"$tmp/before" && ours rewrite "$@" && bare "$f" >"$tmp/after" &&
		same "$tmp/before" "$tmp/after"
}
keep_copy() { cp "$(file_of "$@")" "$tmp/theirs.$1" && ours delete "$@" && ours new "$@"; }
same_file() { bare "$tmp/theirs.$1" >"$tmp/before" && bare "$(file_of "$@")" | same "$tmp/before" -; }
ok "we rewrite them without a change" for_each rewritten
links() { (cd "$db" && find static -type l -printf '%p %l\n' | sort); }
links >"$tmp/links"
ok "we replace them by new ones of ours" for_each keep_copy
ok "which are the same files" for_each same_file
ok "with the same links" sh -c "cd $db && find static -type l -printf '%p %l\n' | sort |
	diff -u $tmp/links -"
ok "they store a discovery record" theirs_new -m discoverydb -t st -p 10.0.0.9
cp "$db/send_targets/10.0.0.9,3260/st_config" "$tmp/st"
ok "we rewrite it" ours discovery-rewrite 10.0.0.9 3260
ok "without a change" sh -c "grep -v RECORD $db/send_targets/10.0.0.9,3260/st_config >$tmp/st2 &&
	grep -v RECORD $tmp/st | diff -u - $tmp/st2"
f=$(file_of $a 10.0.0.1 3260 1 default)
printf 'node.session.sess_reopen_log_freq = 1\nnode.future = x = y' >>"$f"
ok "keys of other releases are kept" ours rewrite $a 10.0.0.1 3260 1 default
ok "each of them" sh -c "grep -q '^node.session.sess_reopen_log_freq = 1\$' '$f' &&
	grep -q '^node.future = x = y\$' '$f'"
ours delete $a 10.0.0.1 3260 1 default

echo "# at the same time"
reset
ours new $a 10.0.0.1 3260 1 default
count=25
(
	for i in $(seq $count); do
		"$stock" -m node -T $a -p 10.0.0.1 -o update -n node.session.cmds_max -v "$i" || exit 1
	done
) >"$tmp/log.theirs" 2>&1 &
loop=$!
(
	for i in $(seq $count); do
		ours update $a 10.0.0.1 3260 1 default node.session.queue_depth "$i" || exit 1
	done
) >"$tmp/log.ours" 2>&1
ok "none of our updates fails" test $? = 0
wait $loop
ok "none of theirs fails" test $? = 0
ours show $a 10.0.0.1 3260 1 default >"$tmp/now"
ok "their last update is there" grep -qx "node.session.cmds_max = $count" "$tmp/now"
ok "our last update is there" grep -qx "node.session.queue_depth = $count" "$tmp/now"
ok "no lock is left" test ! -e "$tmp/run/lock/iscsi/lock.write"
lock=$tmp/run/lock/iscsi/lock.write
await_lock() { for _ in $(seq 100); do [ ! -e "$lock" ] || return 0; sleep 0.05; done; return 1; }
ours hold $a 10.0.0.1 3260 1 default node.session.queue_depth 77 &
hold=$!
ok "we hold their lock while we write" await_lock
ok "they wait for us" theirs -m node -T $a -p 10.0.0.1 -o update -n node.session.cmds_max -v 88
wait $hold
ours show $a 10.0.0.1 3260 1 default >"$tmp/now"
ok "and neither loses what the other wrote" sh -c "grep -qx 'node.session.cmds_max = 88' $tmp/now &&
	grep -qx 'node.session.queue_depth = 77' $tmp/now"
# as one of theirs that was killed leaves it
ln "$tmp/run/lock/iscsi/lock" "$lock"
(sleep 1 && rm "$lock") &
started=$(date +%s%N)
ok "we wait for them" ours update $a 10.0.0.1 3260 1 default node.session.queue_depth 78
ok "as long as they are" test $((($(date +%s%N) - started) / 1000000)) -ge 900
wait
exit $failed
