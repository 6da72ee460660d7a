/* SPDX-License-Identifier: Apache-2.0 */
/* VLANs of other links, with a mark that tells ours from an admin's. */
#include <errno.h>

#include "engine/base/auto.h"
#include "net/link-internal.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/nft.h"

/* What the alias of one says; ip(8) shows it. */
static char *mark(void)
{
	return xasprintf("made by %s", net_table());
}

int vlan_create(const char *name, const char *parent, unsigned id, struct err *err)
{
	AUTO(free) char *alias = mark();
	const uint16_t number = (uint16_t)id;
	struct nl_msg m = {0};
	size_t info, data;
	int index, r;

	if (id < 1 || id > 4094)
		return err_set(err, EINVAL, "%u is no VLAN: they are numbered from 1 to 4094", id);
	index = link_index(NETNS_OWN, parent, err);
	if (index < 0)
		return index;
	r = link_begin_new(&m, name, err);
	if (r < 0)
		return r;
	nl_put_u32(&m, IFLA_LINK, (uint32_t)index);
	info = nl_nest(&m, IFLA_LINKINFO);
	nl_put_text(&m, IFLA_INFO_KIND, "vlan");
	data = nl_nest(&m, IFLA_INFO_DATA);
	nl_put(&m, IFLA_VLAN_ID, &number, sizeof(number));
	nl_nest_end(&m, data);
	nl_nest_end(&m, info);
	r = nl_request(&m, NETNS_OWN, err);
	if (r == -EOPNOTSUPP)
		return err_set(err, EOPNOTSUPP,
			       "VLAN %u of %s can't be made: this kernel has no VLANs (CONFIG_VLAN_8021Q)",
			       id, parent);
	if (r < 0) {
		err_prefix(err, "VLAN %u of %s can't be made: ", id, parent);
		return r;
	}
	/* not taken when it is made */
	r = link_begin(&m, RTM_NEWLINK, name, err);
	if (!r) {
		nl_put(&m, IFLA_IFALIAS, alias, strlen(alias));
		r = nl_request(&m, NETNS_OWN, err);
	}
	if (r < 0)
		link_delete(name, NULL);
	return r;
}

static int visit_alias(const struct nlmsghdr *h, void *arg, struct err *err)
{
	const struct rtattr *attrs[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];
	AUTO(free) char *alias = mark();

	(void)err;
	if (link_attrs(h, attrs, info))
		*(bool *)arg =
		    nl_text_is(info[IFLA_INFO_KIND], "vlan") && nl_text_is(attrs[IFLA_IFALIAS], alias);
	return 0;
}

bool vlan_is_ours(const char *name)
{
	bool is_ours = false;

	return link_query(NETNS_OWN, name, visit_alias, &is_ours, NULL) == 0 && is_ours;
}
