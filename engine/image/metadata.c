/* SPDX-License-Identifier: Apache-2.0 */
/* metadata.yaml, read event by event with libyaml: nothing is built that the text could make large. */
#include "engine/image/metadata.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <yaml.h>

#include "engine/base/auto.h"
#include "engine/base/buf.h"
#include "engine/base/msg.h"
#include "engine/image/entry.h"
#include "engine/image/text.h"

#define MAX_DEPTH 16

struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one; deleted by next() */
	bool has_event;
	unsigned depth;
	struct image_info info;
	size_t n_properties, texts;
	struct err *err;
};

static size_t line(const struct reader *r)
{
	return (r->has_event ? r->event.start_mark.line : r->parser.mark.line) + 1;
}

static int refuse(struct reader *r, const char *what)
{
	return err_set(r->err, EINVAL, "metadata.yaml, line %zu: %s", line(r), what);
}

static int next(struct reader *r)
{
	if (r->has_event)
		yaml_event_delete(&r->event);
	r->has_event = false;
	if (!yaml_parser_parse(&r->parser, &r->event))
		return err_set(r->err, EINVAL, "metadata.yaml, line %zu: %s", r->parser.problem_mark.line + 1,
			       r->parser.problem ? r->parser.problem : "no YAML");
	r->has_event = true;
	switch (r->event.type) {
	case YAML_ALIAS_EVENT:
		return refuse(r, "aliases aren't taken");
	case YAML_SCALAR_EVENT:
		return r->event.data.scalar.anchor ? refuse(r, "anchors aren't taken") : 0;
	case YAML_SEQUENCE_START_EVENT:
		if (r->event.data.sequence_start.anchor)
			return refuse(r, "anchors aren't taken");
		return ++r->depth > MAX_DEPTH ? refuse(r, "it is nested deeper than 16") : 0;
	case YAML_MAPPING_START_EVENT:
		if (r->event.data.mapping_start.anchor)
			return refuse(r, "anchors aren't taken");
		return ++r->depth > MAX_DEPTH ? refuse(r, "it is nested deeper than 16") : 0;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		r->depth--;
		return 0;
	default:
		return 0;
	}
}

static struct str scalar(const struct reader *r)
{
	return (struct str){(const char *)r->event.data.scalar.value, r->event.data.scalar.length};
}

/* The current event begins a value: on to its last event. */
static int skip(struct reader *r)
{
	unsigned depth = r->depth;
	int ret = 0;

	if (r->event.type != YAML_SEQUENCE_START_EVENT && r->event.type != YAML_MAPPING_START_EVENT)
		return 0;
	while (!ret && r->depth >= depth)
		ret = next(r);
	return ret;
}

static int read_time(struct reader *r, const char *name, uint64_t *ret)
{
	struct str s = STR_NULL;
	uint64_t v = 0;

	if (r->event.type == YAML_SCALAR_EVENT)
		s = scalar(r);
	for (size_t i = 0; i < s.len && v <= IMAGE_MAX_TIME; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			v = UINT64_MAX;
		else
			v = v * 10 + (uint64_t)(s.ptr[i] - '0');
	}
	if (!s.len || v > IMAGE_MAX_TIME)
		return err_set(r->err, EINVAL,
			       "metadata.yaml, line %zu: %s must be a number of seconds since 1970", line(r),
			       name);
	*ret = v;
	return 0;
}

static int read_architecture(struct reader *r)
{
	if (r->event.type != YAML_SCALAR_EVENT || !image_architecture_ok(scalar(r)))
		return refuse(r, "architecture must be a name such as x86_64");
	r->info.architecture = str_dup(scalar(r));
	return 0;
}

/* A value in one line: where it was broken there are spaces. */
static char *one_line(struct str s)
{
	char *text;

	s = str_trim(s);
	text = str_dup(s);
	for (size_t i = 0; i < s.len; i++)
		if (text[i] == '\n' || text[i] == '\r' || text[i] == '\t')
			text[i] = ' ';
	return text;
}

static int add_property(struct reader *r, struct str name)
{
	AUTO(free) char *value = NULL, *quoted = entry_quote(name);
	struct str s;

	if (!image_property_name_ok(name))
		return err_set(r->err, EINVAL,
			       "metadata.yaml, line %zu: a property's name is 1 to %d of a-z A-Z 0-9 . _ -, "
			       "beginning with a letter, digit or _: %s isn't",
			       line(r), IMAGE_MAX_NAME, quoted);
	if (r->event.type != YAML_SCALAR_EVENT)
		return err_set(r->err, EINVAL, "metadata.yaml, line %zu: the property %s must be a text",
			       line(r), quoted);
	s = scalar(r);
	if (memchr(s.ptr, 0, s.len))
		return err_set(r->err, EINVAL, "metadata.yaml, line %zu: the property %s holds a NUL",
			       line(r), quoted);
	value = one_line(s);
	if (!image_text_ok(str_from(value)))
		return err_set(
		    r->err, EINVAL,
		    "metadata.yaml, line %zu: the property %s must be printable and at most %d bytes long",
		    line(r), quoted, IMAGE_MAX_TEXT);
	r->texts += name.len + strlen(value);
	if (r->n_properties == IMAGE_MAX_PROPERTIES || r->texts > IMAGE_MAX_TEXTS)
		return err_set(
		    r->err, EFBIG,
		    "metadata.yaml has too many properties: %d, of %d bytes together, are the most",
		    IMAGE_MAX_PROPERTIES, IMAGE_MAX_TEXTS);
	r->info.properties[r->n_properties++] = xasprintf("%.*s=%s", STR_FMT(name), value);
	return 0;
}

static int compare(const void *a, const void *b)
{
	return image_property_compare(*(char *const *)a, *(char *const *)b);
}

static int read_properties(struct reader *r)
{
	int ret;

	if (r->event.type == YAML_SCALAR_EVENT && (!scalar(r).len || str_is(scalar(r), "null")))
		return 0;
	if (r->event.type != YAML_MAPPING_START_EVENT)
		return refuse(r, "properties must be a map of names to texts");
	for (;;) {
		AUTO(free) char *name = NULL;
		size_t len;

		ret = next(r);
		if (ret < 0)
			return ret;
		if (r->event.type == YAML_MAPPING_END_EVENT)
			break;
		if (r->event.type != YAML_SCALAR_EVENT)
			return refuse(r, "a property's name must be a text");
		len = scalar(r).len;
		name = str_dup(scalar(r));
		ret = next(r);
		if (!ret)
			ret = add_property(r, (struct str){name, len});
		if (ret < 0)
			return ret;
	}
	qsort(r->info.properties, r->n_properties, sizeof(char *), compare);
	for (size_t i = 1; i < r->n_properties; i++)
		if (!image_property_compare(r->info.properties[i - 1], r->info.properties[i]))
			return refuse(r, "a property is there twice");
	return 0;
}

enum { KEY_ARCHITECTURE, KEY_CREATED, KEY_EXPIRES, KEY_PROPERTIES, KEY_TEMPLATES, KEYS };
static const char *const keys[] = {"architecture", "creation_date", "expiry_date", "properties", "templates"};

static int read_value(struct reader *r, int key)
{
	switch (key) {
	case KEY_ARCHITECTURE:
		return read_architecture(r);
	case KEY_CREATED:
		return read_time(r, keys[key], &r->info.created_at);
	case KEY_EXPIRES:
		return read_time(r, keys[key], &r->info.expires_at);
	case KEY_PROPERTIES:
		return read_properties(r);
	default:
		return skip(r);
	}
}

static int read_document(struct reader *r)
{
	unsigned seen = 0;
	int ret = next(r);

	if (ret < 0)
		return ret;
	if (r->event.type != YAML_MAPPING_START_EVENT)
		return refuse(r, "it must be a map with the keys architecture, creation_date and properties");
	for (;;) {
		int key = 0;

		ret = next(r);
		if (ret < 0)
			return ret;
		if (r->event.type == YAML_MAPPING_END_EVENT)
			break;
		if (r->event.type != YAML_SCALAR_EVENT)
			return refuse(r, "a key must be a text");
		while (key < KEYS && !str_is(scalar(r), keys[key]))
			key++;
		if (key < KEYS && seen & 1U << key)
			return err_set(r->err, EINVAL, "metadata.yaml, line %zu: %s is there twice", line(r),
				       keys[key]);
		seen |= 1U << key;
		ret = next(r);
		if (!ret)
			ret = read_value(r, key);
		if (ret < 0)
			return ret;
	}
	return seen & 1U << KEY_ARCHITECTURE
		   ? 0
		   : err_set(r->err, EINVAL, "metadata.yaml doesn't say for which architecture the image is");
}

static int read_stream(struct reader *r)
{
	int ret = next(r); /* the stream's start */

	if (!ret)
		ret = next(r);
	if (!ret && r->event.type != YAML_DOCUMENT_START_EVENT)
		return err_set(r->err, EINVAL, "metadata.yaml is empty");
	if (!ret)
		ret = read_document(r);
	if (!ret)
		ret = next(r); /* the document's end */
	if (!ret)
		ret = next(r);
	if (!ret && r->event.type != YAML_STREAM_END_EVENT)
		return refuse(r, "it must be one document");
	return ret;
}

int metadata_parse(struct str text, struct image_info *ret, struct err *err)
{
	struct reader r = {.err = err};
	int result;

	if (text.len > IMAGE_MAX_YAML)
		return err_set(err, EFBIG, "metadata.yaml is %zu bytes long, %d is the most", text.len,
			       IMAGE_MAX_YAML);
	if (!yaml_parser_initialize(&r.parser))
		return err_set(err, ENOMEM, "no memory for metadata.yaml");
	r.info.properties = xcalloc(IMAGE_MAX_PROPERTIES + 1, sizeof(char *));
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.ptr, text.len);
	result = read_stream(&r);
	if (r.has_event)
		yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	if (result < 0) {
		image_info_done(&r.info);
		return result;
	}
	*ret = r.info;
	return 0;
}
