/* SPDX-License-Identifier: MIT */
/*
 * floor.c - what the kernel itself costs: logs in to targets one after another with as little as
 * there can be around it: connect, one login PDU, hand-over, scan. Nothing is checked twice,
 * nothing is written, nobody is told.
 *
 *   floor ADDRESS PORT NAME-FORMAT N     logs in to NAME-FORMAT with %d = 1..N
 *   floor -u                             destroys every session
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UEVENT 56
#define MESSAGE (16 + UEVENT)

static int netlink;
static uint64_t handle;
static char batch[65536];
static size_t batch_len;

static char *begin(uint16_t type, uint32_t first)
{
	char *m = batch + batch_len;
	uint32_t len = MESSAGE, t = type;

	memset(m, 0, MESSAGE);
	memcpy(m, &len, 4);
	memcpy(m + 4, &type, 2);
	memcpy(m + 16, &t, 4);
	memcpy(m + 24, &handle, 8);
	memcpy(m + 32, &first, 4);
	batch_len += MESSAGE;
	return m + 16;
}

static void set_param(uint32_t sid, uint32_t number, const char *value)
{
	char *m = begin(16, sid);
	uint32_t len = (uint32_t)strlen(value) + 1, whole = MESSAGE + ((len + 3) & ~3u);

	memcpy(m + 24, &number, 4);
	memcpy(m + 28, &len, 4);
	memset(m + UEVENT, 0, whole - MESSAGE);
	memcpy(m + UEVENT, value, len);
	memcpy(m - 16, &whole, 4);
	batch_len += whole - MESSAGE;
}

/* Sends the batch and gives the result words of the last reply. */
static void run(uint32_t *ret)
{
	char reply[512];
	ssize_t n = -1;

	if (send(netlink, batch, batch_len, 0) < 0)
		err(1, "netlink");
	batch_len = 0;
	while (recv(netlink, reply, sizeof(reply), MSG_DONTWAIT) > 0) {
		uint32_t type;

		n = 0;
		memcpy(&type, reply + 16, 4);
		if (type == 103)
			errx(1, "the kernel refused a request");
	}
	if (n < 0)
		errx(1, "no reply");
	memcpy(ret, reply + 16 + 40, 8);
}

static void read_whole(int fd, void *p, size_t len)
{
	if (recv(fd, p, len, MSG_WAITALL) != (ssize_t)len)
		err(1, "login response");
}

static int log_in(const struct sockaddr_in *to, const char *target, int number, char *exp_statsn)
{
	static const char keys[] = "SessionType=Normal\0HeaderDigest=None\0DataDigest=None\0"
				   "InitialR2T=No\0ImmediateData=Yes\0MaxBurstLength=16776192\0"
				   "FirstBurstLength=262144\0MaxRecvDataSegmentLength=262144";
	unsigned char pdu[1024] = {0x43, 0x87}, in[8192];
	size_t n = 48, len;
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)))
		err(1, "connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	n += (size_t)sprintf((char *)pdu + n, "InitiatorName=iqn.2026-11.example:floor") + 1;
	n += (size_t)sprintf((char *)pdu + n, "TargetName=%s", target) + 1;
	memcpy(pdu + n, keys, sizeof(keys));
	n += sizeof(keys);
	pdu[6] = (unsigned char)((n - 48) >> 8);
	pdu[7] = (unsigned char)(n - 48);
	pdu[8] = 0x80;
	pdu[12] = (unsigned char)(number >> 8);
	pdu[13] = (unsigned char)number;
	n = (n + 3) & ~(size_t)3;
	if (send(fd, pdu, n, 0) != (ssize_t)n)
		err(1, "login");
	read_whole(fd, in, 48);
	len = (size_t)in[6] << 8 | in[7];
	read_whole(fd, in + 48, (len + 3) & ~(size_t)3);
	if (in[1] != 0x87 || in[36])
		errx(1, "%s: login refused or not in one step", target);
	sprintf(exp_statsn, "%u", (in[24] << 24 | in[25] << 16 | in[26] << 8 | in[27]) + 1u);
	return fd;
}

static void hand_over(int fd, const char *address, const char *port, const char *target,
	const char *exp_statsn, uint32_t ret[2])
{
	static const char *const values[][2] = {{"0", "262144"}, {"1", "8192"}, {"2", "0"}, {"3", "0"},
		{"4", "1"}, {"5", "1"}, {"6", "1"}, {"7", "65536"}, {"8", "262144"}, {"9", "1"},
		{"10", "1"}, {"11", "0"}, {"16", "1"}, {"19", "120"}, {"26", "1"}, {"27", "15"},
		{"28", "30"}, {"35", "30"}, {"30", "5"}, {"31", "5"}, {"32", "default"},
		{"34", "iqn.2026-11.example:floor"}};
	uint16_t cmds_max = 128, queue_depth = 32;
	uint32_t other[2], leading = 1;
	uint64_t eph = (uint64_t)fd;
	char *m = begin(11, 0);

	memcpy(m + 20, &cmds_max, 2);
	memcpy(m + 22, &queue_depth, 2);
	run(ret);
	begin(13, ret[0]);
	m = begin(15, ret[0]);
	memcpy(m + 24, &eph, 8);
	memcpy(m + 32, &leading, 4);
	set_param(ret[0], 15, target);
	set_param(ret[0], 17, address);
	set_param(ret[0], 18, port);
	set_param(ret[0], 14, exp_statsn);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		set_param(ret[0], (uint32_t)atoi(values[i][0]), values[i][1]);
	begin(17, ret[0]);
	run(other);
	close(fd);
}

static void scan(uint32_t host)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/sys/class/scsi_host/host%u/scan", host);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "- - -", 5) != 5)
		err(1, "%s", path);
	close(fd);
}

static void destroy_all(void)
{
	DIR *d = opendir("/sys/class/iscsi_session");
	struct dirent *e;
	unsigned int sid;
	uint32_t other[2], term = 1;

	while (d && (e = readdir(d))) {
		if (sscanf(e->d_name, "session%u", &sid) != 1)
			continue;
		memcpy(begin(18, sid) + 32, &term, 4);
		begin(14, sid);
		begin(12, sid);
		run(other);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK};
	struct sockaddr_in to = {.sin_family = AF_INET};
	char target[256], statsn[16], text[32] = "";
	int fd = open("/sys/class/iscsi_transport/tcp/handle", O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		err(1, "iscsi_tcp");
	handle = strtoull(text, NULL, 10);
	netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ISCSI);
	if (netlink < 0 || connect(netlink, (struct sockaddr *)&nl, sizeof(nl)))
		err(1, "netlink");
	if (argc == 2 && !strcmp(argv[1], "-u")) {
		destroy_all();
		return 0;
	}
	if (argc != 5 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		errx(1, "usage: floor ADDRESS PORT NAME-FORMAT N | floor -u");
	to.sin_port = htons((uint16_t)atoi(argv[2]));
	for (int i = 1; i <= atoi(argv[4]); i++) {
		const char *at = strstr(argv[3], "%d");
		uint32_t ids[2];

		if (!at)
			errx(1, "NAME-FORMAT has no %%d");
		snprintf(target, sizeof(target), "%.*s%d%s", (int)(at - argv[3]), argv[3], i, at + 2);
		fd = log_in(&to, target, i, statsn);
		hand_over(fd, argv[1], argv[2], target, statsn, ids);
		scan(ids[1]);
	}
	return 0;
}
