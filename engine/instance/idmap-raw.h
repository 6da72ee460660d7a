/* SPDX-License-Identifier: Apache-2.0 */
/* raw.idmap: single ids of the host put into a map, which is split around them. */
#pragma once

#include "engine/base/str.h"
#include "engine/instance/idmap.h"

/**
 * idmap_raw_parse() - read the lines of raw.idmap
 * @text: lines of `both|uid|gid HOST INSIDE`, each a number or a range a-b; both ranges of one length
 * @ret:  what they map, without order
 *
 * Return: 0; -EINVAL with the line: it doesn't read, or maps an id twice, inside or outside
 */
int idmap_raw_parse(struct str text, struct idmap *ret, struct err *err);

/**
 * idmap_raw_add() - put @raw into a map; what the map had for these ids inside is left out
 * Return: 0; -EINVAL an id of the host is in @map already, under another one; -E2BIG too many pieces
 */
int idmap_raw_add(struct idmap *map, const struct idmap *raw, struct err *err);

/**
 * idmap_raw_allowed() - whether root was given all these ids of the host
 * @subuid, @subgid: paths of the files
 *
 * Return: 0; -EPERM with the line that is missing
 * Source: subuid(5)
 */
int idmap_raw_allowed(const struct idmap *raw, const char *subuid, const char *subgid, struct err *err);
