/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for system calls: whatever is written, what is read compiles or is refused with a sentence. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/base/auto.h"
#include "engine/confine/seccomp-rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};

	for (int syntax = SECCOMP_DENY; syntax <= SECCOMP_POLICY; syntax++) {
		__attribute__((cleanup(seccomp_rules_done_auto))) struct seccomp_rules rules = {0};
		AUTO(err_done) struct err err = ERR_NULL;
		int r = seccomp_rules_parse(text, syntax, &rules, &err);

		if (r < 0 ? !err.text || memchr(err.text, '\n', strlen(err.text)) != NULL : err.errnum != 0)
			abort();
		for (size_t i = 0; i < rules.n; i++) {
			const struct seccomp_rule *rule = &rules.list[i];

			if (rule->n_args > SECCOMP_ARGS || rule->nr == __NR_SCMP_ERROR)
				abort();
			for (unsigned n = 0; n < rule->n_args; n++)
				if (rule->args[n].arg >= SECCOMP_ARGS)
					abort();
		}
	}
	return 0;
}
