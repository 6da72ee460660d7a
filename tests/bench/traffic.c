/* SPDX-License-Identifier: Apache-2.0 */
/* Sends from one network namespace to another for a while, and counts what arrives: bytes of one TCP
 * connection, then small UDP packets. usage: traffic NETNS NETNS ADDRESS MS; the address is IPv4 and of the
 * second. Prints MiB and thousands of packets a second. */
#include "tests/bench/bench.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum { PORT = 5201, SMALL = 64, AT_ONCE = 64 };

static atomic_bool is_over;

/* A socket belongs to the namespace in which it is made. */
static int socket_in(const char *netns, int type)
{
	int ns = open(netns, O_RDONLY | O_CLOEXEC), fd;

	if (ns < 0 || setns(ns, CLONE_NEWNET))
		err(1, "%s", netns);
	close(ns);
	fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "socket");
	return fd;
}

/* At once as many as the kernel takes or has. */
static long many(int fd, int sends)
{
	static _Thread_local char bytes[AT_ONCE][SMALL];
	struct iovec iov[AT_ONCE];
	struct mmsghdr m[AT_ONCE];

	memset(m, 0, sizeof(m));
	for (int i = 0; i < AT_ONCE; i++) {
		iov[i] = (struct iovec){bytes[i], SMALL};
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	return sends ? sendmmsg(fd, m, AT_ONCE, 0) : recvmmsg(fd, m, AT_ONCE, MSG_WAITFORONE, NULL);
}

static void *send_bytes(void *arg)
{
	static char bytes[128 << 10];
	int fd = *(int *)arg;

	while (!atomic_load(&is_over))
		if (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) < 0)
			break;
	shutdown(fd, SHUT_WR);
	return NULL;
}

static void *send_packets(void *arg)
{
	while (!atomic_load(&is_over))
		(void)many(*(int *)arg, 1);
	return NULL;
}

/* What comes in @us, a second. */
static double count(int to, int from, int is_tcp, double us)
{
	static char bytes[256 << 10];
	double begin = bench_now(), n = 0;
	pthread_t sender;

	atomic_store(&is_over, false);
	if (pthread_create(&sender, NULL, is_tcp ? send_bytes : send_packets, &from))
		errx(1, "no thread");
	while (bench_now() - begin < us) {
		long got = is_tcp ? recv(to, bytes, sizeof(bytes), 0) : many(to, 0);

		if (got <= 0)
			err(1, "nothing arrives");
		n += (double)got;
	}
	n /= (bench_now() - begin) / 1e6;
	atomic_store(&is_over, true);
	while (is_tcp && recv(to, bytes, sizeof(bytes), 0) > 0)
		;
	pthread_join(sender, NULL);
	return n;
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	const struct timeval patience = {.tv_sec = 5};
	const int one = 1, size = 8 << 20;
	double us, bytes, packets;
	int from, to, heard;

	if (argc != 5 || inet_pton(AF_INET, argv[3], &at.sin_addr) != 1)
		errx(2, "usage: traffic NETNS NETNS ADDRESS MS");
	us = strtod(argv[4], NULL) * 1000;
	/* what else runs here isn't to count */
	(void)setpriority(PRIO_PROCESS, 0, -20);

	to = socket_in(argv[2], SOCK_STREAM);
	setsockopt(to, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(to, (struct sockaddr *)&at, sizeof(at)) || listen(to, 1))
		err(1, "listen on %s", argv[3]);
	from = socket_in(argv[1], SOCK_STREAM);
	if (connect(from, (struct sockaddr *)&at, sizeof(at)))
		err(1, "connect to %s", argv[3]);
	heard = accept4(to, NULL, NULL, SOCK_CLOEXEC);
	if (heard < 0)
		err(1, "accept");
	setsockopt(heard, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	bytes = count(heard, from, 1, us);
	close(heard);
	close(from);
	close(to);

	to = socket_in(argv[2], SOCK_DGRAM);
	setsockopt(to, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (bind(to, (struct sockaddr *)&at, sizeof(at)))
		err(1, "bind to %s", argv[3]);
	from = socket_in(argv[1], SOCK_DGRAM);
	if (connect(from, (struct sockaddr *)&at, sizeof(at)))
		err(1, "connect to %s", argv[3]);
	packets = count(to, from, 0, us);
	printf("%.1f %.1f\n", bytes / (1 << 20), packets / 1000);
	return 0;
}
