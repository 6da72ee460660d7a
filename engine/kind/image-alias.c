/* SPDX-License-Identifier: Apache-2.0 */
/* Images by name: aliases, which are a property of their image, and beginnings of fingerprints. */
#include <errno.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/kind/image-internal.h"
#include "engine/kind/project.h"

#define ALIASES_MAX 64 /* of one image */
#define ALIAS_MAX 128

char **image_aliases(struct object *image)
{
	AUTO(config_unref) struct config *own = object_own(image);
	const char *list = config_get(own, SECTION_PROPS, "aliases");

	return texts_split(list ? list : "");
}

static bool has_alias(struct object *image, struct str alias)
{
	AUTO(texts_free) char **list = image_aliases(image);

	for (char **p = list; *p; p++)
		if (str_is(alias, *p))
			return true;
	return false;
}

static struct object *find_alias(struct object *project, struct str alias)
{
	AUTO(objects_free) struct object **all = host_all(project, KIND_IMAGE);

	for (struct object **p = all; *p; p++)
		if (has_alias(*p, alias))
			return object_ref(*p);
	return NULL;
}

static struct object *find_beginning(struct object *project, struct str name, struct err *err)
{
	AUTO(objects_free) struct object **all = host_all(project, KIND_IMAGE);
	struct object *found = NULL;

	for (struct object **p = all; *p; p++) {
		AUTO(free) char *fingerprint = object_name(*p);

		if (!str_has_prefix(str_from(fingerprint), name))
			continue;
		if (found) {
			err_set(err, EINVAL, "\"%.*s\" is the beginning of more than one image's fingerprint",
				STR_FMT(name));
			return NULL;
		}
		found = *p;
	}
	return found ? object_ref(found) : NULL;
}

struct object *image_find(struct object *project, struct str name, struct err *err)
{
	AUTO(err_done) struct err why = ERR_NULL;
	AUTO(free) char *path = project_path(project);
	AUTO(buf_done) struct buf shown = BUF_NULL;
	struct object *o = name.len ? find_alias(project, name) : NULL;

	/* an alias may look like a fingerprint's beginning: it was meant then */
	if (!o && name.len)
		o = find_beginning(project, name, &why);
	if (o)
		return o;
	if (why.errnum) {
		err_move(err, &why);
		return NULL;
	}
	buf_escape(&shown, name);
	err_set(
	    err, ENOENT,
	    "there is no image \"%s\": ls %s/%simages shows which there are, cp FILE %s/%simages/ adds one",
	    buf_cstr(&shown), project->host->mount, path, project->host->mount, path);
	return NULL;
}

static int check_alias(struct str alias, struct err *err)
{
	AUTO(buf_done) struct buf shown = BUF_NULL;
	bool is_ok = alias.len > 0 && alias.len <= ALIAS_MAX && alias.ptr[0] != '.' && alias.ptr[0] != '-' &&
		     !image_is_fingerprint(alias);

	for (size_t i = 0; i < alias.len; i++)
		is_ok = is_ok && alias.ptr[i] > ' ' && alias.ptr[i] < 0x7f && alias.ptr[i] != '/';
	if (is_ok)
		return 0;
	buf_escape(&shown, alias);
	return err_set(
	    err, alias.len > ALIAS_MAX ? ENAMETOOLONG : EINVAL,
	    "\"%s\" can't be an alias: it is 1 to %d printable ASCII characters without '/' and space, "
	    "doesn't begin with '.' or '-', and isn't a whole fingerprint",
	    buf_cstr(&shown), ALIAS_MAX);
}

static int change_aliases(struct object *image, struct str alias, bool is_there, struct err *err)
{
	AUTO(texts_free) char **list = image_aliases(image);
	AUTO(buf_done) struct buf lines = BUF_NULL;
	struct change change = {SECTION_PROPS, "aliases", NULL};
	size_t n = 0;

	for (char **p = list; *p; p++) {
		if (str_is(alias, *p))
			continue;
		buf_printf(&lines, "%s%s", n++ ? "\n" : "", *p);
	}
	if (is_there && n >= ALIASES_MAX)
		return err_set(err, ENOSPC, "this image has %d aliases already: no more can be", ALIASES_MAX);
	if (is_there)
		buf_printf(&lines, "%s%.*s", n++ ? "\n" : "", STR_FMT(alias));
	change.value = n ? buf_cstr(&lines) : NULL;
	return object_change(image, &caller_core, &change, 1, UINT64_MAX, err);
}

int image_alias_set(struct object *project, struct str alias, struct object *image, const struct caller *who,
		    struct err *err)
{
	AUTO(object_unref) struct object *owner = NULL;
	int r = image ? check_alias(alias, err) : 0;

	/* its token, that no two give the same name away */
	if (r == 0)
		r = object_take(project, "getting an alias", who, err);
	if (r < 0)
		return r;
	owner = find_alias(project, alias);
	if (!image && !owner) {
		r = err_set(err, ENOENT, "there is no such alias");
	} else if (image && owner && owner != image) {
		AUTO(free) char *name = object_name(owner);

		r = err_set(err, EEXIST, "alias %.*s is image %.12s's: remove it there first", STR_FMT(alias),
			    name);
	} else if (owner != image) {
		r = change_aliases(image ? image : owner, alias, image, err);
	}
	object_release(project);
	if (r == 0)
		host_event(project->host, image ? image : owner,
			   image ? "image-alias-created" : "image-alias-deleted");
	return r;
}

char **image_alias_list(struct object *project)
{
	AUTO(objects_free) struct object **all = host_all(project, KIND_IMAGE);
	char **pairs = xcalloc(1, sizeof(*pairs));
	size_t n = 0;

	for (struct object **p = all; *p; p++) {
		AUTO(texts_free) char **list = image_aliases(*p);

		for (char **a = list; *a; a++) {
			pairs = xrealloc(pairs, (n + 3) * sizeof(*pairs));
			pairs[n++] = xstrdup(*a);
			pairs[n++] = object_name(*p);
			pairs[n] = NULL;
		}
	}
	return pairs;
}
