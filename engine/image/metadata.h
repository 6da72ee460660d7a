/* SPDX-License-Identifier: Apache-2.0 */
/* metadata.yaml: what an image says of itself. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/str.h"
#include "engine/image/import.h"

/**
 * metadata_parse() - parse the text of a metadata.yaml
 * @text: any bytes
 * @ret:  architecture, created_at, expires_at and properties are set on success; the caller frees them with
 *        image_info_done()
 *
 * Taken are architecture (must be there), creation_date, expiry_date and properties; templates and what is
 * unknown is only skipped. Control characters of values at their end fall away, line ends and tabs within
 * become spaces. Return: 0; -EINVAL no such text: not YAML, anchors and aliases, several documents, deeper
 * than 16, a key twice, a property that isn't one; -EFBIG too long or too many Source: LXD
 * doc/reference/image_format.md
 */
int metadata_parse(struct str text, struct image_info *ret, struct err *err);
