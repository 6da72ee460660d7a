/* SPDX-License-Identifier: Apache-2.0 */
/* KEY=VALUE lines, parsed, written, applied. */
#include "fs/tree/setfile.h"

#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "fs/tree/keydir.h"

#define CHANGES_MAX 4096

/* ---- values: as they are, or $'...' with escapes */

static bool is_plain(const char *value)
{
	if (!*value || *value == ' ' || *value == '\t' || !strncmp(value, "$'", 2))
		return false;
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	return value[strlen(value) - 1] != ' ';
}

void setfile_value(struct buf *b, const char *value)
{
	if (is_plain(value)) {
		buf_adds(b, value);
		return;
	}
	buf_adds(b, "$'");
	for (; *value; value++) {
		if (*value == '\n')
			buf_adds(b, "\\n");
		else if (*value == '\t')
			buf_adds(b, "\\t");
		else if (*value == '\'' || *value == '\\')
			buf_printf(b, "\\%c", *value);
		else if ((unsigned char)*value < 0x20 || *value == 0x7f)
			buf_printf(b, "\\x%02x", (unsigned)(unsigned char)*value);
		else
			buf_addc(b, *value);
	}
	buf_addc(b, '\'');
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* One escape behind its backslash; the text moves on. Return: -EINVAL it is none */
static int unescape(struct str *s, struct buf *b)
{
	char c = s->ptr[0];
	int hi, lo;

	if (c == 'x') {
		hi = s->len > 1 ? hex_digit(s->ptr[1]) : -1;
		lo = s->len > 2 ? hex_digit(s->ptr[2]) : -1;
		if (hi < 0 || lo < 0 || hi + lo == 0)
			return -EINVAL;
		buf_addc(b, (char)(hi << 4 | lo));
		*s = (struct str){s->ptr + 3, s->len - 3};
		return 0;
	}
	c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == '\'' || c == '"' || c == '\\' ? c : 0;
	if (!c)
		return -EINVAL;
	buf_addc(b, c);
	*s = (struct str){s->ptr + 1, s->len - 1};
	return 0;
}

static int parse_value(struct str text, struct buf *b)
{
	if (!str_has_prefix(text, STR("$'"))) {
		buf_add(b, text.ptr, text.len);
		return memchr(text.ptr, 0, text.len) ? -EINVAL : 0;
	}
	text = (struct str){text.ptr + 2, text.len - 2};
	while (text.len && text.ptr[0] != '\'') {
		char c = text.ptr[0];

		text = (struct str){text.ptr + 1, text.len - 1};
		if (!c || (c == '\\' && (!text.len || unescape(&text, b) < 0)))
			return -EINVAL;
		if (c != '\\')
			buf_addc(b, c);
	}
	/* nothing behind the closing quote */
	return text.len == 1 ? 0 : -EINVAL;
}

/* ---- lines */

static void add_change(struct setfile *s, char *take_section, char *take_key, char *take_value)
{
	s->changes = xrealloc(s->changes, (s->n + 1) * sizeof(*s->changes));
	s->texts = xrealloc(s->texts, (s->n + 1) * 3 * sizeof(*s->texts));
	s->texts[s->n * 3] = take_section;
	s->texts[s->n * 3 + 1] = take_key;
	s->texts[s->n * 3 + 2] = take_value;
	s->changes[s->n++] = (struct change){take_section, take_key, take_value};
}

/* "devices/eth0/hwaddr" to its section and key. Return: -EINVAL it is no such path */
static int split_name(struct str name, const char *section, char **ret_section, struct str *ret_key)
{
	const char *slash = name.len ? memrchr(name.ptr, '/', name.len) : NULL;

	*ret_key = name;
	if (section || !slash) {
		*ret_section = xstrdup(section ? section : SECTION_PROPS);
		return slash || !name.len ? -EINVAL : 0;
	}
	*ret_section = str_dup((struct str){name.ptr, (size_t)(slash - name.ptr)});
	*ret_key = (struct str){slash + 1, name.len - (size_t)(slash - name.ptr) - 1};
	if (strcmp(*ret_section, SECTION_CONFIG) && !kind_section(NULL, *ret_section) &&
	    strncmp(*ret_section, SECTION_DEVICES, strlen(SECTION_DEVICES)))
		return -EINVAL;
	return strchr(*ret_section + MIN(strlen(SECTION_DEVICES), strlen(*ret_section)), '/') ? -EINVAL : 0;
}

/* "devices/eth0/" makes the device, "!devices/eth0" drops it whole. */
static int parse_line(struct str line, const char *section, struct setfile *s)
{
	const char *eq = memchr(line.ptr, '=', line.len);
	AUTO(free) char *in = NULL;
	AUTO(buf_done) struct buf value = BUF_NULL;
	struct str key, text;

	if (!eq) {
		bool drops = line.ptr[0] == '!';

		if (section || (!drops && line.ptr[line.len - 1] != '/'))
			return -EINVAL;
		if (drops)
			line = (struct str){line.ptr + 1, line.len - 1};
		else
			line.len--;
		if (!str_has_prefix(line, STR(SECTION_DEVICES)) || line.len == strlen(SECTION_DEVICES) ||
		    memchr(line.ptr + strlen(SECTION_DEVICES), '/', line.len - strlen(SECTION_DEVICES)))
			return -EINVAL;
		add_change(s, str_dup(line), NULL, drops ? NULL : xstrdup(""));
		return 0;
	}
	if (memchr(line.ptr, 0, line.len) ||
	    split_name((struct str){line.ptr, (size_t)(eq - line.ptr)}, section, &in, &key) < 0 || !key.len)
		return -EINVAL;
	text = (struct str){eq + 1, line.len - (size_t)(eq - line.ptr) - 1};
	if (parse_value(text, &value) < 0)
		return -EINVAL;
	add_change(s, TAKE(in), str_dup(key), text.len ? xstrdup(buf_cstr(&value)) : NULL);
	return 0;
}

static int parse_version(struct str text, uint64_t *ret)
{
	AUTO(free) char *copy = str_dup(text);
	char *end;

	*ret = strtoull(copy, &end, 10);
	return text.len && text.ptr[0] >= '0' && text.ptr[0] <= '9' && !*end ? 0 : -EINVAL;
}

int setfile_parse(struct str text, const char *section, bool is_part, struct setfile *ret, struct err *err)
{
	AUTO(setfile_done) struct setfile s = {.if_version = UINT64_MAX};
	const struct str version = STR("if-version=");
	unsigned number = 0;
	struct str line;
	int r = 0;

	if (is_part) {
		const char *last = text.len ? memrchr(text.ptr, '\n', text.len) : NULL;

		text.len = last ? (size_t)(last - text.ptr) : 0;
	}
	while (str_next(&text, '\n', &line)) {
		AUTO(buf_done) struct buf shown = BUF_NULL;

		number++;
		if (!line.len || line.ptr[0] == '#')
			continue;
		if (!s.n && s.if_version == UINT64_MAX && str_has_prefix(line, version))
			r = parse_version((struct str){line.ptr + version.len, line.len - version.len},
					  &s.if_version);
		else
			r = s.n < CHANGES_MAX ? parse_line(line, section, &s) : -E2BIG;
		if (r == -E2BIG)
			return err_set(err, E2BIG, "line %u: %d lines are the most", number, CHANGES_MAX);
		buf_escape(&shown, (struct str){line.ptr, MIN(line.len, (size_t)80)});
		if (r < 0)
			return err_set(
			    err, EINVAL, "line %u is \"%s\": %s is wanted", number, buf_cstr(&shown),
			    section ? "KEY=VALUE" : "KEY=VALUE, config/KEY=VALUE or devices/NAME/KEY=VALUE");
	}
	*ret = s;
	s = (struct setfile){0};
	return 0;
}

void setfile_done(struct setfile *s)
{
	for (size_t i = 0; i < s->n * 3; i++)
		free(s->texts[i]);
	free(s->texts);
	free(s->changes);
	*s = (struct setfile){0};
}

/* ---- the file */

static char *dir_section(const struct node *n)
{
	AUTO(node_done) struct node up = {0};

	if (node_parent(n, &up) < 0 || !up.row->number)
		return NULL;
	return keydir_section(&up);
}

static bool is_settable(const struct node *n, const struct config *c, const char *section, const char *key)
{
	const struct key *k = object_key(n->o, c, section, str_from(key), NULL);

	return k && (!k->mode || k->mode & 0222);
}

/* A key that the reader may not read isn't there for him. */
static void print_section(const struct node *n, const struct caller *who, const struct section *s,
			  const char *prefix, struct buf *b)
{
	AUTO(config_unref) struct config *c = object_effective(n->o);

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < s->n; i++) {
			const char *key = s->pairs[i].key;

			if ((strcmp(key, "type") == 0) != (pass == 0) || !is_settable(n, c, s->name, key) ||
			    !object_may_read(n->o, who, c, s->name, key))
				continue;
			buf_printf(b, "%s%s=", prefix, key);
			setfile_value(b, s->pairs[i].value);
			buf_addc(b, '\n');
		}
}

void setfile_text(const struct node *n, const struct caller *who, struct buf *b)
{
	AUTO(config_unref) struct config *own = object_own(n->o);
	AUTO(free) char *section = dir_section(n);

	if (section) {
		const struct section *s = config_section(own, section);

		if (s)
			print_section(n, who, s, "", b);
		return;
	}
	for (size_t i = 0; i < own->n; i++) {
		const struct section *s = &own->sections[i];
		AUTO(free) char *prefix = *s->name ? xasprintf("%s/", s->name) : xstrdup("");

		if (section_device(s) && !s->n)
			buf_printf(b, "%s\n", prefix);
		print_section(n, who, s, prefix, b);
	}
}

static int set_read(const struct node *n, struct buf *b, struct err *err)
{
	(void)err;
	setfile_text(n, &caller_core, b);
	return 0;
}

static int set_parse(const struct node *n, struct str text, bool is_part, struct setfile *ret,
		     struct err *err)
{
	AUTO(free) char *section = dir_section(n);

	return setfile_parse(text, section, is_part, ret, err);
}

static int set_write(const struct node *n, struct str text, const struct caller *who, struct err *err)
{
	AUTO(setfile_done) struct setfile s = {0};
	struct caller lenient = *who;
	int r = set_parse(n, text, false, &s, err);

	/* lines say what is to be, whatever is */
	lenient.is_lenient = true;
	if (r < 0 || (!s.n && s.if_version == UINT64_MAX))
		return r;
	return object_change(n->o, &lenient, s.changes, s.n, s.if_version, err);
}

/* Of a device whose kind is told by these lines, or isn't yet, nothing is known of its other keys. */
static bool is_open(const struct node *n, const struct config *c, const struct setfile *s,
		    const char *section)
{
	static const char *const telling[] = {"type", "nictype", "network"};
	const struct section *now = config_section(c, section);

	if (strncmp(section, SECTION_DEVICES, strlen(SECTION_DEVICES)) != 0)
		return false;
	for (size_t i = 0; i < s->n; i++)
		for (size_t t = 0; t < ARRAY_SIZE(telling); t++)
			if (s->changes[i].key && !strcmp(s->changes[i].section, section) &&
			    !strcmp(s->changes[i].key, telling[t]))
				return true;
	return !now || !device_type_of(n->o, now, NULL);
}

/* Each complete line on its own; what they do together is known at the end. */
static int set_check(const struct node *n, struct str text, const struct caller *who, struct err *err)
{
	AUTO(config_unref) struct config *c = object_effective(n->o);
	AUTO(setfile_done) struct setfile s = {0};
	int r = set_parse(n, text, true, &s, err);

	for (size_t i = 0; i < s.n && !r; i++) {
		AUTO(buf_done) struct buf canonical = BUF_NULL;
		const struct change *x = &s.changes[i];
		const struct key *k;
		bool open;

		if (!x->key) {
			r = object_may_change(n->o, who, x, err);
			continue;
		}
		open = is_open(n, c, &s, x->section);
		k = object_key(n->o, c, x->section, str_from(x->key), open ? NULL : err);
		if (!k && open)
			continue;
		if (!k)
			return -err->errnum;
		r = object_may_change(n->o, who, x, err);
		if (!r && x->value && !open)
			r = key_parse(k, str_from(x->key), str_from(x->value), &canonical, err);
	}
	return r;
}

const struct node_class class_set = {
    .read = set_read, .write = set_write, .check = set_check, .is_staged = true};
