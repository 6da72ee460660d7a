/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, sizes, times and CPU lists as people write them. All take the whole text or nothing: no blanks
 * around it, no sign but where it is said; @ret is only written when 0 is returned. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** parse_u64() - decimal digits. Return: 0; -EINVAL; -ERANGE it is below @min or above @max */
int parse_u64(struct str text, uint64_t min, uint64_t max, uint64_t *ret);
/** parse_i64() - the same with an optional '-' or '+' before it */
int parse_i64(struct str text, int64_t min, int64_t max, int64_t *ret);
/** parse_bool() - true/false, 1/0, yes/no, on/off in any case. Return: 0; -EINVAL */
int parse_bool(struct str text, bool *ret);
/**
 * parse_size() - bytes of "65536", "64MiB", "1GB"
 *
 * B, kB, MB, GB, TB, PB, EB are powers of 1000, KiB ... EiB of 1024; no unit is bytes.
 * Return: 0; -EINVAL; -ERANGE more than 2^63-1
 */
int parse_size(struct str text, uint64_t *ret);
/** parse_range() - "7" or "7-9", not backwards. Return: 0; -EINVAL; -ERANGE beyond @min and @max, or
 * backwards */
int parse_range(struct str text, uint64_t min, uint64_t max, uint64_t *ret_first, uint64_t *ret_last);
/** parse_rate() - bits a second: "100Mbit" (powers of 1000: k, M, G, T), "64Kibit" (of 1024), "9600". Return:
 * 0; -EINVAL; -ERANGE */
int parse_rate(struct str text, uint64_t *ret);
/** parse_percent() - "50%". Return: 0; -EINVAL; -ERANGE it isn't within 1% and @max */
int parse_percent(struct str text, unsigned max, unsigned *ret);
/**
 * parse_duration() - seconds of "30s", "45m", "12h", "15d", "2w", or of a number alone
 * Return: 0; -EINVAL; -ERANGE more than 2^32-1 seconds
 */
int parse_duration(struct str text, uint64_t *ret);
/**
 * parse_expiry() - seconds of LXD's "15d", "1w 3d", "6H 30M": S seconds, M minutes, H hours, d days, w weeks,
 * m months of 30 days, y years of 365 days
 *
 * Return: 0; -EINVAL; -ERANGE
 */
int parse_expiry(struct str text, uint64_t *ret);
/** parse_mode() - octal permission bits, "0660". Return: 0; -EINVAL; -ERANGE above 07777 */
int parse_mode(struct str text, mode_t *ret);

#define PARSE_CPUS_MAX 1024 /* as CPU_SETSIZE */
/**
 * parse_cpus() - a list of CPUs as in cpuset(7), "0-3,7"; blanks around commas are left out
 * @canonical: the list with plain numbers, its order and its form kept ("2-2" stays: a lone number is a
 *             count for some); may be NULL
 * @ret_count: the number where the text is one number alone, else -1; may be NULL
 *
 * Return: 0; -EINVAL; -ERANGE a CPU past PARSE_CPUS_MAX - 1
 */
int parse_cpus(struct str text, struct buf *canonical, int *ret_count);
