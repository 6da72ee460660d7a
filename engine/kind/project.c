/* SPDX-License-Identifier: Apache-2.0 */
/* Projects: what instances and all that they use are in. There is the one named default. */
#include <errno.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/kind/defaults.h"

#define DEFAULT "default"

static int check_name(struct str name, struct err *err)
{
	if (str_is(name, DEFAULT))
		return 0;
	return err_set(err, EOPNOTSUPP,
		       "all objects of this version are in project default: others can't be made");
}

static int project_may_remove(struct object *o, struct err *err)
{
	(void)o;
	return err_set(err, EPERM, "project default holds everything on this host: it can't be removed");
}

static int project_rename(struct object *o, const char *name, struct err *err)
{
	(void)o;
	(void)name;
	return err_set(err, EPERM, "project default can't be renamed");
}

static char **project_used_by(struct object *o)
{
	static const enum kind_number kinds[] = {KIND_INSTANCE, KIND_PROFILE, KIND_IMAGE, KIND_NETWORK,
						 KIND_POOL};
	AUTO(buf_done) struct buf lines = BUF_NULL;

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		AUTO(objects_free) struct object **all = host_all(o, kinds[k]);

		for (struct object **p = all; *p; p++) {
			AUTO(free) char *name = object_name(*p);

			buf_printf(&lines, "%s/%s\n", (*p)->kind->plural, name);
		}
	}
	return texts_split(buf_cstr(&lines));
}

const struct kind kind_project = {
    .number = KIND_PROJECT,
    .name = "project",
    .plural = "projects",
    .check_name = check_name,
    .may_remove = project_may_remove,
    .rename = project_rename,
    .used_by = project_used_by,
};
