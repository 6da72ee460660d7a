/* SPDX-License-Identifier: Apache-2.0 */
/* State files: one that is read and written again says the same, and a damaged one has a sentence. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/base/auto.h"
#include "engine/model/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* its parser forgets a string that breaks off: a damaged file costs some bytes, once */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig";
}

static const struct kind kind = {.number = KIND_SERVER, .name = "server"};

static struct object *parse(struct host *h, const struct buf *text, struct err *err)
{
	return store_parse(h, &kind, buf_str(text), err);
}

static void write_text(struct object *o, struct buf *b)
{
	if (store_text(b, o, o->name, o->own, o->access) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct host h = {0};
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(buf_done) struct buf text = BUF_NULL;
	AUTO(buf_done) struct buf once = BUF_NULL;
	AUTO(buf_done) struct buf twice = BUF_NULL;
	AUTO(object_unref) struct object *o = NULL;
	AUTO(object_unref) struct object *again = NULL;

	buf_add(&text, (const char *)data, size);
	buf_cstr(&text);
	/* the state directory is root's: other files are named by nobody else */
	if (memmem(data, size, "@include", 8))
		return 0;
	o = parse(&h, &text, &err);
	if (!o) {
		if (!err.text)
			abort();
		return 0;
	}
	write_text(o, &once);
	again = parse(&h, &once, &err);
	if (!again)
		abort();
	write_text(again, &twice);
	if (!str_eq(buf_str(&once), buf_str(&twice)))
		abort();
	return 0;
}
