/* SPDX-License-Identifier: Apache-2.0 */
/* Reads passwd(5) and group(5) of a container, without believing them: a wrong line is passed over. */
#include "engine/kind/exec-user.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/sys.h"

#define FILE_MAX (1 << 20)
#define FIELDS 7
#define ID_MAX 4294967294u /* the last one means "none" to the kernel */

static bool parse_id(struct str s, uint32_t *ret)
{
	uint64_t n = 0;

	if (!s.len || s.len > 10)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(s.ptr[i] - '0');
	}
	*ret = (uint32_t)n;
	return n <= ID_MAX;
}

static size_t split(struct str line, struct str *fields, size_t max)
{
	size_t n = 0;

	while (n < max && str_next(&line, ':', &fields[n]))
		n++;
	return n;
}

/* Goes into the environment of the command: a word that can't be taken for anything else. */
static char *clean(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
			return NULL;
	return s.len && s.len < 256 ? str_dup(s) : NULL;
}

int passwd_find(struct str text, const char *name, uint32_t id, struct exec_user *ret)
{
	struct str line, f[FIELDS];

	while (str_next(&text, '\n', &line)) {
		uint32_t uid, gid;

		if (split(line, f, FIELDS) < 4 || !parse_id(f[2], &uid) || !parse_id(f[3], &gid))
			continue;
		if (name ? !str_is(f[0], name) : uid != id)
			continue;
		ret->uid = uid;
		ret->gid = gid;
		ret->name = clean(f[0]);
		ret->home = split(line, f, FIELDS) > 5 && f[5].len && f[5].ptr[0] == '/' ? clean(f[5]) : NULL;
		return 0;
	}
	return -ENOENT;
}

int group_find(struct str text, const char *name, uint32_t *ret)
{
	struct str line, f[FIELDS];

	while (str_next(&text, '\n', &line))
		if (split(line, f, FIELDS) >= 3 && str_is(f[0], name) && parse_id(f[2], ret))
			return 0;
	return -ENOENT;
}

/* A file inside, opened as a process in there would; NULL where there is none, or no plain file. */
static char *read_inside(struct container *c, const char *path)
{
	AUTO(free) char *root_path = xasprintf("/proc/%d/root", container_pid(c)), *text = NULL;
	AUTO(fd) int root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -EBADF;
	struct stat st;
	size_t done = 0;

	/* alive after the open: the number was its own */
	if (root < 0 || sys_pidfd_signal(container_pidfd(c), 0, NULL) < 0)
		return NULL;
	/* of the root itself: what is mounted over it may be a file system that its server never answers for
	 */
	fd = sys_openat2(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0,
			 RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	text = xcalloc(1, FILE_MAX + 1);
	while (done < FILE_MAX) {
		ssize_t n = sys_read(fd, text + done, FILE_MAX - done);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return TAKE(text);
}

static int find_user(struct container *c, const char *user, struct exec_user *ret, struct err *err)
{
	AUTO(free) char *text = NULL;
	uint32_t uid = 0;
	bool is_number = !user || parse_id(str_from(user), &uid);

	text = read_inside(c, "/etc/passwd");
	if (text && passwd_find(str_from(text), is_number ? NULL : user, uid, ret) == 0)
		return 0;
	if (!is_number)
		return err_set(err, EINVAL, "user is \"%s\": /etc/passwd of the instance has no such user",
			       user);
	/* who isn't listed has an id all the same */
	ret->uid = uid;
	ret->gid = 0;
	return 0;
}

int exec_user_find(struct container *c, const char *user, const char *group, struct exec_user *ret,
		   struct err *err)
{
	AUTO(free) char *text = NULL;
	int r;

	user = user && *user ? user : NULL;
	r = find_user(c, user, ret, err);
	if (r < 0 || !group || !*group || parse_id(str_from(group), &ret->gid))
		return r;
	text = read_inside(c, "/etc/group");
	if (text && group_find(str_from(text), group, &ret->gid) == 0)
		return 0;
	return err_set(err, EINVAL, "group is \"%s\": /etc/group of the instance has no such group", group);
}

void exec_user_done(struct exec_user *u)
{
	free(u->name);
	free(u->home);
	*u = (struct exec_user){0};
}
