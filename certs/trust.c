/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which facts count: what refuses before what lets in. */
#include "certs/trust.h"

enum trust trust_judge(const struct trust_facts *f)
{
	if (f->has_ca && (!f->shown || !f->is_signed || f->is_revoked))
		return TRUST_REFUSED;
	if (!f->shown)
		return TRUST_GUEST;
	if ((f->in_store || f->has_ca) && !f->usable)
		return TRUST_REFUSED;
	if (f->in_store)
		return f->is_restricted ? TRUST_RESTRICTED : TRUST_FULL;
	return f->has_ca && f->trusts_signed ? TRUST_FULL : TRUST_GUEST;
}
