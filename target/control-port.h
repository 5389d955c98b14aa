/* SPDX-License-Identifier: MIT */
/* control-port.h - where a daemon is spoken to: several run side by side, each with its number */
#ifndef TARGET_CONTROL_PORT_H
#define TARGET_CONTROL_PORT_H

#define CONTROL_PORT_MAX 32767

/*
 * The path of the socket: /run/iscsi/targetd.socket for port 0, with ".PORT" behind it for others.
 * TGT_IPC_SOCKET of the environment goes first, always with ".PORT", as tgtd has it. The caller's
 * to free; NULL: no memory.
 */
char *control_port_socket(unsigned int port);

#endif
