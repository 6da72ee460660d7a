/* SPDX-License-Identifier: Apache-2.0 */
/* What is set on an object: sections of keys with values in canonical text. A config that was published is
 * immutable and counted: readers hold it without a lock and see the old or the new, never a mix. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/str.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Names of sections; a device's is SECTION_DEVICES and its name: "devices/eth0". */
#define SECTION_PROPS "" /* description, profiles, source, ... */
#define SECTION_CONFIG "config"
#define SECTION_DEVICES "devices/"

struct pair {
	char *key, *value;
	uint64_t mtime;	    /* when it was set, ns since 1970 */
	const char *origin; /* in an effective config: the profile's name, owned by the config; NULL: own */
};

struct section {
	char *name;
	struct pair *pairs; /* sorted by key */
	size_t n;
	uint64_t mtime; /* of the last change of what it holds */
};

struct config {
	atomic_uint refs;
	struct section *sections; /* sorted by name */
	size_t n;
	char **origins; /* texts that pairs point to, NULL-terminated or NULL */
};

struct config *config_new(void);
struct config *config_ref(const struct config *c);
/** config_unref() - NULL is accepted */
void config_unref(struct config *c);
/** config_copy() - to be changed and then published */
struct config *config_copy(const struct config *c);

/** config_section() - NULL for none */
const struct section *config_section(const struct config *c, const char *name);
const struct pair *section_pair(const struct section *s, struct str key);
/** config_get() - the value; NULL for none. Owned by @c */
const char *config_get(const struct config *c, const char *section, const char *key);
const struct pair *config_pair(const struct config *c, const char *section, const char *key);
/** config_device() - the section of a device; NULL for none */
const struct section *config_device(const struct config *c, const char *device);
/** config_device_get() - a device's key; NULL for none */
const char *config_device_get(const struct config *c, const char *device, const char *key);
/** section_device() - the device's name of a section's name; NULL for another section */
const char *section_device(const struct section *s);

/* ---- only while nobody else has it */
/** config_set() - @value NULL removes the key. A section is made when needed and stays when emptied */
void config_set(struct config *c, const char *section, const char *key, const char *value, uint64_t mtime);
/** config_add_section() - an empty one; one that is there stays as it is */
void config_add_section(struct config *c, const char *section, uint64_t mtime);
/** config_drop_section() - with all that is in it. Return: whether it was there */
bool config_drop_section(struct config *c, const char *section);

/**
 * config_merge() - the effective config: properties of @own, and of config and devices the later wins
 * @layers: from the first profile to the last
 * @names:  their names, for struct pair's origin
 *
 * Devices merge key by key, but a layer that sets `type` replaces the device whole.
 */
struct config *config_merge(const struct config *own, const struct config *const *layers,
			    const char *const *names, size_t n);

/** config_same() - the same keys with the same values, whatever their times and origins */
bool config_same(const struct config *a, const struct config *b);

/** texts_split() - lines (empty ones left out, spaces trimmed) of a list value, NULL-terminated; texts_free()
 */
char **texts_split(const char *lines);

/** now_ns() - wall clock, ns since 1970 */
uint64_t now_ns(void);

static inline void config_unref_auto(struct config **c)
{
	config_unref(*c);
}
