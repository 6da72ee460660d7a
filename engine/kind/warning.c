/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings: what an admin should know and no caller hears. host_warn() makes them; whoever removes one has
 * read it. */
#include <errno.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/kind/defaults.h"

static int check_name(struct str name, struct err *err)
{
	AUTO(buf_done) struct buf shown = BUF_NULL;

	if (path_is_name(name))
		return 0;
	buf_escape(&shown, name);
	return err_set(err, EINVAL, "\"%s\" can't be a warning's name", buf_cstr(&shown));
}

static int warning_create(struct object *o, struct config *own, const struct caller *who, struct err *err)
{
	(void)o;
	(void)own;
	return who->is_core ? 0 : err_set(err, EPERM, "warnings are made by lxdfs alone");
}

static int warning_rename(struct object *o, const char *name, struct err *err)
{
	(void)o;
	(void)name;
	return err_set(err, EPERM, "a warning's name tells what it is about: it can't be renamed");
}

const struct kind kind_warning = {
    .number = KIND_WARNING,
    .name = "warning",
    .plural = "warnings",
    .is_volatile = true,
    .check_name = check_name,
    .create = warning_create,
    .rename = warning_rename,
};
