/* SPDX-License-Identifier: Apache-2.0 */
/* The project's one way to fail: a negative errno, and a sentence that tells the admin what was wrong. */
#pragma once

#include <stdarg.h>

/* Zero-initialise with ERR_NULL; err_done() frees. */
struct err {
	int errnum; /* positive errno, 0: none */
	char *text; /* one sentence: what was wrong, the value, what would be right; no newline */
};

#define ERR_NULL ((struct err){0})

/**
 * err_set() - record a failure, replacing what was there
 * @err:    may be NULL, then only the number travels
 * @errnum: positive errno
 * @fmt:    the sentence
 *
 * Return: -@errnum, so that a failure is one statement
 */
int err_set(struct err *err, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4), cold));

/** err_setv() - err_set() with a va_list */
int err_setv(struct err *err, int errnum, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0), cold));

/**
 * err_prefix() - put context before the sentence ("starting foo: "), keeping the number
 *
 * Return: -errnum of @err
 */
int err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/** err_move() - @to takes over the content of @from, which is empty then. Return: -errnum */
int err_move(struct err *to, struct err *from);

/** err_text() - the sentence, or the errno's own text where there is none. Never NULL */
const char *err_text(const struct err *err);

/** err_done() - free; @err is ERR_NULL then. NULL is accepted */
void err_done(struct err *err);

static inline void err_done_auto(struct err *err)
{
	err_done(err);
}
