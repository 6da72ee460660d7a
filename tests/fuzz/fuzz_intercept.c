/* SPDX-License-Identifier: Apache-2.0 */
/* A container's call: any registers, any memory, memory that changes between two reads. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/auto.h"
#include "engine/confine/caller.h"
#include "engine/confine/intercept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
	const uint8_t *bytes;
	size_t len, shift; /* each read sees other bytes */
};

static int read_memory(void *ctx, uint64_t address, void *to, size_t len, size_t *ret)
{
	struct memory *m = ctx;
	uint64_t at = address & 0xffff;

	m->shift++;
	if (at >= m->len)
		return m->shift & 8 ? -ESRCH : -EFAULT;
	*ret = MIN(len, m->len - at);
	memcpy(to, m->bytes + at, *ret);
	if (m->shift & 1)
		((char *)to)[0] ^= 1;
	return 0;
}

static bool fs_known(void *ctx, const char *fs)
{
	(void)ctx;
	return strlen(fs) > 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct intercept_call c;
	struct intercept_option options[INTERCEPT_OPTIONS];
	struct caller_ids ids;
	struct seccomp_data call;
	AUTO(free) char *text = NULL, *program = NULL;
	int r, n;

	if (size < sizeof(call))
		return 0;
	memcpy(&call, data, sizeof(call));
	r = intercept_parse(&call, 0x1f, fs_known, read_memory,
			    &(struct memory){data + sizeof(call), size - sizeof(call), 0}, &c);
	if (r > 0 || (r < 0 && c.what))
		abort();
	/* whatever is to be done has its texts whole, and is of the tables */
	if (!memchr(c.path, 0, sizeof(c.path)) || !memchr(c.source, 0, sizeof(c.source)) ||
	    !memchr(c.fs, 0, sizeof(c.fs)) || !memchr(c.options, 0, sizeof(c.options)))
		abort();
	if (c.what == INTERCEPT_MKNOD && (!intercept_device_ok(c.mode, c.dev) || !c.path[0]))
		abort();
	if (c.what == INTERCEPT_SETXATTR && c.xattr_value != 'y')
		abort();
	text = str_dup((struct str){(const char *)data + sizeof(call), size - sizeof(call)});
	n = intercept_options("ext4", text, options);
	for (int i = 0; i < n; i++)
		if (!options[i].name[0] || strchr(options[i].value, '/') || strchr(options[i].value, ','))
			abort();
	program = intercept_fuse(str_from(text), NULL);
	if (program && strpbrk(program, " \t\n;|&$`'\""))
		abort();
	caller_ids_parse(text, &ids);
	return ids.n_groups > CALLER_GROUPS;
}
