/* SPDX-License-Identifier: Apache-2.0 */
/* What README files say. */
#include "fs/tree/readme.h"

void readme_text(struct buf *b, const char *m)
{
	buf_printf(
	    b,
	    "This is a container host as a filesystem: read a file to see, write one to change. A write "
	    "that\n"
	    "succeeded is in force; one that failed changed nothing, and the sentence is in %s/error\n"
	    "and in `error` beside what you tried to change.\n\n"
	    "  mkdir %s/instances/foo                         make one, from the default image and profile\n"
	    "  echo ALIAS > %s/instances/foo/source           from another image: see ls %s/images/aliases\n"
	    "  echo running > %s/instances/foo/state          start it; also stopped, frozen, restart;\n"
	    "                                                  `stopped force` doesn't ask it first\n"
	    "  cat %s/instances/foo/addresses                 ls -l %s/instances/foo shows what else there "
	    "is\n"
	    "  echo 64MiB > %s/instances/foo/config/limits.memory     set a key; rm unsets it\n"
	    "  cat %s/instances/foo/effective/config/*        with what profiles give, and defaults\n"
	    "  echo true > %s/instances/foo/devices/eth0/security.mac_filtering\n"
	    "  cd %s/instances/foo/exec; mkdir 1; echo id > 1/command; echo run > 1/state; cat 1/stdout\n"
	    "  echo 'running 30' > %s/instances/foo/wait      wait 30 seconds for a state\n"
	    "  cat a/set > b/set                               many keys, one change: KEY=VALUE lines\n"
	    "  mv %s/instances/foo %s/instances/bar; rmdir %s/instances/bar\n"
	    "  cp image.tar.xz %s/images/                     import an image\n"
	    "  ln -s ../FINGERPRINT %s/images/aliases/NAME    name one\n"
	    "  mkdir %s/acls/web; echo action=allow > %s/acls/web/ingress/1    rules for security.acls of "
	    "NICs\n"
	    "  grep -r filtering %s/schema                    find a key by what it does\n",
	    m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m);
}
