/* SPDX-License-Identifier: Apache-2.0 */
/* What texts from an image's metadata may be. Asked twice: by the helper that parsed them, and by the core.
 */
#pragma once

#include "engine/base/str.h"

#include <stdbool.h>

#define IMAGE_MAX_TIME 253402300799ULL /* the end of the year 9999 */

/** image_property_name_ok() - also a file's name: a-z A-Z 0-9 . _ -, doesn't begin with a dot or dash */
bool image_property_name_ok(struct str s);

/** image_text_ok() - UTF-8 in one line without control characters, at most IMAGE_MAX_TEXT bytes */
bool image_text_ok(struct str s);

/** image_architecture_ok() - 1 to 32 of a-z 0-9 _ -, as in x86_64 */
bool image_architecture_ok(struct str s);

/** image_property_compare() - order of two texts NAME=VALUE by name. Return: as strcmp(3) */
int image_property_compare(const char *a, const char *b);
