/* SPDX-License-Identifier: Apache-2.0 */
/* Files of certificates/FINGERPRINT/ and of tokens. */
#include "engine/base/auto.h"
#include "engine/keys/keys.h"

#define RIGHTS                                                                                               \
	{                                                                                                    \
		.name = "group", .type = &type_name, .def = "lxd", .class = CLASS_HOST,                      \
		.text =                                                                                      \
		    "The group of this host whose rights the client has: it can do what that group's modes " \
		    "allow in the tree. Group lxd has full control, which equals root on the host."          \
	}
#define PROJECTS                                                                                             \
	{                                                                                                    \
		.name = "projects", .type = &type_names, .class = CLASS_HOST,                                \
		.text = "The projects that a restricted client sees, a name a line; it sees nothing else."   \
	}
#define RESTRICTED                                                                                           \
	{                                                                                                    \
		.name = "restricted", .type = &type_bool, .def = "false", .class = CLASS_HOST,               \
		.text = "Whether the client sees only its projects. A client that is connected is "          \
			"disconnected when "                                                                 \
			"this changes."                                                                      \
	}

static const struct key certificate_rows[] = {
    {.name = "certificate",
     .type = &type_text,
     .mode = 0440,
     .class = CLASS_HOST,
     .text = "The certificate itself, as PEM. It is public: who has its key is let in, not who has this."},
    RIGHTS,
    {.name = "last_seen",
     .type = &type_string,
     .mode = 0440,
     .class = CLASS_HOST,
     .text = "When a client last connected with it, and from which address."},
    {.name = "name",
     .type = &type_string,
     .class = CLASS_HOST,
     .text = "What people call it: at first the certificate's common name, or the name of its token."},
    PROJECTS,
    RESTRICTED,
    {.name = "type",
     .type = &type_name,
     .def = "client",
     .mode = 0440,
     .text = "What the certificate is for: always `client`."},
};
const struct key_table keys_certificate_props = {
    .name = "certificate-properties",
    .text = "Files of a trusted certificate's own directory.",
    .keys = certificate_rows,
    .n = ARRAY_SIZE(certificate_rows),
};

static const struct key token_rows[] = {
    {.name = "expires_at",
     .type = &type_integer,
     .mode = 0440,
     .min = 0,
     .max = INT64_MAX,
     .class = CLASS_HOST,
     .text = "When the token can't be used any more, in seconds since 1970."},
    RIGHTS,
    PROJECTS,
    RESTRICTED,
    {.name = "secret",
     .type = &type_string,
     .mode = 0440,
     .class = CLASS_HOST,
     .text = "What a client shows to be trusted, once. It is part of the line in certificates/tokens/."},
};
const struct key_table keys_token_props = {
    .name = "token-properties",
    .text = "What lxdfs keeps of a token; its file in certificates/tokens/ shows the line for the client.",
    .keys = token_rows,
    .n = ARRAY_SIZE(token_rows),
};
