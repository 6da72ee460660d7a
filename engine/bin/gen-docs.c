/* SPDX-License-Identifier: Apache-2.0 */
/* lxdfs-gen-docs OUTDIR: the reference pages (OUTDIR/reference/X.md) and man pages (OUTDIR/man/lxdfs-X.7)
 * from the tables of keys. Run by `make docs`; not installed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/keys/keys.h"

static const char *applies_text(const struct key *k)
{
	switch (k->live) {
	case LIVE_RESTART:
		return "at the instance's next start";
	case LIVE_REPLUG:
		return "at once: the device is detached and attached again";
	case LIVE_NEVER:
		return "only while the object is new";
	case LIVE_NOW:
		break;
	}
	return "at once";
}

static const char *writer_text(const struct key *k)
{
	if (k->mode == 0440)
		return "the daemon alone";
	if (k->class == CLASS_PROJECT)
		return "root and group lxd, also where the instance was given to others; in a project with "
		       "profiles of its own, whose the project is";
	return k->class == CLASS_HOST ? "root and group lxd, also where the object was given to others"
				      : "who owns the object";
}

/* The part of a row that both kinds of pages have, as pairs of a label and a phrase. */
static size_t facts(const struct key *k, const char *ret[12], struct buf *takes)
{
	size_t n = 0;

	key_accepts(k, takes);
	ret[n++] = "Takes";
	ret[n++] = buf_cstr(takes);
	if (k->def_text || (k->def && *k->def)) {
		ret[n++] = "Default";
		ret[n++] = k->def_text ? k->def_text : k->def;
	}
	ret[n++] = "Set by";
	ret[n++] = writer_text(k);
	if (!k->refuse && k->mode != 0440) {
		ret[n++] = "In force";
		ret[n++] = applies_text(k);
	}
	if (k->is_required) {
		ret[n++] = "Required";
		ret[n++] = "yes";
	}
	return n;
}

/* ---- markdown */

/* Stars and underscores would be emphasis. */
static void add_markdown(struct buf *b, const char *text)
{
	bool is_code = false;

	for (const char *c = text; *c; c++) {
		is_code ^= *c == '`';
		if (!is_code && strchr("*_<>[]", *c))
			buf_addc(b, '\\');
		buf_addc(b, *c);
	}
}

static void markdown(const struct key_table *t, struct buf *b)
{
	buf_printf(b, "# %s\n\n", t->name);
	add_markdown(b, t->text);
	buf_adds(b, "\n");
	for (size_t i = 0; i < t->n; i++) {
		const struct key *k = &t->keys[i];
		AUTO(buf_done) struct buf takes = BUF_NULL;
		const char *list[12];
		size_t n = facts(k, list, &takes);

		buf_printf(b, "\n## `%s`\n", k->name);
		add_markdown(b, k->text);
		buf_adds(b, "\n\n");
		for (size_t f = 0; f + 1 < n; f += 2) {
			buf_printf(b, "- %s: ", list[f]);
			add_markdown(b, list[f + 1]);
			buf_addc(b, '\n');
		}
		if (k->refuse) {
			buf_printf(b, "- Refused: `%s` ", k->name);
			add_markdown(b, k->refuse);
			buf_adds(b, ".\n");
		}
	}
}

static void markdown_index(struct buf *b)
{
	buf_adds(
	    b,
	    "# Keys\n\nEvery key that can be set, by what it is set on. The same is below /lxd/schema.\n\n");
	for (const struct key_table *const *t = keys_tables(); *t; t++) {
		buf_printf(b, "- [%s](%s.md): ", (*t)->name, (*t)->name);
		add_markdown(b, (*t)->text);
		buf_addc(b, '\n');
	}
}

/* ---- man pages */

static void add_roff(struct buf *b, const char *text)
{
	if (*text == '.' || *text == '\'')
		buf_adds(b, "\\&");
	for (const char *c = text; *c; c++) {
		if (*c == '\\')
			buf_adds(b, "\\e");
		else if (*c == '-')
			buf_adds(b, "\\-");
		else if (*c == '`')
			buf_adds(b, "\\(aq");
		else
			buf_addc(b, *c);
	}
}

static void add_bold(struct buf *b, const char *text)
{
	buf_adds(b, "\\fB");
	add_roff(b, text);
	buf_adds(b, "\\fR");
}

static void man(const struct key_table *t, struct buf *b)
{
	buf_printf(b, ".TH LXDFS-");
	for (const char *c = t->name; *c; c++)
		buf_addc(b, *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c);
	buf_adds(b, " 7 \"\" lxdfs\n.SH NAME\nlxdfs-");
	buf_adds(b, t->name);
	buf_adds(b, " \\- keys of lxdfs\n.SH DESCRIPTION\n");
	add_roff(b, t->text);
	buf_adds(b, "\nEach key is a file; its value is read from and written to it.\n.SH KEYS\n");
	for (size_t i = 0; i < t->n; i++) {
		const struct key *k = &t->keys[i];
		AUTO(buf_done) struct buf takes = BUF_NULL;
		const char *list[12];
		size_t n = facts(k, list, &takes);

		buf_adds(b, ".TP\n");
		add_bold(b, k->name);
		buf_addc(b, '\n');
		add_roff(b, k->text);
		for (size_t f = 0; f + 1 < n; f += 2) {
			buf_printf(b, "\n.br\n%s: ", list[f]);
			add_roff(b, list[f + 1]);
		}
		if (k->refuse) {
			buf_adds(b, "\n.br\nRefused: it ");
			add_roff(b, k->refuse);
			buf_addc(b, '.');
		}
		buf_addc(b, '\n');
	}
	buf_adds(b, ".SH SEE ALSO\n");
	for (const struct key_table *const *other = keys_tables(); *other; other++)
		if (*other != t)
			buf_printf(b, ".BR lxdfs-%s (7)%s\n", (*other)->name,
				   other[1] && (other[1] != t || other[2]) ? "," : "");
}

static int save(const char *dir, const char *name, const struct buf *b)
{
	AUTO(fd) int fd = -EBADF;
	int r = path_make_dir(dir, 0755);

	if (!r) {
		fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		r = fd < 0 ? -errno : path_replace(fd, name, buf_str(b), 0644, false);
	}
	if (r < 0)
		fprintf(stderr, "lxdfs-gen-docs: %s/%s can't be written: %s\n", dir, name, strerror(-r));
	return r;
}

int main(int argc, char **argv)
{
	AUTO(free) char *reference = NULL, *man_dir = NULL;
	AUTO(buf_done) struct buf index = BUF_NULL;

	if (argc != 2) {
		fprintf(stderr, "usage: lxdfs-gen-docs OUTDIR\n");
		return 2;
	}
	reference = xasprintf("%s/reference", argv[1]);
	man_dir = xasprintf("%s/man", argv[1]);
	for (const struct key_table *const *t = keys_tables(); *t; t++) {
		AUTO(free) char *md = xasprintf("%s.md", (*t)->name);
		AUTO(free) char *page = xasprintf("lxdfs-%s.7", (*t)->name);
		AUTO(buf_done) struct buf b = BUF_NULL;
		AUTO(buf_done) struct buf m = BUF_NULL;

		markdown(*t, &b);
		man(*t, &m);
		if (save(reference, md, &b) < 0 || save(man_dir, page, &m) < 0)
			return 1;
	}
	markdown_index(&index);
	return save(reference, "index.md", &index) < 0;
}
