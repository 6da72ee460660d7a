/* SPDX-License-Identifier: Apache-2.0 */
/* Words and options of a mount to typed values. */
#include "fs/9p/options.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/parse.h"
#include "fs/9p/wire.h"

/* What mount(8), systemd and fstab say to each other. */
static const char *const ignored[] = {"defaults", "rw",	    "auto",  "noauto", "_netdev",
				      "nofail",	  "nosuid", "nodev", "noexec", "relatime",
				      "noatime",  "nouser", "user",  "users",  "owner"};

static int set_text(char **to, const char *value, const char *name, struct err *err)
{
	if (!value || !*value)
		return err_set(err, EINVAL, "option %s wants a value, as in %s=VALUE", name, name);
	free(*to);
	*to = xstrdup(value);
	return 0;
}

static int set_number(uint64_t min, uint64_t max, const char *value, const char *name, uint64_t *ret,
		      struct err *err)
{
	if (!value || parse_u64(str_from(value), min, max, ret) < 0)
		return err_set(err, EINVAL, "option %s wants a number from %llu to %llu, not \"%s\"", name,
			       (unsigned long long)min, (unsigned long long)max, value ? value : "");
	return 0;
}

static bool is_ignored(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		if (!strcmp(name, ignored[i]))
			return true;
	return !strncmp(name, "x-", 2) || !strncmp(name, "X-", 2) || !strncmp(name, "comment", 7);
}

static int set_flag(struct mount_options *o, const char *name)
{
	struct {
		const char *name;
		bool *flag;
	} flags[] = {{"ro", &o->read_only}, {"reconnect", &o->reconnect}, {"allow_other", &o->allow_other}};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (!strcmp(name, flags[i].name)) {
			*flags[i].flag = true;
			return 0;
		}
	if (!strcmp(name, "v9fs"))
		o->way = MOUNT_V9FS;
	else if (!strcmp(name, "fuse"))
		o->way = MOUNT_FUSE;
	else
		return -ENOENT;
	return 0;
}

static int check_fingerprint(char *text, struct err *err)
{
	char *to = text;

	/* also as openssl prints it */
	for (const char *p = text; *p; p++)
		if (*p != ':')
			*to++ = *p >= 'A' && *p <= 'F' ? (char)(*p + 32) : *p;
	*to = 0;
	if (strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64)
		return 0;
	return err_set(err, EINVAL, "option fingerprint wants the 64 hexadecimal digits of SHA-256");
}

static int set_option(struct mount_options *o, char *word, struct err *err)
{
	char *value = strchr(word, '=');
	uint64_t n = 0;
	int r;

	if (value)
		*value++ = 0;
	if (is_ignored(word) || (!value && set_flag(o, word) == 0))
		return 0;
	if (!strcmp(word, "port")) {
		r = set_number(1, 65535, value, word, &n, err);
		return r ? r : set_text(&o->port, value, word, err);
	}
	if (!strcmp(word, "cert"))
		return set_text(&o->cert, value, word, err);
	if (!strcmp(word, "key"))
		return set_text(&o->key, value, word, err);
	if (!strcmp(word, "token"))
		return set_text(&o->token, value, word, err);
	if (!strcmp(word, "fingerprint")) {
		r = set_text(&o->fingerprint, value, word, err);
		return r ? r : check_fingerprint(o->fingerprint, err);
	}
	if (!strcmp(word, "project") && value && *value) {
		free(o->path);
		o->path = xasprintf("/projects/%s", value);
		return 0;
	}
	if (!strcmp(word, "msize")) {
		r = set_number(P9_MSIZE_MIN, P9_MSIZE_MAX, value, word, &n, err);
		o->msize = r ? o->msize : (uint32_t)n;
		return r;
	}
	if (!strcmp(word, "uid") || !strcmp(word, "gid")) {
		r = set_number(0, UINT32_MAX - 1, value, word, &n, err);
		if (!r)
			*(word[0] == 'u' ? &o->uid : &o->gid) = (int64_t)n;
		return r;
	}
	return o->sloppy
		   ? 0
		   : err_set(
			 err, EINVAL,
			 "there is no option %s: port, cert, key, token, fingerprint, project, ro, msize, "
			 "reconnect, uid, gid, allow_other, v9fs and fuse are known",
			 word);
}

static int set_options(struct mount_options *o, const char *list, struct err *err)
{
	AUTO(free) char *copy = xstrdup(list);
	char *rest = copy, *word;
	int r = 0;

	while (!r && (word = strsep(&rest, ",")))
		r = *word ? set_option(o, word, err) : 0;
	return r;
}

/* HOST:/PATH, HOST:PORT:/PATH, [ADDRESS]:/PATH, [ADDRESS]:PORT:/PATH; the path may be left out. */
static int set_source(struct mount_options *o, const char *text, struct err *err)
{
	const char *at = text, *end;
	size_t len;

	o->source = xstrdup(text);
	if (*at == '[') {
		end = strchr(at, ']');
		len = end ? (size_t)(end - ++at) : 0;
		end = end ? end + 1 : "x";
	} else {
		len = strcspn(at, ":/");
		end = at + len;
	}
	if (!len || (*end && *end != ':') || (*end == ':' && !end[1]))
		return err_set(
		    err, EINVAL,
		    "\"%s\" is no source: HOST:/ is wanted, or HOST:PORT:/PATH, with an IPv6 address in "
		    "brackets",
		    text);
	o->host = str_dup((struct str){at, len});
	if (*end == ':' && end[1] != '/') {
		uint64_t n;

		at = end + 1;
		len = strcspn(at, ":");
		end = at + len;
		if (parse_u64((struct str){at, len}, 1, 65535, &n) < 0 || (*end == ':' && end[1] != '/'))
			return err_set(err, EINVAL, "\"%.*s\" in %s is no port", (int)len, at, text);
		free(o->port);
		o->port = str_dup((struct str){at, len});
	}
	if (*end == ':' && end[2] && !o->path)
		o->path = xstrdup(end + 1);
	return 0;
}

int mount_options_parse(int argc, char **argv, struct mount_options *o, struct err *err)
{
	int c, r = 0;

	opterr = 0;
	while (!r && (c = getopt(argc, argv, "fnsvwrt:o:")) != -1)
		switch (c) {
		case 'f':
			o->fake = true;
			break;
		case 's':
			o->sloppy = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'r':
			o->read_only = true;
			break;
		case 'o':
			r = set_options(o, optarg, err);
			break;
		case 'n':
		case 'w':
		case 't':
			break;
		default:
			return err_set(err, EINVAL, "there is no option -%c", optopt);
		}
	if (r < 0)
		return r;
	if (argc - optind < 2)
		return err_set(err, EINVAL,
			       "usage: mount.lxdfs HOST[:PORT]:/[PATH] DIRECTORY [-sfnv] [-o OPTIONS]");
	r = set_source(o, argv[optind], err);
	o->where = xstrdup(argv[optind + 1]);
	/* mount(8) gives options behind the directory, which getopt has put before it; a rest is a mistake */
	if (!r && argc - optind > 2)
		r = err_set(err, EINVAL, "\"%s\" is one word too many", argv[optind + 2]);
	if (!o->port)
		o->port = xstrdup("8443");
	if (!o->path)
		o->path = xstrdup("");
	return r;
}

void mount_options_done(struct mount_options *o)
{
	char **all[] = {&o->source, &o->host, &o->port,	 &o->path,	 &o->where,
			&o->cert,   &o->key,  &o->token, &o->fingerprint};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		free(*all[i]);
		*all[i] = NULL;
	}
}
