/* SPDX-License-Identifier: Apache-2.0 */
/* Looks in /proc which signals a thread has pending. */
#include "engine/base/signals.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"

#define STATUS_MAX 65536

/* A line of hex digits, bit 0 is signal 1. */
static uint64_t mask(const char *status, const char *name)
{
	const char *line = strstr(status, name);

	return line ? strtoull(line + strlen(name), NULL, 16) : 0;
}

bool signals_in_status(const char *status)
{
	static const int harmless[] = {SIGCHLD, SIGWINCH, SIGURG, SIGCONT};
	uint64_t pending = mask(status, "\nSigPnd:") | mask(status, "\nShdPnd:");

	pending &= ~(mask(status, "\nSigBlk:") | mask(status, "\nSigIgn:"));
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		pending &= ~(UINT64_C(1) << (harmless[i] - 1));
	return pending != 0;
}

bool signals_are_meant(pid_t thread)
{
	AUTO(free) char *path = xasprintf("/proc/%d/status", thread), *status = NULL;

	return thread <= 0 || path_read(AT_FDCWD, path, STATUS_MAX, &status) <= 0 ||
	       signals_in_status(status);
}
