# SPDX-License-Identifier: MIT
"""Makes copies of the record of target a: records.py NUMBER"""
import os
import sys

NODES = "etc/iscsi/nodes/"
NAME = "iqn.2024-01.org.example:a"
PORTAL = "/10.0.0.1,3260,1"

with open(NODES + NAME + PORTAL + "/default") as f:
    record = f.read()
for i in range(int(sys.argv[1])):
    os.makedirs(f"{NODES}{NAME}{i}{PORTAL}", 0o700)
    with open(f"{NODES}{NAME}{i}{PORTAL}/default", "w") as f:
        f.write(record.replace(f"node.name = {NAME}", f"node.name = {NAME}{i}"))
