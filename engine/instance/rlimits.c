/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits: names, values, and their way to a process. */
#include "engine/instance/rlimits.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "engine/base/auto.h"
#include "engine/base/buf.h"
#include "engine/base/parse.h"

static const struct {
	const char *name;
	int resource;
} names[] = {
    {"as", RLIMIT_AS},
    {"core", RLIMIT_CORE},
    {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},
    {"fsize", RLIMIT_FSIZE},
    {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK},
    {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},
    {"nproc", RLIMIT_NPROC},
    {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},
    {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
};

static bool read_one(struct str s, uint64_t *ret)
{
	s = str_trim(s);
	if (!str_is(s, "unlimited"))
		return parse_size(s, ret) == 0;
	*ret = RLIM_INFINITY;
	return true;
}

int rlimits_parse(struct str name, struct str value, struct container_rlimit *ret, struct err *err)
{
	struct str soft, hard = value;
	size_t i = 0;

	while (i < ARRAY_SIZE(names) && !str_is(name, names[i].name))
		i++;
	if (i == ARRAY_SIZE(names))
		return err_set(err, ENOENT, "there is no limit of that name");
	ret->resource = names[i].resource;
	str_next(&hard, ':', &soft);
	if (!read_one(soft, &ret->soft) || (soft.len < value.len && !read_one(hard, &ret->hard))) {
		AUTO(buf_done) struct buf b = BUF_NULL;

		buf_escape(&b, value);
		return err_set(
		    err, EINVAL,
		    "is \"%s\": a number, a size such as 64MiB or unlimited is wanted, or two of them as "
		    "SOFT:HARD",
		    buf_cstr(&b));
	}
	if (soft.len == value.len)
		ret->hard = ret->soft;
	if (ret->soft > ret->hard)
		return err_set(err, EINVAL,
			       "is \"%.*s\": the soft limit, which comes first, isn't above the hard one",
			       STR_FMT(value));
	return 0;
}

const char *rlimits_name(int resource)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].resource == resource)
			return names[i].name;
	return NULL;
}

int rlimits_set(pid_t pid, const struct container_rlimit *list, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct rlimit limit = {list[i].soft, list[i].hard};
		const char *name = rlimits_name(list[i].resource);

		if (prlimit(pid, (enum __rlimit_resource)list[i].resource, &limit, NULL) == 0)
			continue;
		if (errno == EPERM && list[i].resource == RLIMIT_NOFILE)
			return err_set(
			    err, EPERM,
			    "limits.kernel.nofile is more than the host's fs.nr_open lets anybody have");
		return err_set(err, errno, "limits.kernel.%s can't be set to %llu:%llu: %s",
			       name ? name : "?", (unsigned long long)limit.rlim_cur,
			       (unsigned long long)limit.rlim_max, strerror(errno));
	}
	return 0;
}
