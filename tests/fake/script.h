/* SPDX-License-Identifier: MIT */
/*
 * script.h - a target that says what a script says, word for word, and checks what it is asked.
 *
 * Of each login request the header is checked in any case (RFC 7143 section 11.12), and a CHAP
 * response by the secret of the initiator; its flags and its text are what the step says.
 */
#ifndef TESTS_SCRIPT_H
#define TESTS_SCRIPT_H

#include "fake.h"

#define SCRIPT_USER "host-user"
#define SCRIPT_SECRET "secret-of-the-host"
#define SCRIPT_USER_IN "disk-user"
#define SCRIPT_SECRET_IN "secret-of-the-disk"

struct script_step {
	uint8_t asked;	 /* flags and stages of the request */
	const char *ask; /* its text: | for NUL, * for anything; NULL: not looked at */
	/*
	 * The answer's flags T and C, stages as in the request, and its text. In it $R is the
	 * target's proof, $L the longest challenge that may be, $M one byte more, and $I, $C, $N,
	 * $r what the initiator said last in CHAP_I, ... and CHAP_R.
	 */
	uint8_t flags;
	const char *answer; /* NULL ends the script */
	uint16_t status;
	void (*spoil)(uint8_t bhs[BHS_LEN]); /* what else is wrong with the answer */
};

/* From the next login request on, first_statsn is the StatSN of each connection's first answer. */
void script_start(struct fake_target *t, const struct script_step *steps, uint32_t first_statsn);
/* Fails the test, naming it, unless each step has had its turn. */
void script_assert_over(const char *test);
/* One answer without a script: the step's, whatever was asked. */
void script_say(const struct script_step *step, const struct fake_pdu *to, struct fake_pdu *ret);
/* What the initiator said last, by the letter of it. */
const char *script_heard(char letter);

#endif
