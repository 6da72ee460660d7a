/* SPDX-License-Identifier: Apache-2.0 */
/* Connects with every address of a name in turn, and knows a server by its certificate alone. */
#include "certs/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/sys.h"

#define ALPN                                                                                                 \
	"\x08"                                                                                               \
	"9p2000.L"

struct dialer {
	SSL_CTX *ctx;
};

/* Of the connection that is being made. */
struct wanted {
	const char *fingerprint;
	char *seen;
	bool is_other;
};

static int is_it(X509_STORE_CTX *store, void *arg)
{
	X509 *x = X509_STORE_CTX_get0_cert(store);
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct wanted *w = ssl ? SSL_get_app_data(ssl) : NULL;
	unsigned char *der = NULL;
	int len = i2d_X509(x, &der);

	(void)arg;
	if (!w || len <= 0)
		return 0;
	cert_fingerprint_of((struct str){(char *)der, (size_t)len}, w->seen);
	OPENSSL_free(der);
	w->is_other = *w->fingerprint && strcmp(w->fingerprint, w->seen) != 0;
	X509_STORE_CTX_set_error(store, w->is_other ? X509_V_ERR_CERT_UNTRUSTED : X509_V_OK);
	return !w->is_other;
}

int dialer_new(struct str cert, struct str key, struct dialer **ret, struct err *err)
{
	BIO *cert_in = BIO_new_mem_buf(cert.ptr, (int)cert.len),
	    *key_in = BIO_new_mem_buf(key.ptr, (int)key.len);
	X509 *x = cert_in ? PEM_read_bio_X509(cert_in, NULL, NULL, NULL) : NULL;
	EVP_PKEY *k = key_in ? PEM_read_bio_PrivateKey(key_in, NULL, NULL, (void *)"") : NULL;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int ok = ctx && x && k && SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
		 SSL_CTX_use_certificate(ctx, x) == 1 && SSL_CTX_use_PrivateKey(ctx, k) == 1 &&
		 SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)ALPN, sizeof(ALPN) - 1) == 0;

	X509_free(x);
	EVP_PKEY_free(k);
	BIO_free(cert_in);
	BIO_free(key_in);
	ERR_clear_error();
	if (!ok) {
		SSL_CTX_free(ctx);
		return err_set(err, EINVAL,
			       "the client's certificate and key don't read, or don't belong together");
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, is_it, NULL);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	*ret = xcalloc(1, sizeof(**ret));
	(*ret)->ctx = ctx;
	return 0;
}

void dialer_free(struct dialer *d)
{
	if (d)
		SSL_CTX_free(d->ctx);
	free(d);
}

/* Return: 0; -errno; the descriptor doesn't block afterwards */
static int await(int fd, short events, uint64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = events};
	uint64_t now = sys_deadline(0);

	if (now >= deadline || poll(&p, 1, (int)MIN(deadline - now, (uint64_t)INT32_MAX)) <= 0)
		return -ETIMEDOUT;
	return 0;
}

static int connect_to(const struct addrinfo *a, uint64_t deadline, int *ret)
{
	AUTO(fd) int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(int);
	int on = 1, r = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0)
		r = errno == EINPROGRESS ? await(fd, POLLOUT, deadline) : -errno;
	if (!r && getsockopt(fd, SOL_SOCKET, SO_ERROR, &r, &len) < 0)
		r = errno;
	if (r)
		return r > 0 ? -r : r;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	*ret = TAKE_FD(fd);
	return 0;
}

static int connect_host(const char *host, const char *port, uint64_t deadline, int *ret, struct err *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *list = NULL;
	int r = getaddrinfo(host, port, &hints, &list);

	if (r)
		return err_set(err, EHOSTUNREACH, "the host %s isn't known: %s", host, gai_strerror(r));
	r = -EHOSTUNREACH;
	for (const struct addrinfo *a = list; a && r < 0; a = a->ai_next)
		r = connect_to(a, deadline, ret);
	freeaddrinfo(list);
	return r < 0 ? err_set(err, -r, "port %s of %s can't be reached: %s", port, host, strerror(-r)) : 0;
}

static int shake_hands(SSL *ssl, int fd, uint64_t deadline)
{
	for (;;) {
		int r;

		ERR_clear_error();
		r = SSL_connect(ssl);
		if (r == 1)
			return 0;
		r = SSL_get_error(ssl, r);
		if (r != SSL_ERROR_WANT_READ && r != SSL_ERROR_WANT_WRITE)
			return -EPROTO;
		r = await(fd, r == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline);
		if (r < 0)
			return r;
	}
}

int dial(const struct dialer *d, const char *host, const char *port, const char *fingerprint, int timeout_ms,
	 SSL **ret_ssl, int *ret_fd, char ret_seen[CERT_FINGERPRINT_LEN + 1], struct err *err)
{
	uint64_t deadline = sys_deadline(timeout_ms);
	struct wanted w = {fingerprint, ret_seen, false};
	AUTO(fd) int fd = -EBADF;
	SSL *ssl;
	int r;

	*ret_seen = 0;
	r = connect_host(host, port, deadline, &fd, err);
	if (r < 0)
		return r;
	ssl = SSL_new(d->ctx);
	if (!ssl || SSL_set_fd(ssl, fd) != 1 || SSL_set_app_data(ssl, &w) != 1) {
		SSL_free(ssl);
		return err_set(err, ENOMEM, "there is no memory for a connection");
	}
	(void)SSL_set_tlsext_host_name(ssl, host);
	r = shake_hands(ssl, fd, deadline);
	SSL_set_app_data(ssl, NULL);
	if (!r) {
		*ret_ssl = ssl;
		*ret_fd = TAKE_FD(fd);
		return 0;
	}
	SSL_free(ssl);
	if (w.is_other)
		return err_set(err, EKEYREJECTED,
			       "the server at %s:%s has another certificate than before: its fingerprint is "
			       "%s, known is "
			       "%s. Either it was replaced, or this is another machine",
			       host, port, ret_seen, fingerprint);
	return r == -ETIMEDOUT
		   ? err_set(err, ETIMEDOUT, "%s:%s doesn't answer", host, port)
		   : err_set(err, EPROTO,
			     "%s:%s isn't lxdfs, or doesn't speak with this host: TLS 1.3 fails there", host,
			     port);
}
