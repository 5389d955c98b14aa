/* SPDX-License-Identifier: MIT */
#include "control-port.h"

#include <stdlib.h>

#include "str.h"

#define SOCKET "/run/iscsi/targetd.socket"

char *control_port_socket(unsigned int port)
{
	const char *given = secure_getenv("TGT_IPC_SOCKET");

	if (given)
		return str_printf("%s.%u", given, port);
	return port ? str_printf(SOCKET ".%u", port) : str_printf(SOCKET);
}
