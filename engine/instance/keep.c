/* SPDX-License-Identifier: Apache-2.0 */
/* One transaction for all that a start has to remember; what stands there already isn't written again. */
#include "engine/instance/keep.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/base/auto.h"
#include "engine/device/nic-plan.h"
#include "engine/instance/idmap.h"
#include "engine/instance/instance.h"

static const char *remember(struct keep *k, char *take_text)
{
	k->texts = xrealloc(k->texts, (k->n_texts + 1) * sizeof(*k->texts));
	k->texts[k->n_texts++] = take_text;
	return take_text;
}

static void add(struct keep *k, const struct config *own, const char *section, const char *key,
		const char *value)
{
	const char *now = config_get(own, section, key);

	if (now == value || (now && value && !strcmp(now, value)))
		return;
	k->changes = xrealloc(k->changes, (k->n + 1) * sizeof(*k->changes));
	k->before = xrealloc(k->before, (k->n + 1) * sizeof(*k->before));
	k->changes[k->n] = (struct change){section, key, value ? remember(k, xstrdup(value)) : NULL};
	k->before[k->n] = (struct change){section, key, now ? remember(k, xstrdup(now)) : NULL};
	k->n++;
}

static bool is_nic(const struct config *c, const char *device)
{
	const char *type = config_device_get(c, device, "type");

	return type && !strcmp(type, "nic");
}

static bool has_nictype(const struct config *c, const char *device, const char *nictype)
{
	const char *type = config_device_get(c, device, "nictype");

	return type && !strcmp(type, nictype);
}

/* The others are all inside. */
static bool has_host_link(const struct config *c, const char *device)
{
	return !has_nictype(c, device, "macvlan") && !has_nictype(c, device, "physical") &&
	       !has_nictype(c, device, "ipvlan");
}

/* Of the others it is the parent's. */
static bool has_own_mac(const struct config *c, const char *device)
{
	return !has_nictype(c, device, "physical") && !has_nictype(c, device, "ipvlan");
}

static void add_nics(struct keep *k, const struct object *o, const struct config *own, const struct config *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const char *device = section_device(&c->sections[i]);
		AUTO(buf_done) struct buf mac = BUF_NULL;
		char name[IFNAMSIZ];

		if (!device || !is_nic(c, device))
			continue;
		if (has_own_mac(c, device) && !config_device_get(c, device, "hwaddr")) {
			buf_mac(&mac, nic_mac(o, c, device));
			add(k, own, SECTION_CONFIG, remember(k, xasprintf("volatile.%s.hwaddr", device)),
			    buf_cstr(&mac));
		}
		if (has_host_link(c, device) && nic_host_name(o, c, device, name))
			add(k, own, SECTION_CONFIG, remember(k, xasprintf("volatile.%s.host_name", device)),
			    name);
	}
}

/* Of NICs that aren't there any more. */
static void drop_stale(struct keep *k, const struct config *own, const struct config *c)
{
	static const char *const suffixes[] = {".hwaddr", ".host_name"};
	const struct section *s = config_section(own, SECTION_CONFIG);
	size_t prefix = strlen("volatile.");

	for (size_t i = 0; s && i < s->n; i++) {
		const char *key = s->pairs[i].key;
		size_t len = strlen(key);

		for (size_t x = 0; x < ARRAY_SIZE(suffixes); x++) {
			size_t tail = strlen(suffixes[x]);
			AUTO(free) char *device = NULL;

			if (strncmp(key, "volatile.", prefix) != 0 || len <= prefix + tail ||
			    strcmp(key + len - tail, suffixes[x]) != 0)
				continue;
			device = str_dup((struct str){key + prefix, len - prefix - tail});
			if (!is_nic(c, device) ||
			    !(x == 1 ? has_host_link(c, device) : has_own_mac(c, device)))
				add(k, own, SECTION_CONFIG, remember(k, xstrdup(key)), NULL);
		}
	}
}

int keep_commit(struct keep *k, struct object *o, const struct config *effective, uint32_t idmap_base,
		struct err *err)
{
	AUTO(config_unref) struct config *own = object_own(o);
	const char *power = config_get(own, SECTION_CONFIG, "volatile.last_state.power");
	AUTO(free) char *base = idmap_base == IDMAP_ANY ? NULL : xasprintf("%u", idmap_base);
	char stamp[32];
	time_t now = time(NULL);
	struct tm tm;

	add_nics(k, o, own, effective);
	drop_stale(k, own, effective);
	add(k, own, SECTION_CONFIG, "volatile.idmap.base", base);
	/* a restart is one until it is done */
	if (!power || strcmp(power, POWER_RESTARTS) != 0)
		add(k, own, SECTION_CONFIG, "volatile.last_state.power", "RUNNING");
	if (gmtime_r(&now, &tm) && strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm))
		add(k, own, SECTION_CONFIG, "volatile.last_used_at", stamp);
	return k->n ? object_change_held(o, &caller_core, k->changes, k->n, err) : 0;
}

void keep_undo(struct keep *k, struct object *o)
{
	if (k->n)
		object_change_held(o, &caller_core, k->before, k->n, NULL);
}

void keep_done_auto(struct keep *k)
{
	for (size_t i = 0; i < k->n_texts; i++)
		free(k->texts[i]);
	free(k->texts);
	free(k->changes);
	free(k->before);
}
