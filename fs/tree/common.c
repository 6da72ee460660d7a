/* SPDX-License-Identifier: Apache-2.0 */
/* error, version, used_by and their like. */
#include "fs/tree/common.h"

#include <time.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"

void time_text(struct buf *b, uint64_t ns)
{
	time_t t = (time_t)(ns / 1000000000u);
	char text[32];
	struct tm tm;

	if (ns && gmtime_r(&t, &tm) && strftime(text, sizeof(text), "%FT%TZ", &tm))
		buf_printf(b, "%s\n", text);
}

static int error_read(const struct node *n, struct buf *b, struct err *err)
{
	(void)err;
	pthread_mutex_lock(&n->o->lock);
	if (n->o->error)
		buf_adds(b, n->o->error);
	pthread_mutex_unlock(&n->o->lock);
	return 0;
}

static int version_read(const struct node *n, struct buf *b, struct err *err)
{
	(void)err;
	pthread_mutex_lock(&n->o->lock);
	buf_printf(b, "%llu\n", (unsigned long long)n->o->version);
	pthread_mutex_unlock(&n->o->lock);
	return 0;
}

static int used_by_read(const struct node *n, struct buf *b, struct err *err)
{
	AUTO(texts_free) char **list = n->o->kind->used_by ? n->o->kind->used_by(n->o) : NULL;

	(void)err;
	for (size_t i = 0; list && list[i]; i++)
		buf_printf(b, "%s\n", list[i]);
	return 0;
}

static int created_read(const struct node *n, struct buf *b, struct err *err)
{
	(void)err;
	time_text(b, n->o->created_ns);
	return 0;
}

static int uuid_read(const struct node *n, struct buf *b, struct err *err)
{
	(void)err;
	buf_printf(b, "%s\n", n->o->uuid);
	return 0;
}

static int text_read(const struct node *n, struct buf *b, struct err *err)
{
	(void)err;
	buf_adds(b, n->row->arg);
	return 0;
}

static int text_fn_read(const struct node *n, struct buf *b, struct err *err)
{
	const struct text_source *source = n->row->arg;

	(void)err;
	source->fn(n->o->host, b);
	return 0;
}

const struct node_class class_error = {.read = error_read};
const struct node_class class_version = {.read = version_read};
const struct node_class class_used_by = {.read = used_by_read};
const struct node_class class_created_at = {.read = created_read};
const struct node_class class_uuid = {.read = uuid_read};
const struct node_class class_text = {.read = text_read};
const struct node_class class_text_fn = {.read = text_fn_read};
