/* SPDX-License-Identifier: Apache-2.0 */
/* What a new host begins with. A file of the state directory tells what was made once, so that what somebody
 * removed stays removed. */
#include "engine/kind/defaults.h"

#include <errno.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/base/path.h"
#include "engine/storage/driver.h"
#include "engine/storage/shift.h"

#define MADE "defaults-made" /* a word a line */
#define MADE_MAX 4096
#define POOL "default"
#define NETWORK "lxdbr0"
#define PROFILE "default"

struct defaults {
	struct host *host;
	struct buf made;
	int result;
	struct err *err; /* of the first failure */
};

static bool is_made(const struct defaults *d, const char *what)
{
	AUTO(texts_free) char **words = texts_split(buf_cstr(&d->made));

	for (char **p = words; *p; p++)
		if (!strcmp(*p, what))
			return true;
	return false;
}

static void mark(struct defaults *d, const char *what)
{
	int r;

	buf_printf(&d->made, "%s\n", what);
	r = path_replace(d->host->state_fd, MADE, buf_str(&d->made), 0600, true);
	if (r < 0 && !d->result)
		d->result =
		    err_set(d->err, -r, "%s/" MADE " can't be written: %s", d->host->state, strerror(-r));
}

/* Made by somebody is as good as made by us. Return: whether it is there now */
static bool make(struct defaults *d, const char *what, enum kind_number kind, const char *name,
		 const struct change *set, size_t n)
{
	AUTO(object_unref) struct object *o = host_find(d->host->project, kind, str_from(name));
	AUTO(err_done) struct err err = ERR_NULL;

	if (is_made(d, what))
		return o;
	if (!o && object_create(d->host->project, kind_get(kind), str_from(name), &caller_core, set, n, NULL,
				&err) < 0) {
		err_prefix(&err, "the default %s %s wasn't made: ", kind_get(kind)->name, name);
		if (!d->result)
			d->result = err_move(d->err, &err);
		return false;
	}
	mark(d, what);
	return true;
}

/* A profile that came without a NIC, since there was no network then, gets it with the network. */
static void add_nic(struct defaults *d, const struct change *nic, size_t n)
{
	AUTO(object_unref) struct object *o = host_find(d->host->project, KIND_PROFILE, STR(PROFILE));
	AUTO(config_unref) struct config *own = o ? object_own(o) : NULL;
	AUTO(err_done) struct err err = ERR_NULL;
	int r;

	if (is_made(d, "nic"))
		return;
	if (own && !config_section(own, nic->section)) {
		r = object_change(o, &caller_core, nic, n, UINT64_MAX, &err);
		if (r < 0) {
			err_prefix(&err, "profile " PROFILE " got no NIC: ");
			if (!d->result)
				d->result = err_move(d->err, &err);
			return;
		}
	}
	mark(d, "nic");
}

static bool needs_copies(const struct host *h)
{
	const struct storage_driver *overlay = storage_driver_find("overlay");

	return shift_is_needed(h->state) || (overlay->usable && overlay->usable(h->state, NULL) < 0);
}

int defaults_make(struct host *h, struct err *err)
{
	static const struct change root[] = {
	    {SECTION_PROPS, "description", "What instances have that name no other profile"},
	    {SECTION_DEVICES "root", "type", "disk"},
	    {SECTION_DEVICES "root", "path", "/"},
	    {SECTION_DEVICES "root", "pool", POOL},
	};
	static const struct change nic[] = {
	    {SECTION_DEVICES "eth0", "type", "nic"},
	    {SECTION_DEVICES "eth0", "name", "eth0"},
	    {SECTION_DEVICES "eth0", "network", NETWORK},
	};
	static const struct change copies[] = {{SECTION_PROPS, "driver", "dir"}};
	struct defaults d = {.host = h, .err = err};
	AUTO(free) char *text = NULL;
	ssize_t len = path_read(h->state_fd, MADE, MADE_MAX, &text);
	bool has_pool, has_network, has_profile;

	if (len < 0 && len != -ENOENT)
		return err_set(err, (int)-len, "%s/" MADE " can't be read: %s", h->state,
			       strerror((int)-len));
	if (len > 0)
		buf_add(&d.made, text, (size_t)len);
	/* where layers can't be had, in a container, say, each instance has a copy of its image */
	has_pool = make(&d, "pool", KIND_POOL, POOL, copies, needs_copies(h) ? ARRAY_SIZE(copies) : 0);
	has_network = make(&d, "network", KIND_NETWORK, NETWORK, NULL, 0);
	has_profile = has_pool && make(&d, "profile", KIND_PROFILE, PROFILE, root, ARRAY_SIZE(root));
	if (has_network && has_profile)
		add_nic(&d, nic, ARRAY_SIZE(nic));
	buf_done(&d.made);
	return d.result;
}
