# SPDX-License-Identifier: MIT
"""Command lines and parsers of programs that call iscsiadm, each as a function."""
import os
import re
import subprocess
import time

T = "iqn.2024-01.org.example:a"
IP, P = "127.0.0.1", "127.0.0.1:3260"
BY_PATH = f"/dev/disk/by-path/ip-{P}-iscsi-{T}-lun-1"


def run(words, codes=(0,), timeout=60):
    argv = ["iscsiadm"] + words.split() if isinstance(words, str) else ["iscsiadm"] + words
    p = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)
    assert p.returncode in codes, (argv, p)
    return p


def await_disk():
    for _ in range(100):
        if os.path.exists(BY_PATH):
            return
        time.sleep(0.1)
    raise AssertionError("no " + BY_PATH)


def os_brick():
    with open("/sbin/iscsiadm", "rb") as f:
        assert b"node.session.scan" in f.read()
    node = f"-m node -T {T} -p {P}"
    assert run(node, (21,)).stderr
    new = run(node + " --interface default --op new", (0, 6))
    assert not new.stderr, new
    assert not run(node, (0, 21, 255)).stderr
    assert not run(node + " --op update -n node.session.scan -v manual", range(256)).stderr
    for pair in ("authmethod CHAP", "username me", "password secretsecret1", "password", "username", "authmethod None"):
        key, _, value = pair.partition(" ")
        run(node.split() + ["--op", "update", "-n", "node.session.auth." + key, "-v", value])
    run("-m session", (0, 1, 21, 255))
    run(node + " --login", (0, 15, 255))
    run(node + " --op update -n node.startup -v automatic")
    run(node + " --login", (15,))
    found = []
    for line in run("-m session", (0, 21, 255)).stdout.splitlines():
        info = line.split()
        assert info[0] in ("tcp:", "iser:")
        portal, tpgt = info[2].split(",")
        found.append((info[1][1:-1], portal, info[3]))
    assert [(p, t) for _, p, t in found] == [(P, T)], found
    sid = found[0][0]
    # scan = manual: the caller scans for the LUN that it wants
    host = os.path.realpath(f"/sys/class/iscsi_session/session{sid}/device").split("/")[-2]
    with open(f"/sys/class/scsi_host/{host}/scan", "w") as f:
        f.write("0 0 1")
    await_disk()
    run(node + " --op update -n node.startup -v manual", (0, 21, 255))
    run(node + " --logout", (0, 21, 255))
    run(node + " --op delete", (0, 21, 255))
    run(node + " --logout", (21,))

    db = f"-m discoverydb -t sendtargets -I default -p {P}"
    update = " --op update -n discovery.sendtargets.auth.username -v me -n discovery.sendtargets.auth.password -v x"
    run(db + update, (6,))
    run(db + " --op new", (0, 255))
    run(db + update)
    run(db + " --discover", (0, 255))
    out = run("-m discoverydb -o show -P 1").stdout
    m = re.match(r"^SENDTARGETS:\n.*?^DiscoveryAddress: %s,%s.*?\n(.*?)^(?:DiscoveryAddress|iSNS):.*"
                 % (IP, 3260), out, re.DOTALL | re.MULTILINE)
    lines = [line.strip() for line in m.group(1).splitlines()]
    assert lines == ["Target: " + T, f"Portal: {P},1", "Iface Name: default"], lines
    run(db + " -o delete")


def libvirt():
    run("--mode session", (21,))
    run(f"--mode node --portal {P},1 --targetname {T} --op new")
    run(f"--mode node --portal {P},1 --targetname {T} --op new")
    run(f"--mode node --portal {P},1 --target {T} --op update --name node.session.auth.authmethod --value None")
    run(f"--mode node --portal {P},1 --targetname {T} --login")
    sid = re.search(r"^tcp:\s+\[(\S+)\]\s+\S+\s+(\S+).*$", run("--mode session").stdout, re.M)
    assert sid.group(2) == T
    run(f"--mode session -r {sid.group(1)} -R")
    run(f"--mode node --portal {P},1 --targetname {T} --logout")
    iface = "libvirt-iface-0000abcd"
    run(f"--mode iface --interface {iface} --op new")
    run(f"--mode iface --interface {iface} --op update --name iface.initiatorname --value iqn.2024-01.org.example:x")
    names = {}
    for line in run("--mode iface").stdout.splitlines():
        name, rest = line.split(" ", 1)
        assert rest.count(",") == 4, line
        names[name] = rest.rsplit(",", 1)[1]
    assert names[iface] == "iqn.2024-01.org.example:x", names
    run(f"--mode discovery --type sendtargets --portal {P},1 --interface {iface}")
    out = run(f"--mode discovery --type sendtargets --portal {P},1 --op nonpersistent").stdout
    assert [re.match(r"^\s*(\S+)\s+(\S+)\s*$", line).group(2) for line in out.splitlines()] == [T]
    run(f"-m iface -I {iface} -o delete")
    run("-m node -o delete", (0, 21))


def kubernetes():
    quick = 3  # seconds: csi-lib-iscsi kills what takes longer
    shown = run("-m iface -I default -o show", timeout=quick).stdout
    assert re.search(r"iface.transport_name = (.*)\n", shown).group(1) == "tcp"
    iface = f"{P}:pvc-1"
    run(f"-m iface -I {iface} -o new")
    for line in shown.splitlines():
        words = line.split()
        if not line.startswith("iface.") or words[2] == "<empty>" or words[0] == "iface.iscsi_ifacename":
            continue
        assert len(words) == 3 and words[1] == "=", line
        run(["-m", "iface", "-I", iface, "-o", "update", "-n", words[0], "-v", words[2]])
    db = f"-m discoverydb -t sendtargets -p {P} -I {iface}"
    run(db + " -o new", timeout=quick)
    run(db + " -o update -n discovery.sendtargets.auth.authmethod -v None -n discovery.sendtargets.reopen_max -v 1")
    run(db + " --discover")
    node = f"-m node -p {P} -T {T} -I {iface}"
    run(node + " -o update -n node.session.scan -v manual")
    run(node + " --login")
    # read at once
    found = False
    for s in os.listdir("/sys/class/iscsi_session"):
        base = f"/sys/class/iscsi_connection/connection{s[7:]}:0/"
        with open(base + "persistent_address") as a, open(base + "persistent_port") as p:
            found |= f"{a.read().strip()}:{p.read().strip()}" == P
    assert found
    for line in run("-m session", (0, 21)).stdout.splitlines():
        assert len(line.split()) >= 4 and ":" in line.split()[3]
    run(f"-m node -T {T} -p {IP} -R")
    await_disk()
    run(node + " --logout")
    run(node + " -o update -n node.startup -v manual")
    run(f"-m node -T {T} -o delete")
    run(f"-m iface -I {iface} -o delete")
    run("-m iface -I default -o delete", (7,))
    run(db.replace(f" -I {iface}", "") + " -o delete", (0, 6))
    assert run("-m session", (21,)).stdout == ""


def proxmox():
    assert re.search(r": No active sessions.$", run("--mode session", (21,)).stderr.strip(), re.I)
    out = run(f"--mode discovery --type sendtargets --portal {IP}").stdout
    assert [re.match(r"^(\S+:\d+)\,\S+\s+(\S+)\s*$", line).groups() for line in out.splitlines()] == [(P, T)]
    run(f"--mode node --targetname {T} --op update --name node.session.initial_login_retry_max --value 0")
    run(f"--mode node --targetname {T} --login")
    out = run("--mode session").stdout
    m = re.match(r"^tcp:\s+\[(\S+)\]\s+(\S+:\d+)\,\S+\s+(\S+)\s+\S+?\s*$", out)
    assert m.group(2, 3) == (P, T), out
    run(f"--mode session --sid {m.group(1)} --rescan")
    run(f"--mode node --targetname {T} --logout")
    run("--mode node -o delete")


def vdsm():
    run("-m iface -I v0 --op=new")
    run("-m iface -I v0 -n iface.net_ifacename -v lo --op=update")
    for line in run("-m iface -I v0").stdout.splitlines():
        assert line.startswith("#") or "=" in line
    for line in run("-m iface").stdout.splitlines():
        assert len(re.split(r"[\s,]", line)) == 6, line
    db = f"-m discoverydb -t sendtargets -I v0 -p {P}"
    run(db + " --op=new")
    run(db + " -n discovery.sendtargets.auth.authmethod -v None --op=update")
    for line in run(db + " --discover").stdout.splitlines():
        portal, iqn = line.split()
        assert iqn == T and len(portal.split(",")) == 2
    run(db + " --op=delete")
    node = f"-m node -T {T} -I v0 -p {P},1"
    run(node + " --op=new")
    run(node + " -n node.startup -v manual --op=update")
    run(node + " -l")
    assert run(node + " -l", (15,))
    run("-m session -R", (0, 21))
    sid = re.search(r"\[(\d+)\]", run("-m session").stdout).group(1)
    with open(f"/sys/class/iscsi_session/session{sid}/ifacename") as f:
        assert f.read().strip() == "v0"
    run(f"-m session -r {sid} -u")
    run(node + " -u", (21,))
    run(node + " --op=delete")
    run("-m iface -I v0 --op=delete")


def longhorn():
    assert re.match(r"^iscsiadm version \S+$", run("--version").stdout.strip())
    p = run(f"-m discovery -t sendtargets -p {IP}")
    assert "Could not" not in p.stdout + p.stderr and T in p.stdout
    run(f"-m node -T {T} -p {IP}")
    run(f"-m node -T {T} -o update -n node.session.err_timeo.abort_timeout -v 15")
    run(f"-m node -T {T} -p {IP} --login")
    assert "node.session.scan = auto" in run(f"-m node -T {T} -p {IP} -o show").stdout
    await_disk()
    lines = run("-m session -P 3").stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if re.search(f"Target: {T}( |$)", line))
    at = next(i for i in range(at, len(lines)) if f" {IP}:" in lines[i])
    at = next(i for i in range(at, len(lines)) if "Lun: 1" in lines[i])
    assert "Attached scsi disk" in lines[at + 1] and "State:" in lines[at + 1], lines[at + 1]
    run(f"-m node -T {T} --logout")
    run(f"-m node -o delete -T {T}")
    run(f"-m node -o delete -T {T}", (21,))


def democratic_csi_and_dell():
    run(f"-m node -T {T} -p {P} -o new")
    run(f"-m node -T {T} -p {P} -l")
    lines = run("-m session -P 3").stdout.splitlines()[2:]
    assert lines[0] == f"Target: {T} (non-flash)", lines[0]
    keys = {line.split(":")[0].strip() for line in run("-m session -P 2 -S").stdout.splitlines() if ":" in line}
    assert {"Target", "Current Portal", "Iface Transport", "Iface Initiatorname", "Iface IPaddress", "SID",
            "iSCSI Connection State", "iSCSI Session State", "username"} <= keys, keys
    assert [line.split(" ")[3] for line in run("-m session").stdout.splitlines()] == [T]
    out = run(f"--mode node -u -T {T}").stdout
    assert any(line.endswith("successful.") for line in out.splitlines())
    run(f"--mode node -o delete -T {T}")


for client in (os_brick, libvirt, kubernetes, proxmox, vdsm, longhorn, democratic_csi_and_dell):
    client()
    print("ok", client.__name__, flush=True)
