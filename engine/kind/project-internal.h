/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of projects share and nobody else needs. */
#pragma once

#include "engine/kind/project.h"

struct claim;

/* object.data */
struct project {
	atomic_bool is_ending;
	struct claim *claims; /* project-limits.c's */
};

void project_claims_free(struct project *p);
/** project_holds() - whether what is in a project is within limits.* that are to be. Return: 0; -EDQUOT */
int project_holds(struct object *project, const struct config *rules, struct err *err);
