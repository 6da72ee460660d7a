/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a proven certificate lets in, as one table of facts: pure. */
#pragma once

#include <stdbool.h>

enum trust {
	TRUST_REFUSED,	  /* not spoken to */
	TRUST_GUEST,	  /* README, public/, join */
	TRUST_RESTRICTED, /* its projects */
	TRUST_FULL,
};

struct trust_facts {
	bool shown;    /* the client showed a certificate and proved it */
	bool usable;   /* it is valid now, and its key isn't weak; of unknown ones only looked at with a CA */
	bool in_store; /* it is in certificates/ */
	bool is_restricted; /* there */
	bool has_ca;	    /* the server has an authority of its own: certificates/server.ca */
	bool is_signed;	    /* by that authority */
	bool is_revoked;    /* by its list */
	bool trusts_signed; /* core.trust_ca_certificates */
};

/**
 * trust_judge() - what the facts amount to
 *
 * With an authority nobody else's certificates connect, whatever is in the store, and none that it revoked. A
 * client without a certificate is a guest, but with an authority not even that.
 */
enum trust trust_judge(const struct trust_facts *f);
