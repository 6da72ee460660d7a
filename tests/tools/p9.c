/* SPDX-License-Identifier: Apache-2.0 */
/* Talks 9P to lxdfs-9p, byte by byte: plays exchanges from a file and prints TAP.
 *
 *     p9 MOUNT UID GID VIEW [PROJECT...] <EXCHANGES
 *     p9 through COMMAND <EXCHANGES               COMMAND's standard input and output are the connection
 *
 * VIEW is all, projects or guest. An exchange is a title line, then steps; each gets a connection of its own:
 *
 *     # walk with a slash
 *     > attach fid=0
 *     < Rattach
 *     > walk fid=0 newfid=1 names=a/b|c        (names are parted by |)
 *     < error EINVAL
 *
 * A connection begins with Tversion by itself unless the title ends with " (raw)". What can be said:
 *     > TYPE FIELD=VALUE ...   one message; tag=N (1 otherwise), size=N lies about its size, cut=N leaves
 * bytes out > hex 07000000...        bytes > zeros N                as many zero bytes < Rtype FIELD=VALUE
 * ...  the next message has that type and, where they are named, those values < error ERRNO[,ERRNO]    the
 * next message is Rlerror with one of them < any                    any message < closed nothing more comes,
 * the connection is closed < silence                nothing comes for a while, the connection lives repeat N
 * the steps until `end` so often; %d in values is the turn
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/parse.h"
#include "engine/base/spawn.h"
#include "engine/base/sys.h"
#include "fs/9p/orders.h"
#include "fs/9p/view.h"
#include "fs/9p/wire.h"

#define WAIT_MS 15000
#define QUIET_MS 150
#define LINES_MAX 8192

static const struct {
	const char *name;
	enum { T8, T16, T32, T64, TTEXT } kind;
	size_t at;
} fields[] = {
    {"fid", T32, offsetof(struct p9_msg, fid)},	      {"newfid", T32, offsetof(struct p9_msg, newfid)},
    {"name", TTEXT, offsetof(struct p9_msg, name)},   {"name2", TTEXT, offsetof(struct p9_msg, name2)},
    {"data", TTEXT, offsetof(struct p9_msg, data)},   {"flags", T32, offsetof(struct p9_msg, flags)},
    {"mode", T32, offsetof(struct p9_msg, mode)},     {"uid", T32, offsetof(struct p9_msg, uid)},
    {"gid", T32, offsetof(struct p9_msg, gid)},	      {"count", T32, offsetof(struct p9_msg, count)},
    {"msize", T32, offsetof(struct p9_msg, msize)},   {"type", T8, offsetof(struct p9_msg, lock_type)},
    {"status", T8, offsetof(struct p9_msg, status)},  {"offset", T64, offsetof(struct p9_msg, offset)},
    {"length", T64, offsetof(struct p9_msg, length)}, {"mask", T64, offsetof(struct p9_msg, mask)},
    {"bytes", T64, offsetof(struct p9_msg, size)},    {"oldtag", T16, offsetof(struct p9_msg, oldtag)},
    {"tag", T16, offsetof(struct p9_msg, tag)},	      {"n", T16, offsetof(struct p9_msg, n)},
};

static struct {
	const char *mount, *const *projects, *through;
	uint32_t uid, gid;
	enum view_kind view;
	int client, control;
	char out[P9_MSIZE_MAX + 4096], in[P9_MSIZE_MAX];
	size_t in_len;
} t = {.client = -EBADF, .control = -EBADF};

static char why[512];

static bool bad(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static bool bad(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return false;
}

/* ---- the connection */

static void hang_up(void)
{
	if (t.client >= 0)
		close(t.client);
	if (t.control >= 0)
		close(t.control);
	t.client = t.control = -EBADF;
}

/* A client of somebody else's carries the bytes. */
static bool connect_through(void)
{
	const char *argv[] = {"sh", "-c", t.through, NULL};
	posix_spawn_file_actions_t files;
	pid_t pid;
	int pair[2];

	hang_up();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return bad("socketpair: %s", strerror(errno));
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, pair[1], 0);
	posix_spawn_file_actions_adddup2(&files, pair[1], 1);
	if (posix_spawn(&pid, "/bin/sh", &files, NULL, (char *const *)argv, environ))
		return bad("%s can't be run", t.through);
	posix_spawn_file_actions_destroy(&files);
	close(pair[1]);
	t.client = pair[0];
	return true;
}

static bool connect_server(void)
{
	AUTO(buf_done) struct buf body = BUF_NULL;
	AUTO(msg_done) struct msg m = MSG_NULL;
	AUTO(free) char *bin = xasprintf("%s/bin", getenv("LXDFS_BUILD") ?: "build/release");
	struct err err = ERR_NULL;
	int pair[2];

	if (t.through)
		return connect_through();
	hang_up();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return bad("socketpair: %s", strerror(errno));
	t.client = pair[0];
	if (spawn_helper(bin, "lxdfs-9p", NULL, &t.control, &err) < 0)
		return bad("%s", err_text(&err));
	pack_u32(&body, t.view);
	pack_u32(&body, t.uid);
	pack_u32(&body, t.gid);
	pack_u32(&body, 0);
	pack_text(&body, t.mount);
	pack_texts(&body, t.projects);
	if (msg_send(t.control, &ninep_table, NINEP_SERVE, 0, buf_str(&body), &pair[1], 1) < 0)
		return bad("the orders can't be sent");
	close(pair[1]);
	if (msg_recv(t.control, &ninep_table, &m, &err) <= 0 || m.type->number != NINEP_SERVING) {
		struct unpack u = {.ptr = m.body, .left = m.len};

		if (m.type && m.type->number == NINEP_FAILED)
			unpack_err(&u, &err);
		return bad("it doesn't serve: %s", err_text(&err));
	}
	return true;
}

/* Return: 1 bytes are there; 0 closed; -1 silence */
static int await(int ms)
{
	struct pollfd p = {.fd = t.client, .events = POLLIN};
	char c;

	if (poll(&p, 1, ms) <= 0)
		return -1;
	return recv(t.client, &c, 1, MSG_PEEK) > 0;
}

static bool receive(struct p9_msg *m)
{
	size_t need = 4;

	for (t.in_len = 0; t.in_len < need;) {
		ssize_t n;

		if (await(WAIT_MS) < 0)
			return bad("no answer came");
		n = sys_read(t.client, t.in + t.in_len, need - t.in_len);
		if (n <= 0)
			return bad("the connection was closed");
		t.in_len += (size_t)n;
		if (t.in_len == 4)
			need = p9_size(t.in);
		if (need < P9_HEADER || need > sizeof(t.in))
			return bad("an answer of %zu bytes", need);
	}
	if (p9_decode((struct str){t.in, t.in_len}, m) < 0)
		return bad("an answer that is no message");
	return true;
}

/* ---- what the file says */

static char *turn_in(const char *text, unsigned turn)
{
	const char *d = strstr(text, "%d");

	return d ? xasprintf("%.*s%u%s", (int)(d - text), text, turn, d + 2) : xstrdup(text);
}

static bool field_set(struct p9_msg *m, const char *name, const char *value)
{
	void *at;
	uint64_t v;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (strcmp(fields[i].name, name))
			continue;
		at = (char *)m + fields[i].at;
		if (fields[i].kind == TTEXT) {
			*(struct str *)at = str_from(value);
			return true;
		}
		v = strtoull(value, NULL, 0);
		switch (fields[i].kind) {
		case T8:
			*(uint8_t *)at = (uint8_t)v;
			break;
		case T16:
			*(uint16_t *)at = (uint16_t)v;
			break;
		case T32:
			*(uint32_t *)at = (uint32_t)v;
			break;
		default:
			*(uint64_t *)at = v;
			break;
		}
		return true;
	}
	return bad("no field is called %s", name);
}

static bool field_is(const struct p9_msg *m, const char *name, const char *value)
{
	struct p9_msg want = {0};

	if (!field_set(&want, name, value))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const void *is = (const char *)m + fields[i].at, *wanted = (const char *)&want + fields[i].at;
		static const size_t sizes[] = {1, 2, 4, 8};

		if (strcmp(fields[i].name, name))
			continue;
		if (fields[i].kind == TTEXT) {
			if (!str_eq(*(const struct str *)is, *(const struct str *)wanted))
				return bad("%s is \"%.*s\", not \"%s\"", name,
					   STR_FMT(*(const struct str *)is), value);
		} else if (memcmp(is, wanted, sizes[fields[i].kind])) {
			return bad("%s isn't %s", name, value);
		}
	}
	return true;
}

static int type_of(const char *name, char first)
{
	char whole[32];

	snprintf(whole, sizeof(whole), "%c%s", first, name);
	for (int i = 0; i < 256; i++)
		if (p9_name((uint8_t)i) && !strcmp(p9_name((uint8_t)i), whole))
			return i;
	return -1;
}

static bool say(const char *bytes, size_t len)
{
	/* a server that has closed is for the next line to notice */
	(void)!send(t.client, bytes, len, MSG_NOSIGNAL);
	return true;
}

static bool say_hex(const char *hex)
{
	size_t n = 0;

	for (; isxdigit((unsigned char)hex[0]) && isxdigit((unsigned char)hex[1]); hex += 2) {
		char two[3] = {hex[0], hex[1], 0};

		t.out[n++] = (char)strtoul(two, NULL, 16);
	}
	return say(t.out, n);
}

static bool say_message(char *words, unsigned turn)
{
	struct p9_msg m = {.tag = 1, .newfid = P9_NOFID};
	char *rest = words, *word = strsep(&rest, " ");
	AUTO(texts_free) char **kept = xcalloc(32, sizeof(char *));
	uint32_t lie = 0, cut = 0;
	unsigned n = 0;
	int len, type = type_of(word, 'T');

	if (type < 0)
		return bad("no message is called T%s", word);
	m.type = (uint8_t)type;
	if (type == P9_TVERSION) {
		m.tag = P9_NOTAG;
		m.msize = 65536;
		m.name = STR(P9_VERSION);
	}
	while ((word = strsep(&rest, " "))) {
		char *value = strchr(word, '=');

		if (!value)
			return bad("\"%s\" is no FIELD=VALUE", word);
		*value++ = 0;
		value = kept[n++] = turn_in(value, turn);
		if (!strcmp(word, "size")) {
			lie = (uint32_t)strtoul(value, NULL, 0);
		} else if (!strcmp(word, "cut")) {
			cut = (uint32_t)strtoul(value, NULL, 0);
		} else if (!strcmp(word, "names")) {
			for (char *name; m.n < P9_NAMES_MAX && (name = strsep(&value, "|"));)
				m.names[m.n++] = str_from(name);
		} else if (!field_set(&m, word, value)) {
			return false;
		}
	}
	len = p9_encode(&m, t.out, sizeof(t.out));
	if (len < 0)
		return bad("it can't be encoded: %s", strerror(-len));
	if (lie || cut)
		for (int i = 0; i < 4; i++)
			t.out[i] = (char)((lie ? lie : (uint32_t)len - cut) >> (8 * i));
	return say(t.out, (size_t)len - cut);
}

static bool hear(char *words, unsigned turn)
{
	struct p9_msg m;
	char *rest = words, *word = strsep(&rest, " ");
	int wanted;

	if (!strcmp(word, "closed")) {
		while ((wanted = await(WAIT_MS)) > 0)
			if (sys_read(t.client, t.in, sizeof(t.in)) <= 0)
				return true;
		return wanted == 0 || bad("the connection stays open");
	}
	if (!strcmp(word, "silence")) {
		wanted = await(QUIET_MS);
		return wanted < 0 || bad(wanted ? "something was said" : "the connection was closed");
	}
	if (!receive(&m))
		return false;
	if (!strcmp(word, "any"))
		return true;
	if (!strcmp(word, "error")) {
		char *name;

		if (m.type != P9_RLERROR)
			return bad("%s came, not an error", p9_name(m.type));
		while ((name = strsep(&rest, ", ")))
			if (!strcmp(name, strerrorname_np((int)m.ecode) ?: ""))
				return true;
		return bad("the error is %s", strerrorname_np((int)m.ecode) ?: "?");
	}
	wanted = type_of(word + 1, 'R');
	if (m.type != wanted)
		return bad("%s %s came, not %s", p9_name(m.type),
			   m.type == P9_RLERROR ? strerrorname_np((int)m.ecode) : "", word);
	while ((word = strsep(&rest, " "))) {
		char *value = strchr(word, '=');
		AUTO(free) char *turned = NULL;

		if (!value)
			return bad("\"%s\" is no FIELD=VALUE", word);
		*value++ = 0;
		turned = turn_in(value, turn);
		if (!field_is(&m, word, turned))
			return false;
	}
	return true;
}

static bool step(const char *line, unsigned turn)
{
	AUTO(free) char *words = xstrdup(line + 2);

	if (line[0] == '<')
		return hear(words, turn);
	if (!strncmp(words, "hex ", 4))
		return say_hex(words + 4);
	if (!strncmp(words, "zeros ", 6)) {
		size_t n = MIN((size_t)strtoul(words + 6, NULL, 10), sizeof(t.out));

		memset(t.out, 0, n);
		return say(t.out, n);
	}
	return say_message(words, turn);
}

static bool greet(void)
{
	char hello[] = "version", answer[] = "Rversion";

	return say_message(hello, 0) && hear(answer, 0);
}

/* The steps of one exchange. Return: the line that failed, or NULL */
static const char *play(char *const *lines, size_t n, bool raw)
{
	if (!connect_server() || (!raw && !greet()))
		return "(connecting)";
	for (size_t i = 0; i < n; i++) {
		size_t end = i + 1;

		if (strncmp(lines[i], "repeat ", 7)) {
			if (!step(lines[i], 0))
				return lines[i];
			continue;
		}
		while (end < n && strcmp(lines[end], "end"))
			end++;
		for (unsigned turn = 0; turn < strtoul(lines[i] + 7, NULL, 10); turn++)
			for (size_t j = i + 1; j < end; j++)
				if (!step(lines[j], turn))
					return lines[j];
		i = end;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static const char *const views[] = {"all", "projects", "guest"};
	static char *lines[LINES_MAX];
	char line[8192];
	size_t n = 0, number = 0, failed = 0;

	if (argc == 3 && !strcmp(argv[1], "through")) {
		signal(SIGCHLD, SIG_IGN);
		t.through = argv[2];
	} else if (argc < 5) {
		return 2;
	} else {
		t.mount = argv[1];
		t.uid = (uint32_t)strtoul(argv[2], NULL, 10);
		t.gid = (uint32_t)strtoul(argv[3], NULL, 10);
		for (unsigned i = 0; i < ARRAY_SIZE(views); i++)
			if (!strcmp(argv[4], views[i]))
				t.view = VIEW_ALL + i;
		t.projects = (const char *const *)argv + 5;
	}
	while (n < LINES_MAX - 1 && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (*line)
			lines[n++] = xstrdup(line);
	}
	for (size_t i = 0; i < n;) {
		const char *title = lines[i] + 2, *wrong;
		size_t end = i + 1;

		while (end < n && strncmp(lines[end], "# ", 2))
			end++;
		*why = 0;
		wrong = play(lines + i + 1, end - i - 1,
			     strlen(title) > 6 && !strcmp(title + strlen(title) - 6, " (raw)"));
		printf("%sok %zu - %s\n", wrong ? "not " : "", ++number, title);
		if (wrong)
			printf("#   at: %s\n#   %s\n", wrong, why);
		failed += wrong != NULL;
		i = end;
	}
	hang_up();
	printf("1..%zu\n", number);
	return failed ? 1 : 0;
}
