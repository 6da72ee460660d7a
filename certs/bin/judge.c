/* SPDX-License-Identifier: Apache-2.0 */
/* lxdfs-judge: reads one certificate of a stranger, says what the server's authority has to do with it, and
 * ends. */
#include "certs/judge.h"
#include "certs/cage.h"
#include "certs/cert.h"
#include "engine/base/fd.h"
#include "engine/base/spawn.h"

#define CORE 3
#define NOBODY 65534
#define MAX_FILE (256 * 1024)

int main(void)
{
	AUTO(msg_done) struct msg msg = MSG_NULL;
	AUTO(buf_done) struct buf body = BUF_NULL;
	struct str text[3] = {STR_NULL, STR_NULL, STR_NULL};
	struct unpack u;
	int64_t now;

	if (spawn_detach() < 0 || msg_recv(CORE, &judge_table, &msg, NULL) <= 0 ||
	    msg.type->number != JUDGE_ASK)
		return 1;
	u = (struct unpack){.ptr = msg.body, .left = msg.len};
	now = (int64_t)unpack_u64(&u);
	for (unsigned i = 0; i < msg.n_fds; i++)
		if (fd_map_sealed(msg.fds[i], MAX_FILE, &text[i]) < 0)
			return 1;
	if (tls_cage_enter(NOBODY, NOBODY, NULL, NULL) < 0)
		return 1;
	pack_u32(&body, judge_look(text[0], text[1], text[2], now));
	return msg_send(CORE, &judge_table, JUDGE_FOUND, 0, buf_str(&body), NULL, 0) < 0;
}
