/* SPDX-License-Identifier: Apache-2.0 */
/* The table of rows of each kind of object; a file of fs/tree/ for each. */
#pragma once

#include "fs/tree/node.h"

extern const struct node_table table_server, table_project, table_instance, table_profile, table_image,
    table_network, table_pool, table_exec, table_warning, table_acl, table_forward, table_certificate,
    table_token;

/* images/aliases/ */
extern const struct node_class class_aliases, class_alias;

/* public/, and the row of an image that is its directory there */
extern const struct node_class class_public, class_public_alias;
#define IMAGE_PUBLIC 100

/* certificates/ and join */
extern const struct node_class class_certificates, class_certificate_new, class_server_crt, class_authority,
    class_tokens, class_token, class_join;
bool certificates_has_ca(const struct object *server);
bool certificates_has_crl(const struct object *server);
/** certificates_row() - the row of a file of certificates/ that may not be there. NULL for none */
const struct node_row *certificates_row(const char *name);
