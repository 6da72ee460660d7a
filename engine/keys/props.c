/* SPDX-License-Identifier: Apache-2.0 */
/* Files of an object's own directory that can be set, as the keys below config/ can. */
#include "engine/keys/keys.h"

#include <errno.h>

#include "engine/base/auto.h"
#include "engine/kind/exec.h"
#include "engine/kind/pool.h"

#define DESCRIPTION                                                                                          \
	{                                                                                                    \
		.name = "description", .type = &type_string, .def = "",                                      \
		.text = "A line for people who look at it."                                                  \
	}

static const char *const none[] = {"none", NULL};

static int check_environment(const struct key *key, struct str value, struct err *err)
{
	struct str line;

	(void)key;
	while (value.len && str_next(&value, '\n', &line)) {
		const char *equals = memchr(line.ptr, '=', line.len);

		if (!equals || equals == line.ptr)
			return err_set(err, EINVAL, "has the line \"%.*s\": NAME=VALUE is wanted",
				       (int)MIN(line.len, 64u), line.ptr);
	}
	return 0;
}

static int check_command(const struct key *key, struct str value, struct err *err)
{
	(void)key;
	if (!str_trim(value).len)
		return err_set(err, EINVAL, "is empty: a line for the shell is wanted");
	return 0;
}

static const struct key instance_rows[] = {
    {.name = "architecture",
     .type = &type_name,
     .def_text = "the image's",
     .mode = 0440,
     .text = "The CPU architecture of the instance's programs."},
    DESCRIPTION,
    /* Who owns an instance may not remove it: that is a matter of instances/. */
    {.name = "ephemeral",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_PROJECT,
     .text =
	 "Whether the instance is deleted, with its files, when it stops. It stays with root and group lxd "
	 "when an instance is given to others, who may stop it but not remove it; in a project that was "
	 "given "
	 "away as a whole it is the project's owner's."},
    /* A profile may hold keys of class host, and what confines an instance may come from one. */
    {.name = "profiles",
     .type = &type_names,
     .def = "default",
     .class = CLASS_PROJECT,
     .text =
	 "Profiles whose keys and devices the instance has, a name a line; the later wins, and what is set "
	 "on the instance wins over all. It stays with root and group lxd when an instance is given to "
	 "others, since profiles may grant what its owner may not set; in a project with profiles of its own "
	 "it is whose the project is."},
    /* Not every image is for who owns an instance, and instances/X would give away X's files. */
    {.name = "source",
     .type = &type_source,
     .choices = none,
     .def_text = "the server's lxdfs.source",
     .class = CLASS_PROJECT,
     .live = LIVE_NEVER,
     .text = "The image that the instance is made from at its first start; `none` begins with an empty root. "
	     "From the first start on it can't change."},
    {.name = "type",
     .type = &type_name,
     .def = "container",
     .mode = 0440,
     .text = "What kind of instance it is: always `container`."},
};
const struct key_table keys_instance_props = {
    .name = "instance-properties",
    .text = "Files of an instance's own directory.",
    .keys = instance_rows,
    .n = ARRAY_SIZE(instance_rows),
};

static const struct key profile_rows[] = {DESCRIPTION};
const struct key_table keys_profile_props = {
    .name = "profile-properties",
    .text = "Files of a profile's own directory; its config/ has the keys of instances.",
    .keys = profile_rows,
    .n = ARRAY_SIZE(profile_rows),
};

static const struct key project_rows[] = {DESCRIPTION};
const struct key_table keys_project_props = {
    .name = "project-properties",
    .text = "Files of a project's own directory.",
    .keys = project_rows,
    .n = ARRAY_SIZE(project_rows),
};

#define IMAGE_FACT(key_name, key_text)                                                                       \
	{                                                                                                    \
		.name = key_name, .type = &type_string, .mode = 0440, .text = key_text                       \
	}

static const struct key image_rows[] = {
    {.name = "aliases",
     .type = &type_names,
     .mode = 0440,
     .text = "Other names of the image, one a line; they are made and removed in images/aliases."},
    IMAGE_FACT("architecture", "The CPU architecture of its programs, as its metadata says."),
    {.name = "auto_update",
     .type = &type_bool,
     .def = "false",
     .refuse = "can't be set yet: this release fetches no images, so it can't renew one",
     .text = "Whether the image is renewed from where it was fetched."},
    IMAGE_FACT("created_at", "When the image was made, as its metadata says."),
    {.name = "expires_at",
     .type = &type_string,
     .def_text = "never",
     .refuse = "can't be set yet: images stay until they are removed",
     .text = "When the image is no longer to be used."},
    IMAGE_FACT("filename", "How the file was called that was copied in; of two, the one with the metadata."),
    {.name = "properties.*",
     .type = &type_string,
     .text = "What the image says of itself, such as properties.os and properties.release; it can be changed "
	     "and added to."},
    {.name = "public",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .text =
	 "Whether everybody may have the image, also clients that aren't trusted: it is in /lxd/public then. "
	 "Only images of project default are shown there."},
    IMAGE_FACT("size", "Bytes of the file, or of both."),
    IMAGE_FACT("uploaded_at", "When the image was copied in."),
};
const struct key_table keys_image_props = {
    .name = "image-properties",
    .text = "Files of an image's own directory.",
    .keys = image_rows,
    .n = ARRAY_SIZE(image_rows),
};

static const struct key network_rows[] = {
    DESCRIPTION,
    {.name = "type",
     .type = &type_name,
     .def = "bridge",
     .mode = 0440,
     .text = "What kind of network it is: always `bridge`."},
};
const struct key_table keys_network_props = {
    .name = "network-properties",
    .text = "Files of a network's own directory.",
    .keys = network_rows,
    .n = ARRAY_SIZE(network_rows),
};

static const char *const drivers[] = {"dir", "overlay", NULL};
static const struct key pool_rows[] = {
    DESCRIPTION,
    {.name = "driver",
     .type = &type_choice,
     .def = "overlay",
     .choices = drivers,
     .class = CLASS_HOST,
     .apply = pool_apply,
     .text =
	 "How the pool keeps the files of instances. `overlay`: an image is unpacked once, and an "
	 "instance holds what it has changed; it works on any local file system that overlayfs can write "
	 "to. `dir`: an instance has a full copy of its image, made at its first start. Subvolumes (btrfs) "
	 "are not in this release. It can be changed while no instance and no profile uses the pool."},
};
const struct key_table keys_pool_props = {
    .name = "storage-properties",
    .text = "Files of a storage pool's own directory.",
    .keys = pool_rows,
    .n = ARRAY_SIZE(pool_rows),
};

static const struct key exec_rows[] = {
    {.name = "command",
     .type = &type_text,
     .check = check_command,
     .is_required = true,
     .text = "What is run in the instance, as a script for /bin/sh -c."},
    {.name = "cwd",
     .type = &type_path,
     .def_text = "the user's home",
     .text = "Directory in the instance that the command starts in."},
    {.name = "environment",
     .type = &type_lines,
     .def = "",
     .check = check_environment,
     .text = "Variables besides those of the instance's environment.*, as lines NAME=VALUE."},
    {.name = "group",
     .type = &type_name,
     .def_text = "the user's own",
     .text = "Number or name of the group, inside, that the command runs as."},
    {.name = "height",
     .type = &type_integer,
     .def = "24",
     .min = 1,
     .max = 10000,
     .apply = exec_apply_size,
     .text = "Lines of the terminal of an `interactive` command; it can be changed while it runs."},
    {.name = "interactive",
     .type = &type_bool,
     .def = "false",
     .text = "Whether the command gets a terminal in place of pipes: `terminal` is the other side of it. Its "
	     "stdout has a copy of what it printed there."},
    {.name = "user",
     .type = &type_name,
     .def = "0",
     .text = "Number or name of the user, inside, that the command runs as."},
    {.name = "width",
     .type = &type_integer,
     .def = "80",
     .min = 1,
     .max = 10000,
     .apply = exec_apply_size,
     .text = "Columns of the terminal of an `interactive` command; it can be changed while it runs."},
};
const struct key_table keys_exec_props = {
    .name = "exec-properties",
    .text = "Files of a command's directory below exec/; they count when `run` or `start` is written to its "
	    "state.",
    .keys = exec_rows,
    .n = ARRAY_SIZE(exec_rows),
};
