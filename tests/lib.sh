# SPDX-License-Identifier: MIT
# lib.sh - for the end-to-end cases; they run as root inside a guest of tests/lab.
# A case ends at the first command that fails, and says which. WITH is what it tests: ours, or
# open-iscsi for comparison.
set -Eeuo pipefail
shopt -s nullglob
: "${WITH:=ours}"
case=$(cd "${0%/*}" && pwd)
trap 'fail "${BASH_SOURCE[0]##*/} line $LINENO: $BASH_COMMAND"' ERR

fail() { # WORDS: ends the case, with what helps to see why
	trap - ERR
	set +e
	echo "--- sessions"
	timeout 10 iscsiadm -m session -P 1 2>&1 | head -n 20
	echo "--- log of iscsid"
	tail -n 20 /out/syslog 2> /dev/null
	echo "--- kernel"
	dmesg | tail -n 15
	echo "FAIL: $*"
	exit 1
}

now() { # milliseconds
	echo $((${EPOCHREALTIME/./} / 1000))
}

# A pause without a process: to start one takes a guest longer than many things that it waits for.
exec {never}<> <(:)
pause() { # SECONDS
	read -rt "$1" -u "$never" || true
}
await() { # SECONDS COMMAND...: until it succeeds
	local end=$(($(now) + $1 * 1000))
	shift
	until "$@" > /dev/null 2>&1; do
		[ "$(now)" -lt $end ] || fail "never happened: $*"
		pause 0.05
	done
}

# Numbers that a kernel deals out, names of disks and the version do not matter to a case.
normalise() {
	sed -E -e 's/sid: [0-9]+/sid: N/; s/SID: [0-9]+/SID: N/; s/^(\w+): \[[0-9]+\]/\1: [N]/' \
		-e 's/Host Number: [0-9]+/Host Number: N/; s/scsi[0-9]+ Channel/scsiN Channel/' \
		-e 's/scsi disk sd[a-z]+/scsi disk sdX/; s/^version .*/version V/' \
		-e 's/^(# BEGIN RECORD) .*/\1 V/; s/iscsi(adm|d) version .*/iscsi\1 version V/' \
		-e 's/^(E\|iSCSI (ERROR|WARNING): .*[^ ]) *# [a-z_]+\.c:.*/\1/' \
		-e 's/^(E\|iscsiadm: portal [^ ]+: ).*/\1WHY/'
}

# Runs a command; leaves its exit code in $code, what it printed in /run/stdout and /run/stderr.
run() {
	code=0
	"$@" > /run/stdout 2> /run/stderr < /dev/null || code=$?
	echo "\$ $*"
	cat /run/stdout
	sed 's/^/E|/' /run/stderr
	[ $code = 0 ] || echo "exit code $code"
}

must() { # COMMAND...: succeeds, and nothing on standard error
	run "$@"
	[ $code = 0 ] && [ ! -s /run/stderr ] || fail "exit code $code of: $*"
}

# expect CODE COMMAND...: exit code, and output as standard input says: lines of the command's
# standard error begin with E|, and what normalise() covers is written as it leaves it.
expect() {
	local want=$1
	cat > /run/expected
	shift
	run "$@"
	{ cat /run/stdout && sed 's/^/E|/' /run/stderr; } | normalise > /run/actual
	diff -u --label expected --label actual /run/expected /run/actual || fail "other output: $*"
	[ $code = "$want" ] || fail "exit code $code, not $want: $*"
}

# Expected output of login and logout: PORTAL is ADDRESS,PORT; NAME comes from $target.
logged_in() { # PORTAL
	echo "Logging in to [iface: default, target: $target, portal: $1]"
	echo "Login to [iface: default, target: $target, portal: $1] successful."
}
logged_out() { # PORTAL
	echo "Logging out of session [sid: N, target: $target, portal: $1]"
	echo "Logout of [sid: N, target: $target, portal: $1] successful."
}
declare -A reason=(
	[5]="encountered iSCSI login failure"
	[8]="connection timed out"
	[11]="iSCSI PDU timed out"
	[15]="session exists"
	[19]="encountered non-retryable iSCSI login failure"
	[24]="iSCSI login failed due to authorization failure"
)
not_logged_in() { # PORTAL CODE [WHY]: ours says why, which normalise makes WHY
	echo "Logging in to [iface: default, target: $target, portal: $1]"
	echo "E|iscsiadm: Could not login to [iface: default, target: $target, portal: $1]."
	echo "E|iscsiadm: initiator reported error ($2 - ${reason[$2]})"
	[ "$WITH" != ours ] || echo "E|iscsiadm: portal $1: ${3:-WHY}"
	echo "E|iscsiadm: Could not log into all portals"
}

# What the kernel and the database hold.
sessions() { echo /sys/class/iscsi_session/session*; }
count() { echo $#; }
kernel_is_empty() {
	[ "$(count /sys/class/iscsi_{session,connection,host}/*)" = 0 ]
}
nothing_left() { # in the kernel; hosts go away a moment after the session
	await 5 kernel_is_empty
}
disk_of() { # SID LUN: waits for the disk
	local path="/sys/class/iscsi_session/session$1/device/target*/*:$2/block"
	await 10 eval "ls $path/*"
	eval "basename $path/*"
}
check_disk() { # DISK: writes random data, reads it back past the caches
	local sum
	dd if=/dev/urandom of=/run/data bs=1M count=4 status=none
	dd if=/run/data of="$1" bs=256k oflag=direct status=none
	sum=$(dd if="$1" bs=64k count=64 iflag=direct status=none | cmp - /run/data && echo same)
	[ "$sum" = same ] || fail "read other data than written"
}

# The initiator.
conf() { # KEY VALUE: a line of iscsid.conf, in place of any other for that key
	local file=/etc/iscsi/iscsid.conf
	awk -v key="$1" '{ k = $0; sub(/[ =].*/, "", k) } k != key' $file > /run/conf
	echo "$1 = $2" >> /run/conf
	cat /run/conf > $file
}

# A configuration of its own: what the host's administrator has written does not matter.
set_up_etc() {
	mount -t tmpfs -o mode=755 tmpfs /etc/iscsi
	cp /src/etc/iscsi/iscsid.conf /etc/iscsi/
	echo "InitiatorName=iqn.2012-01.com.openeuler:e24f82c5d9d" > /etc/iscsi/initiatorname.iscsi
	conf iscsid.startup /sbin/iscsid
	conf 'node.conn[0].timeo.login_timeout' 3
	conf node.session.initial_login_retry_max 1
}

declare -A socket=([ours]=/run/iscsi/iscsid.socket [open-iscsi]=@ISCSIADM_ABSTRACT_NAMESPACE)
iscsid_listens() {
	grep -q " 00010000 .* ${socket[$WITH]}" /proc/net/unix
}
start_iscsid() {
	iscsid
	await 5 iscsid_listens
	kill -0 "$(cat /run/iscsid.pid)"
}
stop_iscsid() {
	local pid
	pid=$(cat /run/iscsid.pid)
	kill "$pid"
	await 5 not test -d "/proc/$pid"
}
not() { ! "$@"; }

start_syslog() {
	/usr/bin/python3 -c '
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/dev/log")
with open("/out/syslog", "ab", 0) as f:
    while True:
        f.write(s.recv(65536).strip(b"\0 \n") + b"\n")' &
	await 5 test -S /dev/log
}

initiator() { # most cases begin with it
	set_up_etc
	modprobe sd_mod
	start_syslog
	start_iscsid
}

start_udev() { # with the rules for disks alone: a host may bring a hundred more
	local rules=/usr/lib/udev/rules.d
	mkdir -p /run/rules
	cp $rules/{50-udev-default,60-block,60-persistent-storage}.rules /run/rules/
	mount --bind /run/rules $rules
	/lib/systemd/systemd-udevd --daemon 2> /dev/null
}

# A target with tgtadm's command lines: tgt, or ours, as TARGET says. $control is the number of its
# control socket.
: "${TARGET:=ours}"
PATH+=:/src/build/root/usr/sbin # ours is there for open-iscsi too
declare -A target_daemon=([ours]=iscsi-targetd [tgt]=tgtd)
declare -A target_admin=([ours]=iscsi-targetadm [tgt]=tgtadm)
tgtd=${target_daemon[$TARGET]:-} # its process's name
start_tgt() { # COMMAND...: in front of it, such as ip netns exec
	"$@" "$tgtd" -t 1
	await 10 tgt sys show
}
tgt() { # MODE OP ARGUMENT...
	${target_admin[$TARGET]} -C "${control:-0}" --lld iscsi --mode "$1" --op "$2" "${@:3}"
}
fault() { # TID FAULT: iscsi-targetd(8); ours alone
	tgt target update --tid "$1" --name fault --value "$2"
}
tgt_target() { # TID NAME [ACL]: with a disk of 64 MB as LUN 1
	truncate -s 64M "/run/disk$1"
	tgt target new --tid "$1" --targetname "$2"
	tgt logicalunit new --tid "$1" --lun 1 --backing-store "/run/disk$1"
	tgt target bind --tid "$1" --initiator-address "${3:-127.0.0.0/8}"
}

# LIO, by configfs. A value is written without a newline: some of them would keep it.
lio=/sys/kernel/config/target
start_lio() {
	modprobe -a configfs target_core_mod target_core_file iscsi_target_mod
	mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
}
put() { # FILE VALUE
	printf %s "$2" > "$1"
}
# One more portal of $tpg; where $netns names a network namespace, in that.
lio_portal() { # PORTAL
	${netns:+nsenter --net=/run/netns/$netns} mkdir "$tpg/np/$1"
}
# Open to all, LUN 0 on a file or else 16 MB of memory; $tpg is then its directory.
lio_target() { # NAME PORTAL [FILE]
	local disk=$lio/core/rd_mcp_0/${1#*:} control=rd_pages=4096
	[ -z "${3:-}" ] || {
		disk=$lio/core/fileio_0/${1#*:}
		control="fd_dev_name=$3,fd_dev_size=$(stat -c %s "$3")"
	}
	tpg=$lio/iscsi/$1/tpgt_1
	mkdir -p "$disk" "$tpg/lun/lun_0"
	lio_portal "$2"
	put "$disk/control" "$control"
	put "$disk/enable" 1
	ln -s "$disk" "$tpg/lun/lun_0/disk"
	put "$tpg/attrib/generate_node_acls" 1
	put "$tpg/attrib/demo_mode_write_protect" 0
	put "$tpg/attrib/authentication" 0
	put "$tpg/enable" 1
}

# compare FILE: runs the lines of a file, which are shell commands, with open-iscsi and with the
# programs under test, each on a database of its own that begins empty; exit codes and output must
# be the same. The one exception is a line after "# differs CODE: REASON": it has to give that exit
# code, and the output may be another.
reference() { # the machine's own programs in front of those laid over them
	mkdir -p /run/reference
	mountpoint -q /run/reference || mount -t hostfs -o /usr/sbin hostfs /run/reference
	/run/reference/iscsiadm --version | grep -q ' 2\.1\.' || fail "no open-iscsi to compare with"
}
database() { # every file and link below /etc/iscsi, as a command for FILE
	find /etc/iscsi -mindepth 2 ! -type d -printf '%y %m %P %l\n' | sort
}
transcript() { # FILE WHO: one block per command, which begins with its line
	local line differs='' output errors
	while IFS= read -r line; do
		case $line in
		"# differs "*) differs=${line#"# differs "} ;;
		"#"* | "") ;;
		*)
			code=0
			eval "$line" > /run/stdout 2> /run/stderr < /dev/null || code=$?
			echo "\$ $line"
			if [ -n "$differs" ]; then
				[ "$2$WITH" != oursours ] || [ $code = "${differs%%:*}" ] ||
					echo "exit code $code, not $differs"
			else
				mapfile -t output < /run/stdout
				mapfile -t errors < /run/stderr
				printf '%s\n' "${output[@]}" "${errors[@]/#/E|}" "exit code $code"
			fi
			differs=
			;;
		esac
	done < "$1"
}
compare() {
	local who path=$PATH
	reference
	cp -a /etc/iscsi /run/etc-iscsi
	for who in reference ours; do
		find /etc/iscsi -mindepth 1 -delete
		cp -a /run/etc-iscsi/. /etc/iscsi
		if [ $who = reference ]; then
			PATH=/run/reference:$path
			WITH=open-iscsi start_iscsid
		else
			PATH=$path
			start_iscsid
		fi
		hash -r
		transcript "$1" $who | normalise > /out/$who
		stop_iscsid
	done
	diff -U 20 /out/reference /out/ours || fail "other output than open-iscsi"
	echo "$(grep -c '^\$' /out/ours) commands compared"
}
