/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and replacing files below a directory, whatever others do to the path meanwhile. */
#pragma once

#include "engine/base/str.h"

#include <stdbool.h>
#include <sys/types.h>

/** path_is_name() - one path element: not empty, not "." or "..", no slash or NUL, at most 255 bytes */
bool path_is_name(struct str s);

/** path_open() - beneath @dirfd, through no symbolic link. Return: descriptor or -errno (-EXDEV: led outside)
 */
int path_open(int dirfd, const char *path, int flags, mode_t mode);

/** path_open_in_root() - as a process whose root is @dirfd would, symbolic links included, magic links not */
int path_open_in_root(int dirfd, const char *path, int flags);

/**
 * path_make_in_root() - O_PATH descriptor of a path within a root, made where it is missing
 * @is_dir: a directory, else an empty file in directories
 *
 * Return: descriptor or -errno: -ENOTDIR, -EISDIR something else is there
 */
int path_make_in_root(int dirfd, const char *path, bool is_dir);

/** path_make_dir() - mkdir -p of a path on the host, missing parents 0711. Return: 0 or -errno */
int path_make_dir(const char *path, mode_t mode);

/**
 * path_replace() - put a small file in place in one step: NAME.new, then rename
 * @durable: fsync of file and directory
 *
 * Return: 0 or -errno, the old content is in place then
 */
int path_replace(int dirfd, const char *name, struct str content, mode_t mode, bool durable);

/** path_read() - a file's content, at most @max bytes (-EFBIG beyond), terminated; freed by the caller.
 * Return: its length or -errno */
ssize_t path_read(int dirfd, const char *path, size_t max, char **ret);

/** path_write() - one write(2) to a file that exists, as files of proc and cgroup want it. Return: 0 or
 * -errno */
int path_write(int dirfd, const char *path, struct str content);

/**
 * path_remove_tree() - remove a directory with all in it, whatever others put there: links are never followed
 * @path: none there is a success; no link itself
 *
 * Return: 0 or -errno
 */
int path_remove_tree(const char *path);
