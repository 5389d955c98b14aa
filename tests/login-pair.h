/* SPDX-License-Identifier: MIT */
/* login-pair.h - both roles of the login, wired back to back, in a world that a test sets up */
#ifndef TESTS_LOGIN_PAIR_H
#define TESTS_LOGIN_PAIR_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "login-target.h"
#include "login.h"
#include "text.h"

#define COUNT(a) (int)(sizeof(a) / sizeof(*(a)))
#define T BHS_TRANSIT
#define C BHS_CONTINUE
#define INITIATOR "iqn.2012-01.com.example:host"
#define TARGET "iqn.2019-01.com.example:disk"
#define ISID                                       \
	{                                          \
		0x00, 0x02, 0x3d, 0x01, 0x02, 0x03 \
	}

/* RFC 7143's defaults, as a target has them that was not told otherwise. */
#define DEFAULTS                                                                        \
	{                                                                               \
		.header_digest = DIGEST_NONE_CRC32C, .data_digest = DIGEST_NONE_CRC32C, \
		.initial_r2t = true, .immediate_data = true, .data_pdu_in_order = true, \
		.data_sequence_in_order = true, .max_recv_data_segment = 8192,          \
		.max_burst = 262144, .first_burst = 65536, .max_outstanding_r2t = 1,    \
		.time2wait = 2, .time2retain = 20,                                      \
	}

/* The target's world. */
struct world {
	struct login_target_settings settings;
	enum login_status identify, admit;
	const char *user, *secret; /* the one incoming account */
	uint16_t tsih;
	int identified, admitted;
};

static struct world world;
static struct login *initiator;
static struct login_target *target;
static struct login_config config;
static enum login_verdict verdict;
static enum login_target_verdict target_verdict;
static int rounds; /* PDUs of the initiator */

static inline enum login_status on_identify(
	void *data, const struct login_target_result *who, struct login_target_settings *ret)
{
	ck_assert_ptr_eq(data, &world);
	ck_assert(who->initiator_name[0]);
	ck_assert_int_eq(!who->target_name[0], who->discovery);
	world.identified++;
	*ret = world.settings;
	return world.identify;
}

static inline const char *on_account(
	void *data, const struct login_target_result *who, const char *username)
{
	ck_assert_ptr_eq(data, &world);
	ck_assert(who->initiator_name[0]);
	return world.user && strcmp(username, world.user) == 0 ? world.secret : NULL;
}

static inline enum login_status on_admit(
	void *data, const struct login_target_result *who, uint16_t *ret_tsih)
{
	ck_assert_ptr_eq(data, &world);
	ck_assert_int_eq(!who->username[0], !world.settings.chap);
	world.admitted++;
	*ret_tsih = world.tsih;
	return world.admit;
}

static const struct login_target_config calls = {
	on_identify, on_account, on_admit, &world, .statsn = 77};

static inline void setup(void)
{
	world = (struct world){
		.settings = {.params = DEFAULTS, .tpgt = 1, .window = 128}, .tsih = 0x1234};
	config = (struct login_config){.initiator_name = INITIATOR,
		.target_name = TARGET,
		.isid = ISID,
		.cmdsn = 5,
		.chap_algs = {CHAP_MD5},
		.offer = DEFAULTS};
	config.offer.header_digest = config.offer.data_digest = DIGEST_NONE;
	initiator = login_new();
	target = login_target_new();
	ck_assert(initiator && target);
}

static inline void teardown(void)
{
	login_free(initiator);
	login_target_free(target);
}

/* What went over the wire arrives in memory that ends where the data end. */
static inline struct pdu wire(const struct pdu *p)
{
	struct pdu copy = {.data = malloc(p->data_len ? p->data_len : 1),
		.data_len = p->data_len,
		.data_room = p->data_len};

	ck_assert_uint_eq(bhs_data_len(p->bhs), p->data_len);
	ck_assert_uint_le(p->data_len, LOGIN_DATA_MAX);
	memcpy(copy.bhs, p->bhs, BHS_LEN);
	if (p->data_len)
		memcpy(copy.data, p->data, p->data_len);
	return copy;
}

/* A login from beginning to end; the reason is the initiator's. */
static inline enum login_verdict run(void)
{
	ck_assert_int_eq(login_start(initiator, &config), 0);
	login_target_start(target, &calls);
	verdict = LOGIN_CONTINUE;
	target_verdict = LOGIN_TARGET_CONTINUE;
	for (rounds = 0; verdict == LOGIN_CONTINUE; rounds++) {
		struct pdu request = wire(login_request(initiator)), response;

		ck_assert_int_lt(rounds, 100);
		ck_assert_int_eq(target_verdict, LOGIN_TARGET_CONTINUE);
		target_verdict = login_target_request(target, &request);
		free(request.data);
		ck_assert_int_ne(target_verdict, LOGIN_TARGET_DROP);
		response = wire(login_target_response(target));
		verdict = login_response(initiator, &response);
		free(response.data);
	}
	return verdict;
}

#endif
