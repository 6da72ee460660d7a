/* SPDX-License-Identifier: Apache-2.0 */
/* Reads rules for system calls. Every refusal names the line and the word that is wrong. */
#include "engine/confine/seccomp-rules.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#include "engine/base/auto.h"
#include "engine/base/parse.h"

#define MAX_RULES 4096
#define MAX_NAME 64
#define MAX_NUMBER 600 /* beyond the highest system call of any architecture here */
#define ERRNO_MAX 4095

/* Calls of kernels after the oldest libseccomp that is supported: no slips, whatever they look like. */
static const char *const newer[] = {
    "cachestat",	"fchmodat2",
    "file_getattr",	"file_setattr",
    "futex_requeue",	"futex_wait",
    "futex_wake",	"getxattrat",
    "listmount",	"listns",
    "listxattrat",	"lsm_get_self_attr",
    "lsm_list_modules", "lsm_set_self_attr",
    "map_shadow_stack", "mseal",
    "open_tree_attr",	"removexattrat",
    "setxattrat",	"statmount",
    "uretprobe",	"uprobe",
};

static const struct {
	const char *name;
	uint32_t token;
} archs[] = {
    {"all", 0},
    {"x86", SCMP_ARCH_X86},
    {"i386", SCMP_ARCH_X86},
    {"i686", SCMP_ARCH_X86},
    {"x86_64", SCMP_ARCH_X86_64},
    {"amd64", SCMP_ARCH_X86_64},
    {"x32", SCMP_ARCH_X32},
    {"arm", SCMP_ARCH_ARM},
    {"arm64", SCMP_ARCH_AARCH64},
    {"aarch64", SCMP_ARCH_AARCH64},
};

static const struct {
	const char *name;
	enum scmp_compare op;
} ops[] = {
    {"SCMP_CMP_NE", SCMP_CMP_NE},
    {"!=", SCMP_CMP_NE},
    {"SCMP_CMP_LT", SCMP_CMP_LT},
    {"<", SCMP_CMP_LT},
    {"SCMP_CMP_LE", SCMP_CMP_LE},
    {"<=", SCMP_CMP_LE},
    {"SCMP_CMP_EQ", SCMP_CMP_EQ},
    {"==", SCMP_CMP_EQ},
    {"SCMP_CMP_GE", SCMP_CMP_GE},
    {">=", SCMP_CMP_GE},
    {"SCMP_CMP_GT", SCMP_CMP_GT},
    {">", SCMP_CMP_GT},
    {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
    {"&=", SCMP_CMP_MASKED_EQ},
};

/* A text on its way: where it is, and what holds there. */
struct reader {
	unsigned line;
	enum seccomp_syntax syntax;
	uint32_t arch;
	uint32_t action; /* of a name alone */
	struct seccomp_rules *rules;
	struct err *err;
};

static int wrong(const struct reader *rd, struct str word, const char *why)
{
	AUTO(buf_done) struct buf b = BUF_NULL;

	buf_escape(&b, (struct str){word.ptr, MIN(word.len, (size_t)MAX_NAME)});
	return err_set(rd->err, EINVAL, "in line %u has \"%s\", which %s", rd->line, buf_cstr(&b), why);
}

/* The next word; words are parted by blanks. */
static bool next_word(struct str *line, struct str *ret)
{
	size_t n = 0;

	*line = str_trim(*line);
	while (n < line->len && line->ptr[n] != ' ' && line->ptr[n] != '\t')
		n++;
	*ret = (struct str){line->ptr, n};
	*line = (struct str){line->ptr + n, line->len - n};
	return n > 0;
}

static bool is_word_of_names(struct str w)
{
	for (size_t i = 0; i < w.len; i++)
		if (!islower((unsigned char)w.ptr[i]) && !isdigit((unsigned char)w.ptr[i]) && w.ptr[i] != '_')
			return false;
	return w.len > 0 && w.len <= MAX_NAME && !isdigit((unsigned char)w.ptr[0]);
}

/* ---- names */

/* Whether one insertion, deletion, replacement or swap of neighbours makes @b of @a. */
static bool is_one_off(struct str a, struct str b)
{
	size_t i = 0, tail = 0, shorter = MIN(a.len, b.len), longer = MAX(a.len, b.len);

	if (longer - shorter > 1)
		return false;
	while (i < shorter && a.ptr[i] == b.ptr[i])
		i++;
	while (tail < shorter - i && a.ptr[a.len - 1 - tail] == b.ptr[b.len - 1 - tail])
		tail++;
	if (a.len != b.len)
		return i + tail >= shorter;
	return a.len - i - tail <= 1 ||
	       (a.len - i - tail == 2 && a.ptr[i] == b.ptr[i + 1] && a.ptr[i + 1] == b.ptr[i]);
}

/* A name that libseccomp knows and that @w could have been meant as; freed by the caller, as it came from
 * malloc(). */
static char *meant(struct str w)
{
	static const uint32_t tokens[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_AARCH64};

	for (size_t a = 0; w.len >= 3 && a < ARRAY_SIZE(tokens); a++)
		for (int nr = 0; nr < MAX_NUMBER; nr++) {
			AUTO(free) char *name = seccomp_syscall_resolve_num_arch(tokens[a], nr);

			if (name && is_one_off(w, str_from(name)))
				return TAKE(name);
		}
	return NULL;
}

/* Return: 1 known; 0 to be left out; -EINVAL */
static int read_name(const struct reader *rd, struct str word, int *ret)
{
	AUTO(free) char *name = str_dup(word), *other = NULL;
	bool is_newer = false;

	if (!is_word_of_names(word))
		return wrong(rd, word,
			     "is no name of a system call: those are of small letters, digits and '_'");
	*ret = seccomp_syscall_resolve_name(name);
	if (*ret != __NR_SCMP_ERROR)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(newer); i++)
		is_newer = is_newer || str_is(word, newer[i]);
	other = is_newer ? NULL : meant(word);
	if (other)
		return err_set(rd->err, EINVAL,
			       "in line %u has \"%s\", which is no system call: is %s meant?", rd->line, name,
			       other);
	buf_printf(&rd->rules->unknown, "%s%s", rd->rules->unknown.len ? ", " : "", name);
	return 0;
}

/* ---- actions and conditions */

/* @rest is after the word @word. Return: 1 it is an action; 0 it is none; -EINVAL */
static int read_action(const struct reader *rd, struct str word, struct str *rest, uint32_t *ret)
{
	struct str number;
	uint64_t n;

	if (str_is(word, "allow"))
		*ret = SCMP_ACT_ALLOW;
	else if (str_is(word, "kill"))
		*ret = SCMP_ACT_KILL_PROCESS;
	else if (str_is(word, "trap"))
		*ret = SCMP_ACT_TRAP;
	else if (str_is(word, "notify"))
		return wrong(rd, word, "can't be: nothing on the host answers calls of an instance");
	else if (!str_is(word, "errno"))
		return 0;
	if (!str_is(word, "errno"))
		return 1;
	if (!next_word(rest, &number))
		return wrong(rd, word, "wants a number after it, such as errno 38");
	if (parse_u64(number, 0, ERRNO_MAX, &n) < 0)
		return wrong(rd, number, "is no error number: 0 to 4095 are");
	*ret = SCMP_ACT_ERRNO((uint32_t)n);
	return 1;
}

/* Decimal, or hexadecimal after 0x. */
static bool read_value(struct str s, uint64_t *ret)
{
	uint64_t v = 0;

	s = str_trim(s);
	if (!str_has_prefix(s, STR("0x")))
		return parse_u64(s, 0, UINT64_MAX, ret) == 0;
	if (s.len < 3 || s.len > 18)
		return false;
	for (size_t i = 2; i < s.len; i++) {
		int c = tolower((unsigned char)s.ptr[i]);

		if (!isxdigit(c))
			return false;
		v = v << 4 | (uint64_t)(isdigit(c) ? c - '0' : c - 'a' + 10);
	}
	*ret = v;
	return true;
}

/* "1,2,&=,3" of [1,2,&=,3] */
static int read_condition(const struct reader *rd, struct str text, struct scmp_arg_cmp *ret)
{
	static const char form[] = "is no condition: [INDEX,VALUE,OP] is, such as [1,1,==], or "
				   "[1,VALUE,&=,MASK]";
	struct str rest = text, f[4] = {0};
	uint64_t index, value, second = 0;
	size_t n = 0, op = 0;

	while (n < 4 && str_next(&rest, ',', &f[n]))
		n++;
	if (n < 3 || rest.len)
		return wrong(rd, text, form);
	if (parse_u64(str_trim(f[0]), 0, SECCOMP_ARGS - 1, &index) < 0)
		return wrong(rd, f[0], "is no argument: they are numbered from 0 to 5");
	while (op < ARRAY_SIZE(ops) && !str_is(str_trim(f[2]), ops[op].name))
		op++;
	if (op == ARRAY_SIZE(ops))
		return wrong(rd, f[2], "is no comparison: one of != < <= == >= > &= is");
	if (!read_value(f[1], &value))
		return wrong(rd, f[1], "is no number");
	if ((n == 4) != (ops[op].op == SCMP_CMP_MASKED_EQ))
		return wrong(rd, text,
			     n == 4 ? "has a fourth part, which only &= takes" : "lacks the mask of &=");
	if (n == 4 && !read_value(f[3], &second))
		return wrong(rd, f[3], "is no number");
	if (n == 4 && value & ~second)
		return wrong(rd, f[1], "has bits that its mask leaves out: no call would match");
	*ret = (struct scmp_arg_cmp){(unsigned)index, ops[op].op, n == 4 ? second : value, value};
	return 0;
}

static int read_conditions(const struct reader *rd, struct str rest, struct seccomp_rule *rule)
{
	for (rest = str_trim(rest); rest.len; rest = str_trim(rest)) {
		const char *end = memchr(rest.ptr, ']', rest.len);
		struct scmp_arg_cmp *arg = &rule->args[rule->n_args];
		int r;

		if (rest.ptr[0] != '[') {
			struct str word;

			next_word(&rest, &word);
			return wrong(rd, word,
				     "is none of errno N, kill, trap, allow, nor a condition in [ ]");
		}
		if (!end)
			return wrong(rd, rest, "lacks its ]");
		if (rule->n_args == SECCOMP_ARGS)
			return wrong(rd, rest, "is a seventh condition: a call has six arguments");
		r = read_condition(rd, (struct str){rest.ptr + 1, (size_t)(end - rest.ptr) - 1}, arg);
		if (r < 0)
			return r;
		for (unsigned i = 0; i < rule->n_args; i++)
			if (rule->args[i].arg == arg->arg)
				return wrong(rd, rest,
					     "is a second condition of one argument: a line takes one "
					     "for each, and several lines hold beside one another");
		rule->n_args++;
		rest = (struct str){end + 1, rest.len - (size_t)(end + 1 - rest.ptr)};
	}
	return 0;
}

/* ---- lines */

void seccomp_rules_add(struct seccomp_rules *rules, const struct seccomp_rule *rule)
{
	size_t keep = 0;

	for (size_t i = 0; i < rules->n; i++) {
		const struct seccomp_rule *old = &rules->list[i];
		bool is_replaced =
		    !rule->n_args && old->nr == rule->nr && (!rule->arch || old->arch == rule->arch);

		if (!is_replaced)
			rules->list[keep++] = *old;
	}
	rules->n = keep;
	rules->list = xrealloc(rules->list, (rules->n + 1) * sizeof(*rules->list));
	rules->list[rules->n++] = *rule;
}

static void add_force_umount(const struct reader *rd)
{
	struct seccomp_rule rule = {
	    .arch = rd->arch,
	    .nr = seccomp_syscall_resolve_name("umount2"),
	    .action = SCMP_ACT_ERRNO(EACCES),
	    .args = {{1, SCMP_CMP_MASKED_EQ, MNT_FORCE, MNT_FORCE}},
	    .n_args = 1,
	};

	seccomp_rules_add(rd->rules, &rule);
}

static int read_rule(struct reader *rd, struct str line)
{
	struct seccomp_rule rule = {.arch = rd->arch, .action = rd->action};
	struct str word, rest;
	int r, known;

	next_word(&line, &word);
	if (str_is(word, "reject_force_umount") && !str_trim(line).len) {
		add_force_umount(rd);
		return 0;
	}
	known = read_name(rd, word, &rule.nr);
	if (known < 0)
		return known;
	rest = line;
	r = next_word(&rest, &word) ? read_action(rd, word, &rest, &rule.action) : 0;
	if (r < 0)
		return r;
	r = read_conditions(rd, r ? rest : line, &rule);
	if (r < 0 || !known)
		return r;
	if (rd->rules->n >= MAX_RULES)
		return wrong(rd, word, "is one rule too many: 4096 is the most");
	if (rule.n_args && rule.action == rd->rules->otherwise)
		return wrong(rd, word,
			     "does with a condition what happens without the line: it would have no "
			     "effect");
	seccomp_rules_add(rd->rules, &rule);
	return 0;
}

static int read_section(struct reader *rd, struct str line)
{
	if (rd->syntax != SECCOMP_POLICY)
		return wrong(rd, line, "begins a section, which only raw.seccomp has");
	for (size_t i = 0; line.ptr[line.len - 1] == ']' && i < ARRAY_SIZE(archs); i++) {
		if (!str_is((struct str){line.ptr + 1, line.len - 2}, archs[i].name))
			continue;
		rd->arch = archs[i].token;
		return 0;
	}
	return wrong(rd, line, "is no architecture: [all], [x86_64], [x86], [x32], [arm64] and [arm] are");
}

/* The first lines of a policy. Return: 1 it was one of them */
static int read_head(struct reader *rd, struct str line, unsigned *lines)
{
	struct str word, rest = line;
	uint32_t action = SCMP_ACT_KILL_PROCESS;
	bool allows;
	int r;

	next_word(&rest, &word);
	if (*lines == 0) {
		if (!str_is(line, "2"))
			return wrong(rd, line,
				     "isn't the syntax's version: a policy begins with a line \"2\"");
		++*lines;
		return 1;
	}
	if (*lines > 1)
		return 0;
	allows = str_is(word, "allowlist") || str_is(word, "whitelist");
	if (!allows && !str_is(word, "denylist") && !str_is(word, "blacklist"))
		return wrong(rd, word, "isn't the kind of list: the second line is denylist or allowlist");
	if (next_word(&rest, &word)) {
		r = read_action(rd, word, &rest, &action);
		if (r == 0 || str_trim(rest).len)
			return wrong(rd, r ? str_trim(rest) : word,
				     "isn't one of errno N, kill, trap, allow");
		if (r < 0)
			return r;
	}
	rd->rules->otherwise = allows ? action : SCMP_ACT_ALLOW;
	rd->action = allows ? SCMP_ACT_ALLOW : action;
	++*lines;
	return 1;
}

int seccomp_rules_parse(struct str text, enum seccomp_syntax syntax, struct seccomp_rules *ret,
			struct err *err)
{
	struct reader rd = {
	    .syntax = syntax,
	    .action = syntax == SECCOMP_ALLOW ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS,
	    .rules = ret,
	    .err = err,
	};
	struct str line;
	unsigned head = 0;

	if (syntax == SECCOMP_DENY)
		ret->otherwise = SCMP_ACT_ALLOW;
	else
		ret->otherwise = SCMP_ACT_KILL_PROCESS;
	while (str_next(&text, '\n', &line)) {
		const char *remark = memchr(line.ptr, '#', line.len);
		int r;

		rd.line++;
		if (remark)
			line.len = (size_t)(remark - line.ptr);
		line = str_trim(line);
		if (!line.len)
			continue;
		r = syntax == SECCOMP_POLICY ? read_head(&rd, line, &head) : 0;
		if (r == 0)
			r = line.ptr[0] == '[' ? read_section(&rd, line) : read_rule(&rd, line);
		if (r < 0)
			return r;
	}
	if (syntax == SECCOMP_POLICY && head < 2)
		return err_set(err, EINVAL,
			       "has no list: a policy is a line \"2\", a line denylist or allowlist, and "
			       "its rules");
	return 0;
}

void seccomp_rules_done(struct seccomp_rules *rules)
{
	free(rules->list);
	buf_done(&rules->unknown);
	*rules = (struct seccomp_rules){0};
}
