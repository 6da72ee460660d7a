/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of a bridged NIC to its access control lists. */
#include "engine/device/nic-acl.h"

#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/device/nic-live.h"
#include "net/acl.h"

enum acl_action acl_action_of(const char *text)
{
	if (!text || !strcmp(text, "reject"))
		return ACL_REJECT;
	if (!strcmp(text, "drop"))
		return ACL_DROP;
	return !strcmp(text, "allow") ? ACL_ALLOW : ACL_ALLOW_STATELESS;
}

static const char *key(const struct config *c, const char *device, const char *name)
{
	return config_device_get(c, device, name);
}

int nic_acl_check(struct object *o, const struct config *effective, const char *device,
		  const struct nic_plan *p, struct err *err)
{
	const char *text = key(effective, device, "security.acls");
	AUTO(texts_free) char **names = text ? texts_split(text) : NULL;

	for (char **name = names; name && *name; name++) {
		AUTO(object_unref)
		struct object *acl = host_find(o->host->project, KIND_ACL, str_from(*name));

		if (!acl)
			return err_set(
			    err, EINVAL,
			    "security.acls has \"%s\": there is no such list, make it with mkdir acls/%s",
			    *name, *name);
	}
	if (names && *names && p->tagged)
		return err_set(
		    err, EINVAL,
		    "vlan.tagged doesn't go with security.acls: behind a tag its rules would see nothing");
	return 0;
}

int nic_acl_set(struct object *o, const struct config *effective, const char *device,
		const struct nic_plan *p, bool later, struct err *err)
{
	const char *text = key(effective, device, "security.acls");
	AUTO(texts_free) char **names = text ? texts_split(text) : NULL;
	struct acl_use use = {
	    .link = p->spec.host_name,
	    .lists = (const char *const *)names,
	    .ingress = acl_action_of(key(effective, device, "security.acls.default.ingress.action")),
	    .egress = acl_action_of(key(effective, device, "security.acls.default.egress.action")),
	    .ingress_logged = value_bool(key(effective, device, "security.acls.default.ingress.logged")),
	    .egress_logged = value_bool(key(effective, device, "security.acls.default.egress.logged")),
	    .nets = {p->view.v4, p->view.v6},
	    .is_managed = p->network != NULL,
	    .has_dns = p->network && p->view.has_dns,
	};

	for (char **name = names; name && *name; name++)
		use.n_lists++;
	if (use.n_lists && use.egress == ACL_REJECT && !acl_can_reject())
		host_warn(o->host, NULL, "acl-reject",
			  "this kernel has no nft_reject_bridge: what access control lists of NICs reject is "
			  "dropped, and "
			  "nobody is told");
	return later ? acl_port_set_later(&use, err) : acl_port_set(&use, err);
}

int nic_key_acl(struct object *o, const struct config *old, const struct config *new, const char *device,
		struct err *err)
{
	AUTO(nic_plan_done) struct nic_plan p = NIC_PLAN_NULL;
	struct nic_live *l = device ? nic_live_find(o, device) : NULL;
	int r;

	(void)old;
	if (!l || !*l->host_name)
		return 0;
	r = nic_plan_make(o, new, device, &p, err);
	if (r < 0)
		return r;
	memcpy(p.spec.host_name, l->host_name, sizeof(p.spec.host_name));
	return nic_acl_set(o, new, device, &p, false, err);
}
