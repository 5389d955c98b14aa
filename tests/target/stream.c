/* SPDX-License-Identifier: MIT */
/* The connection's reader and writer back to back over a socket pair. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reader.h"
#include "writer.h"

static uint8_t shared[READER_BUFFER];
static int fds[2];
static struct writer writer;
static struct reader reader;

/* What came: data segments one after another, and which of them went to the place below. */
static uint8_t came[1 << 20], place[1 << 20];
static size_t came_len, came_pdus, placed, released;
static bool use_place, stop_at_once;

static uint8_t *on_place(void *data, const struct pdu_in *pdu)
{
	(void)data;
	ck_assert_uint_le(pdu->data_len, sizeof(place));
	return use_place ? place : NULL;
}

static bool on_pdu(void *data, const struct pdu_in *pdu)
{
	(void)data;
	ck_assert_uint_eq(bhs_itt(pdu->bhs), came_pdus);
	memcpy(came + came_len, pdu->data, pdu->data_len);
	came_len += pdu->data_len;
	came_pdus++;
	placed += pdu->data == place;
	return !stop_at_once;
}

static const struct reader_ops ops = {.place = on_place, .take = on_pdu};

static void on_sent(void *owner)
{
	(void)owner;
	released++;
}

static void set_up(void)
{
	ck_assert(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds));
	writer_init(&writer, fds[0]);
	reader_init(&reader, &ops, NULL, sizeof(came));
	came_len = came_pdus = placed = released = 0;
	use_place = stop_at_once = false;
}

static void tear_down(void)
{
	writer_free(&writer);
	reader_free(&reader);
	close(fds[0]);
	close(fds[1]);
}

static uint8_t sent[1 << 20];

/* n PDUs, whose data segments are the next bytes of sent. */
static void add(size_t n, const size_t *lens)
{
	size_t at = 0;

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 7 + (i >> 8));
	for (size_t i = 0; i < n; i++) {
		struct pdu_out *pdu = writer_new(&writer);

		bhs_set_opcode(pdu->head, OP_DATA_OUT, false);
		bhs_set_itt(pdu->head, (uint32_t)i);
		pdu->data = sent + at;
		pdu->data_len = lens[i];
		pdu->sent = on_sent;
		at += lens[i];
		writer_add(&writer, pdu);
	}
}

static enum reader_verdict pump(void)
{
	enum reader_verdict verdict = READER_GOOD;
	int r;

	do {
		r = writer_flush(&writer);
		ck_assert(!r || r == -EAGAIN);
		for (int i = 0; i < 100 && verdict == READER_GOOD; i++)
			verdict = reader_read(&reader, fds[1], shared);
	} while (r && verdict == READER_GOOD);
	return verdict;
}

static const size_t lens[] = {0, 1, 2, 3, 4, 48, 4096, 300000, 5, 0, 262144, 7};
#define N (sizeof(lens) / sizeof(lens[0]))

/* Bit 0 and 1 of the loop: header and data digests; bit 2: large segments have a place. */
START_TEST(all_comes_as_it_was_sent)
{
	size_t total = 0;

	set_up();
	writer.header_digest = reader.header_digest = _i & 1;
	writer.data_digest = reader.data_digest = _i & 2;
	use_place = _i & 4;
	add(N, lens);
	ck_assert_int_eq(pump(), READER_GOOD);
	for (size_t i = 0; i < N; i++)
		total += lens[i];
	ck_assert_uint_eq(came_pdus, N);
	ck_assert_uint_eq(released, N);
	ck_assert_uint_eq(came_len, total);
	ck_assert(!memcmp(came, sent, total));
	ck_assert_uint_eq(placed > 0, use_place);
	ck_assert_uint_eq(writer.bytes, 0);
	tear_down();
}
END_TEST

START_TEST(byte_by_byte)
{
	uint8_t wire[8192];
	size_t few[] = {3, 0, 100};
	ssize_t n;

	set_up();
	writer.header_digest = reader.header_digest = writer.data_digest = reader.data_digest =
		true;
	use_place = _i;
	add(3, few);
	ck_assert(!writer_flush(&writer));
	n = read(fds[1], wire, sizeof(wire));
	ck_assert_int_gt(n, 0);
	for (ssize_t i = 0; i < n; i++) {
		ck_assert_int_eq(write(fds[0], wire + i, 1), 1);
		ck_assert_int_eq(reader_read(&reader, fds[1], shared), READER_GOOD);
	}
	ck_assert_uint_eq(came_pdus, 3);
	ck_assert(!memcmp(came, sent, 103));
	tear_down();
}
END_TEST

/* One bit of each byte is turned over in turn: nothing that is wrong is taken for good. */
START_TEST(a_wrong_bit_is_found)
{
	uint8_t wire[256];
	size_t one[] = {61};
	ssize_t n;

	for (size_t at = 0; at < BHS_LEN + 4 + 64 + 4; at++) {
		enum reader_verdict verdict;

		set_up();
		reader.header_digest = reader.data_digest = writer.header_digest =
			writer.data_digest = true;
		add(1, one);
		ck_assert(!writer_flush(&writer));
		n = read(fds[1], wire, sizeof(wire));
		ck_assert_int_eq(n, BHS_LEN + 4 + 64 + 4);
		wire[at] ^= 0x10;
		ck_assert_int_eq(write(fds[0], wire, (size_t)n), n);
		verdict = reader_read(&reader, fds[1], shared);
		/* A length that grew asks for more bytes or a header digest further on. */
		ck_assert_int_eq(came_pdus, 0);
		if (at > 7)
			ck_assert_int_eq(verdict, at < BHS_LEN + 4 ? READER_HEADER_DIGEST
								   : READER_DATA_DIGEST);
		tear_down();
	}
}
END_TEST

START_TEST(limits_and_ends)
{
	size_t big[] = {513}, small[] = {8, 8, 8};

	set_up();
	reader.data_max = 512;
	add(1, big);
	ck_assert_int_eq(pump(), READER_TOO_LONG);
	tear_down();

	set_up();
	stop_at_once = true;
	add(3, small);
	ck_assert_int_eq(pump(), READER_STOPPED);
	ck_assert_uint_eq(came_pdus, 1);
	tear_down();

	set_up();
	add(3, small);
	writer.left = BHS_LEN + 8 + 20;
	ck_assert_int_eq(writer_flush(&writer), -EPIPE);
	ck_assert_int_eq(reader_read(&reader, fds[1], shared), READER_GOOD);
	ck_assert_uint_eq(came_pdus, 1);
	shutdown(fds[0], SHUT_WR);
	ck_assert_int_eq(reader_read(&reader, fds[1], shared), READER_END);
	tear_down();
	ck_assert_uint_eq(released, 3);
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("stream");
	Suite *s = suite_create("stream");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(c, all_comes_as_it_was_sent, 0, 8);
	tcase_add_loop_test(c, byte_by_byte, 0, 2);
	tcase_add_test(c, a_wrong_bit_is_found);
	tcase_add_test(c, limits_and_ends);
	suite_add_tcase(s, c);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
