/* SPDX-License-Identifier: Apache-2.0 */
/* The server itself: its configuration, and what is put in order before anything else is loaded. */
#include <errno.h>

#include "engine/base/auto.h"
#include "engine/kind/defaults.h"
#include "engine/kind/image.h"
#include "engine/kind/network.h"
#include "engine/kind/trust.h"

static int check_name(struct str name, struct err *err)
{
	return str_is(name, "server") ? 0
				      : err_set(err, EINVAL, "there is one server on a host, named server");
}

/* The first of all to be loaded, when every object is there: what an earlier core left half done goes. */
static int server_load(struct object *o, struct err *err)
{
	o->is_live = true;
	images_sweep(o->host);
	networks_sweep(o->host);
	return networks_watch(o->host, err);
}

static int server_may_remove(struct object *o, struct err *err)
{
	(void)o;
	return err_set(err, EPERM, "the server can't be removed");
}

static int server_rename(struct object *o, const char *name, struct err *err)
{
	(void)o;
	(void)name;
	return err_set(err, EPERM, "the server can't be renamed");
}

const struct kind kind_server = {
    .number = KIND_SERVER,
    .name = "server",
    .plural = "server",
    .check_name = check_name,
    .init = server_trust_init,
    .done = server_trust_done,
    .load = server_load,
    .may_remove = server_may_remove,
    .rename = server_rename,
};
