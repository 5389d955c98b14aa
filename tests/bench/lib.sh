# SPDX-License-Identifier: MIT
# lib.sh - for the benches that run in a guest: ours and open-iscsi on the same targets, by turns.
# Without udevd, so that the rules of this machine do not count.
. "${0%/*}/../lib.sh"

name=iqn.2024-01.org.example:t
declare -A sbin=([ours]=/src/build/root/usr/sbin [open_iscsi]=/usr/sbin)
declare -A listens=([ours]=/run/iscsi/iscsid.socket [open_iscsi]=@ISCSIADM_ABSTRACT_NAMESPACE)

prepare() {
	set_up_etc
	conf node.session.initial_login_retry_max 8
	conf 'node.conn[0].timeo.login_timeout' 15
	modprobe -a sd_mod iscsi_tcp
	start_syslog
}
adm() { # WHO ARGUMENT...
	"${sbin[$1]}/iscsiadm" "${@:2}"
}
start() { # WHO
	"${sbin[$1]}/iscsid"
	await 20 grep -q " 00010000 .* ${listens[$1]}" /proc/net/unix
}
stop() { # WHO: sessions stay
	adm "$1" -k 0
	await 10 not pgrep -x iscsid
}

all_disks() { [ "$(count /sys/block/sd*)" = "$N" ]; }
nothing() { [ "$(count /sys/block/sd* /sys/class/iscsi_host/*)" = 0 ]; }
in_state() { # STATE N: that many sessions are in it
	[ "$(cat /sys/class/iscsi_session/session*/state | grep -c "^$1$")" = "$2" ]
}

# note WHAT MS: every figure is printed; best and median of those of one name can be asked for.
declare -A noted
note() {
	echo "$1 $2"
	noted[$1]+=" $2"
}
sorted() { tr ' ' '\n' <<< "${noted[$1]}" | grep . | sort -n; }
best() { sorted "$1" | head -n 1; }
median() {
	local all
	mapfile -t all < <(sorted "$1")
	echo "${all[${#all[@]} / 2]}"
}
ratio() { # A B
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'
}
# paired A B: the median of the ratios of what was noted together.
paired() {
	paste <(tr ' ' '\n' <<< "${noted[$1]# }") <(tr ' ' '\n' <<< "${noted[$2]# }") |
		awk '{ print $1 / $2 }' | sort -n |
		awk '{ v[NR] = $1 } END { printf "%.2f", v[int((NR + 1) / 2)] }'
}
