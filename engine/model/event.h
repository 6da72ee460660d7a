/* SPDX-License-Identifier: Apache-2.0 */
/* What happened, as lines of JSON in a ring: who reads too slowly is told how many it missed. */
#pragma once

#include "engine/base/buf.h"

#include <stdint.h>

struct events;

struct events *events_new(void);
void events_free(struct events *e);
/** events_add() - one JSON object without a newline; wakes its readers. @project: id of the project that it
 * is of, 0 for none */
void events_add(struct events *e, uint32_t project, const char *line);

struct event_reader;
/** event_reader_new() - hears what happens from now on, in one project or (0) everywhere. NULL: there is no
 * descriptor left */
struct event_reader *event_reader_new(struct events *e, uint32_t project);
void event_reader_free(struct event_reader *r);
/** event_reader_fd() - readable while there is something to read */
int event_reader_fd(const struct event_reader *r);
/** event_reader_take() - append whole lines, at least one where there is one, at most about @max bytes */
void event_reader_take(struct event_reader *r, struct buf *b, size_t max);
