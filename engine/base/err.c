/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: see err.h. */
#include "engine/base/err.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sentences are shown on terminals, and parts of them come from anybody: names, values, what a program said.
 * Neither control characters nor, as UTF-8 or single bytes, those above 0x80 get through. */
static void clean(char *text)
{
	unsigned char *p = (unsigned char *)text;

	for (; p && *p; p++) {
		bool lone = p == (unsigned char *)text || p[-1] < 0x80;

		if (*p == '\n' || *p == '\t') {
			*p = ' ';
		} else if (*p < 0x20 || *p == 0x7f || (lone && *p >= 0x80 && *p < 0xa0)) {
			*p = '?';
		} else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) {
			*p++ = '?';
			*p = '?';
		}
	}
}

int err_setv(struct err *err, int errnum, const char *fmt, va_list ap)
{
	char *text = NULL;

	if (!err)
		return -errnum;
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	clean(text);
	free(err->text);
	err->text = text;
	err->errnum = errnum;
	return -errnum;
}

int err_set(struct err *err, int errnum, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = err_setv(err, errnum, fmt, ap);
	va_end(ap);
	return r;
}

int err_prefix(struct err *err, const char *fmt, ...)
{
	char *head = NULL, *text = NULL;
	va_list ap;
	int r;

	if (!err)
		return -1;
	va_start(ap, fmt);
	r = vasprintf(&head, fmt, ap);
	va_end(ap);
	if (r >= 0 && asprintf(&text, "%s%s", head, err_text(err)) >= 0) {
		clean(text);
		free(err->text);
		err->text = text;
	}
	if (r >= 0)
		free(head);
	return -err->errnum;
}

int err_move(struct err *to, struct err *from)
{
	int errnum = from->errnum;

	if (to) {
		free(to->text);
		*to = *from;
	} else {
		free(from->text);
	}
	*from = ERR_NULL;
	return -errnum;
}

const char *err_text(const struct err *err)
{
	if (!err)
		return "unknown error";
	return err->text ? err->text : strerror(err->errnum);
}

void err_done(struct err *err)
{
	if (!err)
		return;
	free(err->text);
	*err = ERR_NULL;
}
