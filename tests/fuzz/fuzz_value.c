/* SPDX-License-Identifier: Apache-2.0 */
/* Values of keys: the first byte chooses a type, the rest is what a user wrote. What is taken has a canonical
 * text that is taken again, unchanged; what is refused has a sentence and leaves nothing behind. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "engine/base/auto.h"
#include "engine/model/key.h"

static const char *const words[] = {"auto", "none", NULL};

static const struct key keys[] = {
    {.name = "k", .type = &type_bool},
    {.name = "k", .type = &type_integer},
    {.name = "k", .type = &type_integer, .min = -5, .max = 65536},
    {.name = "k", .type = &type_string},
    {.name = "k", .type = &type_text},
    {.name = "k", .type = &type_size},
    {.name = "k", .type = &type_size, .min = 4096, .max = 1 << 30},
    {.name = "k", .type = &type_percent_or_size},
    {.name = "k", .type = &type_duration},
    {.name = "k", .type = &type_duration, .min = 120, .max = 100000},
    {.name = "k", .type = &type_expiry},
    {.name = "k", .type = &type_allowance},
    {.name = "k", .type = &type_lines},
    {.name = "k", .type = &type_choice, .choices = words},
    {.name = "k", .type = &type_mac},
    {.name = "k", .type = &type_ip4, .choices = words},
    {.name = "k", .type = &type_ip6},
    {.name = "k", .type = &type_ip4_net, .choices = words},
    {.name = "k", .type = &type_ip6_net},
    {.name = "k", .type = &type_ip4_nets},
    {.name = "k", .type = &type_ip6_nets},
    {.name = "k", .type = &type_ip4_ranges},
    {.name = "k", .type = &type_ip6_ranges},
    {.name = "k", .type = &type_ifname},
    {.name = "k", .type = &type_ifnames},
    {.name = "k", .type = &type_dns_name},
    {.name = "k", .type = &type_dns_names},
    {.name = "k", .type = &type_cpus},
    {.name = "k", .type = &type_name},
    {.name = "k", .type = &type_names},
    {.name = "k", .type = &type_ips},
    {.name = "k", .type = &type_source},
    {.name = "k", .type = &type_path},
    {.name = "k", .type = &type_host_path},
    {.name = "k", .type = &type_mode},
    {.name = "k", .type = &type_listen},
};
static const struct key names[] = {
    {.name = "limits.memory"}, {.name = "limits.memory.swap"}, {.name = "user.*"}};
static const struct key_table table = {"fuzz", "", names, ARRAY_SIZE(names)};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What reads a stored value later must not be surprised either. */
static void use(const char *value)
{
	(void)value_bool(value);
	(void)value_int(value, 0);
	(void)value_size(value, 0);
	(void)value_seconds(value, 0);
}

static void check_type(const struct key *key, struct str text, bool whole)
{
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(buf_done) struct buf b = BUF_NULL;
	AUTO(buf_done) struct buf again = BUF_NULL;
	int r = whole ? key_parse(key, STR("k"), text, &b, &err) : key->type->parse(key, text, &b, &err);

	if (r < 0) {
		if (!err.text || (r != -EINVAL && r != -ERANGE && r != -EFBIG) || (whole && b.len))
			abort();
		return;
	}
	if (key_parse(key, STR("k"), buf_str(&b), &again, &err) < 0 || !str_eq(buf_str(&b), buf_str(&again)))
		abort();
	if (memchr(buf_cstr(&b), '\0', b.len) ||
	    (!key->type->is_list && !key->type->is_multiline && memchr(buf_cstr(&b), '\n', b.len)))
		abort();
	use(buf_cstr(&b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text;

	if (!size)
		return 0;
	text = (struct str){(const char *)data + 1, size - 1};
	check_type(&keys[data[0] % ARRAY_SIZE(keys)], text, true);
	/* a type is asked about text, which key_parse() sees to */
	if (str_is_utf8(text))
		check_type(&keys[data[0] % ARRAY_SIZE(keys)], text, false);
	(void)key_find(&table, text);
	(void)key_guess(&table, text);
	return 0;
}
