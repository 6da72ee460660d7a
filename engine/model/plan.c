/* SPDX-License-Identifier: Apache-2.0 */
/* From two configs to what must be done in the kernel: distinct apply functions, devices that come and go. */
#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/model/internal.h"

struct step {
	key_apply_fn *apply; /* NULL: the device is detached and attached */
	char *device;	     /* NULL: the object itself */
};

struct plan {
	struct object *o;
	struct config *old, *new;
	struct step *steps;
	size_t n, done;
};

static void add_step(struct plan *p, key_apply_fn *apply, const char *device)
{
	for (size_t i = 0; i < p->n; i++) {
		bool same =
		    !device == !p->steps[i].device && (!device || !strcmp(device, p->steps[i].device));

		/* attaching anew applies every key */
		if (same && (p->steps[i].apply == apply || (device && !p->steps[i].apply)))
			return;
	}
	p->steps = xrealloc(p->steps, (p->n + 1) * sizeof(*p->steps));
	p->steps[p->n++] = (struct step){apply, xstrdup(device)};
}

typedef void differ_fn(void *arg, const char *key);

/* Calls @differ for each key that one section has and the other has not, or has with another value. */
static void section_diff(const struct section *a, const struct section *b, differ_fn *differ, void *arg)
{
	size_t i = 0, k = 0, na = a ? a->n : 0, nb = b ? b->n : 0;

	while (i < na || k < nb) {
		int r = i == na ? 1 : k == nb ? -1 : strcmp(a->pairs[i].key, b->pairs[k].key);

		if (r < 0)
			differ(arg, a->pairs[i++].key);
		else if (r > 0)
			differ(arg, b->pairs[k++].key);
		else {
			if (strcmp(a->pairs[i].value, b->pairs[k].value))
				differ(arg, a->pairs[i].key);
			i++;
			k++;
		}
	}
}

/* Calls @visit for each section that either config has. */
static void sections_both(const struct config *a, const struct config *b,
			  void (*visit)(void *arg, const char *name, const struct section *a,
					const struct section *b),
			  void *arg)
{
	size_t i = 0, k = 0;

	while (i < a->n || k < b->n) {
		int r = i == a->n ? 1 : k == b->n ? -1 : strcmp(a->sections[i].name, b->sections[k].name);
		const struct section *sa = r <= 0 ? &a->sections[i++] : NULL;
		const struct section *sb = r >= 0 ? &b->sections[k++] : NULL;

		visit(arg, sa ? sa->name : sb->name, sa, sb);
	}
}

struct diff {
	struct plan *plan;
	const char *section, *device;
	bool replug;
};

static void plan_key(void *arg, const char *name)
{
	struct diff *d = arg;
	const struct key *k = object_key(d->plan->o, d->plan->new, d->section, str_from(name), NULL);

	if (!k)
		return;
	if (d->device && k->live == LIVE_REPLUG)
		d->replug = true;
	else if (k->apply)
		add_step(d->plan, k->apply, d->device);
}

static void plan_section(void *arg, const char *name, const struct section *a, const struct section *b)
{
	struct plan *p = arg;
	struct diff d = {.plan = p, .section = name};
	bool was, is;

	if (strncmp(name, SECTION_DEVICES, strlen(SECTION_DEVICES))) {
		section_diff(a, b, plan_key, &d);
		return;
	}
	d.device = name + strlen(SECTION_DEVICES);
	was = a && device_is_complete(p->o, p->old, d.device, NULL);
	is = b && device_is_complete(p->o, p->new, d.device, NULL);
	if (!was && !is)
		return;
	if (was && is && device_type_of(p->o, a, NULL) == device_type_of(p->o, b, NULL))
		section_diff(a, b, plan_key, &d);
	else
		d.replug = true;
	if (d.replug)
		add_step(p, NULL, d.device);
}

struct plan *plan_new(struct object *o, const struct config *old, const struct config *new)
{
	struct plan *p = xcalloc(1, sizeof(*p));

	p->o = object_ref(o);
	p->old = config_ref(old);
	p->new = config_ref(new);
	sections_both(old, new, plan_section, p);
	return p;
}

static const struct device_type *complete_type(struct object *o, const struct config *c, const char *device)
{
	return device_is_complete(o, c, device, NULL) ? device_type_of(o, config_device(c, device), NULL)
						      : NULL;
}

static int replug(struct object *o, const struct config *old, const struct config *new, const char *device,
		  struct err *err)
{
	const struct device_type *was = complete_type(o, old, device), *is = complete_type(o, new, device);
	AUTO(err_done) struct err why = ERR_NULL;
	int r = was && was->detach ? was->detach(o, old, device, err) : 0;
	bool is_off = r == 0;

	if (!r && is && is->attach)
		r = is->attach(o, new, device, err);
	/* also one that was taken off in part */
	if (r < 0 && was && was->attach && was->attach(o, old, device, &why) < 0 && is_off)
		host_warn(o->host, o, "undo", "device %s couldn't be attached again: %s", device,
			  err_text(&why));
	return r < 0 ? err_prefix(err, "device %s: ", device) : 0;
}

static int step_run(struct plan *p, const struct step *s, const struct config *from, const struct config *to,
		    struct err *err)
{
	return s->apply ? s->apply(p->o, from, to, s->device, err) : replug(p->o, from, to, s->device, err);
}

int plan_run(struct plan *p, struct err *err)
{
	for (p->done = 0; p->done < p->n; p->done++) {
		int r = step_run(p, &p->steps[p->done], p->old, p->new, err);

		if (r < 0) {
			plan_undo(p);
			return r;
		}
	}
	return 0;
}

void plan_undo(struct plan *p)
{
	while (p->done > 0) {
		AUTO(err_done) struct err why = ERR_NULL;
		struct step *s = &p->steps[--p->done];

		if (step_run(p, s, p->new, p->old, &why) < 0)
			host_warn(p->o->host, p->o, "undo", "a change failed and couldn't be undone: %s",
				  err_text(&why));
	}
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		free(p->steps[i].device);
	free(p->steps);
	config_unref(p->old);
	config_unref(p->new);
	object_unref(p->o);
	free(p);
}

/* ---- telling who keeps copies */

struct tell {
	struct object *o;
	const char *section;
};

static void tell_key(void *arg, const char *key)
{
	struct tell *t = arg;

	t->o->host->on.changed(t->o->host, t->o, t->section, key);
}

static void tell_section(void *arg, const char *name, const struct section *a, const struct section *b)
{
	struct object *o = arg;
	struct tell t = {o, name};

	section_diff(a, b, tell_key, &t);
	if (!a || !b)
		o->host->on.changed(o->host, o, name, NULL);
}

void change_tell(struct object *o, const struct config *old, const struct config *new)
{
	if (o->host->on.changed)
		sections_both(old, new, tell_section, o);
}
