/* SPDX-License-Identifier: Apache-2.0 */
/* Images: kept as they came, named by their fingerprint, unpacked when first needed. */
#pragma once

#include "engine/base/buf.h"
#include "engine/model/host.h"

extern const struct kind kind_image;

/* A file that is being copied into images/. */
struct image_upload;
/** image_upload_new() - @name: as the user called it: FINGERPRINT.rootfs, x.squashfs, y.tar.xz, ... */
int image_upload_new(struct object *project, struct str name, const struct caller *who,
		     struct image_upload **ret, struct err *err);
/** image_upload_write() - bytes at an offset, in order or not. Return: 0; -EBUSY it is being taken, or was;
 * -ENOSPC, -EFBIG */
int image_upload_write(struct image_upload *u, struct str bytes, uint64_t offset, struct err *err);
uint64_t image_upload_size(const struct image_upload *u);
/**
 * image_upload_finish() - blocks: look at what came; a unified image, or both halves of a split one, becomes
 * an object; the first half of a split one waits for the other until the daemon's end
 * @ret: the image; NULL where the other half is awaited
 *
 * Frees @u only with image_upload_free(). Return: 0; -EINVAL it is no image; -EEXIST this image is there
 */
int image_upload_finish(struct image_upload *u, const struct caller *who, struct object **ret,
			struct err *err);
void image_upload_free(struct image_upload *u);

/** image_find() - by alias, fingerprint, or the beginning of one that is unique. NULL with a sentence */
struct object *image_find(struct object *project, struct str name, struct err *err);
/** image_alias_set() - @image NULL removes it. Return: 0; -EINVAL the name; -EEXIST; -ENOENT */
int image_alias_set(struct object *project, struct str alias, struct object *image, const struct caller *who,
		    struct err *err);
/** image_alias_list() - NAME, FINGERPRINT pairs in one NULL-terminated list; texts_free() */
char **image_alias_list(struct object *project);
/** image_aliases() - of one image; texts_free() */
char **image_aliases(struct object *image);
/** image_is_public() - of project default, and everybody may have it */
bool image_is_public(struct object *image);
/** image_rootfs() - unpacked directory with rootfs/ and metadata.yaml; unpacks it where that wasn't done yet:
 * blocks. Return: its path, freed by the caller, NULL with a sentence */
char *image_rootfs(struct object *image, const struct caller *who, struct err *err);
/** image_rootfs_of() - the same by fingerprint, also where the image was removed and its unpacked directory
 * is still needed: by an instance whose config has it as volatile.base_image, which is to be set first */
char *image_rootfs_of(struct host *h, const char *fingerprint, const struct caller *who, struct err *err);
/** image_collect() - an instance or image is gone: remove the unpacked directory if nothing needs it now */
void image_collect(struct host *h, const char *fingerprint);
/** images_sweep() - at start: uploads, and what neither image nor instance needs, are removed */
void images_sweep(struct host *h);
/** image_file() - the image's file(s) as they came: @which 0 unified or metadata, 1 the rootfs of a split
 * one. Return: descriptor; -ENOENT */
int image_file(struct object *image, int which);
/** image_file_name() - what such a file is called, by what it is: image.tar.xz, or metadata.tar.gz and
 * rootfs.squashfs. Freed by the caller; NULL: there is none */
char *image_file_name(struct object *image, int which);
