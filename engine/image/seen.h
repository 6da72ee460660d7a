/* SPDX-License-Identifier: Apache-2.0 */
/* Which paths an archive has named so far, and as what: eight bytes a path, whatever its length. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum seen_kind { SEEN_NOTHING, SEEN_DIR, SEEN_FILE, SEEN_LINK };

/* Zero-initialise; seen_done() frees. */
struct seen {
	uint64_t *slots; /* hash of the path, its lowest two bits the kind; 0: free */
	size_t used, cap;
};

/** seen_get() - what the first @len bytes of a path are. Two paths may be taken for one with a chance of
 * 2^-62 for honest archives; then a good one is refused, never a bad one written */
enum seen_kind seen_get(const struct seen *s, const char *path, size_t len);
void seen_put(struct seen *s, const char *path, size_t len, enum seen_kind kind);
void seen_done(struct seen *s);
